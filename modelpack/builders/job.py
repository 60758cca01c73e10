"""Runs the real job on the sample inputs and holds what it writes against the expected outputs.

Runs inside the sandbox, as ``check`` does. What it saw is kept in the output, which no package refers to:
``report.json``, ``answers/`` with what came out, and a log of each run.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from typing import Any

from modelpack.builders import nameserver
from modelpack.builders.check import POLL, Program, ended
from modelpack.builders.compare import differences

_INPUT, _OUTPUT = "/mnt/input", "/mnt/output"
"""Where the job finds and puts files when it is shown a root file system, as in a container."""


def main() -> None:
    """Build from the plan; see ``check.nix`` for its keys."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    out = os.environ["out"]
    os.makedirs(f"{out}/answers")
    names = nameserver.begin()
    asked: dict[str, dict[str, Any]] = {}
    report: dict[str, Any] = {"runs": [_run(plan, run, out, names, asked) for run in plan["runs"]]}
    report["internet"] = [asked[key] for key in sorted(asked)]
    with open(f"{out}/report.json", "w", encoding="utf-8") as stream:
        json.dump(report, stream, indent=2)


def _run(
    plan: dict[str, Any],
    run: dict[str, Any],
    out: str,
    names: nameserver.NameServer | None,
    asked: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Run it once; what it wanted of the internet is added to ``asked``."""
    source, target = os.path.join(plan["samples"], run["input"]), os.path.join(os.environ["NIX_BUILD_TOP"], run["name"])
    os.mkdir(target)
    os.chmod(target, 0o777)
    seen = {_INPUT: source, _OUTPUT: target} if plan["view"] else {}
    words = (_INPUT, _OUTPUT) if seen else (source, target)
    program = Program(plan, f"{out}/{run['name']}.log", words, places=seen, names=names)
    seconds = _finish(program, run["name"])
    asked |= {json.dumps(attempt): attempt for attempt in program.attempts()}
    shutil.copytree(target, f"{out}/answers/{run['name']}")
    files = sorted(_files(target))
    wrong = _differences(plan, run, target, files)
    if wrong:
        message = f"{run['name']}: what came out is not what was expected: {wrong[0]}"
        program.fail("answer", message, differences=wrong[:20])
    size = sum(os.path.getsize(os.path.join(target, name)) for name in files)
    return {"name": run["name"], "seconds": round(seconds, 3), "files": len(files), "bytes": size}


def _finish(program: Program, name: str) -> float:
    """Wait until the job has ended well; give its seconds."""
    outside: set[str] = set()
    while program.process.poll() is None:
        outside.update(program.outside())
        if time.monotonic() - program.began > program.timeout:
            program.fail("run", f"{name}: the job had not ended after {program.timeout:g} s")
        time.sleep(POLL)
    seconds = time.monotonic() - program.began
    program.stop()
    if program.process.returncode:
        program.fail("run", f"{name}: the job ended with {ended(program.process.returncode)}")
    program.stays_inside(sorted(outside))
    return seconds


def _differences(plan: dict[str, Any], run: dict[str, Any], target: str, files: list[str]) -> list[str]:
    """Give what came out otherwise than expected, one line each, with the file's name."""
    if not run.get("output"):
        return []
    expected, tolerance = os.path.join(plan["samples"], run["output"]), float(run["tolerance"])
    if os.path.isfile(expected):
        if len(files) != 1:
            return [f"expected one file, found {', '.join(files) or 'none'}"]
        return _compared(os.path.join(target, files[0]), expected, files[0], tolerance)
    wanted = sorted(_files(expected))
    lines = [f"{name}: missing" for name in wanted if name not in files]
    lines += [f"{name}: not expected" for name in files if name not in wanted]
    for name in wanted:
        if name in files:
            lines += _compared(os.path.join(target, name), os.path.join(expected, name), name, tolerance)
    return lines


def _compared(found: str, expected: str, name: str, tolerance: float) -> list[str]:
    with open(found, "rb") as left, open(expected, "rb") as right:
        return [f"{name}: {line}" for line in differences(left.read(), right.read(), tolerance, lines=True)]


def _files(folder: str) -> Iterator[str]:
    for path, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(path, name), folder)


if __name__ == "__main__":
    main()
