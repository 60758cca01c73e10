"""Asks ``modelpack check --static`` of projects whose requirements an index of this machine has."""

from __future__ import annotations

import io
import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import example_project
import pytest

from modelpack import cli, lockfile
from modelpack.loading.inputs import load


def without_settings(monkeypatch, folder):
    """Forget the settings of this machine, and keep the cache below the folder."""
    for name in [name for name in os.environ if name.startswith("MODELPACK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MODELPACK_CACHE", str(folder / "cache"))


def write_stale_lock(spec_path, folder):
    """Give a spec a lock whose base is right and whose requirements are not, so that no Debian archive is asked."""
    spec = load(spec_path)
    lock = example_project.lock_of(spec, example_project.machine(folder))
    lock = replace(lock, digests=replace(lock.digests, python="stale"), python=replace(lock.python, wheels=()))
    lockfile.write(lock, spec.lock_path)


def check(monkeypatch, capsys, *arguments):
    """Give the exit code and all that is said."""
    monkeypatch.setattr("sys.argv", ["modelpack", "check", "--static", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return f"exit code {ended.value.code}\n{said.out}{said.err}"


def make_sdist(folder, name, version, *, requires=()):
    """Write a source archive whose metadata says that it need not be built to be read."""
    path = Path(folder, f"{name.replace('-', '_')}-{version}.tar.gz")
    fields = ["Metadata-Version: 2.2", f"Name: {name}", f"Version: {version}"]
    fields += [f"Requires-Dist: {text}" for text in requires]
    with tarfile.open(path, "w:gz") as archive:
        for file, text in {"PKG-INFO": "\n".join(fields), "pyproject.toml": "[build-system]\nrequires = []\n"}.items():
            info = tarfile.TarInfo(f"{path.name.removesuffix('.tar.gz')}/{file}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


def write(folder, files):
    """Write files by path; a value that is no text is written as JSON, which YAML is too."""
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
