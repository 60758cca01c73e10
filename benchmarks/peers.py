"""What people use instead of modelpack, for the same content from the same local files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import measure
from content import Content
from steps import CODE, COLD, NO_OP, OCI, OCI_GZIP, WEIGHTS, Result, size_of
from uv import find_uv_bin
from workplace import remove, unmount

_PYTHON = "python3.11"
# Everything that changes seldom comes first, so that a change of code rebuilds one layer. The wheels and pip are
# mounted: they cost the image nothing.
_CONTAINERFILE = """\
FROM localhost/base
RUN PYTHONPATH=/pip python3 -m pip install --no-index --find-links /wheels --no-cache-dir --break-system-packages \
--root-user-action ignore --requirement /wheels/requirements.txt
COPY model /srv/model
COPY labels.json preprocessing.json /srv/
COPY src /srv/src
ENV AZUREML_MODEL_DIR=/srv AML_APP_ROOT=/srv/src
USER 65532:65532
CMD ["python3", "-m", "azureml_inference_server_http", "--entry_script", "/srv/src/score.py"]
"""
_ARCHIVE = """
tar -C "$1" --sort=name --mtime=@1 --owner=0 --group=0 --numeric-owner -cf - . \\
    -C "$2" model src labels.json preprocessing.json | zstd -q -3 -T2 -f -o "$3"
"""


class Buildah:
    """``buildah bud --layers`` with pip, on a base of the same Debian packages that is there already."""

    name = "buildah + pip"

    def __init__(self, content: Content) -> None:
        self._content = content
        self._folder = Path()

    def begin(self, folder: Path) -> None:
        """See ``Tool``. No registry is needed: the base is imported."""
        self._folder = folder
        folder.mkdir()
        (folder / "Containerfile").write_text(_CONTAINERFILE, encoding="utf-8")
        shutil.copytree(self._content.wheels, folder / "wheels", copy_function=os.link)
        shutil.copy(self._content.requirements, folder / "wheels/requirements.txt")
        container = measure.quietly(self._buildah("from", "scratch")).strip()
        measure.quietly(self._buildah("add", container, str(self._content.base), "/"))
        measure.quietly(self._buildah("commit", "--rm", container, "localhost/base"))

    def steps(self) -> Mapping[str, Callable[[], Result]]:
        """See ``Tool``."""
        return {
            **dict.fromkeys((COLD, NO_OP, CODE, WEIGHTS), self._build),
            OCI: lambda: self._push("zstd"),
            OCI_GZIP: lambda: self._push("gzip"),
        }

    def end(self) -> None:
        """See ``Tool``. buildah mounts its storage onto itself and leaves it so."""
        unmount(self._folder)

    def _buildah(self, *words: str) -> list[str]:
        roots = ("--root", str(self._folder / "storage"), "--runroot", str(self._folder / "run"))
        return ["buildah", *roots, *words]

    def _build(self) -> Result:
        volumes = {self._folder / "wheels": "/wheels", self._content.pip: "/pip"}
        command = self._buildah(
            *("bud", "--layers", "--isolation", "chroot", "--quiet", "--tag", "localhost/package"),
            *(word for place, target in volumes.items() for word in ("--volume", f"{place}:{target}:ro")),
            *("--file", str(self._folder / "Containerfile"), str(self._content.project)),
        )
        usage, _ = measure.run(command, {})
        return Result(usage=usage, commands=(tuple(command),))

    def _push(self, compression: str) -> Result:
        target = self._folder / "exported"
        command = self._buildah(
            *("push", "--quiet", "--compression-format", compression, "localhost/package", f"oci:{target}")
        )
        usage, _ = measure.run(command, {})
        result = Result(usage=usage, size=size_of(target), commands=(tuple(command),))
        remove(target)
        return result


class Uv:
    """``uv pip install`` into a folder beside the unpacked Debian packages, then one compressed tarball."""

    name = "uv + tar + zstd"

    def __init__(self, content: Content) -> None:
        self._content = content
        self._folder = Path()

    def begin(self, folder: Path) -> None:
        """See ``Tool``."""
        self._folder = folder
        folder.mkdir()

    def steps(self) -> Mapping[str, Callable[[], Result]]:
        """See ``Tool``. Whatever changes, the tarball is made anew."""
        return {COLD: self._build, CODE: self._archive, WEIGHTS: self._archive}

    def end(self) -> None:
        """See ``Tool``."""

    def _build(self) -> Result:
        root = self._folder / "root"
        install = [
            *(find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--no-cache", "--python", _PYTHON),
            *("--no-index", "--find-links", str(self._content.wheels), "--compile-bytecode"),
            *("--target", str(root / "opt/environment"), "--requirement", str(self._content.requirements)),
        ]
        base, _ = measure.run(unpack := self._content.unpack_base(root), {})
        installed, _ = measure.run(install, {})
        archived = self._archive()
        return Result(
            usage=base + installed + archived.usage,
            parts={"base": base.seconds, "install": installed.seconds, "archive": archived.usage.seconds},
            size=archived.size,
            commands=(tuple(unpack), tuple(install), *archived.commands),
        )

    def _archive(self) -> Result:
        target = self._folder / "image.tar.zst"
        places = (self._folder / "root", self._content.project, target)
        command = ["bash", "-euo", "pipefail", "-c", _ARCHIVE, "archive", *map(str, places)]
        usage, _ = measure.run(command, {})
        return Result(usage=usage, size=size_of(target), commands=(tuple(command),))


def missing(name: str) -> str | None:
    """Say why a tool cannot be measured on this machine; None when it can."""
    wanted = {"buildah": ["buildah"], "uv": [_PYTHON, "tar", "zstd"]}.get(name, [])
    absent = [program for program in wanted if shutil.which(program) is None]
    if absent:
        return f"{', '.join(absent)} not on this machine"
    if name == "buildah" and os.getuid():
        return "it needs root here"
    return None
