"""Every kind of finding, by its stable code: what it means and what to do.

The pages of ``docs/findings`` are made of this. A code that was once given keeps its meaning.

| codes | about |
|---|---|
| MP1xx | what is written: the spec and the files that it names |
| MP2xx | Python requirements |
| MP3xx | the code |
| MP4xx | the server, its variables and places |
| MP5xx | weights |
| MP6xx | what is built, and for which machine |
| MP7xx | the server that was started |
| MP9xx | this machine |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from modelpack.errors import ModelpackError

_TEXTS = Path(__file__).with_name("codes.txt")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of finding."""

    code: str
    severity: str
    """That it usually has: ``error``, ``warning`` or ``note``."""
    title: str
    meaning: str
    remedy: str
    firm: bool = False
    """Nothing can go on from it, so that a spec cannot silence it."""


@cache
def kinds() -> dict[str, Kind]:
    """Give all kinds by code, sorted."""
    _, *blocks = re.split(r"\n(?=MP\d\d\d )", _TEXTS.read_text(encoding="utf-8").strip())
    return {kind.code: kind for kind in map(_kind, blocks)}


def kind(code: str) -> Kind:
    """Give one kind, whatever the letter case of its code.

    Raises:
        ModelpackError: there is none.
    """
    found = kinds().get(code.upper())
    if found is None:
        near = get_close_matches(code.upper(), kinds(), 1, 0.6)
        hint = f"did you mean {near[0]}?" if near else "modelpack explain lists them"
        raise ModelpackError(f"no finding has this code: {code}", hint=hint)
    return found


def _kind(text: str) -> Kind:
    head, meaning, remedy = text.strip().split("\n\n")
    code, severity, title = head.split(" ", 2)
    return Kind(
        code=code,
        severity=severity.rstrip("!"),
        firm=severity.endswith("!"),
        title=title,
        meaning=" ".join(meaning.split()),
        remedy=" ".join(remedy.split()),
    )


def page(kind: Kind) -> str:
    """Give the page of a kind, in Markdown."""
    if kind.firm:
        silence = "Nothing can go on from this, so a spec cannot silence it."
    else:
        silence = (
            f"When it is meant, say so in the spec, with the reason:\n\n"
            f"```yaml\nfindings: {{ignore: [{{code: {kind.code}, reason: why it is meant}}]}}\n```"
        )
    return (
        f"# {kind.code}: {kind.title}\n\nUsually: {kind.severity}\n\n{kind.meaning}\n\n"
        f"## What to do\n\n{kind.remedy}\n\n## Silencing\n\n{silence}\n"
    )
