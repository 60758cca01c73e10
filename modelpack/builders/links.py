"""Puts parts of the package at absolute paths of the root file system, as symlinks: ``/mnt/labels`` to a store path."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from modelpack.builders import layer
from modelpack.builders.root import FOLDERS
from modelpack.builders.tarstream import Entry, directory, symlink
from modelpack.builders.within import resolved


def main() -> None:
    """Build a layer from the plan: ``links`` (path -> target), ``tree``, ``compression`` and ``zstd``."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    links = layer.Links(links=plan["links"], tree=plan["tree"])
    about = {"name": "links", "paths": (), "links": links}
    layer.write(os.environ["out"], entries(links), about, plan["compression"], plan["zstd"])


def entries(links: layer.Links, root: str = "/") -> list[Entry]:
    """Describe the members: the links, and the folders above them that nothing below this layer has.

    Args:
        links: what they follow from.
        root: folder below which store paths lie on this machine.
    """
    tree = root.rstrip("/") + links.tree if links.tree else None
    found: dict[str, Entry] = {}
    for path, target in links.links.items():
        name = resolved(tree, path) if tree else path.strip("/")
        for folder in _above(name):
            if folder not in FOLDERS and not (tree and os.path.isdir(os.path.join(tree, folder))):
                found[folder] = directory(folder)
        found[name] = symlink(name, target)
    return sorted(found.values(), key=lambda entry: entry.name.split(b"/"))


def _above(name: str) -> Iterable[str]:
    return (name[:end] for end, character in enumerate(name) if character == "/")


if __name__ == "__main__":
    main()
