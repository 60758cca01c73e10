"""Joins a folder of small files and large files of their own into one tree of links."""

from __future__ import annotations

import json
import os


def main() -> None:
    """Build from the plan: ``small`` (a folder), ``files`` ({path below the tree, source})."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    out = os.environ["out"]
    os.mkdir(out)
    for folder, folders, names in os.walk(plan["small"]):
        below = os.path.join(out, os.path.relpath(folder, plan["small"]))
        os.makedirs(below, exist_ok=True)
        for name in [*names, *(entry for entry in folders if os.path.islink(os.path.join(folder, entry)))]:
            source = os.path.join(folder, name)
            # The user's own symlinks point inside the tree, so they are right as they are.
            os.symlink(os.readlink(source) if os.path.islink(source) else source, os.path.join(below, name))
    for file in plan["files"]:
        place = os.path.join(out, file["path"])
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(file["source"], place)


if __name__ == "__main__":
    main()
