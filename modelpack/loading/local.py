"""Requirements that are paths: project folders, source archives and wheels of this machine."""

from __future__ import annotations

import contextlib
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from modelpack.loading.dependencies import Dependencies, Line
from modelpack.loading.requirements import ARCHIVES
from modelpack.loading.sources import exists, is_file, is_folder
from modelpack.loading.yamlfile import quote, show
from modelpack.spec import Requirement, Source

if TYPE_CHECKING:
    from packaging.version import Version

_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A requirement that is a path, taken apart."""

    path: str
    extras: str = ""
    """``[a,b]`` as it was written."""
    marker: str = ""
    name: str | None = None
    """Written before ``@``."""


def take_apart(text: str) -> Written:
    """Split ``NAME @ PATH[extras] ; marker``."""
    head, _, marker = text.partition(" ;")
    match = re.fullmatch(r"(?:([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*@\s*)?(.*?)(\[[^\]]*\])?", head.strip())
    assert match is not None  # noqa: S101 - every part may be empty
    path = re.sub(r"#.*$", "", match[3])
    if path.startswith("file:"):
        path = re.sub("^/+", "/", unquote(urlsplit(path).path or path.removeprefix("file:")))
    return Written(path=path, extras=match[2] or match[4] or "", marker=marker.strip(), name=match[1])


def require_path(line: Line, file: Path, found: Dependencies) -> Requirement | None:
    """Give the requirement that a path means; None when something is wrong with it, which is then found.

    A relative path begins in the folder of ``file``, or else in that of the spec, as with pip.

    Args:
        line: what was written.
        file: where it was written.
        found: takes what is wrong.
    """
    written = take_apart(line.text)
    path = _locate(written.path, file, found)
    fault = _unfit(written, path)
    if fault:
        found.add(line, *fault)
        return None
    name = written.name or _name_of(path)
    if name is None:
        message = f"the name of this project is known only when it is built: {show(written.path)}"
        found.add(line, message, f"write NAME @ {show(written.path)}")
        return None
    marker = f" ; {written.marker}" if written.marker else ""
    return Requirement(
        text=f"{name}{written.extras}{marker}",
        origin=found.origin(file, line.place.line),
        source=Source(path=path.resolve(), key="requirements"),
    )


def _locate(text: str, file: Path, found: Dependencies) -> Path:
    beside = file.parent / Path(text)
    return beside if exists(beside) else found.folder.path / text


def _unfit(written: Written, path: Path) -> tuple[str, str | None] | None:
    text = show(written.path)
    if written.path.startswith("~"):
        return f"no such file or folder: {text}", "~ is not replaced, write the whole path"
    if is_folder(path):
        if any(is_file(path / name) for name in _PROJECT_FILES):
            return None
        return f"not a Python project: {text}", f"it has none of {', '.join(_PROJECT_FILES)}"
    if not exists(path):
        slashes = written.path.replace("\\", "/")
        hint = f"write it with slashes: {slashes}" if slashes != written.path else None
        if written.name and written.path.startswith("/"):
            hint = f"write {written.name}==VERSION, as pip list --format=freeze does"
        return f"no such file or folder: {text}", hint
    if not path.name.lower().endswith(ARCHIVES):
        return f"neither a project, nor a source archive, nor a wheel: {text}", None
    return _bad_wheel(path) if path.suffix == ".whl" else None


def _bad_wheel(path: Path) -> tuple[str, str | None] | None:
    """Judge a wheel by its name, which tells what it is made for, and by what it says of itself (PEP 427)."""
    from packaging.utils import (  # noqa: PLC0415 - costs start-up time
        InvalidWheelFilename,
        canonicalize_name,
        parse_wheel_filename,
    )

    name = quote(path.name)
    try:
        distribution, version, _, _ = parse_wheel_filename(path.name)
    except InvalidWheelFilename:
        return f"not the name of a wheel: {name}", "keep the name that it was built with"
    try:
        with zipfile.ZipFile(path) as archive:
            places = [item for item in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", item)]
            metadata = archive.read(places[0]).decode() if len(places) == 1 else ""
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, UnicodeDecodeError) as error:
        return f"not a wheel that can be read: {name}: {error}", "download or build it again"
    said = dict(re.findall(r"^(Name|Version):[ \t]*(.*?)\s*$", metadata.partition("\n\n")[0], re.MULTILINE))
    if "Name" not in said or "Version" not in said:
        return f"a wheel without a dist-info folder that says its name and version: {name}", "build it again"
    if canonicalize_name(said["Name"]) != distribution or _version(said["Version"]) != version:
        return f"the wheel {name} holds {said['Name']} {said['Version']}", "keep the name that it was built with"
    return None


def _version(text: str) -> Version | None:
    from packaging.version import Version  # noqa: PLC0415 - costs start-up time

    try:
        return Version(text)
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        return None


def _name_of(path: Path) -> str | None:
    """Give the distribution's name without running anything; None when only a build can tell."""
    if is_folder(path):
        return _declared(path)
    if path.suffix == ".whl":
        return path.name.partition("-")[0].replace("_", "-")
    match = re.fullmatch(r"(.+?)-[0-9][^-]*?\.(?:tar\.\w+|zip|tgz)", path.name)
    return match[1] if match else None


def _declared(folder: Path) -> str | None:
    import tomllib  # noqa: PLC0415 - only for projects

    try:
        content = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        content = {}
    tables = (content.get("project"), content.get("tool", {}).get("poetry"))
    names = [table["name"] for table in tables if isinstance(table, dict) and isinstance(table.get("name"), str)]
    return names[0] if names else _declared_to_setuptools(folder)


def _declared_to_setuptools(folder: Path) -> str | None:
    from configparser import ConfigParser, Error  # noqa: PLC0415 - only for projects

    settings = ConfigParser(interpolation=None)
    with contextlib.suppress(OSError, UnicodeDecodeError, Error):
        settings.read_string((folder / "setup.cfg").read_text(encoding="utf-8"))
    if settings.has_option("metadata", "name"):
        return settings.get("metadata", "name").strip()
    try:
        script = (folder / "setup.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    match = re.search(r"""\bname\s*=\s*["']([A-Za-z0-9][\w.-]*)["']""", script)
    return match[1] if match else None
