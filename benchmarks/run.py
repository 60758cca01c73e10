"""Measures modelpack beside what people use instead, for the same content, in one run."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import content as contents
import figures as kept
import limits
import machine
import measure
import peers
import product
import report
from steps import AT_FIRST, CODE, UNCHECKED, WEIGHTS, WITH_WEIGHTS, Tool, size_of
from workplace import free, work_folder

PAGE = Path(__file__).resolve().parent.parent / "docs/benchmarks.md"
LIMITS = "limits"
TOOLS: Mapping[str, Callable[[contents.Content], Tool]] = {
    "modelpack": product.Modelpack,
    "buildah": peers.Buildah,
    "uv": peers.Uv,
}
_DISK = 7  # copies of the largest weights that are on the disk at the worst moment
_REST = 6  # GB for everything else


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to measure."""

    only: Sequence[str]
    """Of ``TOOLS`` and ``LIMITS``."""
    repeat: int
    weights: Sequence[float]
    """GB."""
    requirements: Sequence[str]
    """Beside the starter's."""
    limit_size: int
    """MB that the machine's limits are measured with."""


class Session:
    """One run of the benchmarks."""

    def __init__(self, plan: Plan, cache: Path, work: Path) -> None:
        self._plan = plan
        self._work = work
        self._seeds = itertools.count(1)
        say("preparing: lock, wheels, Debian packages")
        self._content = contents.prepare(cache, work, plan.requirements)
        self._places = {str(work): "WORK", str(cache): "CACHE", str(Path(sys.executable).parent): "BIN"}
        self.figures = kept.Figures(machine=machine.describe(work), content=_inputs(self._content))
        self._tools = dict(self._usable())

    def measure(self) -> None:
        """Measure everything."""
        for number in range(self._plan.repeat):
            self.figures.load.append(machine.load())
            if LIMITS in self._plan.only:
                self._limits()
            with self._begun(self._work / f"repetition-{number}") as tools:
                self._repetition(number, tools)

    def _usable(self) -> Iterator[tuple[str, Callable[[contents.Content], Tool]]]:
        for name, tool in TOOLS.items():
            reason = peers.missing(name)
            if name in self._plan.only and reason is None:
                yield name, tool
            elif name in self._plan.only:
                self.figures.left_out[name] = str(reason)

    @contextlib.contextmanager
    def _begun(self, folder: Path) -> Iterator[list[Tool]]:
        """Make all tools ready to start from nothing, and free the disk at the end."""
        self._content.reset()
        folder.mkdir()
        tools = [tool(self._content) for tool in self._tools.values()]
        try:
            for name, tool in zip(self._tools, tools, strict=True):
                tool.begin(folder / name)
            yield tools
        finally:
            for tool in tools:
                tool.end()
            free(folder)

    def _repetition(self, number: int, tools: Sequence[Tool]) -> None:
        self._steps(number, tools, contents.START / 1e9, AT_FIRST)
        for weights in self._plan.weights if tools else ():
            self._steps(number, tools, weights, WITH_WEIGHTS)

    def _steps(self, number: int, tools: Sequence[Tool], weights: float, steps: Sequence[str]) -> None:
        for index, step in enumerate(steps):
            if step == CODE:
                self._content.change_code(number)
            elif step in (WEIGHTS, UNCHECKED):
                self._content.change_weights(round(weights * 1e9), seed=next(self._seeds))
            turn = (number + index) % max(1, len(tools))
            for tool in (*tools[turn:], *tools[:turn]):
                self._step(number, tool, weights, step)

    def _step(self, number: int, tool: Tool, weights: float, step: str) -> None:
        work = tool.steps().get(step)
        if work is None:
            return
        result = work()
        run = self.figures.add(tool.name, step, weights, number, result)
        commands = [machine.shown(command, self._places) for command in result.commands]
        self.figures.commands.setdefault(tool.name, {}).setdefault(step, commands)
        say(f"{number + 1}/{self._plan.repeat} {weights:g} GB  {step:20} {tool.name:16} {run.seconds:7.2f} s")

    def _limits(self) -> None:
        say("measuring the machine's limits")
        size = str(self._plan.limit_size)
        found = json.loads(measure.quietly([sys.executable, limits.__file__, str(self._work), size]))
        archive = self._work / "base.tar"
        measure.quietly(["tar", "-C", str(self._content.base), "-cf", str(archive), "."])
        for threads in (1, 2):
            usage, _ = measure.run(["zstd", "-q", "-3", f"-T{threads}", "-f", str(archive), "-o", "/dev/null"], {})
            found[f"zstd -3 of the base, -T{threads}"] = archive.stat().st_size / 1e6 / usage.seconds
        self.figures.limits.append(found)


def _inputs(content: contents.Content) -> dict[str, int]:
    return {
        "wheels": len(list(content.wheels.iterdir())),
        "wheel_bytes": size_of(content.wheels),
        "debs": len(list(content.debs.iterdir())),
        "deb_bytes": size_of(content.debs),
    }


def say(text: str) -> None:
    """Tell what goes on."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run from the command line."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing is left behind
    if arguments.read:
        figures = kept.read(arguments.read)
    else:
        cache = arguments.cache.absolute()
        cache.mkdir(parents=True, exist_ok=True)
        try:
            figures = _measure(_plan(arguments), cache, arguments.json or cache / "results.json")
        except measure.CommandError as error:
            sys.exit(f"run.py: {error}")
    print(report.text(figures))
    if arguments.write:
        PAGE.write_text(report.page(figures), encoding="utf-8")
        say(f"page: {PAGE}")


def _measure(plan: Plan, cache: Path, target: Path) -> kept.Figures:
    """Measure, and keep the figures in ``target``, those of a run that is stopped as well."""
    wanted, available = max(plan.weights, default=0) * _DISK + _REST, shutil.disk_usage(cache).free / 1e9
    if available < wanted:
        sys.exit(
            f"run.py: {wanted:.0f} GB are needed below {cache}, {available:.0f} GB are free (smaller: --weights 1)"
        )
    with work_folder(cache) as work:
        session = Session(plan, cache, work)
        try:
            session.measure()
        finally:
            session.figures.write(target)
            say(f"figures: {target}")
    return session.figures


def _plan(arguments: argparse.Namespace) -> Plan:
    quick = arguments.quick
    return Plan(
        only=arguments.only or (*TOOLS, LIMITS),
        repeat=arguments.repeat or (1 if quick else 3),
        weights=((0.05,) if quick else (1.0, 4.0)) if arguments.weights is None else arguments.weights,
        requirements=() if quick else ("pandas",),
        limit_size=64 if quick else 1024,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=(*TOOLS, LIMITS), help="measure these alone")
    parser.add_argument("--repeat", type=int, metavar="N", help="repetitions (3)")
    parser.add_argument("--weights", type=_sizes, metavar="GB,...", help="sizes of weights (1,4)")
    parser.add_argument("--quick", action="store_true", help="small sizes, once: to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go (CACHE/results.json)")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--read", type=Path, metavar="FILE", help="measure nothing: show the figures of this file")
    parser.add_argument("--cache", type=Path, default=_cache(), help="what is kept, and where the work is done")
    arguments = parser.parse_args()
    if arguments.write and arguments.quick:
        parser.error("--write: figures of --quick say nothing")
    return arguments


def _sizes(text: str) -> tuple[float, ...]:
    return tuple(sorted(float(word) for word in text.split(",") if word))


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelpack-benchmarks"


if __name__ == "__main__":
    main()
