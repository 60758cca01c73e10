"""Package a starter of every server, run its image, and write down what was seen in ``servers.md``.

    python docs/servers.py [STARTER]...

Rows of starters that are not named stay as they are. Each image runs under podman without network, with a read-only
root file system, as its own user. What is asked of it and how it ends is measured inside its network namespace. Needs
root, podman, runc and util-linux; the page is written when all starters ran.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from modelpack import catalogue, lockfile, starter
from modelpack.builders.compare import differences
from modelpack.errors import SpecError
from modelpack.loading.inputs import load
from modelpack.lock import Lock

PAGE = Path(__file__).with_name("servers.md")
CONTAINER = "modelpack-servers"
LOAD, THREADS = 200, 4
"""Requests of the load, and how many at a time."""
PATIENCE = 120.0
"""Seconds until the first answer."""
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
HEAD = """\
# Servers

What `server` of a spec may name. The requirements of a server are injected; its version is chosen by the resolver in
the range that is known to work, and `server: {name: ..., version: ...}` narrows it. A folder of data describes each;
see [how to add one](how-to/servers.md).

"""
MEASURED = """\
## Side by side

`python docs/servers.py` made this table: the starter of each server, packaged and checked in the sandbox, then run from
its exported image under podman, with no network, a read-only root file system and the image's own user. Download is
what the lock's wheels and Debian packages weigh; cold start is from `podman run` to the first right answer; memory is
what all processes hold alone, after the load; the load is {load} sample requests, {threads} at a time, after which
SIGTERM is sent while requests are under way.

"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was seen of one starter."""

    starter: str
    server: str
    download: int
    closure: int
    image: int
    start: float
    memory: int
    failed: int
    rate: float
    exit_code: int
    versions: str


def main() -> None:
    """Measure, then write the page."""
    names = sys.argv[1:] or [item.name for item in starter.starters() if complete(item)]
    rows = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(name, Path(folder) / name))
        print(rows[-1], flush=True)
    PAGE.write_text(page(kept_rows() | {row.starter: _line(row) for row in rows}), encoding="utf-8")


def kept_rows() -> dict[str, str]:
    """Give the rows that the page has, of starters that there still are."""
    known = {item.name for item in starter.starters()}
    lines = PAGE.read_text(encoding="utf-8").partition("## Side by side")[2].splitlines()
    found = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
    return {name: line for name, line in found.items() if name in known}


def complete(item: starter.Starter) -> bool:
    """Say whether a starter can be asked as it is: it has its model, and a server that answers."""
    try:
        return not catalogue.read_entry(load(item.path).server.name).job
    except SpecError:
        return False


def measure(name: str, folder: Path) -> Row:
    """Build the starter in ``folder`` and run its image."""
    starter.create(name, folder, modelpack_url="flake:modelpack")
    built = json.loads(run(sys.executable, "-m", "modelpack", "build", "--json", "--quiet", str(folder)))
    spec = load(folder)
    lock = lockfile.read(spec.lock_path)
    assert lock is not None
    archive = folder / "image.tar"
    run(sys.executable, "-m", "modelpack", "export", "oci-archive", str(archive), str(folder), "--quiet")
    seen = serve(archive, lock)
    first = next(iter(catalogue.read_entry(lock.server.name).requirements), None)
    wanted = first.requirement.split("<")[0].split(">")[0].split("=")[0] if first else ""
    versions = [wheel.version for wheel in lock.python.wheels if wheel.name == wanted]
    return Row(
        starter=name,
        server=lock.server.name,
        download=sum(item.size for item in lock.python.wheels) + sum(deb.size for deb in lock.base.target.packages),
        closure=built["closure_bytes"],
        image=built["image_bytes"],
        versions=versions[0] if versions else "",
        **seen,
    )


def serve(archive: Path, lock: Lock) -> dict[str, Any]:
    """Run the image, ask it, load it and stop it."""
    assert lock.check is not None
    request = lock.check.requests[0]
    samples = archive.parent
    spec = load(samples)
    assert spec.check is not None
    sample = spec.check.requests[0]
    plan = {
        "url": f"http://127.0.0.1:{lock.server.port}{request.route}",
        "method": request.method,
        "type": request.content_type,
        "body": str(sample.request.path) if sample.request else None,
        "expected": str(sample.response.path) if sample.response else None,
        "tolerance": request.tolerance,
    }
    with container(archive) as (pid, began):
        inside(pid, plan, 1)
        start = time.monotonic() - began
        load_seen = inside(pid, plan, LOAD)
        used = memory(pid)
        stopped = stopping(pid, plan)
    return {
        "start": start,
        "memory": used,
        "failed": load_seen["failed"],
        "rate": LOAD / load_seen["seconds"],
        **stopped,
    }


@contextmanager
def container(archive: Path, options: Sequence[str] = (), *, words: Sequence[str] = ()) -> Iterator[tuple[int, float]]:
    """Start the image, with words of podman and for the image; give the server's process, and when it was begun."""
    before = set(podman("images", "--quiet", "--no-trunc").split())
    podman("rm", "--force", "--ignore", CONTAINER)
    image = podman("pull", "--quiet", f"oci-archive:{archive}").strip()
    began = time.monotonic()
    podman("run", "--detach", "--name", CONTAINER, "--read-only", "--network", "none", *LIMITS, *options, image, *words)
    try:
        yield int(podman("inspect", "--format", "{{.State.Pid}}", CONTAINER)), began
    except BaseException:
        subprocess.run(["podman", "logs", "--tail", "40", CONTAINER], check=False)
        raise
    finally:
        podman("rm", "--force", "--ignore", "--time", "5", CONTAINER)
        for image in set(podman("images", "--quiet", "--no-trunc").split()) - before:
            podman("rmi", "--force", image)


