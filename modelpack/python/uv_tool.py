"""The only caller of uv."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelpack.errors import ToolError
from modelpack.python import index_settings
from modelpack.python.scope import Scope
from modelpack.spec import IndexAddress
from modelpack.web.credentials import redact

_CONSTANT = (
    *("--format", "pylock.toml"),
    *("--only-binary", ":all:"),
    *("--color", "never"),
    "--no-header",
    "--no-progress",
)

_PROJECT = "modelpack-question"

_FINDING = threading.Lock()


class UvError(Exception):
    """uv did not do what it was asked; the text is its explanation, without credentials."""


class UvTimeoutError(UvError):
    """uv took longer than it was given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What ``uv pip compile`` gave."""

    pylock: Mapping[str, Any]
    """Content of the pylock.toml (PEP 751)."""
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """A place that uv asks for packages."""

    url: str
    """Address or path; may hold credentials."""
    flat: bool
    """True for find-links: a folder or page of files instead of a page for each project."""


def compile_requirements(  # noqa: PLR0913 - the words of one command
    lines: Sequence[str],
    options: Sequence[str],
    *,
    scope: Scope,
    preferences: Sequence[tuple[str, str]] = (),
    constraints: Sequence[str] = (),
    shelf: Path | None = None,
    patience: float | None = None,
) -> Answer:
    """Resolve requirements with ``uv pip compile``.

    Args:
        lines: requirements, as in a requirements file.
        options: of uv, beside those every call has.
        scope: where uv looks for its settings.
        preferences: names and versions to keep where the requirements allow it.
        constraints: requirements that hold where something else asks for the same distribution.
        shelf: a folder of further wheels, beside those of the indexes.
        patience: seconds after which it is given up.

    Raises:
        UvError: no solution, an index that does not answer, settings that uv refuses; too little patience.
        ToolError: there is no uv.
    """
    settings = _with_shelf(index_settings.for_uv(scope), shelf)
    with tempfile.TemporaryDirectory(prefix="modelpack-") as name:
        pins = scope.indexes.pins
        source, output = Path(name, "pyproject.toml" if pins else "requirements.in"), Path(name, "pylock.toml")
        source.write_text(_project_of(lines, pins) if pins else "\n".join(lines) + "\n", encoding="utf-8")
        if preferences:
            output.write_text(_pylock_of(preferences), encoding="utf-8")
        words = ["pip", "compile", str(source), "--output-file", str(output)]
        if constraints:
            limits = Path(name, "constraints.txt")
            limits.write_text("\n".join(constraints) + "\n", encoding="utf-8")
            words += ["--constraint", str(limits)]
        renewed = any(option.startswith("--refresh") for option in options)
        asked = settings if renewed else _with_pages_kept(settings, scope, Path(name))
        errors = _run([*words, *_CONSTANT, *settings.flags, *options], asked, scope, patience=patience)
        pylock = tomllib.loads(output.read_text(encoding="utf-8"))
    warnings = tuple(line.removeprefix("warning: ") for line in errors if line.startswith("warning: "))
    return Answer(pylock=pylock, warnings=warnings)


def _with_shelf(settings: index_settings.UvSettings, shelf: Path | None) -> index_settings.UvSettings:
    if shelf is None:
        return settings
    others = settings.environment.get("UV_FIND_LINKS") or os.environ.get("UV_FIND_LINKS")
    links = ",".join(filter(None, (str(shelf), others)))
    return replace(settings, environment={**settings.environment, "UV_FIND_LINKS": links})


def _with_pages_kept(settings: index_settings.UvSettings, scope: Scope, folder: Path) -> index_settings.UvSettings:
    """Have uv ask an index again only after a while, where its settings are not the user's to say."""
    if settings.flags or not index_settings.keeps_pages(scope.folder):
        return settings
    try:
        urls = [index.url for index in indexes(scope) if not index.flat]
    except UvError:
        return settings
    if not urls or not all("://" in url for url in urls):
        return settings
    return index_settings.keeping_pages(settings, urls[0], urls[1:], folder / "uv.toml")


