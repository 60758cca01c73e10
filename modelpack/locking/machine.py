"""What locking needs of a machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from modelpack.progress import Progress
from modelpack.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """Where to look, where to keep and whom to tell."""

    settings: Settings
    cache: Path
    progress: Progress
    sandbox: bool = True
    """False builds from source without Nix's sandbox."""
