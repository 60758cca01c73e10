"""What modelpack has set itself, held against what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from figures import Figures
from steps import CODE, COLD, EXPORTS, NO_OP, OCI, SERVED

US = "modelpack"
BUILDAH = "buildah + pip"
UV = "uv + tar + zstd"
CHECK = "check"
_QUICK = 0.5  # seconds
_MEMORY = 200_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Aim:
    """One aim and what became of it."""

    text: str
    measured: str
    met: bool


def judge(figures: Figures) -> Iterator[Aim]:
    """Give every aim for which there is a figure; where it is for any size of weights, the worst counts."""
    yield from _quick(figures, NO_OP, "no-op rebuild", None)
    yield from _quick(figures, CODE, "code-only change, check aside", CHECK)
    yield from _cold(figures)
    yield from _exports(figures)
    first = figures.weights[0] if figures.weights else 0.0
    ours, theirs = figures.size(US, OCI, first), figures.size(UV, COLD, first)
    if ours and theirs:
        yield Aim(
            text=f"image no larger than {UV}, base included",
            measured=f"{ours / 1e6:.1f} MB against {theirs / 1e6:.1f} MB",
            met=ours <= theirs,
        )
    yield from _memory(figures)


def _quick(figures: Figures, step: str, name: str, aside: str | None) -> Iterator[Aim]:
    seconds = {weights: figures.seconds(US, step, weights, aside=aside) for weights in figures.weights}
    worst = max((value for value in seconds.values() if value is not None), default=None)
    if worst is not None:
        yield Aim(text=f"{name} under {_QUICK} s", measured=f"at most {worst:.2f} s", met=worst < _QUICK)
    pairs = {weights: (value, figures.seconds(BUILDAH, step, weights)) for weights, value in seconds.items()}
    whole = {weights: (ours, theirs) for weights, (ours, theirs) in pairs.items() if ours and theirs}
    if whole:
        ours, theirs = max(whole.values(), key=lambda pair: pair[0] / pair[1])
        yield Aim(
            text=f"{name} faster than {BUILDAH}", measured=f"{ours:.2f} s against {theirs:.2f} s", met=ours < theirs
        )


def _cold(figures: Figures) -> Iterator[Aim]:
    first = figures.weights[0] if figures.weights else 0.0
    ours = figures.seconds(US, COLD, first)
    rules: tuple[tuple[str, str, Callable[[float], bool]], ...] = (
        (UV, f"cold build at most 1.3 times {UV}, base included", lambda ratio: ratio <= 1.3),
        (BUILDAH, f"cold build at most half of {BUILDAH}", lambda ratio: ratio <= 0.5),
    )
    for peer, text, rule in rules:
        theirs = figures.seconds(peer, COLD, first)
        if ours and theirs:
            ratio = ours / theirs
            measured = f"{ratio:.2f} times: {ours:.1f} s against {theirs:.1f} s"
            aside = figures.seconds(US, COLD, first, aside=CHECK)
            if aside is not None and aside != ours:
                measured += f" ({aside / theirs:.2f} times with the check aside, which nobody else makes)"
            yield Aim(text=text, measured=measured, met=rule(ratio))


def _exports(figures: Figures) -> Iterator[Aim]:
    for step in EXPORTS:
        for weights in figures.weights[1:]:
            share = figures.share(US, step, weights, "reading")
            if share is not None:
                possible = figures.share(US, step, weights, "copying")
                copying = f" ({possible:.0%} of reading, hashing and writing)" if possible is not None else ""
                yield Aim(
                    text=f"{step} with {weights:g} GB at 70 % or more of reading and hashing alone",
                    measured=f"{share:.0%}{copying}",
                    met=share >= 0.7,
                )


def _memory(figures: Figures) -> Iterator[Aim]:
    ours = [run for run in figures.runs if run.tool == US and run.step not in SERVED]
    if not ours:
        return
    worst = max(ours, key=lambda run: run.peak_bytes)
    yield Aim(
        text=f"memory below {_MEMORY / 1e6:.0f} MB at any size of the model, the checked server aside",
        measured=f"at most {worst.peak_bytes / 1e6:.0f} MB ({worst.step}, {worst.weights:g} GB)",
        met=worst.peak_bytes < _MEMORY,
    )
