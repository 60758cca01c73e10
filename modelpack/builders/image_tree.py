"""Unpacks the layers of a base image into one folder, as an engine would show them.

The files are for the check and for ``modelpack run``; images carry the layers as they are. Owners, and bits of the mode
that a store cannot hold, are lost here; devices and pipes are left out. A layer is input from elsewhere: whatever it
says, nothing outside the folder is touched, and layers that are not what the image's configuration says end the build.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tarfile
from typing import Any, BinaryIO, cast

from modelpack.builders import streams
from modelpack.builders.blob import BlobError, uncompressed
from modelpack.builders.problem import fail
from modelpack.builders.within import resolved

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_OWN = ".wh..wh."
"""What else begins so is of the program that made the layer (AUFS), and no file."""


class HostileError(ValueError):
    """A member that no honest layer has."""


class Tree:
    """The folder being filled."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._of_this_layer: set[str] = set()

    def begin_layer(self) -> None:
        """Note that whiteouts hide what there is now, and nothing that comes after."""
        self._of_this_layer.clear()

    def add(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        """Unpack one member, or take away what it hides.

        Raises:
            HostileError, ValueError: a path that leaves the folder, or a hard link to nothing.
        """
        name = _clean(member.name)
        base = name.rpartition("/")[2]
        if base.startswith(_WHITEOUT):
            self._hide(name, base)
            return
        path = resolved(self.root, name)
        if not path:
            return
        place = self._at(path)
        self._require_folders(path)
        if member.isdir():
            self._make_folder(place, member)
        elif member.issym():
            self._clear(place)
            os.symlink(member.linkname, place)
        elif member.islnk():
            self._link(place, member)
        elif member.isfile():
            self._write(archive, member, place)
        else:
            return
        self._note(path)

    def _at(self, path: str) -> str:
        return os.path.join(self.root, path)

    def _note(self, path: str) -> None:
        while path:
            self._of_this_layer.add(path)
            path = path.rpartition("/")[0]

    def _hide(self, name: str, base: str) -> None:
        folder = resolved(self.root, f"{name.rpartition('/')[0]}/x").rpartition("/")[0]
        if base == _OPAQUE:
            if os.path.isdir(self._at(folder)):
                self._empty(folder)
        elif not base.startswith(_OWN):
            hidden = base.removeprefix(_WHITEOUT)
            if hidden in ("", ".", ".."):
                raise HostileError(f"a whiteout of nothing: {name!r}")
            path = f"{folder}/{hidden}".lstrip("/")
            if path not in self._of_this_layer:
                self._clear(self._at(path))

    def _empty(self, folder: str) -> None:
        """Take away what lower layers put into a folder."""
        for entry in os.listdir(self._at(folder)):
            path = f"{folder}/{entry}".lstrip("/")
            place = self._at(path)
            if path not in self._of_this_layer:
                self._clear(place)
            elif os.path.isdir(place) and not os.path.islink(place):
                self._empty(path)

    def _clear(self, place: str) -> None:
        if os.path.isdir(place) and not os.path.islink(place):
            shutil.rmtree(place)
        elif os.path.lexists(place):
            os.unlink(place)

    def _require_folders(self, path: str) -> None:
        """Make the folders above a path; the path is resolved, so none of them is a link."""
        os.makedirs(os.path.dirname(self._at(path)), exist_ok=True)

    def _make_folder(self, place: str, member: tarfile.TarInfo) -> None:
        if not os.path.isdir(place) or os.path.islink(place):
            self._clear(place)
            os.mkdir(place)
        # A folder that nobody may write to could not be filled; the store makes it so in the end.
        os.chmod(place, 0o700 | member.mode & 0o777)

    def _link(self, place: str, member: tarfile.TarInfo) -> None:
        target = self._at(resolved(self.root, _clean(member.linkname)))
        if not os.path.lexists(target) or (os.path.isdir(target) and not os.path.islink(target)):
            raise HostileError(f"a hard link to what is no file: {member.name!r} to {member.linkname!r}")
        if os.path.lexists(place) and os.path.samestat(os.lstat(place), os.lstat(target)):
            return
        self._clear(place)
        os.link(target, place, follow_symlinks=False)

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, place: str) -> None:
        self._clear(place)
        source = archive.extractfile(member)
        assert source is not None  # noqa: S101 - true for every regular file
        with open(place, "xb") as stream:
            shutil.copyfileobj(source, stream, 1 << 20)
        os.chmod(place, 0o600 | stat.S_IMODE(member.mode) & 0o777)


def main() -> None:
    """Build from the plan: ``layers`` ({path, media_type, diff_id}), lowest first, and ``zstd``.

    The output has the files below ``root``, and ``layers.json`` with the size of each layer's tar.
    """
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    out = os.environ["out"]
    os.umask(0o022)
    os.makedirs(f"{out}/root")
    tree = Tree(f"{out}/root")
    sizes = [{"tar_size": unpack(tree, number, layer, plan["zstd"])} for number, layer in enumerate(plan["layers"], 1)]
    with open(f"{out}/layers.json", "x", encoding="utf-8") as report:
        json.dump(sizes, report)


def unpack(tree: Tree, number: int, layer: dict[str, Any], zstd: str) -> int:
    """Unpack one layer, and end the build unless it is the one of the configuration; give the size of its tar."""
    digest = streams.Digest()
    source = streams.Reader(digest.watch(uncompressed(layer["path"], layer["media_type"], zstd)))
    tree.begin_layer()
    try:
        with tarfile.open(fileobj=cast("BinaryIO", source), mode="r|") as archive:
            for member in archive:
                tree.add(archive, member)
        while source.read(1 << 20):
            pass
    except (tarfile.TarError, BlobError, ValueError, OverflowError, OSError) as error:
        fail("image", f"layer {number} of the base image cannot be unpacked: {error}", layer=number)
    if digest.finish() != layer["diff_id"]:
        message = f"layer {number} of the base image is not the one of its configuration: expected {layer['diff_id']}"
        fail("image", f"{message}, found {digest.finish()}", layer=number)
    return digest.size


def _clean(name: str) -> str:
    """Give a member's path, relative and without parts that say nothing.

    Raises:
        HostileError: it leads upwards.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise HostileError(f"a path that leaves the image: {name!r}")
    return "/".join(parts)


if __name__ == "__main__":
    main()
