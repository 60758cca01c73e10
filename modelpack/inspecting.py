"""What is in a package: what the lock says, and what the store has when it was built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from modelpack import lockfile
from modelpack.building import Project, why_unchecked
from modelpack.codec import to_json
from modelpack.console import seconds, size, table
from modelpack.errors import BuildError
from modelpack.store.nix import Nix

_RIGHT = frozenset({2})


def inspect(project: Project, nix: Nix) -> dict[str, Any]:
    """Give the content of a package as JSON values; ``built`` is None when the store does not hold it."""
    lock = project.lock
    interpreter = lock.python.interpreter
    return {
        "name": lock.name,
        "version": lock.package_version,
        "description": lock.description,
        "platform": lock.platform,
        "lock_digest": lockfile.digest(lock),
        "server": {"name": lock.server.name, "port": lock.server.port, "routes": dict(lock.server.routes)},
        "files": [
            {"tree": name, "path": entry.path, "size": entry.size, "sha256": entry.sha256}
            for name, tree in lock.trees.items()
            for entry in tree.files
        ],
        "weights": [to_json(item) for item in lock.weights.files] if lock.weights else [],
        "python": {
            "version": interpreter.version if interpreter else lock.python.version,
            "tarball": interpreter.tarball.filename if interpreter and interpreter.tarball else None,
            "flake": to_json(tarball.flake)
            if (tarball := interpreter and interpreter.tarball) and tarball.flake
            else None,
            "conda": [
                {"name": item.name, "version": item.version, "size": item.size, "sha256": item.sha256}
                for item in (interpreter.conda if interpreter else ())
            ],
            "wheels": [
                {
                    "name": wheel.name,
                    "version": wheel.version,
                    "size": wheel.size,
                    "sha256": wheel.sha256,
                    "source": wheel.source,
                    "built_from": wheel.filename if wheel.build else None,
                }
                for wheel in lock.python.wheels
            ],
        },
        "base": {
            "suite": lock.base.suite,
            "glibc": lock.base.glibc,
            "image": {"name": image.name, "digest": image.digest} if (image := lock.image_base) else None,
            "packages": [
                {"name": deb.name, "version": deb.version, "size": deb.size, "sha256": deb.sha256}
                for deb in lock.base.target.packages
            ],
        },
        "built": _built(project, nix),
    }


def _built(project: Project, nix: Nix) -> dict[str, Any] | None:
    """Give what the store has of it, asking for nothing to be built."""
    from modelpack.delivery.image import open_image  # noqa: PLC0415

    checked = why_unchecked(project.lock) is None
    try:
        attributes = ("package", "image", *(("check",) if checked else ()))
        # max-jobs 0 lets Nix find what is there and fail for what is not.
        paths = nix.build(project.lock_path, attributes, checked=checked, options={"max-jobs": "0", "builders": ""})
    except BuildError:
        return None
    image = open_image(paths[1], nix.store or "/")
    return {
        "store_path": paths[0],
        "image_digest": image.digest,
        "image_bytes": sum(layer.size for layer in image.layers),
        "closure_bytes": sum(nix.sizes(nix.closure(paths[0]))),
        "checked": checked,
        "layers": [
            {"name": layer.name, "digest": layer.digest, "diff_id": layer.diff_id, "size": layer.size}
            for layer in image.layers
        ],
        "check": read_report(nix.physical(paths[2])) if checked else None,
    }


def read_report(folder: Path) -> dict[str, Any]:
    """Read the report of a check."""
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


def report_text(report: dict[str, Any]) -> str:
    """Give a check's report as people read it."""
    if "runs" in report:
        runs = [
            (run["name"], f"{run['files']} files", size(run["bytes"]), seconds(run["seconds"]))
            for run in report["runs"]
        ]
        return f"wrote what was expected:\n{table(runs)}"
    rows = [
        (
            request["name"],
            f"{request['method']} {request['route']}",
            str(request["status"]),
            seconds(request["seconds"]),
        )
        for request in report["requests"]
    ]
    ready, stop = seconds(report["ready_seconds"]), seconds(report["stop_seconds"])
    answers = f"answers as expected:\n{table(rows)}" if rows else "asked nothing else"
    return f"ready after {ready}, stopped within {stop}; {answers}"


def text(content: dict[str, Any]) -> str:
    """Give the content of a package as tables."""
    built, server = content["built"], content["server"]
    head = [
        ("package", f"{content['name']} {content['version']}  {content['description'] or ''}".rstrip()),
        ("platform", f"{content['platform']}, {content['base']['suite']}, Python {content['python']['version']}"),
        ("server", _server(server)),
        ("lock", content["lock_digest"]),
    ]
    if image := content["base"]["image"]:
        head.insert(2, ("base image", f"{image['name']} {image['digest']}"))
    if built:
        head += [
            ("store path", built["store_path"]),
            ("image", f"{built['image_digest']}  {size(built['image_bytes'])}"),
            ("closure", size(built["closure_bytes"])),
        ]
    else:
        head.append(("built", "not yet: run modelpack build"))
    blocks = [table(head, indent="")]
    if built:
        layers = [(layer["name"], layer["digest"][:19], size(layer["size"])) for layer in built["layers"]]
        blocks.append("layers\n" + table(layers, right=_RIGHT))
    blocks.append(_sized("Python distributions", content["python"]["wheels"]))
    if content["python"]["conda"]:
        blocks.append(_sized("Packages of conda", content["python"]["conda"]))
    blocks.append(_sized("Debian packages", content["base"]["packages"]))
    files = [(file["tree"], file["path"], size(file["size"])) for file in content["files"]]
    blocks.append("files\n" + table(files, right=_RIGHT))
    if content["weights"]:
        rows = [(item["tree"], item["path"], item["format"], _about(item)) for item in content["weights"]]
        blocks.append("weights\n" + table(rows))
    if built and built["check"]:
        blocks.append("check\n" + report_text(built["check"]))
    return "\n\n".join(blocks)


def _server(server: dict[str, Any]) -> str:
    if server["port"] is None:
        return f"{server['name']}, a job"
    return f"{server['name']} on port {server['port']}: {', '.join(f'{k} {v}' for k, v in server['routes'].items())}"


def _about(weights: dict[str, Any]) -> str:
    """Say what is worth knowing of a file of weights, on one line."""
    modules = sorted({name.partition(":")[0].partition(".")[0] for name in weights["imports"]})
    parts = [f"imports {', '.join(modules)}"] if modules else []
    parts += [f"saved by {name} {version}" for name, version in weights["versions"].items()]
    parts += [f"{name} {value}" for name, value in weights["details"].items()]
    return "; ".join(parts)


def _sized(title: str, items: list[dict[str, Any]]) -> str:
    total = sum(item["size"] for item in items)
    rows = [(item["name"], item["version"], size(item["size"]), _origin(item)) for item in items]
    return f"{title} ({len(items)}, {size(total)})\n{table(rows, right=_RIGHT)}"


def _origin(item: dict[str, Any]) -> str:
    """Say what a distribution is built from, and which are the user's own; nothing of others."""
    if item.get("built_from"):
        return f"built from {item['built_from']}"
    return "your own" if item.get("source") == "local" else ""
