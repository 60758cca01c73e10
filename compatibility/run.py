"""Gives published examples to ``modelpack build`` and writes docs/compatibility.md.

python compatibility/run.py FOLDER [--only PATTERN]... [--page FILE] [--work FOLDER]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import examples
import page
import recipes

CHECKOUT = Path(__file__).parent.parent
_REGISTRY = re.compile(r"\b(?:[\w-]+\.)+(?:com|io)\b")
"""Hosts of images, which the page leaves out."""
_LIMIT = 1800
"""Seconds for one example."""


def main() -> None:
    """Try what is below the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with published examples; nothing is written into it")
    parser.add_argument("--only", action="append", metavar="PATTERN", help="examples to try; those of the page stay")
    parser.add_argument("--page", type=Path, default=CHECKOUT / "docs/compatibility.md")
    parser.add_argument("--work", type=Path, help="folder for the copies; a temporary one by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="compatibility-") as temporary:
        root = options.work or Path(temporary)
        found, filled = prepare(options.folder, root / "examples")
        tried = [example for example in found if example.why_not is None]
        outcomes = page.read(options.page) if options.only and options.page.exists() else {}
        for example in tried:
            if not options.only or any(Path(example.path).match(pattern) for pattern in options.only):
                outcomes[example.path] = attempt(example, root)
                print(f"{outcomes[example.path].verdict}: {example.path}", flush=True)
                done = [outcomes[item.path] for item in tried if item.path in outcomes]
                page.write(options.page, done, _left(found), filled)


def prepare(folder: Path, work: Path) -> tuple[list[examples.Example], list[str]]:
    """Copy examples, once, to where they can be completed; give them, and what was filled in."""
    known = recipes.read()
    notes = work.with_name("filled-in.json")
    if not notes.exists():
        shutil.copytree(folder, work, symlinks=True)
        subprocess.run(["chmod", "-R", "u+w", work], check=True)
        recipes.replace_placeholders(work, known)
        found = examples.find(work)
        text = json.dumps([[dataclasses.asdict(item) for item in found], list(recipes.fill(work, known))])
        notes.write_text(text, encoding="utf-8")
    items, filled = json.loads(notes.read_text(encoding="utf-8"))
    return [examples.Example(**item) for item in items], filled


def attempt(example: examples.Example, root: Path) -> page.Outcome:
    """Build one example, as a user does who stands beside it."""
    place = root / "examples" / example.path
    words = recipes.read().arguments_for(example.path)
    command = [
        sys.executable,
        "-m",
        "modelpack",
        "build",
        place.name,
        "--json",
        "-o",
        root / "result",
        *words,
    ]
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=place.parent,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
            check=False,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
        )
    except subprocess.TimeoutExpired:
        return _outcome(example, "refused", began, f"no end after {_LIMIT} seconds")
    said = _REGISTRY.sub("REGISTRY", _unwrapped(done.stderr))
    said = said.replace(f"{root.resolve()}/examples/", "").replace(f"{root}/examples/", "")
    if done.returncode != 0:
        return _outcome(example, "refused", began, _reason(said))
    built = json.loads(done.stdout)
    return _outcome(example, _verdict(built), began, _warnings(said))


def _verdict(built: dict[str, bool]) -> str:
    if not built["checked"]:
        return "builds unchecked"
    return "builds and answers" if built["answers"] else "builds and is ready"


def _outcome(example: examples.Example, verdict: str, began: float, said: str) -> page.Outcome:
    seconds = round(time.monotonic() - began)
    return page.Outcome(path=example.path, kind=example.kind, verdict=verdict, seconds=seconds, said=said)


def _unwrapped(text: str) -> str:
    """Put every finding on one line again, with what mends it in parentheses."""
    lines: list[str] = []
    for line in text.splitlines():
        if lines and _FINDING.match(lines[-1]) and line.startswith("    "):
            word = line.strip()
            lines[-1] += f" (fix: {word.removeprefix('fix: ')}" if word.startswith("fix: ") else f" {word}"
        else:
            lines.append(line)
    return "\n".join(_FIX.sub(r" (\1)", line) for line in lines)


def _reason(text: str) -> str:
    """Give the error and what follows it; of a server's log the last line, of long lists the beginning."""
    begun = _ERROR.search(text)
    told = text[begun.start() :].splitlines() if begun else []
    lines = [_CODE.sub(r"\1: ", line.rstrip()) for line in told if line.strip() and not _OTHER.match(line)]
    marks = [index for index, line in enumerate(lines) if line.endswith("log ends:")]
    if marks:
        raised = [line.strip() for line in lines[marks[0] :] if re.match(r"\s*[\w.]+(Error|Exception)\b", line)]
        # The server wraps what the scoring script raises.
        own = [line for line in raised if "UserScript" not in line]
        hints = [line for line in lines if line.startswith("hint: ")]
        return "\n".join([*lines[: marks[0]], *own[-1:], *hints])
    shown = 6
    return "\n".join([*lines[:shown], *(["…"] if len(lines) > shown else [])])


def _warnings(text: str) -> str:
    """Give the warnings of a build; keys without effect in one line."""
    told = (_CODE.sub(r"\1: ", line.strip()) for line in text.splitlines())
    lines = [line.removeprefix("warning: ") for line in told if line.startswith("warning: ")]
    keys = [line.split(": ")[1] for line in lines if _WITHOUT_EFFECT in line]
    idle = [f"{_WITHOUT_EFFECT}: {', '.join(keys)}"] if keys else []
    return "\n".join([*(line for line in lines if _WITHOUT_EFFECT not in line), *idle])


_FINDING = re.compile(r"(?:error|warning|note) MP\d+: ")
_FIX = re.compile(r" \(fix: (.*)$")
_ERROR = re.compile(r"^error(?: MP\d+)?: ", re.MULTILINE)
_CODE = re.compile(r"^(error|warning) MP\d+: ")
_OTHER = re.compile(r"(?:warning|note)(?: MP\d+)?: |\d+ (?:error|warning|note)s?\b.*says more")
_WITHOUT_EFFECT = "has no effect in a package"


def _left(found: list[examples.Example]) -> dict[str, list[str]]:
    left: dict[str, list[str]] = {}
    for example in found:
        if example.why_not:
            left.setdefault(f"{example.kind}: {example.why_not}", []).append(example.path)
    return left


if __name__ == "__main__":
    main()
