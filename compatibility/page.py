"""The page of results: written, and read again by the test that holds it against a new run."""

from __future__ import annotations

import datetime as dt
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import modelpack

_HEAD = """\
# Compatibility

<!-- Written by compatibility/run.py. -->

Published examples, each given to `modelpack build` as it is. What they name and do not carry (models, scripts, values
for placeholders) was filled in by [recipes](../compatibility/recipes.yaml). *Builds and answers* means that the real
server answered a request in the sandbox, without network, or that the job wrote its rows; *builds and is ready*, that
there is no request to send, and the server's readiness route answered; *builds unchecked*, that a job has no sample
inputs; everything else is refused with the reason that is quoted. Seconds are of one run each, on a machine with other
work, which found in its caches what examples before it had brought. Pythons that no Debian suite has were given as
interpreter tarballs. Hosts of registries are left out.

```sh
python compatibility/run.py FOLDER       # tries everything below it and writes this page
```

"""
_ROW = re.compile(
    r"^\| `(?P<path>[^`]+)` \| (?P<kind>[^|]+) \| (?P<verdict>[^|]+) \| (?P<seconds>\d+) \| (?P<said>.*) \|$"
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How one example ended."""

    path: str
    kind: str
    verdict: str
    """``builds and answers``, ``builds and is ready``, ``builds unchecked`` or ``refused``."""
    seconds: int
    said: str
    """The reason of a refusal, or the warnings of a build."""


def write(page: Path, outcomes: list[Outcome], left: dict[str, list[str]], filled: list[str]) -> None:
    """Write the page.

    Args:
        page: where to.
        outcomes: of what was tried.
        left: why examples were not tried -> their paths.
        filled: what was done to make the examples complete.
    """
    lines = [
        _HEAD + _how_made(outcomes),
        "",
        "| example | kind | verdict | s | warnings, or the reason |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{item.path}` | {item.kind} | {item.verdict} | {item.seconds} | {_cell(item.said)} |" for item in outcomes
    ]
    lines += ["", "## Not tried", ""]
    for reason, paths in sorted(left.items()):
        lines += [f"{reason[0].upper()}{reason[1:]}:", "", *(f"- `{path}`" for path in paths), ""]
    lines += ["## Filled in", "", *(f"- `{line.partition(': ')[0]}`: {line.partition(': ')[2]}" for line in filled)]
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _how_made(outcomes: list[Outcome]) -> str:
    nix = subprocess.run(["nix-build", "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
    today = dt.datetime.now(tz=dt.UTC).date()
    counts = {
        name: sum(item.verdict == name for item in outcomes) for name in sorted({item.verdict for item in outcomes})
    }
    total = ", ".join(f"{count} {name}" for name, count in counts.items())
    return (
        f"Made on {today} with modelpack {modelpack.__version__}, Nix {nix}, on {platform.machine()}.\n"
        f"Of {len(outcomes)} examples: {total}."
    )


def read(page: Path) -> dict[str, Outcome]:
    """Read the results of a page, by path."""
    rows = (_ROW.match(line) for line in page.read_text(encoding="utf-8").splitlines())
    return {
        row["path"]: Outcome(
            path=row["path"],
            kind=row["kind"],
            verdict=row["verdict"],
            seconds=int(row["seconds"]),
            said=_text(row["said"]),
        )
        for row in rows
        if row
    }


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")


def _text(cell: str) -> str:
    return cell.replace("<br>", "\n").replace("\\|", "|")
