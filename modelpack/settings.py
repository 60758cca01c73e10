"""The machine's configuration: what a package needs to know of the place it is built in, and its lock must not.

Read from TOML files and from the environment: ``MODELPACK_CONFIG`` names the one file to read; without it the
user's file (``$XDG_CONFIG_HOME/modelpack/config.toml``) comes before ``/etc/modelpack/config.toml``, setting by
setting, and each ``MODELPACK_...`` variable of ``VARIABLES`` before both.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelpack.errors import ModelpackError
from modelpack.weights.kinds import KINDS

if TYPE_CHECKING:
    from modelpack.debian.sources import Archive

SYSTEM = Path("/etc/modelpack/config.toml")

VARIABLES = {
    "MODELPACK_ARTIFACTS": "artifacts.sources",
    "MODELPACK_IMAGES": "images.sources",
    "MODELPACK_SNAPSHOTS": "debian.snapshots",
    "MODELPACK_CONDA_CHANNELS": "conda.channels",
    "MODELPACK_PYTHON_INTERPRETERS": "python.interpreters",
    "MODELPACK_NIX_STORE": "nix.store",
    "MODELPACK_NIX_SANDBOX": "nix.sandbox",
}
"""Settings that the environment overrides; lists are separated by white space."""

_ARCHIVE = {"uri": str, "suite": str, "components": [str], "keyring": str, "check_valid_until": bool}
_SOURCE = {"name": str} | _ARCHIVE
_KEYS: Mapping[str, Any] = {
    "debian": {"archives": [_ARCHIVE], "sources": [_SOURCE], "snapshots": [str]},
    "artifacts": {"sources": [str]},
    "conda": {"channels": [str]},
    "python": {"interpreters": [str]},
    "images": {"sources": [str]},
    "nix": {"store": str, "sandbox": bool},
    "weights": {"formats": [str]},
}
_NOUNS = {str: "a text", bool: "true or false", list: "a list", dict: "a table"}
_SWITCH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What this machine is configured for."""

    archives: tuple[Archive, ...] = ()
    """``[[debian.archives]]``: Debian archives in place of those that apt is configured for."""
    sources: tuple[Archive, ...] = ()
    """``[[debian.sources]]``: other signed archives of Debian packages, which specs name in ``base.sources``."""
    snapshots: tuple[str, ...] = ()
    """``debian.snapshots``: roots of archives that keep superseded packages below ``pool``; used to fetch alone."""
    artifacts: tuple[str, ...] = ()
    """``artifacts.sources``: addresses laid out ``sha256/<hex>``, tried in this order before all others."""
    channels: tuple[str, ...] = ()
    """``conda.channels``: addresses or folders, the first before the others; a lock has their last part as a name."""
    interpreters: tuple[str, ...] = ()
    """``python.interpreters``: folders with interpreter tarballs, named as python-build-standalone names them."""
    images: tuple[str, ...] = ()
    """``images.sources``: registries, OCI layouts and archives with base images, asked before the spec's own host."""
    nix_store: str | None = None
    """``nix.store``: as for ``nix --store``; None leaves it to Nix."""
    formats: tuple[str, ...] | None = None
    """``weights.formats``: kinds of weights that packages made here may hold, whatever their specs say; see the
    reference of weights for their names."""
    nix_sandbox: bool = True
    """``nix.sandbox``: False builds without it, and marks packages as not hermetic."""


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the configuration of the machine.

    Raises:
        ModelpackError: a file cannot be read or is wrong; every problem of it is told.
    """
    values: dict[str, Any] = {}
    for path in _files(environ):
        values = _read(path) | values
    for variable, key in VARIABLES.items():
        if variable in environ:
            values[key] = _from_environment(variable, environ[variable], key)
    return Settings(
        archives=values.get("debian.archives", ()),
        sources=values.get("debian.sources", ()),
        snapshots=tuple(values.get("debian.snapshots", ())),
        artifacts=tuple(values.get("artifacts.sources", ())),
        channels=tuple(values.get("conda.channels", ())),
        interpreters=tuple(values.get("python.interpreters", ())),
        formats=_formats(values.get("weights.formats")),
        images=tuple(values.get("images.sources", ())),
        nix_store=values.get("nix.store") or None,
        nix_sandbox=values.get("nix.sandbox", True),
    )


def _formats(names: list[str] | None) -> tuple[str, ...] | None:
    for name in names or ():
        if name not in KINDS:
            raise ModelpackError(f"weights.formats: not a kind of weights: {name}{_near(name, dict.fromkeys(KINDS))}")
    return None if names is None else tuple(names)


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Give the folder for what can be made again: ``MODELPACK_CACHE``, or modelpack's in the user's cache.

    Raises:
        ModelpackError: the user has no home.
    """
    if chosen := environ.get("MODELPACK_CACHE"):
        return Path(chosen).absolute()
    return _home(environ, "XDG_CACHE_HOME", ".cache") / "modelpack"


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    if chosen := environ.get("MODELPACK_CONFIG"):
        yield Path(chosen)
        return
    for path in (_home(environ, "XDG_CONFIG_HOME", ".config") / "modelpack/config.toml", SYSTEM):
        if path.is_file():
            yield path


