"""How stages report what they do: one small interface, so that no stage prints."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Takes what long work has to say; the CLI shows it, tests keep it, ``Silent`` drops it."""

    def note(self, text: str) -> None:
        """Say one finished fact or warning, a line of its own."""

    def start(self, task: str, *, total: int | None = None, unit: str = "B") -> None:
        """Begin a task of ``total`` units (bytes unless said); None when the size is not known."""

    def advance(self, task: str, amount: int) -> None:
        """Count ``amount`` more units of a task that was begun. May be called from any thread."""

    def finish(self, task: str) -> None:
        """End a task."""


class Silent:
    """Drops everything."""

    def note(self, text: str) -> None:
        """Drop it."""

    def start(self, task: str, *, total: int | None = None, unit: str = "B") -> None:
        """Drop it."""

    def advance(self, task: str, amount: int) -> None:
        """Drop it."""

    def finish(self, task: str) -> None:
        """Drop it."""
