"""Requirements files in pip's format: includes, constraints, hashes, options, continued lines, variables.

pip's "Requirements File Format" is the authority for what a line means; what is not followed is refused or said.
"""

from __future__ import annotations

import codecs
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modelpack.loading import addressed as addresses
from modelpack.loading.dependencies import Dependencies, Line
from modelpack.loading.local import require_path, take_apart
from modelpack.loading.requirements import bad_address, is_path, judge_requirement, stub_hint
from modelpack.loading.shape_reader import near
from modelpack.loading.sources import exists, is_file, is_folder
from modelpack.loading.yamlfile import Fault, Place, quote, show
from modelpack.spec import IndexAddress, Requirement

MAX_BYTES = 8 << 20
"""Size of a file, in bytes, above which it is not a list of requirements."""
_LONGEST = 4096
"""Characters of what is still one requirement, without its options."""
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_PROJECT = "PROJECT_ROOT"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SHORT = {"-i": "--index-url", "-f": "--find-links", "-r": "--requirement", "-c": "--constraint", "-e": "--editable"}
_WITH_VALUE = frozenset(
    {
        *_SHORT.values(),
        "--pypi-url",
        "--extra-index-url",
        "--trusted-host",
        "--no-binary",
        "--only-binary",
        "--use-feature",
        "--hash",
        "--config-settings",
        "--global-option",
        "--install-option",
    }
)
_SWITCHES = frozenset({"--no-index", "--pre", "--prefer-binary", "--require-hashes"})
_OF_COMMAND = frozenset(
    (
        *("-U", "--upgrade", "--upgrade-strategy", "--no-cache-dir", "--user", "--no-deps", "-q", "--quiet", "-v"),
        *("--force-reinstall", "-I", "--ignore-installed", "-t", "--target", "--prefix", "--timeout", "--retries"),
        *("--default-timeout", "--no-build-isolation", "--use-pep517", "--break-system-packages", "--no-compile"),
        *("--process-dependency-links", "--ignore-requires-python", "--no-warn-script-location", "--no-input"),
    )
)
_WITHOUT_EFFECT = {
    "--no-binary": "wheels are taken where there are some",
    "--trusted-host": "only the settings of the machine may do without certificates",
    "--config-settings": "projects are built with their own settings",
    "--global-option": "projects are built with their own settings",
    "--install-option": "projects are built with their own settings",
    "--use-feature": "it is pip's",
}
"""Options that people are told of, and why nothing comes of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reading:
    """Where a reader is: the file, what it is for, and the files that included it."""

    file: Path
    constraints: bool
    above: tuple[Path, ...] = ()
    hashes_needed: bool = False


def read_requirements_file(path: Path, found: Dependencies, *, constraints: bool = False) -> None:
    """Read a requirements file, or a constraints file, with all that it includes.

    Args:
        path: the file.
        found: takes what it asks for, and what is wrong.
        constraints: it says which versions hold, and asks for nothing.
    """
    _read_file(_Reading(file=path, constraints=constraints), found, None)


def read_lines(lines: Sequence[Line], path: Path, found: Dependencies) -> None:
    """Read lines of a requirements file that stand in another one, such as the pip section of a ``conda.yaml``.

    Args:
        lines: one requirement or option each.
        path: the file that they stand in.
        found: takes what they ask for, and what is wrong.
    """
    _read_lines(lines, _Reading(file=path, constraints=False), found)


def read_constraints(lines: Sequence[Line], path: Path, found: Dependencies) -> None:
    """Read constraints that stand in a file of another form; as ``read_lines``."""
    _read_lines(lines, _Reading(file=path, constraints=True), found)


def decode(path: Path, found: Dependencies, place: Place | None = None) -> str | None:
    """Read a text file as pip does: by its byte order mark, by a ``coding`` comment, else as UTF-8.

    Args:
        path: the file.
        found: takes what is wrong.
        place: what asks for the file, for when it cannot be read; the file itself when None.
    """
    start = found.place(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        shown = f"{found.folder.show(path)}: " if place else ""
        found.findings.add(place or start, f"cannot be read: {shown}{error.strerror}")
        return None
    if len(data) > MAX_BYTES:
        found.findings.add(start, f"the file has {len(data):,} bytes, more than the {MAX_BYTES:,} that are allowed")
        return None
    encoding = _encoding(data)
    try:
        text = data.decode(encoding)
        if "\0" not in text:
            return text
        line = text[: text.index("\0")].count("\n") + 1
        found.findings.add(found.place(path, line), "not text: it has a null byte")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        noun = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8"}.get(encoding, encoding)
        hint = "save it as UTF-8, or begin it with # coding: latin-1" if encoding == "utf-8" else None
        found.findings.add(found.place(path, line), f"not {noun}: byte 0x{data[error.start]:02x}", hint)
    except LookupError:
        found.findings.add(start, f"an unknown encoding: {show(encoding)}")
    return None


def _encoding(data: bytes) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    if len(data) > 3 and data[1] == data[3] == 0 != data[0]:
        return "utf-16-le"  # as programs of Windows write it, without a mark
    for line in data.split(b"\n")[:2]:
        if line[:1] == b"#" and (match := re.search(rb"coding[:=]\s*([-\w.]+)", line)):
            return match[1].decode()
    return "utf-8"


def _read_file(reading: _Reading, found: Dependencies, place: Place | None) -> None:
    text = decode(reading.file, found, place)
    if text is None:
        return
    lines = tuple(_logical_lines(text, found.folder.show(reading.file)))
    switches = any(re.match(r"--require-hashes\b", line.text) for line in lines)
    _read_lines(lines, replace(reading, hashes_needed=switches), found)


def _logical_lines(text: str, shown: str) -> Iterator[Line]:
    """Give what a file says, continued lines joined and comments dropped."""
    pending, begun = "", 0
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        content = re.sub(r"(^|\s)#.*$", "", line)
        begun = begun if pending else number
        if content.endswith("\\"):
            pending += content[:-1]
            continue
        whole, pending = pending + content, ""
        if whole.strip():
            column = len(whole) - len(whole.lstrip()) + 1
            yield Line(whole.strip(), Place(file=shown, line=begun, column=column))


def _read_lines(lines: Sequence[Line], reading: _Reading, found: Dependencies) -> None:
    for line in lines:
        expanded = replace(line, text=_expand(line.text, reading.file.parent))
        if "\0" in expanded.text:
            found.add(line, "a character that no path or name has: U+0000")
        elif line.text.startswith("-"):
            _read_options(line, expanded, reading, found)
        else:
            _read_requirement(expanded, reading, found)


def _expand(text: str, folder: Path) -> str:
    """Replace ``${NAME}`` of variables that are set, and what uv, PDM and Hatch have for the project's folder."""
    known = {_PROJECT: str(folder.resolve())} | os.environ
    text = text.replace("{root:uri}", f"file://${{{_PROJECT}}}")
    return _VARIABLE.sub(lambda match: known.get(match[1]) or match[0], text)


