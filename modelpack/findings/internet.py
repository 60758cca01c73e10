"""What code wanted of the internet while the check gave it none, as findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelpack.errors import Problem

_KINDS = (
    ("hub", ("huggingface", "hf-mirror"), "put what it downloads into the model, and set HF_HUB_OFFLINE=1"),
    ("hub", ("tfhub", "kaggle", "googleapis"), "put what it downloads into the model"),
    ("hub", ("pytorch", "modelscope", "amazonaws", "github"), "put what it downloads into the model"),
    ("telemetry", ("posthog", "segment", "sentry", "scarf", "analytics"), ""),
    ("telemetry", ("applicationinsights", "telemetry", "usage"), ""),
    ("registry", ("pypi", "anaconda"), "list it in requirements"),
)
"""What hosts whose names have one of these in them are asked for, and what to do."""
_SAID = {"hub": "downloads from", "telemetry": "reports its use to", "registry": "asks for packages at"}


def problems(attempts: Iterable[Mapping[str, Any]], code: str) -> Iterator[Problem]:
    """Give a warning for each host that a line of code asked.

    Args:
        attempts: of the report of a check.
        code: how messages name the folder of the code.
    """
    for attempt in attempts:
        kind, hint = kind_of(attempt["host"])
        library = f" through {attempt['library']}" if attempt["library"] else ""
        where = f"{code}/{attempt['file']}:{attempt['line']}" if attempt["file"] else "server"
        message = f"{_SAID.get(kind, 'wants')} {attempt['host']}{library}, which is not there without the internet"
        yield Problem(where=where, message=message, hint=hint, severity="warning", code="MP309")


def kind_of(host: str) -> tuple[str, str]:
    """Give what a host is for, and what to do: ``hub``, ``telemetry``, ``registry``, or nothing that is known."""
    for kind, parts, hint in _KINDS:
        if any(part in host.lower() for part in parts):
            return kind, hint or "switch its telemetry off with a variable of the library"
    return "", "bring what it fetches into the package, as model or as input"
