"""Makes an image out of layers: configuration, manifest and index of an OCI layout, and the list of its layers.

Blobs of layers are not copied in here; ``layers.json`` says where each one's bytes come from.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from typing import Any

from modelpack.builders.problem import fail

CREATED = "1970-01-01T00:00:01Z"
"""An image has no date of its own: the same content is the same image."""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYOUT = {"imageLayoutVersion": "1.0.0"}
_ANNOTATIONS = "org.opencontainers.image."
_SECOND = 10**9  # nanoseconds, the unit of health checks


def main() -> None:
    """Build from the plan.

    ``layers``: outputs of layers, in order. ``graph``: file with the references graph of what the image must hold,
    no more and no less. ``reference``: ``name:tag``. ``zstd``: the program exports compress with, or null. ``config``:
    see ``_config``. ``base``: null, or the image below: ``name``, ``digest``, ``config`` (a file), ``layers`` ({path,
    digest, size, media_type, diff_id}) and ``unpacked`` (the output of ``image_tree``).
    """
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    layers = [*_base_layers(plan["base"]), *(_read_layer(output) for output in plan["layers"])]
    with open(plan["graph"], encoding="utf-8") as graph:
        verify([layer["paths"] for layer in layers], closure(graph.read()))
    write(os.environ["out"], layers, plan)


def closure(graph: str) -> set[str]:
    """Read the paths of a references graph: each with a line for its deriver, a count, and as many references."""
    lines = iter(graph.splitlines())
    paths = set()
    for path in lines:
        paths.add(path)
        next(lines)
        for _ in range(int(next(lines))):
            next(lines)
    return paths


def verify(layers: list[list[str]], wanted: set[str]) -> None:
    """End the build unless every path is in one layer and no layer holds another path."""
    counts = Counter(path for layer in layers for path in layer)
    missing, surplus = sorted(wanted.difference(counts)), sorted(set(counts).difference(wanted))
    twice = sorted(path for path, count in counts.items() if count > 1)
    findings = [
        *(f"in no layer: {path}" for path in missing),
        *(f"in a layer, but not part of the package: {path}" for path in surplus),
        *(f"in two layers: {path}" for path in twice),
    ]
    if findings:
        message = "the layers are not the package:\n" + "\n".join(findings)
        fail("image", message, missing=missing, surplus=surplus, twice=twice)


def write(out: str, layers: list[dict[str, Any]], plan: dict[str, Any]) -> None:
    """Write the layout without its layers, and ``layers.json``."""
    os.makedirs(f"{out}/blobs/sha256")
    settings, history = _over_base(plan["config"], plan["base"])
    config = _blob(out, CONFIG, _config(settings, layers, history))
    labels = settings["labels"]
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": [_descriptor(layer["media_type"], layer["digest"], layer["size"]) for layer in layers],
        "annotations": {key: text for key, text in labels.items() if key.startswith(_ANNOTATIONS)},
    }
    entry = {
        **_blob(out, MANIFEST, manifest),
        "annotations": {f"{_ANNOTATIONS}ref.name": plan["reference"]},
        "platform": _platform(plan["config"]),
    }
    _write(f"{out}/index.json", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
    _write(f"{out}/oci-layout", LAYOUT)
    _write(f"{out}/layers.json", {"reference": plan["reference"], "zstd": plan["zstd"], "layers": layers})


def encode(value: object) -> bytes:
    """Give JSON in the one form that digests are made of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _base_layers(base: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Describe the layers of the image below, as ``layer.json`` does ours."""
    if base is None:
        return []
    with open(f"{base['unpacked']}/layers.json", encoding="utf-8") as stream:
        sizes = json.load(stream)
    known = ("diff_id", "digest", "size", "media_type")
    return [
        {
            "name": f"{base['name']}, layer {number} of {len(sizes)}",
            "paths": [],
            "tar_size": size["tar_size"],
            **{key: layer[key] for key in known},
            "blob": layer["path"],
            "output": layer["path"],
        }
        for number, (layer, size) in enumerate(zip(base["layers"], sizes, strict=True), 1)
    ]


def _over_base(config: dict[str, Any], base: dict[str, Any] | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give the settings of our image over those of the image below, and that one's history.

    Variables, labels and volumes are kept, ours win; its search path follows our programs. User, folder, command, ports
    and health check are ours, and what the labels of OCI say of an image is not true of ours.
    """
    if base is None:
        return config, []
    with open(base["config"], encoding="utf-8") as stream:
        whole = json.load(stream)
    theirs = whole.get("config") or {}
    env = dict(entry.split("=", 1) for entry in theirs.get("Env") or [] if "=" in entry)
    labels = {key: text for key, text in (theirs.get("Labels") or {}).items() if not key.startswith(_ANNOTATIONS)}
    first = config["env"]["PATH"].split(":", 1)[0]
    path = {"PATH": f"{first}:{env['PATH']}"} if env.get("PATH") else {}
    named = {f"{_ANNOTATIONS}base.name": base["name"], f"{_ANNOTATIONS}base.digest": base["digest"]}
    settings = {
        **config,
        "env": {**env, **config["env"], **path},
        "labels": {**labels, **named, **config["labels"]},
        "volumes": theirs.get("Volumes") or {},
    }
    history = whole.get("history") or []
    if sum(not entry.get("empty_layer") for entry in history) != len(base["layers"]):
        # Some tools fail when there is not one for each layer.
        history = [{"created": CREATED, "comment": base["name"]} for _ in base["layers"]]
    return settings, history


def _config(config: dict[str, Any], layers: list[dict[str, Any]], history: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the image configuration.

    Args:
        config: ``architecture``, ``os``, ``user``, ``env`` (a mapping), ``entrypoint``, ``cmd``, ``ports``
            (``5001/tcp``), ``labels``, ``stop_signal``, ``working_dir`` and ``healthcheck`` (``test``, and
            ``interval``, ``timeout``, ``start_period`` in seconds, ``retries``; or null).
        layers: in order.
        history: of the layers below ours.
    """
    settings = {
        "User": config["user"],
        "Env": [f"{name}={value}" for name, value in sorted(config["env"].items())],
        "Entrypoint": config["entrypoint"],
        "Cmd": config["cmd"],
        "ExposedPorts": {port: {} for port in config["ports"]},
        "Labels": config["labels"],
        "StopSignal": config["stop_signal"],
        "WorkingDir": config["working_dir"],
        "Healthcheck": _healthcheck(config["healthcheck"]),
        "Volumes": config.get("volumes"),
    }
    return {
        "created": CREATED,
        **_platform(config),
        "config": {key: value for key, value in settings.items() if value},
        "rootfs": {"type": "layers", "diff_ids": [layer["diff_id"] for layer in layers]},
        "history": [
            *history,
            *(
                {"created": CREATED, "created_by": "modelpack", "comment": layer["name"]}
                for layer in layers
                if not layer.get("blob")
            ),
        ],
    }


def _platform(config: dict[str, Any]) -> dict[str, str]:
    platform = {"architecture": config["architecture"], "os": config["os"]}
    return {**platform, "variant": "v8"} if config["architecture"] == "arm64" else platform


def _healthcheck(check: dict[str, Any] | None) -> dict[str, Any] | None:
    """Give Docker's extension of the configuration, which engines other than Docker's may ignore."""
    if check is None:
        return None
    times = {"Interval": "interval", "Timeout": "timeout", "StartPeriod": "start_period"}
    return {
        "Test": check["test"],
        **{key: int(float(check[name]) * _SECOND) for key, name in times.items()},
        "Retries": check["retries"],
    }


def _read_layer(output: str) -> dict[str, Any]:
    with open(f"{output}/layer.json", encoding="utf-8") as stream:
        return {**json.load(stream), "output": output}


def _blob(out: str, media_type: str, value: object) -> dict[str, Any]:
    data = encode(value)
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{out}/blobs/sha256/{digest}", "wb") as stream:
        stream.write(data)
    return _descriptor(media_type, f"sha256:{digest}", len(data))


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _write(path: str, value: object) -> None:
    with open(path, "wb") as stream:
        stream.write(encode(value))


if __name__ == "__main__":
    main()