def _options(text: str) -> Iterator[tuple[str, str | None]]:
    """Give the options of a line and their values.

    Raises:
        ValueError: a quote is not closed.
    """
    words = iter(shlex.split(text))
    for word in words:
        name, equals, value = word.partition("=")
        if word[:2] in _SHORT and not word.startswith("--"):
            yield _SHORT[word[:2]], word[2:].lstrip("=") or next(words, None)
        elif equals or name not in _WITH_VALUE:
            yield name, value if equals else None
        else:
            yield name, next(words, None)


def _read_options(line: Line, expanded: Line, reading: _Reading, found: Dependencies) -> None:
    try:
        options = list(zip(_options(line.text), _options(expanded.text), strict=False))
    except ValueError as error:
        found.add(line, f"cannot be split into words: {str(error).lower()}")
        return
    for (name, written), (_, value) in options:
        if fault := _judge_option(name, value):
            found.add(line, *fault)
            return  # where the next option begins is not known
        if value is None:
            found.no_index = found.no_index or name == "--no-index"
            found.prereleases = found.prereleases or name == "--pre"
        else:
            _take_option(name, written or value, replace(expanded, text=value), reading, found)


def _judge_option(name: str, value: str | None) -> Fault | None:
    if name in _WITH_VALUE:
        return None if value else (f"the option {name} lacks its value", None)
    if name in _OF_COMMAND:
        return f"an option of pip's command, not of its files: {name}", "leave it out"
    if name not in _SWITCHES:
        return f"an unknown option: {show(name)}", near(name, (*_WITH_VALUE, *_SWITCHES))
    return None if value is None else (f"the option {name} takes no value: {quote(value)}", None)


def _take_option(name: str, written: str, value: Line, reading: _Reading, found: Dependencies) -> None:
    if name in ("--requirement", "--constraint"):
        _include(value, replace(reading, constraints=reading.constraints or name == "--constraint"), found)
    elif name == "--editable":
        found.note(value, "built as it is now, not linked: packages hold no editable projects")
        _read_requirement(value, reading, found)
    elif name in ("--index-url", "--pypi-url"):
        found.default_index = _address(written, value, reading, found) or found.default_index
    elif name in ("--extra-index-url", "--find-links"):
        kept = found.links if name == "--find-links" else found.extra_indexes
        kept += [address] if (address := _address(written, value, reading, found)) else []
    elif name == "--hash":
        found.add(value, "a hash without a requirement before it")
    elif name in _WITHOUT_EFFECT:
        found.warn(value, f"the option {name} has no effect", _WITHOUT_EFFECT[name])


def _include(value: Line, reading: _Reading, found: Dependencies) -> None:
    path = reading.file.parent / value.text
    above = (*reading.above, reading.file.resolve())
    if "://" in value.text and not value.text.startswith("file:"):
        message = f"includes what stands at an address: {show(value.text)}"
        found.add(value, message, "download it and name the file")
    elif path.resolve() in above:
        found.add(value, f"includes itself: {show(value.text)}")
    elif not is_file(path):
        found.add(value, f"no such file: {show(value.text)}")
    else:
        _read_file(replace(reading, file=path, above=above), found, value.place)


