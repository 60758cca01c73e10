"""Writes the package: links to its parts and a description of them. The closure of this path is the model package."""

from __future__ import annotations

import json
import os

from modelpack.builders.problem import fail

# Some of what every Linux has at its root, and Nix's sandbox has not.
_HOST_FOLDERS = {"home", "root", "usr", "var"}


def main() -> None:
    """Build from the plan: ``server`` (a path), ``parts`` (name -> path), ``description`` (any JSON)."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    if plan["description"]["hermetic"] and _HOST_FOLDERS & set(os.listdir("/")):
        fail("sandbox", "Nix ran this build outside its sandbox, although it was told to use it")
    out = os.environ["out"]
    os.makedirs(f"{out}/bin")
    os.makedirs(f"{out}/share/modelpack")
    for name in sorted(os.listdir(f"{plan['server']}/bin")):
        os.symlink(f"{plan['server']}/bin/{name}", f"{out}/bin/{name}")
    for name, path in sorted(plan["parts"].items()):
        os.symlink(path, f"{out}/share/modelpack/{name}")
    with open(f"{out}/share/modelpack/package.json", "w", encoding="utf-8") as stream:
        json.dump(plan["description"], stream, indent=2, sort_keys=True)
        stream.write("\n")


if __name__ == "__main__":
    main()
