"""The ``server`` of a spec, held against the server's entry in the catalogue."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from modelpack.catalogue import (
    BUILD_PLACEHOLDERS,
    PLACEHOLDERS,
    Option,
    ServerEntry,
    chosen,
    judge_placeholders,
    placeholders_in,
    read_entry,
    read_folder,
)
from modelpack.errors import SpecError
from modelpack.loading.keys import SAFE_NAME
from modelpack.loading.shape_reader import Value, near, nearest
from modelpack.loading.sources import FOLDER, Folder, find_source, is_file
from modelpack.loading.yamlfile import Findings, Place, join_path
from modelpack.spec import Base, Server, Source

PROGRAM = "program"
"""The input that is a server's program."""
_NEEDED_ROUTES = ("readiness", "scoring")


def find_entry(
    value: Value, folder: Folder, servers: Path, findings: Findings
) -> tuple[ServerEntry | None, Path | None]:
    """Give the entry of a server, and its folder when that is the user's own; none when it is wrong.

    Args:
        value: of the key ``server``.
        folder: where relative paths begin.
        servers: the catalogue.
        findings: takes what is wrong.
    """
    name = value.fields.get("name")
    if name is None:
        return None, None
    if "/" not in name.text:
        return read_entry(name.text, servers), None
    source = find_source(name, folder, findings, kind=FOLDER)
    if source is None:
        return None, None
    if not re.fullmatch(SAFE_NAME.pattern or "", source.path.name):
        message = f"expected a folder whose name is {SAFE_NAME.noun}, found {source.path.name}"
        findings.add(name.place, message, path=name.path)
        return None, None
    try:
        return read_folder(source.path, folder.show(source.path)), source.path
    except SpecError as error:
        findings.include(error.problems)
        return None, None


def read_server(
    value: Value, entry: ServerEntry, root: Value, findings: Findings, *, folder: Path | None = None
) -> Server:
    """Read the key ``server``; what its entry leaves out it has to give, and what the entry says it may not.

    Args:
        value: of the key ``server``.
        entry: what the catalogue says of that server.
        root: the whole spec.
        findings: takes what is wrong.
        folder: of the server, when it is the user's own.
    """
    options = _read_options(value, entry, findings)
    entry = chosen(entry, options)
    routes = value.get_mapping("routes")
    command = _read_command(value, root, findings)
    port, version = value.get_number("port"), value.fields.get("version")
    _judge_surplus(value, entry, findings)
    _judge_missing(value, entry, root, findings)
    words = (*(command or ()), *(entry.command or ()), *entry.environment.values())
    _judge_code({name for word in words for name in placeholders_in(word)}, entry, root, findings)
    return Server(
        name=entry.name,
        folder=folder,
        version=_read_version(value, entry, findings),
        version_origin=_origin(version.place) if version else "server.version",
        command=command,
        options=options,
        port=None if port is None else int(port),
        routes=routes or None,
    )


def _origin(place: Place) -> str:
    """Name a line of the spec from the spec's own folder, as origins are."""
    return f"{place.file.rpartition('/')[2]}:{place.line}: server.version"


def _read_options(value: Value, entry: ServerEntry, findings: Findings) -> dict[str, str]:
    given = value.fields["options"].fields if "options" in value.fields else {}
    for name, item in given.items():
        if name not in entry.options:
            hint = near(name, entry.options) or (f"it has: {', '.join(entry.options)}" if entry.options else None)
            findings.add(item.place, f"the server {entry.name} has no such option", hint, path=item.path)
        else:
            _judge_option(item, entry.options[name], findings)
    for name, option in entry.options.items():
        if name not in given and option.default is None and "options" not in value.wrong:
            message = f"missing, the server {entry.name} needs it: {option.description.lower()}"
            hint = f"one of {', '.join(option.choices)}" if option.choices else None
            _find(value, f"options.{name}", message, findings, hint=hint)
    return {name: item.text for name, item in given.items()}


def _judge_option(item: Value, option: Option, findings: Findings) -> None:
    choices = option.choices
    if choices and item.text not in choices:
        hint = near(item.text, choices)
        findings.add(item.place, f"expected one of {', '.join(choices)}, found {item.text}", hint, path=item.path)
    elif option.pattern and not re.fullmatch(option.pattern, item.text):
        message = f"expected {option.description[:1].lower()}{option.description[1:]}, found {item.text}"
        findings.add(item.place, message, path=item.path)


def judge_server_python(python: Value | None, version: str, entry: ServerEntry, findings: Findings) -> None:
    """Find a Python that the server does not run on."""
    if not entry.python or python is None:
        return
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - costs start-up time

    if not SpecifierSet(entry.python).contains(version):
        message = f"the server {entry.name} runs on Python {entry.python}, not on {version}"
        findings.add(python.place, message, path="python")


def judge_program(
    root: Value, entry: ServerEntry, inputs: Mapping[str, Source], base: Base, findings: Findings
) -> None:
    """Find that nothing brings the program of a server which no package index has, or that it is none."""
    brought = base.packages or base.image or "base" in root.wrong or "inputs" in root.wrong
    if not entry.program or (brought and PROGRAM not in inputs):
        return
    if PROGRAM in root.fields["inputs"].fields if "inputs" in root.fields else False:
        source = inputs.get(PROGRAM)
        item = root.fields["inputs"].fields[PROGRAM]
        if source and not source.remote and not _is_program(source.path):
            message = f"not a program for Linux of 64 bits: {source.path.name}"
            findings.add(item.place, message, f"name the ELF file {entry.program}", path=item.path)
        return
    message = f"the server {entry.name} starts {entry.program}, which no package index has"
    hint = f"write inputs: {{{PROGRAM}: ./{entry.program}}}, or base with a package or an image that has it"
    findings.add(root.place, message, hint, path=f"inputs.{PROGRAM}")


