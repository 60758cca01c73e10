"""What a source says of itself, read without running any of it: an archive, or a folder of the user's."""

from __future__ import annotations

import email.parser
import email.policy
import io
import re
import tarfile
import tomllib
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from modelpack.errors import ResolveError

_COMPILED = frozenset((".c", ".cc", ".cpp", ".cxx", ".cu", ".f", ".f90", ".f95", ".go", ".pyx", ".rs"))
_ASIDE = frozenset(("doc", "docs", "example", "examples", "test", "tests"))
_LEGACY = ("setuptools>=40.8.0", "wheel")
"""What PEP 517 gives a project that names no backend; wheel, as setuptools before 70.1 asks for it."""
_DECLARING = ("flit_core", "hatchling", "pdm.backend", "poetry.core", "uv_build")
"""Backends that need nothing at build time but what a project declares."""
_PROMISED = frozenset(("dependencies", "optional-dependencies", "requires-python", "version", "name"))
_FIELDS = frozenset(("requires-dist", "provides-extra", "requires-python"))
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, zlib.error, ValueError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What matters of a source."""

    requires: tuple[str, ...]
    """``build-system.requires`` (PEP 518), or what stands for it."""
    compiles: bool
    """Whether there are files that a compiler may be wanted for."""
    metadata: bytes | None
    """Core metadata, as far as it says what is required; None when only a build can tell."""
    described: bytes = b""
    """Its PKG-INFO, from which what a build gives may differ."""


def read_archive(name: str, content: bytes) -> Facts:
    """Read a source archive: ``.tar.gz`` and its like, or ``.zip``.

    Raises:
        ResolveError: it is damaged, or its pyproject.toml is.
    """
    try:
        files = _zip(content) if name.endswith(".zip") else _tar(content)
    except _DAMAGED as error:
        raise ResolveError(f"{name} is not a source archive that can be read: {error}") from error
    below = {path.partition("/")[2]: read for path, read in files.items()}
    info = below["PKG-INFO"]() if "PKG-INFO" in below else None
    return replace(_facts(name, below, _static_info(info) if info else None), described=info or b"")


def read_folder(name: str, files: Mapping[str, Callable[[], bytes]]) -> Facts:
    """Read a project's folder: the files by path, each with what reads it.

    Raises:
        ResolveError: its pyproject.toml is damaged.
    """
    return _facts(name, files, None)


def _facts(name: str, files: Mapping[str, Callable[[], bytes]], static: bytes | None) -> Facts:
    try:
        text = files["pyproject.toml"]().decode() if "pyproject.toml" in files else ""
        project = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ResolveError(f"{name}: its pyproject.toml cannot be read: {error}") from error
    system = project.get("build-system", {})
    if not isinstance(system, dict) or not isinstance(system.get("requires", []), list):
        raise ResolveError(f"{name}: its pyproject.toml cannot be read: build-system is not laid out as PEP 518 has it")
    declaring = str(system.get("build-backend", "")).startswith(_DECLARING) and "backend-path" not in system
    requires = tuple(map(str, system["requires"])) if "requires" in system else _LEGACY
    return Facts(
        requires=requires,
        compiles=any(map(_is_compiled, files)),
        # A backend that may ask for more has to be asked, and then its metadata is to be had as well.
        metadata=(static or _declared(project.get("project"))) if declaring else None,
    )


def _is_compiled(path: str) -> bool:
    place = PurePosixPath(path)
    return place.suffix.lower() in _COMPILED and _ASIDE.isdisjoint(place.parts[:-1])


def _tar(content: bytes) -> dict[str, Callable[[], bytes]]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        wanted = ("PKG-INFO", "pyproject.toml")
        kept: dict[str, bytes] = {}
        for member in archive:
            if member.isfile():
                short = member.name.count("/") == 1 and member.name.endswith(wanted)
                file = archive.extractfile(member) if short else None
                kept[member.name] = file.read() if file else b""
    return {path: (lambda data=data: data) for path, data in kept.items()}  # type: ignore[misc]


def _zip(content: bytes) -> dict[str, Callable[[], bytes]]:
    archive = zipfile.ZipFile(io.BytesIO(content))
    return {path: (lambda path=path: archive.read(path)) for path in archive.namelist()}  # type: ignore[misc]


def _static_info(content: bytes) -> bytes | None:
    """Give a PKG-INFO that holds for every wheel built from the archive (metadata 2.2, PEP 643)."""
    fields = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(content)
    version = str(fields.get("Metadata-Version", "1.0")).split(".")
    dynamic = {str(text).strip().lower() for text in fields.get_all("Dynamic", ())}
    holds = [int(part) for part in version if re.fullmatch("[0-9]{1,4}", part)] >= [2, 2] and dynamic.isdisjoint(
        _FIELDS
    )
    return content if holds else None


def _declared(project: Any) -> bytes | None:  # noqa: ANN401 - what the file has there
    """Give the metadata of a ``project`` table that leaves nothing of it to the backend (PEP 621)."""
    if not isinstance(project, dict) or not {"name", "version"} <= project.keys():
        return None
    optional: Mapping[str, Sequence[str]] = project.get("optional-dependencies", {})
    lists = (project.get("dynamic", []), project.get("dependencies", []))
    if not all(isinstance(one, list) for one in lists) or not isinstance(optional, dict):
        return None
    named = (one if isinstance(one, list) else [None] for one in optional.values())
    texts = [text for one in (*lists, *named) for text in one]
    if not all(isinstance(text, str) for text in texts) or not _PROMISED.isdisjoint(lists[0]):
        return None
    lines = ["Metadata-Version: 2.2", f"Name: {project['name']}", f"Version: {project['version']}"]
    if "requires-python" in project:
        lines.append(f"Requires-Python: {project['requires-python']}")
    lines += [f"Requires-Dist: {text}" for text in project.get("dependencies", ())]
    for extra, wanted in optional.items():
        lines += [f"Provides-Extra: {extra}", *(f"Requires-Dist: {_of_extra(text, extra)}" for text in wanted)]
    return ("\n".join(lines) + "\n").encode()


def _of_extra(text: str, extra: str) -> str:
    head, _, marker = text.partition(";")
    condition = f'extra == "{extra}"'
    return f"{head.strip()} ; ({marker.strip()}) and {condition}" if marker.strip() else f"{head.strip()} ; {condition}"
