"""What people see: progress on standard error while something runs, results on standard output."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from modelpack.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from modelpack.errors import ModelpackError


class Console:
    """Progress for people: bars on a terminal, nothing but warnings into a pipe."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._live = sys.stderr.isatty() and not quiet and os.environ.get("TERM") != "dumb"
        self._quiet = quiet
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}

    def note(self, text: str) -> None:
        """Say a line on standard error, above the bars."""
        if self._quiet:
            return
        if self._bars is not None:
            self._bars.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr)

    def start(self, task: str, *, total: int | None = None, unit: str = "B") -> None:
        """Show a bar for a task, or a spinner when its size is not known."""
        if not self._live:
            return
        if self._bars is None:
            self._bars = _new_bars()
            self._bars.start()
        if task not in self._tasks:
            self._tasks[task] = self._bars.add_task(task, total=total, bytes=unit == "B", unit=unit)

    def advance(self, task: str, amount: int) -> None:
        """Move a bar on."""
        if self._bars is not None and task in self._tasks:
            self._bars.advance(self._tasks[task], amount)

    def finish(self, task: str) -> None:
        """Take a bar away."""
        if self._bars is not None and task in self._tasks:
            self._bars.remove_task(self._tasks.pop(task))

    def close(self) -> None:
        """Take all bars away, before results or errors are printed."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
            self._tasks.clear()


def _new_bars() -> Bars:
    # rich costs 50 ms to import, so only who watches pays.
    from rich.console import Console as RichConsole  # noqa: PLC0415
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    class Amount(ProgressColumn):
        def render(self, task: Any) -> Text:  # noqa: ANN401 - rich's own type
            done, total = int(task.completed), task.total
            if not task.fields.get("bytes"):
                return Text(f"{done}/{int(total)} {task.fields['unit']}" if total else "")
            of = f"/{size(int(total))}" if total else ""
            rate = f"  {size(int(task.speed))}/s" if task.speed else ""
            return Text(f"{size(done)}{of}{rate}")

    columns = (SpinnerColumn("line"), TextColumn("{task.description}", markup=False), BarColumn(24), Amount())
    return Progress(*columns, console=RichConsole(stderr=True), transient=True)


def size(count: float) -> str:
    """Give bytes in the unit that people read, decimal as disks and registries count."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def seconds(value: float) -> str:
    """Give a time as people read it."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def table(rows: Iterable[Sequence[str]], *, indent: str = "  ", right: frozenset[int] = frozenset()) -> str:
    """Give rows as aligned columns; those numbered in ``right`` are aligned right."""
    lines = [list(row) for row in rows]
    if not lines:
        return ""
    widths = [max(len(row[column]) for row in lines) for column in range(len(lines[0]))]
    cells = (
        (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in lines
    )
    return "\n".join((indent + "  ".join(row)).rstrip() for row in cells)


def print_json(value: object) -> None:
    """Print one JSON value, for machines."""
    # There is no standard output when it was closed before the start.
    utf8 = sys.stdout is None or sys.stdout.encoding.lower() in ("utf-8", "utf8")
    print(json.dumps(value, indent=2, ensure_ascii=not utf8))


def print_error(error: ModelpackError) -> None:
    """Print an error as people read it: what, the details, what to do."""
    from modelpack.findings import report  # noqa: PLC0415 - only for errors

    if isinstance(error, SpecError):
        print(report.text(report.of_error(error), report.width()), file=sys.stderr)
        return
    code = f" {error.code}" if error.code in report.EXPLAINED else ""
    print(f"error{code}: {error.message}", file=sys.stderr)
    for line in error.details:
        print(f"  {line}", file=sys.stderr)
    if error.hint:
        print(f"\nhint: {error.hint}", file=sys.stderr)
