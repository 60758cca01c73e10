"""The catalogue of inference servers: a folder of data for each, and what the lock needs to know of one.

``servers/NAME/server.yaml`` says what a server requires, how it starts and where it answers. What it leaves out of
``command``, ``port`` and ``routes``, the spec has to give. Other files of the folder go into the package, see
``server_files``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modelpack import lock
from modelpack.loading.keys import CONTENT_TYPE, METHOD, PORT, ROUTES, VARIABLE, VARIABLE_VALUE, default_of
from modelpack.loading.requirements import judge_requirement
from modelpack.loading.shape import Key, Many, Named, Table, Text
from modelpack.loading.shape_reader import Value, near, read
from modelpack.loading.yamlfile import Findings, read_yaml
from modelpack.server_files import server_files
from modelpack.spec import CheckRequest, Spec

SERVERS = Path(__file__).with_name("servers")
"""The catalogue that modelpack brings."""

BUILD_PLACEHOLDERS = ("python", "env", "base", "code", "model", "port")
"""What the build puts in place of these words between two ``@``; beside these ``input-NAME`` for every input."""
PLACEHOLDERS = (*BUILD_PLACEHOLDERS, "scoring_script", "scoring_folder")
"""What may stand in a command and in a catalogue."""
CATALOGUE_PLACEHOLDERS = (*PLACEHOLDERS, "server", "model_name")
"""What may stand in a catalogue: also the folder of the server's own files, and the name of the one model."""

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

_PLACEHOLDER = re.compile(r"@([a-z_]+|input-[A-Za-z0-9._-]+)@")
_NEWEST = "99999"
_SIGNALS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2")


