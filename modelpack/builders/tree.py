"""Joins copies of small files and links to large ones into one tree.

Links to small files would lead out of the tree: MLflow refuses a model whose ``MLmodel`` does, and modules follow links
before they look for what lies beside them.
"""

from __future__ import annotations

import json
import os
import shutil


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
            shutil.copy(source, os.path.join(below, name), follow_symlinks=False)
    for file in plan["files"]:
        place = os.path.join(out, file["path"])
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(file["source"], place)


if __name__ == "__main__":
    main()
