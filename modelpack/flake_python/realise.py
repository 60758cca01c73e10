"""Asks Nix for the Python of a flake, and keeps the tarball of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from modelpack import suites
from modelpack.errors import BuildError, FetchError, ModelpackError, ResolveError, ToolError
from modelpack.flake_python.pack import StorePython, look
from modelpack.lock import FlakePin, InterpreterTarball
from modelpack.spec import FlakeInterpreter, Spec
from modelpack.store.nix import Nix
from modelpack.store.nixlog import full_disk
from modelpack.web.credentials import redact

SOURCE = "flake"
_KEPT = "interpreters"
_SYSTEMS = {"linux/amd64": "x86_64-linux", "linux/arm64": "aarch64-linux"}
_FORGES = ("github", "gitlab", "sourcehut")
_OLD = re.compile(
    r"unrecognised flag|is not a (recognised|known) |unknown (setting|flag)|feature '?(flakes|nix-command)"
)
_REACH = re.compile(
    r"unable to (download|access)|(C|c)ould(n't| not) (resolve|connect)|Failed to connect|Timeout|timed out|HTTP error"
)
_ATTRIBUTE = re.compile(r"does not provide attribute|attribute '[^']*' missing")
_NO_FLAKE = re.compile(r"cannot find flake|could not find a flake|is unsupported|is not a valid (URL|flake)")
_UNLOCKED = re.compile(r"--no-update-lock-file")
_FOREIGN = re.compile(r"is required to build|required system or feature not available|platform mismatch")
_BUILT = re.compile(r"builder for '|Cannot build '|dependenc(y|ies) .* couldn't be built|failed to build")
_LOG = 12
"""Lines of what Nix said that are shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """The tarball of a flake's Python."""

    file: Path
    version: str
    tarball: InterpreterTarball


def make(spec: Spec, asked: FlakeInterpreter, nix: Nix, cache: Path, pin: FlakePin | None = None) -> Made:
    """Have Nix realise a flake's Python, and pack it.

    Args:
        spec: what it is for.
        asked: the flake.
        nix: the store, and how it builds.
        cache: modelpack's; the tarball stays there.
        pin: the state of the flake to take; None takes what it is now.

    Raises:
        ToolError: no Nix with flakes.
        FetchError: the flake cannot be had, or is another one now.
        BuildError: Nix cannot build it.
        ResolveError: what it has is not what the spec asks for.
    """
    url, found = _pin(asked, nix, pin)
    system = _SYSTEMS[spec.platform]
    reference = f"{url}#{asked.attribute}" if asked.attribute else url
    built = json.loads(_ask(asked, nix, "build", reference, "--json", "--no-link", "--system", system))
    outputs = built[0]["outputs"]
    path = outputs.get("out") or next(iter(outputs.values()))
    try:
        python = look(path, python=spec.python, platform=spec.platform, physical=nix.physical)
        _judge_glibc(python, spec)
    except ResolveError as error:
        raise ResolveError(f"{asked.origin}: {asked.written} {error.message}", hint=error.hint) from error
    return _keep(python, f"cpython-{python.version}-{system}.tar", found, cache)


def addresses(spec: Spec, tarball: InterpreterTarball, nix: Nix, cache: Path) -> Iterator[str]:
    """Give where the tarball of a lock is: in the cache, or made again from the state of the flake that the lock names.

    Raises:
        ModelpackError: as ``make``; FetchError: Nix has another Python for the same flake.
    """
    kept = cache / _KEPT / tarball.sha256 / tarball.filename
    if not kept.is_file() and tarball.flake and isinstance(spec.interpreter, FlakeInterpreter):
        made = make(spec, spec.interpreter, nix, cache, tarball.flake)
        if made.tarball.sha256 != tarball.sha256:
            raise FetchError(
                f"{spec.interpreter.origin}: Nix made other bytes of {spec.interpreter.written} than the lock has",
                hint="it is not built to the same bytes everywhere: take the file from the machine that locked it "
                "(artifacts.sources), or run: lock --upgrade",
            )
    if kept.is_file():
        yield kept.as_uri()


def _pin(asked: FlakeInterpreter, nix: Nix, pin: FlakePin | None) -> tuple[str, FlakePin]:
    """Give the reference of one state of a flake, and what the lock has of it."""
    known = _metadata(asked, nix, asked.reference)
    if pin and known["locked"].get("narHash") != pin.nar_hash:
        known = _metadata(asked, nix, _earlier(asked, known["resolved"], pin))
    locked = known["locked"]
    found = FlakePin(attribute=asked.attribute, rev=locked.get("rev"), nar_hash=locked.get("narHash"))
    return known["url"], found


def _metadata(asked: FlakeInterpreter, nix: Nix, reference: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_ask(asked, nix, "flake", "metadata", reference, "--json"))
    return found


