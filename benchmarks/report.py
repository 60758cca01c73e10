"""Tables of what was measured, and the page about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from aims import BUILDAH, CHECK, US, UV, judge
from figures import LEAST, Figures
from steps import AT_FIRST, COLD, EXPORTS, OCI, OCI_GZIP, WITH_WEIGHTS

TOOLS = (US, BUILDAH, UV)
_NOTHING = "-"

_PAGE = """\
# Benchmarks

This page is written by `benchmarks/run.py --write`; no figure here is typed by hand.

## What is measured

A scikit-learn model behind Azure's inference server ([templates/sklearn-azureml](../templates/sklearn-azureml),
with pandas): {wheels} wheels ({wheel_mb} MB) and {debs} Debian packages ({deb_mb} MB), all as local files and the
same files for everyone, and a file of pseudo-random weights of {start} at first.

- **{us}** builds everything from those files: the tools, the base, the environment, the check by the real server,
  the layers and their digests. Its Nix store holds the artifacts and nothing that was built.
- **{buildah}** begins with an image of the same Debian packages, which is not measured; it checks nothing.
- **{uv}** unpacks the same Debian packages and installs the wheels with bytecode; it has no layers, so that every
  change makes the whole tarball again. It checks nothing.

The tools take turns, step by step, {repetitions}, each beginning from nothing. A time is that of whole processes from
start to end, as the median of the repetitions; before each, everything written earlier is on the disk, and what is
read is in the page cache. Memory is the resident memory of the largest process at its peak, in any repetition. Where
{us} checks, that may be the server under check; an unchecked step is there to see what {us} itself needs.
{left_out}
## The aims

{aims}

## Time

{seconds}

Of which, for {us}, stage by stage at a cold build, in seconds:

{stages}

## Export

Beside each stands the least one can do with the bytes that {us} wrote, just after it wrote them: one process that
reads and hashes them, and one that also writes them to a new file. No export can be much faster than the second.

{exports}

## Image size

{sizes}

## Peak memory

{memory}

## The machine

{machine}

What it can do at all, in MB/s, measured in the same run:

{limits}

## The commands

Names in capitals stand for folders.

{commands}

## Run it again

```
make bench                                      # everything, then this page; needs root for {buildah}
.venv/bin/python benchmarks/run.py --quick      # small sizes, once: does it run?
.venv/bin/python benchmarks/run.py --help       # choose tools, sizes of weights, repetitions
```

The machine should be quiet: its load before each repetition was {load}.
"""


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    """Lay out a table that reads well as text and as Markdown; all columns but the first ``texts`` are figures."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    rule = ["-" * width if column < texts else "-" * (width - 1) + ":" for column, width in enumerate(widths)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column < texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    return "\n".join(line(cells) for cells in (header, rule, *rows))


def seconds(figures: Figures) -> str:
    """Give the wall times of all steps, side by side."""
    header = ["step", "weights", *(f"{tool}, s" for tool in TOOLS), "of buildah's", "of uv's"]
    rows = []
    for step, weights in _steps(figures):
        found = [figures.seconds(tool, step, weights) for tool in TOOLS]
        if all(value is None for value in found):
            continue
        cells = [_NOTHING if value is None else f"{value:.2f}" for value in found]
        if (check := figures.part(US, step, weights, CHECK)) and found[0]:
            cells[0] += f" (check aside {found[0] - check:.2f})"
        rows.append([step, _weight(weights), *cells, _ratio(found[0], found[1]), _ratio(found[0], found[2])])
    return table(header, rows)


def exports(figures: Figures) -> str:
    """Give the throughput of exports, and the share it is of the least that one can do with the bytes."""
    header = ["export", "weights", "MB", f"{US}, s", "MB/s", "read, hash, s", "share", "and write, s", "share"]
    rows = []
    for step in EXPORTS:
        for weights in figures.weights:
            at = (US, step, weights)
            time, size = figures.seconds(*at), figures.size(*at)
            if time is None or size is None:
                continue
            row = [step, _weight(weights), f"{size / 1e6:.0f}", f"{time:.2f}", f"{size / 1e6 / time:.0f}"]
            for what in LEAST:
                row += [f"{figures.least(*at, what) or 0:.2f}", f"{figures.share(*at, what) or 0:.0%}"]
            rows.append(row)
    return table(header, rows)


