"""What is packaged: one project, its wheels and its Debian packages as local files, the same for every tool."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import measure

import modelpack
from modelpack import lockfile
from modelpack.resources import root
from modelpack.store.storepath import flat_path, store_name

START = 8_000_000
"""Bytes of weights that the project begins with: a file of its own to every tool, yet next to nothing."""

_PIECE = 1 << 20
_PIP = "pip>=25.1"
_UNPACK = """
mkdir -p "$1"/usr/bin "$1"/usr/sbin "$1"/usr/lib "$1"/usr/lib64 "$1"/tmp
chmod 1777 "$1/tmp"
for folder in bin sbin lib lib64; do ln -s usr/$folder "$1/$folder"; done
find "$2" -name '*.deb' -print0 | xargs -0 -n 1 -P "$3" bash -euo pipefail -c \\
    'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$0"' "$1"
[ -e "$1/usr/bin/python3" ] || ln -s python3.11 "$1/usr/bin/python3"
[ -e "$1/usr/bin/sh" ] || ln -s dash "$1/usr/bin/sh"
PATH=$PATH:/usr/sbin:/sbin ldconfig -r "$1"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """The project and everything that packaging it needs, on this machine's disk."""

    project: Path
    store: Path
    """A Nix store with the artifacts of the lock and nothing that was built."""
    wheels: Path
    debs: Path
    requirements: Path
    """Every wheel by name and version."""
    pip: Path
    """Folder that holds pip, installed and compiled."""
    base: Path
    """The Debian packages, unpacked."""

    def change_code(self, number: int) -> None:
        """Change the scoring script without changing what it does."""
        with (self.project / "src/score.py").open("a", encoding="utf-8") as stream:
            stream.write(f"\n# change {number}\n")

    def change_weights(self, size: int, seed: int) -> None:
        """Replace the weights by ``size`` pseudo-random bytes."""
        source = random.Random(seed)  # noqa: S311 - the same bytes everywhere, not secret ones
        with (self.project / "model/weights.bin").open("wb") as stream:
            for start in range(0, size, _PIECE):
                stream.write(source.randbytes(min(_PIECE, size - start)))
        # A file that changed this second may change again with the same time stamp, so no tool may trust it yet.
        time.sleep(2.1)

    @contextlib.contextmanager
    def unchecked(self) -> Iterator[None]:
        """Make the project one that is not checked, for a while."""
        spec = self.project / "modelpack.yaml"
        text = spec.read_text(encoding="utf-8")
        spec.write_text(re.sub(r"^check:.*(\n +.*)*", "check: false", text, flags=re.MULTILINE), encoding="utf-8")
        try:
            yield
        finally:
            spec.write_text(text, encoding="utf-8")

    def reset(self) -> None:
        """Bring code and weights back to their beginning."""
        shutil.copytree(root("templates") / "sklearn-azureml/src", self.project / "src", dirs_exist_ok=True)
        self.change_weights(START, 0)

    def unpack_base(self, target: Path) -> list[str]:
        """Give the command that unpacks the Debian packages into a root file system."""
        cores = str(os.cpu_count() or 1)
        return ["bash", "-euo", "pipefail", "-c", _UNPACK, "unpack-base", str(target), str(self.debs), cores]


def prepare(cache: Path, work: Path, more: Sequence[str]) -> Content:
    """Make the project, lock it and bring its artifacts here, which takes long only the first time.

    Args:
        cache: what is kept from run to run.
        work: what is not; on the same file system.
        more: requirements beside the starter's.
    """
    kept = cache / "-".join(["starter", *more])
    kept.mkdir(parents=True, exist_ok=True)
    content = Content(
        project=work / "project",
        store=kept / "store",
        wheels=work / "wheels",
        debs=work / "debs",
        requirements=work / "requirements.txt",
        pip=cache / "pip",
        base=work / "base",
    )
    _make_project(content.project, more)
    content.reset()
    lock = _lock(content, kept)
    _take(content.store, lock.python.wheels, content.wheels)
    _take(content.store, lock.base.target.packages, content.debs)
    names = sorted(f"{wheel.name}=={wheel.version}\n" for wheel in lock.python.wheels)
    content.requirements.write_text("".join(names), encoding="utf-8")
    _install_pip(content.pip)
    measure.quietly(content.unpack_base(content.base))
    return content


def modelpack_command(*words: str) -> list[str]:
    """Give the command that runs modelpack as this Python has it."""
    return [sys.executable, "-m", "modelpack", *words]


def modelpack_environment(store: Path, cache: Path) -> dict[str, str]:
    """Give the variables that make modelpack use a store and a cache of its own."""
    return {
        "MODELPACK_NIX_STORE": str(store),
        "MODELPACK_CACHE": str(cache),
        # Each build as root takes the first of Nix's build users that its own store has free, and kills whatever else
        # runs as that user: builds in other stores of this machine.
        "NIX_CONFIG": "build-users-group =",
        "PYTHONPATH": str(Path(modelpack.__file__).parent.parent),
    }


def _make_project(project: Path, more: Sequence[str]) -> None:
    shutil.copytree(root("templates") / "sklearn-azureml", project)
    spec = project / "modelpack.yaml"
    heading, lines = "requirements:", "".join(f"\n  - {requirement}" for requirement in more)
    text = spec.read_text(encoding="utf-8")
    before, after = text.split(heading, 1)
    rest, following = after.split("\n", 1)
    spec.write_text(f"{before}{heading}{rest}{lines}\n{following}", encoding="utf-8")


def _lock(content: Content, kept: Path) -> lockfile.Lock:
    """Lock the project anew only where the kept lock is stale, and fetch what it names."""
    place = content.project / lockfile.FILENAME
    environment = modelpack_environment(content.store, kept / "cache")
    if (kept / lockfile.FILENAME).exists():
        shutil.copy(kept / lockfile.FILENAME, place)
    measure.quietly(modelpack_command("lock", str(content.project)), environment)
    try:
        measure.quietly(modelpack_command("fetch", str(content.project)), environment)
    except measure.CommandError:  # archives drop what is superseded
        measure.quietly(modelpack_command("lock", str(content.project), "--upgrade"), environment)
        measure.quietly(modelpack_command("fetch", str(content.project)), environment)
    shutil.copy(place, kept / lockfile.FILENAME)
    lock = lockfile.read(place)
    assert lock is not None  # noqa: S101 - it was just written
    return lock


def _take(store: Path, artifacts: Sequence[lockfile.Wheel] | Sequence[lockfile.Deb], folder: Path) -> None:
    """Put artifacts of the store into a folder, under their own names."""
    folder.mkdir()
    for artifact in artifacts:
        path = flat_path(store_name(artifact.filename), artifact.sha256)
        os.link(store / path.lstrip("/"), folder / artifact.filename)


def _install_pip(folder: Path) -> None:
    if folder.is_dir():
        return
    new = folder.with_name("pip.new")
    shutil.rmtree(new, ignore_errors=True)
    measure.quietly([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(new), _PIP])
    new.rename(folder)
