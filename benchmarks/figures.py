"""What was measured, as data: kept as JSON, asked for medians."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Literal

from steps import Result

Least = Literal["reading", "copying"]
"""The least one can do with exported bytes: read and hash them, or write them to a new file as well."""
LEAST: tuple[Least, ...] = ("reading", "copying")


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One step of one tool, once."""

    tool: str
    step: str
    weights: float
    """GB of weights in the content."""
    repetition: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    parts: Mapping[str, float]
    """Seconds of what the step consists of, by name."""
    size: int | None
    """Bytes of the image."""
    reading: float | None
    """Seconds that one process takes to read and hash the same bytes."""
    copying: float | None
    """Seconds to write them to a new file as well."""


@dataclass(kw_only=True, slots=True)
class Figures:
    """Everything that one run of the benchmarks found out."""

    machine: Mapping[str, str]
    content: Mapping[str, int]
    """Counts and bytes of the inputs."""
    load: list[float] = field(default_factory=list)
    """Load of the machine before each repetition, when nothing was measured for a while."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Why a tool was not measured, by its name."""
    commands: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """By tool and step."""
    limits: list[Mapping[str, float]] = field(default_factory=list)
    """MB/s by name, once a repetition."""
    runs: list[Run] = field(default_factory=list)

    def add(self, tool: str, step: str, weights: float, repetition: int, result: Result) -> Run:
        """Keep one result."""
        run = Run(
            tool=tool,
            step=step,
            weights=weights,
            repetition=repetition,
            seconds=result.usage.seconds,
            cpu_seconds=result.usage.cpu_seconds,
            peak_bytes=result.usage.peak_bytes,
            parts=result.parts,
            size=result.size,
            reading=result.reading.seconds if result.reading else None,
            copying=result.copying.seconds if result.copying else None,
        )
        self.runs.append(run)
        return run

    def of(self, tool: str, step: str, weights: float) -> list[Run]:
        """Give all repetitions of a step."""
        return [run for run in self.runs if (run.tool, run.step, run.weights) == (tool, step, weights)]

    def seconds(self, tool: str, step: str, weights: float, *, aside: str | None = None) -> float | None:
        """Give the median wall time, less that of a part; None when it was not measured."""
        found = [run.seconds - run.parts.get(aside or "", 0.0) for run in self.of(tool, step, weights)]
        return median(found) if found else None

    def part(self, tool: str, step: str, weights: float, name: str) -> float | None:
        """Give the median of a part's seconds; None when there is none."""
        found = [run.parts[name] for run in self.of(tool, step, weights) if name in run.parts]
        return median(found) if found else None

    def peak(self, tool: str, step: str, weights: float) -> int | None:
        """Give the highest peak of memory in bytes."""
        return max((run.peak_bytes for run in self.of(tool, step, weights)), default=None)

    def size(self, tool: str, step: str, weights: float) -> int | None:
        """Give the bytes of the image."""
        return max((run.size for run in self.of(tool, step, weights) if run.size is not None), default=None)

    def least(self, tool: str, step: str, weights: float, what: Least) -> float | None:
        """Give the median seconds that the least one can do with the exported bytes takes."""
        found = [getattr(run, what) for run in self.of(tool, step, weights)]
        return median(found) if found and None not in found else None

    def share(self, tool: str, step: str, weights: float, what: Least) -> float | None:
        """Give how fast an export is, as a share of the least one can do with its bytes; the median of all."""
        found = [getattr(run, what) / run.seconds for run in self.of(tool, step, weights) if getattr(run, what)]
        return median(found) if found else None

    @property
    def weights(self) -> Sequence[float]:
        """Give the sizes of weights, smallest first."""
        return sorted({run.weights for run in self.runs})

    def write(self, path: Path) -> None:
        """Keep everything as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Figures:
    """Read what ``Figures.write`` kept."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return Figures(**{**data, "runs": [Run(**run) for run in data["runs"]]})