def sizes(figures: Figures) -> str:
    """Give the bytes of images."""
    wanted = (
        (f"{US}, zstd layers", US, OCI),
        (f"{BUILDAH}, zstd layers", BUILDAH, OCI),
        (f"{BUILDAH}, gzip layers", BUILDAH, OCI_GZIP),
        (f"{UV}, one tarball", UV, COLD),
    )
    first = figures.weights[0] if figures.weights else 0.0
    found = ((name, figures.size(tool, step, first)) for name, tool, step in wanted)
    return table(["image", "MB"], [[name, f"{size / 1e6:.1f}"] for name, size in found if size])


def memory(figures: Figures) -> str:
    """Give the peak memory of all steps."""
    rows = []
    for step, weights in _steps(figures):
        found = [figures.peak(tool, step, weights) for tool in TOOLS]
        if any(found):
            rows.append([step, _weight(weights), *(f"{peak / 1e6:.0f}" if peak else _NOTHING for peak in found)])
    return table(["step", "weights", *(f"{tool}, MB" for tool in TOOLS)], rows)


def aims(figures: Figures) -> str:
    """Give every aim, what was measured, and whether it is met."""
    return table(
        ["aim", "measured", "met"],
        [[aim.text, aim.measured, "met" if aim.met else "**not met**"] for aim in judge(figures)],
        texts=3,
    )


def limits(figures: Figures) -> str:
    """Give what the machine can do at all."""
    names = list(dict.fromkeys(name for found in figures.limits for name in found))
    rows = [[name, f"{median(found[name] for found in figures.limits if name in found):.0f}"] for name in names]
    return table(["what", "MB/s"], rows)


def stages(figures: Figures) -> str:
    """Give the seconds of each stage of modelpack's cold build."""
    first = figures.weights[0] if figures.weights else 0.0
    names = dict.fromkeys(name for run in figures.of(US, COLD, first) for name in run.parts)
    return table(["stage", "s"], [[name, f"{figures.part(US, COLD, first, name) or 0:.2f}"] for name in names])


def text(figures: Figures) -> str:
    """Give everything for a terminal."""
    parts = (seconds(figures), exports(figures), sizes(figures), memory(figures), limits(figures), aims(figures))
    return "\n\n".join(part for part in parts if part.count("\n") > 1) + "\n" + _left_out(figures)


def page(figures: Figures) -> str:
    """Give docs/benchmarks.md."""
    return _PAGE.format(
        us=US,
        buildah=BUILDAH,
        uv=UV,
        wheels=figures.content["wheels"],
        wheel_mb=f"{figures.content['wheel_bytes'] / 1e6:.0f}",
        debs=figures.content["debs"],
        deb_mb=f"{figures.content['deb_bytes'] / 1e6:.0f}",
        start=_weight(figures.weights[0]),
        repetitions=_times(len(figures.load)),
        left_out=_left_out(figures),
        aims=aims(figures),
        seconds=seconds(figures),
        stages=stages(figures),
        exports=exports(figures),
        sizes=sizes(figures),
        memory=memory(figures),
        machine=table(["", ""], [list(item) for item in figures.machine.items()], texts=2),
        limits=limits(figures),
        commands="\n\n".join(_commands(figures)),
        load=", ".join(f"{load:.1f}" for load in figures.load),
    )


def _steps(figures: Figures) -> Iterator[tuple[str, float]]:
    for index, weights in enumerate(figures.weights):
        for step in WITH_WEIGHTS if index else AT_FIRST:
            yield step, weights


def _commands(figures: Figures) -> Iterator[str]:
    for tool, steps in figures.commands.items():
        yield f"{tool}:"
        shown: list[str] = []
        for step, commands in steps.items():
            new = [command for command in commands if command not in shown]
            shown += new
            if new:
                yield "\n".join([f"```sh\n# {step}", *new, "```"])


def _left_out(figures: Figures) -> str:
    return "".join(f"\nNot measured: {tool}: {reason}.\n" for tool, reason in figures.left_out.items())


def _ratio(ours: float | None, theirs: float | None) -> str:
    return f"{ours / theirs:.2f}" if ours and theirs else _NOTHING


def _weight(gigabytes: float) -> str:
    return f"{gigabytes:g} GB" if gigabytes >= 0.1 else f"{gigabytes * 1000:g} MB"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
