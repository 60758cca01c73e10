"""Every server against requirements that people have: what is explained, and whether the way out that is named works.

``python tests/conflict_matrix.py docs/conflicts.md`` resolves all of it, with the package indexes of this machine, and
writes the page.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from modelpack import suites
from modelpack.errors import ModelpackError, ResolveError
from modelpack.loading import inputs
from modelpack.locking import choices
from modelpack.locking.pins import requirements
from modelpack.progress import Silent
from modelpack.python.resolve import resolve
from modelpack.python.scope import Scope

ROUTES = {"readiness": "/ready", "scoring": "/score"}
SERVERS = {
    "azureml": {"version": "==1.5.1"},
    "flask": {},
    "fastapi": {"version": ">=0.163"},
    "mlflow": {"version": "==3.17.2"},
    "mlserver": {"version": "==1.7.1", "options": {"runtime": "sklearn"}},
    "torchserve": {"version": "==0.12.0"},
    "pytriton": {"version": "==0.7.0", "routes": ROUTES},
    "litserve": {},
    "bentoml": {"routes": {"scoring": "/score"}},
    "kserve": {"version": "==0.21.0"},
    "onnxruntime": {},
    "tensorflow": {},
}
"""By name, what a spec says of it."""

ROWS = {
    "numpy>=2.3": "pytriton",
    "numpy<2": "",
    "pydantic<2": "azureml fastapi mlflow mlserver kserve",
    "pydantic<2.12": "azureml",
    "pydantic>=2.13": "azureml",
    "protobuf<4": "mlserver kserve",
    "protobuf<5": "mlserver kserve",
    "protobuf>=7": "mlserver pytriton kserve",
    "flask<3": "azureml flask",
    "flask<2.3": "azureml flask",
    "werkzeug<3": "azureml flask",
    "starlette>=1": "mlserver",
    "fastapi>=0.116": "mlserver",
    "starlette<0.47": "kserve",
    "gunicorn<21": "azureml flask",
    "pandas<2": "kserve",
    "pandas>=3": "kserve",
    "opentelemetry-sdk>=1.34": "azureml",
    "opentelemetry-sdk<1.30": "azureml fastapi",
    "pillow<12": "kserve",
    "psutil>=6": "kserve",
    "tensorflow==2.15.1": "mlserver kserve",
    "tensorflow==2.21": "",
    "torch>=2.9": "",
    "transformers>=5": "",
    "xgboost>=3": "",
    "scikit-learn==1.2.2": "",
    "scikit-learn>=1.7": "",
    "scikit-learn==1.0.2": " ".join(SERVERS),
    "mlflow==3.17.2": "",
    "azureml-inference-server-http==1.5.1": "fastapi",
    "mlserver==1.7.1": "fastapi kserve",
    "seldon-core==1.18.2": " ".join(SERVERS),
}
"""By requirement, the servers of those that were measured by hand with which it cannot be met."""

MEASURED = frozenset(SERVERS) - {"onnxruntime", "tensorflow"}
_PYTHON, _SUITE = "3.11", "bookworm"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What one server and one requirement came to."""

    error: ModelpackError | None = None
    seconds: float = 0
    """Until the answer or the explanation."""
    way: str | None = None
    """The first way out."""
    works: bool = False
    """Whether everything resolves once that is done."""


def write_project(folder, server, requirement, python=_PYTHON):
    """Write a project whose requirements.txt has one line; JSON is YAML."""
    (folder / "src").mkdir(parents=True)
    (folder / "model").write_bytes(b"weights")
    code = "def init():\n    pass\n\n\ndef run(data):\n    return data\n\n\ndef bind(triton):\n    pass\n"
    (folder / "src/score.py").write_text(code)
    (folder / "requirements.txt").write_text(f"{requirement}\n")
    words = {"name": server, **SERVERS[server]}
    lines = ["name: matrix", "model: ./model", "requirements: ./requirements.txt", f'python: "{python}"']
    lines += ["code: {path: ./src, scoring_script: score.py}", "check: {readiness: only}", f"server: {_flow(words)}"]
    (folder / "modelpack.yaml").write_text("\n".join(lines) + "\n")
    return folder / "modelpack.yaml"


