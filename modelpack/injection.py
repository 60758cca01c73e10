"""What an inference server brings into a package: requirements, Debian packages, files, variables, its start command.

The catalogue says it, the spec chooses; the placeholders that only the build knows stay.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from pathlib import Path, PurePosixPath

from modelpack import lock
from modelpack.catalogue import (
    SERVERS,
    ServerEntry,
    chosen,
    entry_for,
    folder_of,
    input_variable,
    read_entry,
    server_names,
)
from modelpack.served_models import onnx_model, served_models
from modelpack.server_files import server_files
from modelpack.spec import Spec

SHARED = "shared"
"""Folder of a catalogue with the files of several servers."""

TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "VLLM_NO_USAGE_STATS": "1",
}
"""What keeps libraries of servers from reporting their use: the common word, and those of who does not know it.

A package is for places without a network, and tells nobody else of its requests; the spec's variables win.
"""

_NEWEST = "99999"


def resolve_server(spec: Spec, folder: Path = SERVERS) -> lock.Server:
    """Put together what the catalogue and the spec say; placeholders that the build knows stay.

    Every input's path is in ``MODELPACK_INPUT_NAME``, the name in capitals with ``_`` for all that is no letter or
    digit.

    Raises:
        SpecError: the catalogue's entry is wrong.
    """
    entry = entry_of(spec, folder)
    routes = {**entry.routes, **(spec.server.routes or {})}
    inputs = {input_variable(name): f"@input-{name}@/{source.path.name}" for name, source in spec.inputs.items()}
    port = spec.server.port or entry.port
    assert port is not None or entry.job  # noqa: S101 - load_spec refuses a spec without
    environment = {name: _fill(text, spec) for name, text in (TELEMETRY_OFF | inputs | dict(entry.environment)).items()}
    if spec.code is None and entry.code_optional:
        environment = {name: text for name, text in environment.items() if not _of_code(text)}
    return lock.Server(
        name=entry.name,
        command=tuple(_fill(word, spec) for word in entry.command or spec.server.command or ()),
        environment=environment,
        job=entry.job or None,
        port=port,
        routes={kind: _fill(path, spec) for kind, path in ({} if entry.job else _alive(routes)).items()},
        stop_signal=entry.stop_signal,
        programs=entry.programs or None,
    )


def _alive(routes: Mapping[str, str]) -> Mapping[str, str]:
    return {"liveness": routes["readiness"], **routes}


def server_requirements(spec: Spec, folder: Path = SERVERS) -> tuple[lock.LockedRequirement, ...]:
    """Give what the server injects, and the version of it that the spec asks for.

    Raises:
        SpecError: the catalogue's entry is wrong.
    """
    entry = entry_of(spec, folder)
    if not entry.requirements:
        return ()
    from modelpack.loading.requirements import distribution  # noqa: PLC0415 - costs start-up time

    own = {distribution(item.text): item.text for item in spec.requirements}
    name = _distribution(entry, own)
    version = f"{name}{spec.server.version or ''}"
    # One exact version is the user's to answer for, even outside of the versions that are known to work.
    exact = (spec.server.version or "").startswith("==")
    injected = [
        lock.LockedRequirement(requirement=item.requirement, origin=f"server {entry.name}")
        for item in entry.requirements[1 if exact else 0 :]
        if not own.keys() & {*item.unless} and _may_need(item.only, (version, own.get(name, "")))
    ]
    asked = lock.LockedRequirement(requirement=version, origin=spec.server.version_origin)
    return (asked, *injected) if exact else (*injected, asked) if spec.server.version else tuple(injected)


def distribution_of(spec: Spec, folder: Path = SERVERS) -> str:
    """Give the distribution whose version is the server's; the server has to have requirements.

    Raises:
        SpecError: the catalogue's entry is wrong.
    """
    from modelpack.loading.requirements import distribution  # noqa: PLC0415 - costs start-up time

    return _distribution(entry_of(spec, folder), {distribution(item.text) for item in spec.requirements})


def _distribution(entry: ServerEntry, own: Container[str]) -> str:
    from modelpack.loading.requirements import distribution  # noqa: PLC0415 - costs start-up time

    first = entry.requirements[0]
    return next((name for name in first.unless if name in own), None) or distribution(first.requirement)


def _may_need(only: str, asked: Iterable[str]) -> bool:
    """Say whether versions in ``only`` are asked for: the one that is pinned, else the newest."""
    if not only:
        return True
    from packaging.requirements import Requirement  # noqa: PLC0415 - costs start-up time
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415

    specifiers = [one for text in asked if text for one in Requirement(text).specifier]
    pinned = next((one.version for one in specifiers if one.operator == "=="), _NEWEST)
    return SpecifierSet(only).contains(pinned, prereleases=True)


def programs(spec: Spec, cache: Path, folder: Path = SERVERS) -> dict[str, Path]:
    """Give the server's own files by their path below ``@server@``; see ``server_files``.

    Raises:
        SpecError: the catalogue's entry is wrong.
        ModelpackError: a template of it is.
    """
    entry = entry_of(spec, folder)
    options = {name: option.default or "" for name, option in entry.options.items()} | dict(spec.server.options)
    own = server_files(spec, spec.server.port or entry.port or 0, folder_of(spec.server, folder), cache, options)
    shared = SERVERS if spec.server.folder else folder
    return own | {name: shared / SHARED / name for name in entry.shared}


def packages(spec: Spec, folder: Path = SERVERS) -> tuple[str, ...]:
    """Give the Debian packages that spec and server ask for, beside the defaults of a base."""
    entry = entry_of(spec, folder)
    own = (text.replace("@python_version@", spec.python) for text in entry.packages)
    return tuple(dict.fromkeys((*spec.base.packages, *own)))


def links(spec: Spec, folder: Path = SERVERS) -> dict[str, str]:
    """Give the absolute paths at which the server sees parts of the package: the spec's, and the server's own."""
    return {**entry_of(spec, folder).links, **spec.links}


def like(name: str, folder: Path = SERVERS) -> tuple[str, ...]:
    """Give the other servers that take the same scoring script and need nothing more of the spec."""
    if name not in server_names(folder):
        return ()
    entry = read_entry(name, folder)
    others = (read_entry(other, folder) for other in server_names(folder) if other != name)
    return tuple(
        other.name
        for other in others
        if other.scoring_script == entry.scoring_script
        and entry.scoring_script
        and other.command
        and other.job == entry.job
    )


def entry_of(spec: Spec, folder: Path = SERVERS) -> ServerEntry:
    """Give the entry of a spec's server, as its options make it.

    Raises:
        SpecError: the catalogue's entry is wrong.
    """
    return chosen(entry_for(spec.server, folder), spec.server.options)


def runs_on(spec: Spec, python: str) -> bool:
    """Say whether a spec's server runs on a Python, such as ``3.12``.

    Raises:
        SpecError: the catalogue's entry is wrong.
    """
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - costs start-up time

    return SpecifierSet(entry_of(spec).python).contains(python)


def _of_code(text: str) -> bool:
    return any(f"@{name}@" in text for name in ("code", "scoring_script", "scoring_folder"))


def _fill(text: str, spec: Spec) -> str:
    """Replace what the spec alone decides."""
    text = text.replace("@name@", spec.name).replace("@version@", spec.version)
    if spec.models:
        model = next(iter(spec.models))
        text = text.replace("@model_name@", model).replace("@model_stem@", PurePosixPath(model).stem)
    if "@onnx_model@" in text:
        text = text.replace("@onnx_model@", onnx_model(spec))
    if "@served_model@" in text:
        text = text.replace("@served_model@", served_models(spec)[0].name)
    script = spec.code.scoring_script if spec.code else None
    if script is None:
        return text
    parent = str(PurePosixPath(script).parent)
    folder = "@code@" if parent == "." else f"@code@/{parent}"
    return text.replace("@scoring_folder@", folder).replace("@scoring_script@", script)
