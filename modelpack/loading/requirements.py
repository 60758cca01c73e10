"""Requirements as people write them: a list in the spec, or a file with one a line."""

from __future__ import annotations

import re
from pathlib import Path

from modelpack.loading.yamlfile import Fault, Findings, Place, quote
from modelpack.spec import Requirement

_OTHER_FORMATS = (".toml", ".yaml", ".yml", ".lock", ".in", ".cfg", ".py")


def judge_requirement(text: str) -> Fault | None:
    """Say what is wrong with a PEP 508 requirement."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - costs start-up time

    if re.match(r"(\.|/|~|file:)|.*\.(whl|tar\.gz|zip)$", text):
        return f"expected a requirement, found a path: {quote(text)}", "packages come from the package indexes"
    if re.match(r"(git|hg|svn|bzr)\+|[a-z]+://", text):
        return f"expected a requirement, found an address: {quote(text)}", "packages come from the package indexes"
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        hint = _repair(text)
        reason = str(error).split("\n", 1)[0]
        why = "" if hint else f": {reason[:1].lower()}{reason[1:]}"
        return f"not a requirement: {quote(text)}{why}", hint
    if requirement.url:
        return f"names an address: {quote(text)}", f"write the version that is wanted: {requirement.name}==..."
    if requirement.name.lower() == "python":
        return f"not a package: {quote(text)}", f"write python: {'.'.join(re.findall('[0-9]+', text)[:2]) or '3.11'}"
    return None


def _repair(text: str) -> str | None:
    """Give the hint for conda's ``name=1.0``, for ``name 1.0`` and for turned operators."""
    match = re.fullmatch(r"([A-Za-z0-9._-]+?)\s*(=>|=<|[= ])\s*([0-9][A-Za-z0-9.*]*)(=\w+)?", text)
    if match is None:
        return None
    if match[1].lower() == "python":
        return f"write python: {'.'.join(match[3].split('.')[:2])}"
    operator = {"=>": ">=", "=<": "<="}.get(match[2], "==")
    return f"did you mean {match[1]}{operator}{match[3]}?"


def read_requirements(path: Path, *, shown: str, name: str, findings: Findings) -> tuple[Requirement, ...]:
    """Read a file with a requirement a line, comments after ``#`` and lines that a backslash continues.

    Args:
        path: the file.
        shown: its name in messages.
        name: its name in the origin of each requirement.
        findings: takes what is wrong.
    """
    start = Place(file=shown, line=1, column=1)
    if path.suffix in _OTHER_FORMATS:
        findings.add(start, f"expected requirements one a line, found a file {quote(path.name)}", path="requirements")
        return ()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        findings.add(start, f"not UTF-8: byte 0x{error.object[error.start]:02x}", path="requirements")
        return ()
    except OSError as error:
        findings.add(start, f"cannot be read: {error.strerror}", path="requirements")
        return ()
    found = []
    for line, column, requirement in _logical_lines(text):
        if fault := _judge_line(requirement):
            findings.add(Place(file=shown, line=line, column=column), *fault, path="requirements")
        found.append(Requirement(text=requirement, origin=f"{name}:{line}"))
    return tuple(found)


def _logical_lines(text: str) -> list[tuple[int, int, str]]:
    """Give line and column, from 1, and text of what the file says, continued lines joined."""
    found = []
    pending, begun = "", 0
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        content = re.sub(r"(^|\s)#.*$", "", line)
        begun = begun if pending else number
        if content.endswith("\\"):
            pending += content[:-1]
            continue
        whole, pending = pending + content, ""
        if whole.strip():
            found.append((begun, len(whole) - len(whole.lstrip()) + 1, whole.strip()))
    return found


def _judge_line(text: str) -> Fault | None:
    option = re.match(r"--[A-Za-z-]+|-[A-Za-z]", text) or re.search(r"(?<=\s)--[A-Za-z-]+", text)
    if option is None:
        return judge_requirement(text)
    hints = {
        "-r": "list the requirements here",
        "--requirement": "list the requirements here",
        "-c": "list the constraints here as requirements",
        "--constraint": "list the constraints here as requirements",
        "--hash": "the lock keeps the digest of every file",
        "-e": "build a wheel of the project and serve it from a package index",
        "--editable": "build a wheel of the project and serve it from a package index",
    }
    indexes = "the machine's own settings say which package indexes are asked"
    hint = hints.get(option[0], indexes if re.search("index|find|trusted|^-[if]$", option[0]) else None)
    return f"the option {option[0]} is not supported", hint