def _flow(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    return f'"{value}"'


def pin(spec, cache):
    """Resolve a spec as locking does, on the suite that has its Python, from wheels alone."""
    suite = suites.SUITES[spec.base.suite]
    return resolve(
        requirements(spec),
        python=spec.python,
        platform=spec.platform,
        glibc=suite.glibc,
        cache=cache,
        progress=Silent(),
        scope=Scope(spec.path.parent, cache=cache),
        choices=choices.others(spec, python=spec.python, glibc=suite.glibc),
    )


def judge(server, requirement, cache):
    """Resolve one cell; when that fails, do what the report says and resolve again."""
    with tempfile.TemporaryDirectory() as name:
        spec = inputs.load(write_project(Path(name, "project"), server, requirement))
        began = time.perf_counter()
        try:
            pin(spec, cache)
        except ResolveError as error:
            seconds = time.perf_counter() - began
            way = next(iter(ways(error)), None)
            return Cell(error=error, seconds=seconds, way=way, works=bool(way) and _works(spec, way, cache))
        return Cell(seconds=time.perf_counter() - began)


def ways(error):
    """Give the ways out that an error names, the first first."""
    lines = [line.strip() for line in error.details]
    start = next((number for number, line in enumerate(lines, 1) if line.endswith("was tried and works:")), len(lines))
    return lines[start:]


def follow(spec, way):
    """Do to a project what a report says, as a person would who reads it, and load it again."""
    path = spec.path
    for step in way.split(", and "):
        if swap := re.fullmatch(r"(\S+):(\d+): (.+) in place of (.+?)", step):
            place = path.parent / swap[1]
            lines = place.read_text().splitlines()
            assert swap[4] in lines[int(swap[2]) - 1], (step, lines)
            lines[int(swap[2]) - 1] = lines[int(swap[2]) - 1].replace(swap[4], swap[3])
            place.write_text("\n".join(lines) + "\n")
        elif version := re.match(r'server\.version: "([^"]+)"', step):
            spec = replace(spec, server=replace(spec.server, version=version[1]))
        elif base := re.fullmatch(r'base: debian:(\w+), with python: "([\d.]+)"', step):
            spec = replace(spec, python=base[2], base=replace(spec.base, suite=base[1]))
        elif other := re.fullmatch(r"server: (\w+)", step):
            spec = replace(spec, server=replace(spec.server, name=other[1], version=None, options={}))
        else:
            raise AssertionError(step)
    fresh = inputs.load(path)
    return replace(fresh, server=spec.server, python=spec.python, base=spec.base)


def _works(spec, way, cache):
    try:
        pin(follow(spec, way), cache)
    except ModelpackError as error:
        print(spec.server.name, way, error.message, *error.details, sep="\n  ", file=sys.stderr)
        return False
    return True


def _report(cells):
    """Give the page."""
    today = datetime.now(UTC).date()
    yield "# Servers and requirements that do not go together\n"
    yield f"Resolved on {today} for Python {_PYTHON} on debian:{_SUITE}, linux/amd64, from wheels alone, by"
    yield "`python tests/conflict_matrix.py docs/conflicts.md`. `x`: no solution, and the first way out that"
    yield "the report names was done to the project, which then resolved."
    yield "`-`: no solution, and no way out was found. An empty cell resolves.\n"
    yield f"| requirement | {' | '.join(SERVERS)} |"
    yield "|---" * (len(SERVERS) + 1) + "|"
    for row in dict.fromkeys(row for _, row in cells):
        yield f"| `{row}` | {' | '.join(_mark(cells[name, row]) for name in SERVERS)} |"
    yield "\nServers as the specs had them: " + "; ".join(
        f"{name} {words['version']}" for name, words in SERVERS.items() if "version" in words
    )
    yield "; the others at their newest. What was said:\n"
    for (name, row), cell in cells.items():
        if cell.error:
            yield f"- **{name}** and `{row}`: {cell.error.message}. " + (f"Way out: {cell.way}" if cell.way else "")


def _mark(cell):
    return "" if not cell.error else "x" if cell.works else "-"


def main():
    """Resolve all, and say where it differs from what was measured by hand."""
    wanted = sys.argv[2].split(",") if len(sys.argv) > 2 else list(ROWS)
    pairs = [(name, row) for row in wanted for name in SERVERS]
    with tempfile.TemporaryDirectory() as name:
        cache = Path(name) if len(sys.argv) < 4 else Path(sys.argv[3])

        def work(pair):
            cell = judge(*pair, cache)
            known = pair[0] in MEASURED
            odd = known and bool(cell.error) != (pair[0] in ROWS[pair[1]].split())
            print(f"{'!!' if odd else '  '} {pair[0]:12} {pair[1]:30} {cell.seconds:5.1f}", end=" ")
            if cell.error:
                print(
                    "x",
                    "WORKS" if cell.works else "NO WAY",
                    cell.error.message,
                    *cell.error.details,
                    sep="\n      ",
                    end="",
                )
            print(flush=True)
            return cell

        with ThreadPoolExecutor(1) as pool:
            cells = dict(zip(pairs, pool.map(work, pairs), strict=True))
    if sys.argv[1] != "-":
        Path(sys.argv[1]).write_text("\n".join(_report(cells)) + "\n")


if __name__ == "__main__":
    main()
