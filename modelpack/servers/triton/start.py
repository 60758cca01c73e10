"""Puts the models of the package together into one repository, and becomes Triton over it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from program import command

HERE = Path(__file__).parent


def repository() -> str:
    """Give a folder with a folder of links for every model."""
    top = Path(tempfile.mkdtemp(prefix="repository-"))
    for name, model in json.loads((HERE / "repository.json").read_text(encoding="utf-8")).items():
        (top / name).mkdir()
        for item in Path(model["path"]).iterdir():
            (top / name / item.name).symlink_to(item)
        if not model["config"]:
            (top / name / "config.pbtxt").symlink_to(HERE / f"config/{name}.pbtxt")
    return str(top)


if __name__ == "__main__":
    words = [*command("tritonserver"), f"--model-repository={repository()}", *sys.argv[1:]]
    os.execv(words[0], words)
