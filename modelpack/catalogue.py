"""The catalogue of inference servers: a folder of data for each, and what the lock needs to know of one.

``servers/NAME/server.yaml`` says what a server requires, how it starts and where it answers. What it leaves out of
``command``, ``port`` and ``routes``, the spec has to give. Other files of the folder go into the package, see
``server_files``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelpack.catalogue_keys import SERVER
from modelpack.loading.requirements import judge_requirement
from modelpack.loading.shape_reader import Value, near, read
from modelpack.loading.yamlfile import Findings, read_yaml
from modelpack.spec import Server

_DESCRIPTION = "server.yaml"
SERVERS = Path(__file__).with_name("servers")
"""The catalogue that modelpack brings."""

BUILD_PLACEHOLDERS = ("python", "env", "base", "code", "model", "port")
"""What the build puts in place of these words between two ``@``; beside these ``input-NAME`` for every input."""
PLACEHOLDERS = (*BUILD_PLACEHOLDERS, "scoring_script", "scoring_folder")
"""What may stand in a command and in a catalogue."""
_OF_MODELS = ("model_name", "model_stem", "served_model", "onnx_model")
CATALOGUE_PLACEHOLDERS = (*PLACEHOLDERS, "server", *_OF_MODELS, "name", "version")
"""What may stand in a catalogue: also the folder of the server's own files, the name of the one model, that without its
ending, that of the first model of a repository with versions, that of the first ONNX model, and name and version of the
package."""

_PLACEHOLDER = re.compile(r"@([a-z_]+|input-[A-Za-z0-9._-]+)@")


@dataclass(frozen=True, kw_only=True, slots=True)
class Injected:
    """A requirement of a server's."""

    requirement: str
    unless: tuple[str, ...] = ()
    """Distributions that do as well; one that the user requires takes its place."""
    only: str = ""
    """PEP 440 specifiers: the versions of the server itself that need it; all when empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What one value of an option adds to a server, or puts in place of its own."""

    requirements: tuple[Injected, ...]
    packages: tuple[str, ...]
    environment: Mapping[str, str]
    port: int | None
    routes: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """Something that a spec may choose about a server."""

    description: str
    choices: Mapping[str, Choice]
    """All that may be chosen; empty when it is a value."""
    default: str | None
    """None when the spec has to choose."""
    variable: str = ""
    """The server's environment variable that gets the value."""
    pattern: str = ""
    """Regular expression that the whole value matches; any will do when empty."""


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
    """Functions that the scoring script has to define; empty when none is asked for."""
    further_arguments: tuple[str, ...] = ()
    """What ``run()`` may take beside the data, by name; it takes no ``*args`` then, nor ``**kwargs``."""
    code_optional: bool = False
    """Variables that name the code are left out when the spec has none."""
    python: str = ""
    """PEP 440 specifiers: the versions of Python that it runs on; any when empty."""
    packages: tuple[str, ...] = ()
    """Debian packages that it needs in the base; ``@python_version@`` stands for ``3.11``."""
    shared: tuple[str, ...] = ()
    """Files of the catalogue's folder ``shared`` that belong to its own."""
    options: Mapping[str, Option] = field(default_factory=dict)
    job: bool = False
    """It is no server: it reads an input folder, writes an output folder and ends; it has no port and no routes."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Absolute paths at which the server sees parts of the package, which placeholders stand for."""
    program: str = ""
    """A program that is in no package index, which the spec has to bring; see ``servers/shared/program.py``."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables that it reads as something else than text: ``integer`` or ``boolean``."""
    further_ports: Mapping[str, str] = field(default_factory=dict)
    """Ports on which it listens too, by what they are for, or by the variable that changes them."""
    programs: bool = False
    """Wheels bring programs that it starts, which the kernel loads by ``/lib64`` of the root file system."""

    def uses(self, placeholder: str) -> bool:
        """Say whether the placeholder stands in the command or in the environment."""
        return any(f"@{placeholder}@" in text for text in (*(self.command or ()), *self.environment.values()))


def server_names(folder: Path = SERVERS) -> tuple[str, ...]:
    """Give the names of all servers of a catalogue."""
    return tuple(sorted(path.parent.name for path in folder.glob("*/server.yaml")))


def read_entry(name: str, folder: Path = SERVERS) -> ServerEntry:
    """Read the folder of one server.

    Raises:
        SpecError: its ``server.yaml`` is wrong.
    """
    return read_folder(folder / name, name)


def read_folder(folder: Path, shown: str) -> ServerEntry:
    """Read the folder of a server, of a catalogue or of the user's own.

    Args:
        folder: where it lies; its name is the server's.
        shown: what messages call it.

    Raises:
        SpecError: its ``server.yaml`` is wrong.
    """
    path = folder / _DESCRIPTION
    state = path.stat() if path.is_file() else None
    return _read_folder(folder, shown, (state.st_mtime_ns, state.st_size) if state else None)