def _address(written: str, value: Line, reading: _Reading, found: Dependencies) -> IndexAddress | None:
    """Give an index; a path, which may be one too, begins in the folder of the file."""
    from modelpack.web.credentials import redact  # noqa: PLC0415 - only files that name indexes

    if fault := bad_address(value.text):
        found.add(value, fault)
        return None
    missing = _VARIABLE.findall(value.text)
    for name in missing:
        found.add(value, f"the environment variable {name} is not set", f"export {name}, which this address needs")
    if missing:
        return None
    if "://" in value.text:
        return IndexAddress(written=redact(written), url=value.text)
    path = reading.file.parent / value.text
    if not exists(path):
        found.add(value, f"no such folder: {show(value.text)}")
        return None
    return IndexAddress(written=written, url=str(path.resolve()))


def _read_requirement(line: Line, reading: _Reading, found: Dependencies) -> None:
    text, _, rest = re.sub(r"\s(--?[A-Za-z])", r"\0\1", line.text, count=1).partition("\0")
    text = text.strip()
    hashes = _hashes(replace(line, text=rest), found) if rest else ()
    requirement = _requirement(replace(line, text=text), hashes, reading, found)
    if requirement is None:
        return
    if fault := _unfit(requirement, hashes, reading):
        found.add(line, *fault)
    kept = found.constraints if reading.constraints else found.requirements
    addressed = requirement.source and requirement.source.remote  # has its own digest
    kept.append(requirement if addressed else replace(requirement, hashes=hashes))


def _requirement(line: Line, hashes: tuple[str, ...], reading: _Reading, found: Dependencies) -> Requirement | None:
    text = line.text
    if len(text) > _LONGEST:
        found.add(line, f"not a requirement: it has {len(text):,} characters: {quote(text)}")
        return None
    if wrong := bad_address(text):
        found.add(line, wrong)
        return None
    if (missing := _VARIABLE.search(text)) and "git+" not in text:
        name = missing[1]
        found.add(line, f"the environment variable {name} is not set: {quote(text)}", f"export {name}")
        return None
    path = take_apart(text).path
    if is_path(path) or (os.sep in path and "://" not in path and is_folder(reading.file.parent / path)):
        return require_path(line, reading.file, found)
    if addressed := addresses.take_apart(text):
        origin = found.origin(reading.file, line.place.line)
        return addresses.require_address(line, addressed, hashes, origin, found)
    if fault := judge_requirement(text):
        found.add(line, *fault)
        return None
    return Requirement(text=text, origin=found.origin(reading.file, line.place.line))


def _hashes(line: Line, found: Dependencies) -> tuple[str, ...]:
    """Read the options behind a requirement."""
    kept, other = [], []
    try:
        options = list(_options(line.text))
    except ValueError as error:
        found.add(line, f"cannot be split into words: {str(error).lower()}")
        return ()
    for name, value in options:
        if name != "--hash":
            fault = _judge_option(name, value) or (f"the option {name} cannot stand behind a requirement", None)
            if name in _WITHOUT_EFFECT:
                found.warn(line, f"the option {name} has no effect", _WITHOUT_EFFECT[name])
            else:
                found.add(line, *fault)
        elif re.fullmatch(r"sha256:[0-9a-fA-F]{64}", value or ""):
            kept.append((value or "").lower())
        elif re.fullmatch(r"(sha384:[0-9a-fA-F]{96}|sha512:[0-9a-fA-F]{128})", value or ""):
            other.append(value)
        else:
            message = f"expected a digest such as sha256: and 64 hexadecimal digits, found {quote(value or '')}"
            found.add(line, message)
    if other and not kept:
        found.add(line, "none of its digests is a sha256, which is what indexes and locks have")
    return tuple(kept)


def _unfit(requirement: Requirement, hashes: tuple[str, ...], reading: _Reading) -> Fault | None:
    """Judge a requirement against what its file demands."""
    from packaging.requirements import Requirement as Parsed  # noqa: PLC0415 - costs start-up time

    addressed = requirement.source and requirement.source.remote
    if reading.hashes_needed and not (hashes or addressed) and not reading.constraints:
        return f"no --hash, which --require-hashes demands: {quote(requirement.text)}", None
    if requirement.source:
        what = "an address" if requirement.source.remote else "a path"
        return (f"a constraint cannot be {what}", None) if reading.constraints else None
    parsed = Parsed(requirement.text)
    if reading.constraints and parsed.extras:
        return f"a constraint cannot have extras: {quote(requirement.text)}", None
    pinned = any(item.operator in ("==", "===") and not item.version.endswith(".*") for item in parsed.specifier)
    if hashes and not pinned:
        return f"has digests, but no version: {quote(requirement.text)}", f"write {parsed.name}==..."
    if meant := stub_hint(parsed.name):
        return f"not the package that is meant: {parsed.name}", f"did you mean {meant}?"
    return None
