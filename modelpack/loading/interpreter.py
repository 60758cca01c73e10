"""The Python that a spec names: an interpreter tarball, or what a Nix flake has."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from modelpack.loading.shape_reader import Value
from modelpack.loading.sources import FILE, FOLDER, Folder, find_source
from modelpack.loading.yamlfile import Findings
from modelpack.spec import FlakeInterpreter, Remote, Source, TarballInterpreter

_LOCAL = re.compile(r"(?P<scheme>path:(?=\.))?(?P<path>(\.|/)[^?]*|)(?P<query>\?.*)?")


def read_interpreter(value: Value, folder: Folder, findings: Findings) -> TarballInterpreter | FlakeInterpreter | None:
    """Give what ``python`` of a spec names; None when that is a version alone, or something is wrong with it."""
    flake = value.fields.get("flake")
    if flake is None:
        return _tarball(value, folder, findings) if "tarball" in value.fields else None
    for other in ("tarball", "sha256"):
        if other in value.fields:
            text = "beside a flake, which gives the interpreter itself"
            findings.add(value.fields[other].place, text, "take one of them out", path=value.fields[other].path)
    return _flake(flake, folder, findings)


def _tarball(value: Value, folder: Folder, findings: Findings) -> TarballInterpreter | None:
    tarball, sha256 = value.fields["tarball"], (value.get_text("sha256") or "").removeprefix("sha256:").lower()
    if not re.match(r"(https?|file)://", tarball.text):
        source = find_source(tarball, folder, findings, kind=FILE)
        return TarballInterpreter(source=source, sha256=sha256 or None) if source else None
    name = posixpath.basename(unquote(urlsplit(tarball.text).path))
    if not name or not sha256:
        message = "an address needs sha256 beside it" if name else "an address that ends in no file name"
        findings.add(tarball.place, message, path=tarball.path)
        return None
    remote = Remote(url=tarball.text, sha256=sha256)
    return TarballInterpreter(source=Source(path=Path(name), key=tarball.path, remote=remote), sha256=sha256)


def _flake(value: Value, folder: Folder, findings: Findings) -> FlakeInterpreter | None:
    from modelpack.web.credentials import redact  # noqa: PLC0415 - only where a flake is named

    reference, _, attribute = value.text.partition("#")
    place = None
    if local := _LOCAL.fullmatch(reference):
        # It may hold the spec, or lie above it, as a project's own flake does.
        within = replace(folder, bound=False)
        source = find_source(replace(value, data=local["path"] or "."), within, findings, kind=FOLDER)
        if source is None:
            return None
        place = source.path
        if not (place / "flake.nix").is_file():
            findings.add(value.place, f"no flake.nix in this folder: {folder.show(place)}", path=value.path)
            return None
        reference = f"{local['scheme'] or ''}{place}{local['query'] or ''}"
    origin = f"{value.place}: {value.path}"
    return FlakeInterpreter(
        reference=reference, attribute=attribute, folder=place, written=redact(value.text), origin=origin
    )
