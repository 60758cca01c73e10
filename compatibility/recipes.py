"""Fills in what published examples leave out: values for placeholders, scripts, models trained on the spot."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
_TEXTS = {".yml", ".yaml"}


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A file that examples name and do not carry."""

    below: str
    """Pattern of the folders that it is missing from."""
    file: str
    """Path below such a folder."""
    copy: str | None = None
    """A file here that takes its place."""
    take: str | None = None
    """A file or folder among the examples that does."""
    text: str | None = None
    """What it says."""
    train: str | None = None
    """A program here that writes it; its one argument is the path."""
    python: str | None = None
    """Version that trains."""
    requirements: tuple[str, ...] = ()
    """What the program needs, in the versions that the example names."""


@dataclass(frozen=True, kw_only=True)
class Recipes:
    """All of ``recipes.yaml``."""

    placeholders: dict[str, str] = field(default_factory=dict)
    files: tuple[Missing, ...] = ()
    arguments: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Pattern of examples, and what the command line says beside their path."""

    def arguments_for(self, path: str) -> tuple[str, ...]:
        """Give the arguments of the first pattern that an example matches."""
        return next((words for pattern, words in self.arguments if Path(path).match(pattern)), ())


def read(path: Path = HERE / "recipes.yaml") -> Recipes:
    """Read recipes."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Recipes(
        placeholders=content["placeholders"],
        files=tuple(
            Missing(**{**item, "requirements": tuple(item.get("requirements", ()))}) for item in content["files"]
        ),
        arguments=tuple((item["path"], tuple(item["say"])) for item in content["arguments"]),
    )


def replace_placeholders(root: Path, recipes: Recipes) -> None:
    """Give the YAML files of a copy of examples values where they leave them to the reader."""
    for file in sorted(root.rglob("*")):
        if file.suffix.lower() in _TEXTS:
            _replace(file, recipes.placeholders)


def fill(root: Path, recipes: Recipes) -> Iterator[str]:
    """Give a copy of examples the files that they lack; gives what was done, a line each."""
    for item in recipes.files:
        for folder in sorted(path for path in root.glob(item.below) if path.is_dir()):
            place = folder / item.file
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                yield f"{place.relative_to(root)}: {_make(item, place, root)}"


def _replace(file: Path, placeholders: dict[str, str]) -> None:
    text = old = file.read_text(encoding="utf-8")
    for placeholder, value in placeholders.items():
        text = text.replace(placeholder, value)
    if text != old:
        file.write_text(text, encoding="utf-8")


def _make(item: Missing, place: Path, root: Path) -> str:
    """Make what is missing; say how."""
    if item.text is not None:
        place.write_text(item.text, encoding="utf-8")
        return "written"
    if item.copy is not None:
        shutil.copy(HERE / item.copy, place)
        return f"a copy of {item.copy}"
    if item.take is not None:
        if not (root / item.take).exists():
            return f"not to be had: {item.take}"
        copy: Any = shutil.copytree if (root / item.take).is_dir() else shutil.copy
        copy(root / item.take, place)
        return f"a copy of {item.take}"
    return _train(item, place)


def _interpreter(version: str | None) -> str:
    """Give a Python of a version, of pyenv's when it has one; uv looks for others itself."""
    if version is None:
        return sys.executable
    own = Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")
    return str(next(own, version))


def _train(item: Missing, place: Path) -> str:
    """Let the program run in the versions that are named, or else in those of today."""
    named = (item.requirements, item.python)
    today = (tuple(text.split("==")[0] for text in item.requirements), None)
    for requirements, python in (named, today):
        command = ["uv", "run", "--no-project", "--isolated", "--quiet", "--python", _interpreter(python)]
        for requirement in requirements:
            command += ["--with", requirement]
        done = subprocess.run([*command, HERE / str(item.train), place], check=False, capture_output=True, text=True)
        if done.returncode == 0:
            versions = f"{', '.join(requirements)} on Python {python or sys.version.split()[0]}"
            return f"trained with {versions}"
    return f"could not be trained: {done.stderr.strip().splitlines()[-1]}"
