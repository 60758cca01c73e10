"""What the command line adds to an input."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What a user says beside an input that leaves it open."""

    assets: Path | None = None
    """Folder with the Azure ML files that ``azureml:`` references are looked up in."""
    model: str | None = None
    """The model of inputs that name none: a path, or a reference such as ``azureml:NAME:VERSION``."""
    name: str | None = None
    """Name of the package, in place of the one that follows from the input."""
    request: Path | None = None
    """Sample request, for inputs that say nothing of a check."""