def _earlier(asked: FlakeInterpreter, resolved: dict[str, Any], pin: FlakePin) -> str:
    """Give a reference of the state that a lock names, of a flake that has gone on since.

    Raises:
        FetchError: it keeps no earlier states.
    """
    kind = resolved.get("type")
    keys = {"narHash": pin.nar_hash, **{key: resolved.get(key) for key in ("host", "dir")}}
    if pin.rev and kind in _FORGES:
        where = f"{kind}:{resolved['owner']}/{resolved['repo']}/{pin.rev}"
    elif pin.rev and kind == "git":
        where, keys = f"git+{resolved['url']}", keys | {"rev": pin.rev, "ref": resolved.get("ref")}
    else:
        raise FetchError(
            f"{asked.origin}: {asked.written} is another flake now than the one that the lock was made from",
            hint="bring it back, add a source that has the tarball (artifacts.sources), or run: lock --upgrade",
        )
    return f"{where}?{urlencode({key: value for key, value in keys.items() if value})}"


def _ask(asked: FlakeInterpreter, nix: Nix, *words: str) -> str:
    """Run Nix for a flake; give what it prints.

    Raises:
        ToolError, FetchError, ResolveError, BuildError: what it says, in words of what to do.
    """
    # Inputs that no flake.lock pins would be others tomorrow; and nothing is written into a folder of the user's.
    code, out, said = nix.flake(*words, "--no-update-lock-file")
    if code:
        raise _error(asked, redact(said))
    return out


def _error(asked: FlakeInterpreter, said: str) -> ModelpackError:
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("warning:")]
    errors = [line.removeprefix("error:").strip() for line in lines if line.startswith("error:")]
    last = next(filter(None, reversed(errors)), lines[-1] if lines else "Nix said nothing")
    details, what = tuple(f"nix: {line}" for line in lines[-_LOG:]), f"{asked.origin}: {asked.written}"
    if full := full_disk(said):
        return full
    if _OLD.search(said):
        return ToolError(
            f"{asked.origin}: this machine's Nix has no flakes: {last}",
            hint="install Nix 2.8 or later, or name a tarball",
        )
    if _ATTRIBUTE.search(said):
        hint = "see what it has: nix flake show, or nix search"
        return ResolveError(f"{what}: the flake has no such attribute", hint=hint, details=details)
    if _NO_FLAKE.search(said):
        hint = "write it as Nix does: nixpkgs#python312, github:OWNER/NAME/COMMIT#python312; a folder with ./ before it"
        return ResolveError(f"{what}: there is no such flake: {last}", hint=hint)
    if _UNLOCKED.search(said):
        where = asked.folder or "the flake"
        hint = f"run: nix flake lock {where}"
        return ResolveError(f"{what}: its inputs are not pinned by a flake.lock", hint=hint, details=details)
    if _FOREIGN.search(said):
        hint = "add a binary cache that has it or a builder of that platform to Nix's configuration, or lock there"
        return BuildError(f"{what}: this machine cannot build it for its platform", hint=hint, details=details)
    if _BUILT.search(said):
        return BuildError(f"{what}: Nix cannot build it", hint="nix log shows what its builder said", details=details)
    if _REACH.search(said):
        hint = "name a flake that this machine reaches, a folder with one (./folder#attribute), or a tarball"
        return FetchError(f"{what}: Nix cannot fetch it", hint=hint, details=details)
    return ResolveError(f"{what}: the flake does not evaluate: {last}", details=details)


def _judge_glibc(python: StorePython, spec: Spec) -> None:
    """Refuse a base whose C library is older than what the Python was built with.

    Raises:
        ResolveError: it is; says which base would do.
    """
    suite = suites.SUITES.get(spec.base.suite)
    if suite is None or python.glibc <= _numbers(suite.glibc):
        return
    newer = sorted(
        (_numbers(one.glibc), name) for name, one in suites.SUITES.items() if _numbers(one.glibc) >= python.glibc
    )
    known = f"base: debian:{newer[0][1]} would do" if newer else "no suite has it"
    raise ResolveError(
        f"needs glibc {'.'.join(map(str, python.glibc))}, debian:{spec.base.suite} has {suite.glibc}",
        hint=f"{known}; or name an older state of the flake",
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _keep(python: StorePython, name: str, pin: FlakePin, cache: Path) -> Made:
    """Write the tarball to where it is found by its digest."""
    try:
        folder = cache / _KEPT
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            written = Path(scratch, name)
            python.write(written)
            with written.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            place = folder / sha256 / name
            place.parent.mkdir(exist_ok=True)
            os.replace(written, place)  # noqa: PTH105
    except OSError as error:
        raise FetchError(f"{cache} cannot be written: {error.strerror}") from error
    tarball = InterpreterTarball(filename=name, sha256=sha256, size=place.stat().st_size, source=SOURCE, flake=pin)
    return Made(file=place, version=python.version, tarball=tarball)