def _home(environ: Mapping[str, str], variable: str, folder: str) -> Path:
    # The XDG specification has relative paths ignored.
    if (chosen := environ.get(variable, "")).startswith("/"):
        return Path(chosen)
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - gives "~" where Path raises
    if home == "~":
        raise ModelpackError("the user has no home folder", hint=f"set HOME, or {variable}")
    return Path(home) / folder


def _read(path: Path) -> dict[str, Any]:
    """Give the settings of a file by dotted key."""
    import tomllib  # noqa: PLC0415 - most machines have no such file

    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ModelpackError(f"the configuration cannot be read: {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ModelpackError(f"{path} is not TOML: {error}") from error
    problems = [_place(path, text, key) + message for key, message in _check(data, _KEYS, "")]
    if problems:
        raise ModelpackError("the configuration of modelpack is wrong", details=tuple(problems))
    values = {f"{section}.{key}": value for section, keys in data.items() for key, value in keys.items()}
    if "debian.archives" in values:
        values["debian.archives"] = tuple(map(_archive, values["debian.archives"]))
    if "debian.sources" in values:
        values["debian.sources"] = tuple(map(_source, values["debian.sources"]))
    if "python.interpreters" in values:
        values["python.interpreters"] = [
            _folder(text, path.absolute().parent) for text in values["python.interpreters"]
        ]
    for key in ("artifacts.sources", "conda.channels", "debian.snapshots", "images.sources"):
        if key in values:
            values[key] = [_address(source, path.absolute().parent) for source in values[key]]
    return values


def _check(value: object, kind: Any, key: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - a nested literal
    """Compare a value with its kind; give the key and what is wrong."""
    wanted = kind if isinstance(kind, type) else type(kind)
    if not isinstance(value, wanted):
        yield key, f"expected {_NOUNS[wanted]}, found {value!r}"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _check(item, kind[0], f"{key}[{index}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            inner = f"{key}.{name}" if key else name
            if name in kind:
                yield from _check(item, kind[name], inner)
            else:
                yield inner, f"unknown key{_near(name, kind)}"
        needed = (
            ("uri", "suite") if kind is _ARCHIVE else ("name", "uri", "suite", "keyring") if kind is _SOURCE else ()
        )
        yield from ((key, f"{name} is missing") for name in needed if name not in value)


def _near(name: str, known: Mapping[str, object]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

    found = get_close_matches(name, known, n=1)
    return f" (did you mean {found[0]}?)" if found else f" (known: {', '.join(known)})"


def _place(path: Path, text: str, key: str) -> str:
    """Give ``file:line: key:``, with the line as well as plain reading of headers and keys finds it."""
    table, counts = "", dict[str, int]()
    best = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line):
            table = header[2]
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table += f"[{counts[table]}]"
            here = table
        elif entry := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            here = f"{table}.{entry[1]}".lstrip(".")
        else:
            continue
        if key == here or key.startswith((here + ".", here + "[")):
            best = f":{number}"
        if key == here:
            break
    return f"{path}{best}: {key}: "


def _archive(data: dict[str, Any]) -> Archive:
    from modelpack.debian.sources import Archive  # noqa: PLC0415 - only machines with such settings need it

    return Archive(**(data | {"components": tuple(data.get("components", ("main",)))}))


def _source(data: dict[str, Any]) -> Archive:
    """Read an archive that is none of Debian's: its packages are signed by the key that is said here, and no other."""
    from dataclasses import replace  # noqa: PLC0415 - as above

    archive = _archive({key: value for key, value in data.items() if key != "name"})
    return replace(archive, uri=_address(archive.uri, Path("/")), source=data["name"])


def _address(source: str, folder: Path) -> str:
    """Make a folder's path an address; relative ones are below ``folder``."""
    if re.match(r"(https?|file)://", source):
        return source.rstrip("/")
    if "://" in source:
        raise ModelpackError(f"not an address that can be read: {source}", hint="http, https, file, or a folder")
    return (folder / Path(source).expanduser()).as_uri()


def _folder(text: str, folder: Path) -> str:
    return str(folder / Path(text).expanduser())


def _from_environment(variable: str, text: str, key: str) -> Any:  # noqa: ANN401 - as the key has it
    if key == "nix.store":
        return text
    if key == "nix.sandbox":
        if text.lower() not in _SWITCH:
            raise ModelpackError(f"{variable}: expected true or false, found {text!r}")
        return _SWITCH[text.lower()]
    if key == "python.interpreters":
        return [_folder(source, Path.cwd()) for source in text.split()]
    return [_address(source, Path.cwd()) for source in text.split()]