def _is_program(path: Path) -> bool:
    """Tell whether a file begins as 64-bit little-endian ELF executables do, those that the linker may move too."""
    if not is_file(path):
        return False
    with path.open("rb") as stream:
        head = stream.read(18)
    return head[:6] == b"\x7fELF\x02\x01" and head[16:18] in (b"\x02\0", b"\x03\0")


def judge_variables(root: Value, findings: Findings) -> None:
    """Find misspelled placeholders in ``environment_variables``; what is like none of them is the user's own text."""
    known = (*BUILD_PLACEHOLDERS, *_input_placeholders(root))
    variables = root.fields["environment_variables"].fields if "environment_variables" in root.fields else {}
    for item in variables.values():
        if any(nearest(name, known) for name in placeholders_in(item.text) if name not in known):
            judge_placeholders(item, item.text, known, findings)


def _read_command(value: Value, root: Value, findings: Findings) -> tuple[str, ...] | None:
    command = value.fields.get("command")
    if command is None:
        return None
    words = [(item.text, item) for item in command.items] if isinstance(command.data, tuple) else []
    if isinstance(command.data, str):
        try:
            words = [(word, command) for word in shlex.split(command.data)]
        except ValueError as error:
            findings.add(command.place, f"cannot be split into words: {str(error).lower()}", path=command.path)
            return None
    for text, item in words:
        judge_placeholders(item, text, (*PLACEHOLDERS, *_input_placeholders(root)), findings)
    return tuple(text for text, _ in words)


def _judge_code(used: set[str], entry: ServerEntry, root: Value, findings: Findings) -> None:
    """Find code that placeholders stand for, but the spec does not have; see ``load`` for servers with a contract."""
    script = used & {"scoring_script", "scoring_folder"}
    if entry.scoring_script or entry.code_optional or "code" in root.wrong:
        return
    code = root.fields.get("code")
    if code is None and (script or "code" in used):
        _find(root, "code", f"missing, the command of the server {entry.name} uses it", findings)
    elif code and script and "scoring_script" not in {*code.fields, *code.wrong}:
        _find(code, "scoring_script", f"missing, the command of the server {entry.name} uses it", findings)


def _judge_surplus(value: Value, entry: ServerEntry, findings: Findings) -> None:
    surplus = [value.fields["command"]] if entry.command and "command" in value.fields else []
    routes = value.fields["routes"].fields if "routes" in value.fields else {}
    surplus += [item for kind, item in routes.items() if kind in entry.routes]
    if "port" in value.fields and entry.command and not entry.uses("port") and not entry.job:
        surplus.append(value.fields["port"])
    for item in surplus:
        findings.add(item.place, f"the server {entry.name} has its own", "leave it out", path=item.path)
    unasked = [value.fields[key] for key in ("port", "routes") if key in value.fields] if entry.job else []
    for item in unasked:
        if item.place != value.place:
            message = f"{entry.name} is a job, which answers no requests"
            findings.add(item.place, message, "leave it out", path=item.path)


def _judge_missing(value: Value, entry: ServerEntry, root: Value, findings: Findings) -> None:
    examples = {"command": 'command: ["@python@", app.py]', "port": "port: 8080"}
    if "base" in root.fields and {"image"} & {*root.fields["base"].fields, *root.fields["base"].wrong}:
        del examples["command"]  # the image has one
    if entry.job:
        del examples["port"]
    for key, example in examples.items():
        if getattr(entry, key) is None and key not in {*value.fields, *value.wrong}:
            _find(value, key, f"missing, the server {entry.name} needs it", findings, hint=f"write {example}")
    routes = value.fields.get("routes")
    for kind in () if entry.job else _NEEDED_ROUTES:
        given = routes and kind in {*routes.fields, *routes.wrong}
        if kind not in entry.routes and not given and "routes" not in value.wrong:
            message = f"missing, the server {entry.name} needs it"
            _find(value, f"routes.{kind}", message, findings, hint=f"write routes: {{{kind}: /...}}")


def _read_version(value: Value, entry: ServerEntry, findings: Findings) -> str | None:
    version = value.fields.get("version")
    if version is None:
        return None
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 - costs start-up time

    if not entry.requirements:
        findings.add(version.place, f"the server {entry.name} requires nothing to narrow", path=version.path)
        return None
    text = f"=={version.text}" if re.match(r"\d", version.text) else version.text
    try:
        return str(SpecifierSet(text)) or None
    except InvalidSpecifier:
        message = f'expected a version such as 1.5.1 or specifiers such as ">=1.5,<2", found "{version.text}"'
        findings.add(version.place, message, path=version.path)
        return None


def _find(value: Value, key: str, message: str, findings: Findings, *, hint: str | None = None) -> None:
    findings.add(value.place, message, hint, path=join_path(value.path, key))


def _input_placeholders(root: Value) -> tuple[str, ...]:
    return tuple(f"input-{name}" for name in root.fields["inputs"].fields) if "inputs" in root.fields else ()