def _of_uv(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Give what decides which indexes uv asks."""
    return tuple(sorted((name, text) for name, text in environment.items() if name.startswith("UV_")))


def indexes(scope: Scope) -> tuple[Index, ...]:
    """Give the indexes and find-links that uv asks in that scope, the default first.

    Raises:
        UvError: settings that uv refuses.
        ToolError: there is no uv.
    """
    settings = index_settings.for_uv(scope)
    return _indexes(scope, settings.flags, _of_uv(settings.applied()))


@functools.lru_cache(maxsize=32)
def _indexes(scope: Scope, flags: tuple[str, ...], environment: tuple[tuple[str, str], ...]) -> tuple[Index, ...]:
    settings = index_settings.UvSettings(environment=dict(environment), flags=flags)
    words = ["pip", "compile", "-", "--offline", "--no-header", "--emit-index-url", "--emit-find-links"]
    lines = _run([*words, "--quiet", *flags], settings, scope, output=True)
    found = (re.fullmatch(r"--(index-url|extra-index-url|find-links) (.+)", line.strip()) for line in lines)
    return tuple(Index(url=match[2], flat=match[1] == "find-links") for match in found if match)


def _run(
    words: Sequence[str],
    settings: index_settings.UvSettings,
    scope: Scope,
    *,
    output: bool = False,
    patience: float | None = None,
) -> list[str]:
    """Run uv and give the lines of its stderr, or of its stdout."""
    try:
        done = subprocess.run(
            # A named interpreter, though none is used, saves uv the search for one.
            [_program(), *words, "--python", sys.executable],
            env=settings.applied(),
            cwd=scope.folder,
            input="",
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=patience,
        )
    except subprocess.TimeoutExpired as error:
        raise UvTimeoutError(f"uv was given up after {patience:g} s") from error
    except OSError as error:
        raise ToolError(f"uv cannot be run: {error.strerror}", hint="install it: pip install uv") from error
    if done.returncode != 0:
        said = done.stderr.strip().replace(f"{_PROJECT} depends on", "you require")
        raise UvError(redact(said) or f"uv ended with status {done.returncode}")
    return done.stdout.splitlines() if output else redact(done.stderr).splitlines()


def _program() -> str:
    """Find the program of the installed ``uv`` package, else the one on PATH."""
    # sysconfig, with which uv looks, fills its table without a lock.
    with _FINDING:
        try:
            import uv  # noqa: PLC0415 - only a resolve needs it

            return uv.find_uv_bin()
        except (ImportError, FileNotFoundError):
            found = shutil.which("uv")
    if found is None:
        raise ToolError("uv is missing: it resolves Python requirements", hint="install it: pip install uv")
    return found


def _project_of(lines: Sequence[str], pins: Sequence[tuple[str, IndexAddress]]) -> str:
    """Write a project with these requirements: only of a project, uv takes some from one index alone."""
    text = [
        "[project]",
        f'name = "{_PROJECT}"',
        'version = "0"',
        'requires-python = ">=3.6"',
        f"dependencies = {json.dumps(list(lines))}",
        "[tool.uv.sources]",
        *(f'{json.dumps(name)} = {{index = "pin-{number}"}}' for number, (name, _) in enumerate(pins)),
    ]
    for number, (_, address) in enumerate(pins):
        text += ["[[tool.uv.index]]", f'name = "pin-{number}"', f"url = {json.dumps(address.url)}", "explicit = true"]
    return "\n".join(text) + "\n"


def _pylock_of(pins: Sequence[tuple[str, str]]) -> str:
    """Write the little of a pylock.toml that uv reads for versions to prefer."""
    packages = (f'[[packages]]\nname = "{name}"\nversion = "{version}"\n' for name, version in pins)
    return "\n".join(('lock-version = "1.0"\ncreated-by = "modelpack"\n', *packages))