def inside(pid: int, plan: dict[str, Any], count: int) -> dict[str, Any]:
    """Ask from inside the network of the container."""
    words = ("nsenter", "--target", str(pid), "--net", sys.executable, __file__, "--ask")
    return dict(json.loads(run(*words, json.dumps(plan), str(count))))


def stopping(pid: int, plan: dict[str, Any]) -> dict[str, int]:
    """Send SIGTERM while requests are under way; give the exit code."""
    asking = threading.Thread(target=inside, args=(pid, plan, -THREADS))
    asking.start()
    time.sleep(0.5)
    podman("stop", "--time", "40", CONTAINER)
    asking.join()
    return {"exit_code": int(podman("inspect", "--format", "{{.State.ExitCode}}", CONTAINER))}


def memory(pid: int) -> int:
    """Give the bytes that the processes of a container hold, what several share counted once between them."""
    namespace = Path(f"/proc/{pid}/ns/pid").readlink()
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "ns/pid").readlink() == namespace:
                lines = (process / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
        except OSError:
            continue
    return total


def ask(plan: dict[str, Any], count: int) -> dict[str, Any]:
    """Ask ``count`` times, one when that is 1 and until it is right; a negative count goes on until no one listens."""
    body = Path(plan["body"]).read_bytes() if plan["body"] else None
    opener = build_opener(ProxyHandler({}))

    def once() -> bytes:
        headers = {"Content-Type": plan["type"]}
        with opener.open(Request(plan["url"], body, headers, method=plan["method"]), timeout=60) as answer:  # noqa: S310
            return bytes(answer.read())

    if count != 1:
        return _load(once, count)
    expected = Path(plan["expected"]).read_bytes() if plan["expected"] else None
    found = _first(once)
    wrong = differences(found, expected, float(plan["tolerance"])) if expected else []
    if wrong:
        raise SystemExit(f"not the answer: {wrong}")
    return {}


def _first(once: Callable[[], bytes]) -> bytes:
    """Ask until there is an answer."""
    began = time.monotonic()
    while True:
        try:
            return once()
        except OSError:
            if time.monotonic() - began > PATIENCE:
                raise
            time.sleep(0.05)


def _load(once: Callable[[], bytes], count: int) -> dict[str, Any]:
    """Ask ``count`` times in all, several at a time; without end, until an answer fails, when it is negative."""
    left = threading.Semaphore(max(count, 0))
    failed: list[str] = []

    def worker() -> None:
        while count < 0 or left.acquire(blocking=False):
            try:
                once()
            except OSError as error:
                failed.append(str(error))
                if count < 0:
                    return

    began = time.monotonic()
    workers = [threading.Thread(target=worker) for _ in range(THREADS)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    return {"seconds": time.monotonic() - began, "failed": len(failed), "errors": failed[:3]}


def page(rows: Mapping[str, str]) -> str:
    """Write the page, with a row for each starter."""
    about = ["| server | what it is | port | scoring route | Python |", "|---|---|---|---|---|"]
    for name in catalogue.server_names():
        entry = catalogue.read_entry(name)
        scoring = f"`{entry.routes['scoring']}`" if "scoring" in entry.routes else "yours"
        asked = ("-", "a folder of files") if entry.job else (str(entry.port or "yours"), scoring)
        cells = (f"`{name}`", entry.description, *asked)
        about.append(f"| {' | '.join(cells)} | {entry.python or 'any'} |")
    table = [
        "| starter | server | version | download | closure | image | start | memory | failed | requests/s | exit |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(rows[name] for name in sorted(rows)),
    ]
    measured = MEASURED.format(load=LOAD, threads=THREADS)
    return HEAD + "\n".join(about) + "\n\n" + _options() + measured + "\n".join(table) + "\n"


def _options() -> str:
    lines = ["## Options", "", "Chosen as `server: {name: ..., options: {OPTION: VALUE}}`.", ""]
    lines += ["| server | option | values |", "|---|---|---|"]
    for name in catalogue.server_names():
        for option, about in catalogue.read_entry(name).options.items():
            values = ", ".join(f"**{value}**" if value == about.default else value for value in about.choices)
            values = values or f"**{about.default}**"
            lines.append(f"| `{name}` | `{option}`: {about.description.lower()} | {values} |")
    return "\n".join([*lines, "", ""])


def _line(row: Row) -> str:
    sizes = (f"{number / 1e6:.0f} MB" for number in (row.download, row.closure, row.image))
    cells = (f"`{row.starter}`", f"`{row.server}`", row.versions, *sizes, f"{row.start:.1f} s")
    rest = (f"{row.memory / 1e6:.0f} MB", f"{row.failed}", f"{row.rate:.0f}", f"{row.exit_code}")
    return f"| {' | '.join((*cells, *rest))} |"


def podman(*words: str) -> str:
    """Run podman on runc, which runs in more places than others."""
    return run("podman", "--runtime", "runc", *words)


def run(*words: str) -> str:
    """Run a program and give what it prints."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words[:6])}: {done.stderr or done.stdout}")
    return done.stdout


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ask"]:
        print(json.dumps(ask(json.loads(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
