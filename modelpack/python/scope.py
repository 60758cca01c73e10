"""Where the package indexes are found out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from modelpack.spec import Indexes


@dataclass(frozen=True, slots=True)
class Scope:
    """Where uv looks for settings, and what the user's files say of indexes."""

    folder: Path
    """uv reads ``uv.toml`` and ``pyproject.toml`` there and above; relative paths of settings begin there."""
    indexes: Indexes = field(default_factory=Indexes)
    cache: Path | None = None
    """Folder in which pages of indexes are kept for a while; None reads each anew."""