@functools.lru_cache
def _read_folder(folder: Path, shown: str, _state: tuple[int, int] | None) -> ServerEntry:
    """Read a folder in one state once: many ask for the entry of a spec's server."""
    findings = Findings()
    node = read_yaml(folder / _DESCRIPTION, f"{shown}/{_DESCRIPTION}", findings)
    value = read(SERVER, node, "", findings) if node else None
    if value:
        _judge_entry(value, findings)
    findings.raise_any()
    assert value is not None  # noqa: S101 - else there was a finding
    return _entry(folder.name, value)


def folder_of(server: Server, servers: Path = SERVERS) -> Path:
    """Give the folder of a spec's server: of the catalogue, or of the user's own."""
    return server.folder or servers / server.name


def entry_for(server: Server, servers: Path = SERVERS) -> ServerEntry:
    """Give the entry of a spec's server, without its options.

    Raises:
        SpecError: its ``server.yaml`` is wrong.
    """
    return read_folder(folder_of(server, servers), server.name)


def _entry(name: str, value: Value) -> ServerEntry:
    fields = value.fields
    request = fields["request"].fields
    port = value.get_number("port")
    return ServerEntry(
        name=name,
        description=fields["description"].text,
        requirements=_requirements(value),
        command=value.get_texts("command"),
        environment=value.get_mapping("environment"),
        job=value.get_text("kind") == "job",
        port=int(port) if port else None,
        routes=value.get_mapping("routes"),
        stop_signal=fields["stop_signal"].text,
        method=request["method"].text,
        content_type=request["content_type"].text,
        scoring_script=value.get_texts("scoring_script") or (),
        further_arguments=value.get_texts("further_arguments") or (),
        links=value.get_mapping("links"),
        program=value.get_text("program") or "",
        variables=value.get_mapping("variables"),
        further_ports=value.get_mapping("further_ports"),
        programs=value.get_text("programs") == "true",
        code_optional=value.get_text("code") == "optional",
        python=value.get_text("python") or "",
        packages=value.get_texts("packages") or (),
        shared=value.get_texts("shared") or (),
        options={name: _option(item) for name, item in fields["options"].fields.items()} if "options" in fields else {},
    )


def _option(value: Value) -> Option:
    return Option(
        description=value.fields["description"].text,
        choices={name: _choice(item) for name, item in _choices_of(value).items()},
        default=value.get_text("default"),
        variable=value.get_text("variable") or "",
        pattern=value.get_text("pattern") or "",
    )


def _choices_of(option: Value) -> Mapping[str, Value]:
    return option.fields["choices"].fields if "choices" in option.fields else {}


def _choice(value: Value) -> Choice:
    port = value.get_number("port")
    return Choice(
        requirements=_requirements(value),
        packages=value.get_texts("packages") or (),
        environment=value.get_mapping("environment"),
        port=int(port) if port else None,
        routes=value.get_mapping("routes"),
    )


def _requirements(value: Value) -> tuple[Injected, ...]:
    return tuple(map(_injected, value.fields["requirements"].items if "requirements" in value.fields else ()))


def _injected(value: Value) -> Injected:
    return Injected(
        requirement=value.fields["requirement"].text,
        unless=value.get_texts("unless") or (),
        only=value.get_text("only") or "",
    )


def chosen(entry: ServerEntry, options: Mapping[str, str]) -> ServerEntry:
    """Give the entry as the options of a spec make it; those that it does not name have their defaults."""
    for name, option in entry.options.items():
        text = options.get(name, option.default or "")
        if option.variable:
            entry = replace(entry, environment={**entry.environment, option.variable: text})
        choice = option.choices.get(text)
        if choice is not None:
            entry = replace(
                entry,
                requirements=(*entry.requirements, *choice.requirements),
                packages=(*entry.packages, *choice.packages),
                environment={**entry.environment, **choice.environment},
                port=choice.port or entry.port,
                routes={**entry.routes, **choice.routes},
            )
    return entry


def _judge_entry(value: Value, findings: Findings) -> None:
    for option in value.fields["options"].fields.values() if "options" in value.fields else ():
        _judge_option(option, findings)
    _judge_changes(value, findings)
    surplus = [value.fields[key] for key in ("port", "routes", "request") if key in value.fields]
    for item in surplus if value.get_text("kind") == "job" else ():
        if item.place != value.place:
            findings.add(item.place, "a job has none: nobody asks it anything", "leave it out", path=item.path)


def _judge_option(option: Value, findings: Findings) -> None:
    default, choices = option.fields.get("default"), _choices_of(option)
    if bool(choices) == ("variable" in option.fields) and not option.wrong:
        findings.add(option.place, "expected either choices or a variable", path=option.path)
    if default and choices and default.text not in choices:
        findings.add(default.place, f"not one of {', '.join(choices)}: {default.text}", path=default.path)
    for choice in choices.values():
        _judge_changes(choice, findings)


def _judge_changes(value: Value, findings: Findings) -> None:
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


def input_variable(name: str) -> str:
    """Give the environment variable that holds the path of an input."""
    return "MODELPACK_INPUT_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