@dataclass(frozen=True, kw_only=True, slots=True)
class Injected:
    """A requirement of a server's."""

    requirement: str
    unless: tuple[str, ...] = ()
    """Distributions that do as well; one that the user requires takes its place."""
    only: str = ""
    """PEP 440 specifiers: the versions of the server itself that need it; all when empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerEntry:
    """One server of the catalogue."""

    name: str
    description: str
    requirements: tuple[Injected, ...]
    """The first is the server itself, which ``server.version`` of a spec narrows."""
    command: tuple[str, ...] | None
    """Words with placeholders; None when the spec gives them."""
    environment: Mapping[str, str]
    """Values with placeholders; variables of the spec win."""
    port: int | None
    routes: Mapping[str, str]
    stop_signal: str
    method: str
    """Of a sample request, when the spec does not say."""
    content_type: str
    """Of a sample request, when the spec does not say."""
    scoring_script: tuple[str, ...]
    """Functions that the scoring script has to define; empty when the server takes none."""

    def uses(self, placeholder: str) -> bool:
        """Say whether the placeholder stands in the command or in the environment."""
        return any(f"@{placeholder}@" in text for text in (*(self.command or ()), *self.environment.values()))


_INJECTED = Table(
    short="requirement",
    keys=(
        Key(name="requirement", shape=Text(noun="a requirement"), doc="As PEP 508 has it", required=True),
        Key(name="unless", shape=Many(item=Text()), doc="Distributions of the user's that take its place"),
        Key(name="only", shape=Text(), doc="Versions of the server that need it, as PEP 440 specifiers"),
    ),
)
_TABLE = Table(
    keys=(
        Key(name="description", shape=Text(), doc="What the server is", required=True),
        Key(
            name="requirements",
            shape=Many(item=_INJECTED),
            doc="What is injected, as PEP 508 requirements; the first is the server itself",
        ),
        Key(name="command", shape=Many(item=VARIABLE_VALUE, some=True), doc="Words of the start command"),
        Key(name="environment", shape=Named(name=VARIABLE, value=VARIABLE_VALUE), doc="Variables of the server"),
        Key(name="port", shape=PORT, doc="TCP port"),
        Key(name="routes", shape=ROUTES, doc="Paths on that port"),
        Key(name="stop_signal", shape=Text(choices=_SIGNALS), doc="Asks the server to stop", default="SIGTERM"),
        Key(
            name="request",
            shape=Table(
                keys=(
                    Key(name="method", shape=METHOD, doc="HTTP method", default=default_of(CheckRequest, "method")),
                    Key(
                        name="content_type",
                        shape=CONTENT_TYPE,
                        doc="Media type",
                        default=default_of(CheckRequest, "content_type"),
                    ),
                )
            ),
            doc="What the scoring route wants",
        ),
        Key(
            name="scoring_script",
            shape=Many(item=Text(noun="the name of a function"), some=True),
            doc="Functions that the user's scoring script has to define",
        ),
    )
)


def server_names(folder: Path = SERVERS) -> tuple[str, ...]:
    """Give the names of all servers of a catalogue."""
    return tuple(sorted(path.parent.name for path in folder.glob("*/server.yaml")))


def read_entry(name: str, folder: Path = SERVERS) -> ServerEntry:
    """Read the folder of one server.

    Raises:
        SpecError: its ``server.yaml`` is wrong.
    """
    findings = Findings()
    node = read_yaml(folder / name / "server.yaml", f"{name}/server.yaml", findings)
    value = read(_TABLE, node, "", findings) if node else None
    if value:
        _judge_entry(value, findings)
    findings.raise_any()
    assert value is not None  # noqa: S101 - else there was a finding
    return _entry(name, value)


def _entry(name: str, value: Value) -> ServerEntry:
    fields = value.fields
    request = fields["request"].fields
    port = value.get_number("port")
    return ServerEntry(
        name=name,
        description=fields["description"].text,
        requirements=tuple(map(_injected, fields["requirements"].items if "requirements" in fields else ())),
        command=value.get_texts("command"),
        environment=value.get_mapping("environment"),
        port=int(port) if port else None,
        routes=value.get_mapping("routes"),
        stop_signal=fields["stop_signal"].text,
        method=request["method"].text,
        content_type=request["content_type"].text,
        scoring_script=value.get_texts("scoring_script") or (),
    )


def _injected(value: Value) -> Injected:
    return Injected(
        requirement=value.fields["requirement"].text,
        unless=value.get_texts("unless") or (),
        only=value.get_text("only") or "",
    )


def _judge_entry(value: Value, findings: Findings) -> None:
    fields = value.fields
    for item in fields["requirements"].items if "requirements" in fields else ():
        requirement = item.fields.get("requirement")
        if requirement and (fault := judge_requirement(requirement.text)):
            findings.add(item.place, *fault, path=item.path)
    words = fields["command"].items if "command" in fields else ()
    variables = fields["environment"].fields.values() if "environment" in fields else ()
    for word in (*words, *variables):
        judge_placeholders(word, word.text, CATALOGUE_PLACEHOLDERS, findings)


def placeholders_in(text: str) -> tuple[str, ...]:
    """Give the names of all that looks like a placeholder, in their order."""
    return tuple(_PLACEHOLDER.findall(text))


def judge_placeholders(item: Value, text: str, known: tuple[str, ...], findings: Findings) -> None:
    """Find placeholders in ``text``, a part of ``item``, that stand for nothing."""
    for name in placeholders_in(text):
        if name not in known:
            hint = near(f"@{name}@", (f"@{other}@" for other in known))
            findings.add(item.place, f"an unknown placeholder: @{name}@", hint, path=item.path)


def resolve_server(spec: Spec, folder: Path = SERVERS) -> lock.Server:
    """Put together what the catalogue and the spec say; placeholders that the build knows stay.

    Every input's path is in ``MODELPACK_INPUT_NAME``, the name in capitals with ``_`` for all that is no letter or
    digit.

    Raises:
        SpecError: the catalogue's entry is wrong.
    """
    entry = read_entry(spec.server.name, folder)
    routes = {**entry.routes, **(spec.server.routes or {})}
    inputs = {input_variable(name): f"@input-{name}@/{source.path.name}" for name, source in spec.inputs.items()}
    port = spec.server.port or entry.port
    assert port is not None  # noqa: S101 - load_spec refuses a spec without
    environment = TELEMETRY_OFF | inputs | dict(entry.environment)
    return lock.Server(
        name=entry.name,
        command=tuple(_fill(word, spec) for word in entry.command or spec.server.command or ()),
        environment={name: _fill(text, spec) for name, text in environment.items()},
        port=port,
        routes={"liveness": routes["readiness"], **routes},
        stop_signal=entry.stop_signal,
    )


def server_requirements(spec: Spec, folder: Path = SERVERS) -> tuple[lock.LockedRequirement, ...]:
    """Give what the server injects, and the version of it that the spec asks for.

    Raises:
        SpecError: the catalogue's entry is wrong.
    """
    entry = read_entry(spec.server.name, folder)
    if not entry.requirements:
        return ()
    from modelpack.loading.requirements import distribution  # noqa: PLC0415 - costs start-up time

    own = {distribution(item.text): item.text for item in spec.requirements}
    server, *_ = (name for name in (*entry.requirements[0].unless, "") if name in own or not name)
    name = server or distribution(entry.requirements[0].requirement)
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
    entry = read_entry(spec.server.name, folder)
    return server_files(spec, spec.server.port or entry.port or 0, folder / entry.name, cache)


def like(name: str, folder: Path = SERVERS) -> tuple[str, ...]:
    """Give the other servers that take the same scoring script and need nothing more of the spec."""
    entry = read_entry(name, folder)
    others = (read_entry(other, folder) for other in server_names(folder) if other != name)
    return tuple(
        other.name
        for other in others
        if other.scoring_script == entry.scoring_script and entry.scoring_script and other.command
    )


def input_variable(name: str) -> str:
    """Give the environment variable that holds the path of an input."""
    return "MODELPACK_INPUT_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def _fill(text: str, spec: Spec) -> str:
    """Replace what the spec alone decides."""
    if len(spec.models) == 1:
        text = text.replace("@model_name@", next(iter(spec.models)))
    script = spec.code.scoring_script if spec.code else None
    if script is None:
        return text
    parent = str(PurePosixPath(script).parent)
    folder = "@code@" if parent == "." else f"@code@/{parent}"
    return text.replace("@scoring_folder@", folder).replace("@scoring_script@", script)
