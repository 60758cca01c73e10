"""The same lock gives the same package and the same image under the oldest Nix supported and under the newest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.nix, pytest.mark.network]

CHECKOUT = Path(__file__).parent.parent
SAME = ("name", "version", "store_path", "image_digest", "lock_digest", "checked", "hermetic", "closure_bytes")


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def artifacts(lock):
    """Give the store paths of what the lock names: the outputs of the derivations that only fetch."""
    library = (CHECKOUT / "nix", "--arg", "lock", lock, "-A", "image")
    derivation = output("nix-instantiate", *library).strip()
    derivations = [path for path in output("nix-store", "-qR", derivation).split() if path.endswith(".drv")]
    builders = output("nix-store", "--query", "--binding", "builder", *derivations).split()
    fetching = [path for path, builder in zip(derivations, builders, strict=True) if builder == "builtin:fetchurl"]
    return output("nix-store", "--query", "--outputs", *fetching).split()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.skipif(not shutil.which("mmdebstrap"), reason="needs mmdebstrap")
def test_the_same_lock_gives_the_same_package_and_image_under_the_newest_nix(tmp_path):
    project = tmp_path / "project"
    shutil.copytree(CHECKOUT / "templates" / "custom-flask", project)
    here = json.loads(output(sys.executable, "-m", "modelpack", "build", project, "--json", "-o", tmp_path / "result"))
    copies = [word for path in artifacts(project / "modelpack.lock.json") for word in ("--copy", path)]
    tree = (CHECKOUT / "scripts" / "nix-in-suite", "sid", "--venv", "--offline", "--scratch", project, *copies)
    build = ("/venv/bin/python", "-m", "modelpack", "build", "/scratch", "-o", "/scratch/result", "--locked", "--json")
    there = json.loads(output(*tree, "--", *build))
    assert {key: there[key] for key in SAME} == {key: here[key] for key in SAME}
