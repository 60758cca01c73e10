"""Scores a folder of files as Azure ML's batch endpoints do: ``batch.py [INPUT [OUTPUT]]``.

Worker processes import the scoring script and call ``init()`` once; ``run()`` is given paths of files, a mini batch at
a time. A mini batch that raises, takes too long or takes its process down is tried again. Rows are written in the order
of the files, whichever worker is first. The script may write files of its own below ``AZUREML_BI_OUTPUT_PATH``.

Exit codes: 0 done; 1 more files failed than may, or ``init()`` did; 2 there is nothing to score or nowhere to write;
143 stopped by SIGTERM.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from pathlib import Path
from types import FrameType
from typing import Any

_log = logging.getLogger("batch")
_PROCESSES = get_context("spawn")
_PLACES = ("/mnt/input", "/mnt/output")
_NOTHING = 2
_START_TIMEOUT = 3600.0
"""Seconds that importing the script and ``init()`` may take."""


@dataclass(frozen=True)
class Settings:
    """What the options of the server say."""

    mini_batch_size: int
    concurrency: int
    error_threshold: int
    max_retries: int
    timeout: float
    append: bool
    output_file_name: str


@dataclass
class Batch:
    """A mini batch on its way."""

    number: int
    paths: list[str]
    left: int
    """Tries."""


def read_settings() -> Settings:
    """Read the variables that ``server.yaml`` gives defaults for."""
    # Written for Python 3.7 too, which models of that time run on.
    variables = {name.replace("MODELPACK_", "", 1).lower(): text for name, text in os.environ.items()}
    return Settings(
        mini_batch_size=int(variables["mini_batch_size"]),
        concurrency=int(variables["max_concurrency"]),
        error_threshold=int(variables["error_threshold"]),
        max_retries=int(variables["max_retries"]),
        timeout=float(variables["run_timeout"]),
        append=variables["output_action"] == "append_row",
        output_file_name=variables["output_file_name"],
    )


def files_below(source: Path) -> list[str]:
    """Give the files of a folder and of the folders in it, in order; of a file, itself."""
    if source.is_file():
        return [str(source)]
    return sorted(str(path) for path in source.rglob("*") if path.is_file())


def rows_of(result: Any) -> list[str]:  # noqa: ANN401 - what a script gives
    """Give the lines that a result is written as: of a frame its values with spaces between, of a list its items.

    Raises:
        TypeError: it is neither.
    """
    if hasattr(result, "to_csv"):
        return str(result.to_csv(header=False, index=False, sep=" ", lineterminator="\n")).splitlines()
    if isinstance(result, (str, bytes, dict)) or not hasattr(result, "__iter__"):
        raise TypeError(f"run() gave neither a list nor a data frame: {type(result).__name__}")
    return [" ".join(str(item).splitlines()) for item in result]


def work(pipe: connection.Connection, script: str) -> None:
    """Be a worker: start the script, then answer every list of paths with rows and their number, or with an error."""
    # A worker is ended, and would take with it what the script printed and nothing had written yet.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    import importlib.util  # noqa: PLC0415 - the parent needs none of it
    import traceback  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    path = Path(script)
    for folder in (str(path.parent), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    try:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None  # noqa: S101 - it ends in .py
        assert spec.loader is not None  # noqa: S101
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        module.init()
    except Exception:  # noqa: BLE001 - whatever a script raises
        pipe.send(traceback.format_exc())
        return
    pipe.send(None)
    for paths in iter(pipe.recv, None):
        try:
            result = module.run(paths)
            pipe.send((rows_of(result), None))
        except Exception:  # noqa: BLE001
            pipe.send((None, traceback.format_exc()))


@dataclass
class Worker:
    """A process that scores, and what it is at."""

    script: str
    batch: Batch | None = None
    since: float = 0.0
    process: Any = field(init=False)
    pipe: connection.Connection = field(init=False)

    def __post_init__(self) -> None:
        """Start the process.

        Raises:
            RuntimeError: the script could not be started; its text is the script's.
        """
        self.pipe, other = _PROCESSES.Pipe()
        self.process = _PROCESSES.Process(target=work, args=(other, self.script), daemon=True)
        self.process.start()
        other.close()
        try:
            late = f"init() had not ended after {_START_TIMEOUT:g} s"
            failure = self.pipe.recv() if self.pipe.poll(_START_TIMEOUT) else late
        except (EOFError, OSError):
            self.process.join()
            failure = f"the process ended in init(), with {self.process.exitcode}"
        if failure is not None:
            self.stop()
            raise RuntimeError(failure.rstrip())

    def give(self, batch: Batch) -> None:
        """Have a mini batch scored."""
        self.batch, self.since = batch, time.monotonic()
        with suppress(OSError):  # a process that has died is found when it is asked
            self.pipe.send(batch.paths)

    def answer(self) -> tuple[list[str] | None, str | None]:
        """Give the rows, or what went wrong."""
        try:
            rows, error = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return None, f"the process ended by itself, with {self.process.exitcode}"
        return rows, error

    def stop(self) -> None:
        """Leave no process behind."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Job:
    """One run over an input folder."""

    def __init__(self, settings: Settings, script: str, paths: list[str]) -> None:
        size = settings.mini_batch_size
        pieces = [paths[start : start + size] for start in range(0, len(paths), size)]
        self.settings = settings
        self.script = script
        self.total = len(paths)
        self.failed = 0
        self.waiting = deque(Batch(number, piece, settings.max_retries + 1) for number, piece in enumerate(pieces))
        self.workers: list[Worker] = []
        self._early: dict[int, list[str]] = {}
        self._next = 0

    def rows(self) -> Iterator[str]:
        """Score everything; give the rows in the order of the files.

        Raises:
            RuntimeError: the script could not be started, or too many files failed.
        """
        try:
            for _ in range(min(self.settings.concurrency, len(self.waiting))):
                self.workers.append(Worker(self.script))
            while self.waiting or any(worker.batch for worker in self.workers):
                self._hand_out()
                for worker in self._ready():
                    self._take(worker)
                while self._next in self._early:
                    yield from self._early.pop(self._next)
                    self._next += 1
        finally:
            for worker in self.workers:
                worker.stop()

    def _hand_out(self) -> None:
        for worker in self.workers:
            if worker.batch is None and self.waiting:
                worker.give(self.waiting.popleft())

    def _ready(self) -> list[Worker]:
        """Wait until workers have something to say, or have had their time."""
        busy = [worker for worker in self.workers if worker.batch]
        end = min(worker.since for worker in busy) + self.settings.timeout
        talking = connection.wait([worker.pipe for worker in busy], max(0.0, end - time.monotonic()))
        late = time.monotonic() - self.settings.timeout
        return [worker for worker in busy if worker.pipe in talking or worker.since <= late]

    def _take(self, worker: Worker) -> None:
        batch = worker.batch
        assert batch is not None  # noqa: S101 - it is busy
        if worker.pipe.poll():
            rows, error = worker.answer()
        else:
            rows, error = None, f"run() had not ended after {self.settings.timeout:g} s"
            worker.process.kill()
            worker.process.join()
        worker.batch = None
        if not worker.process.is_alive():
            worker.stop()
            self.workers[self.workers.index(worker)] = Worker(self.script)
        if rows is None:
            self._again(batch, error or "")
            return
        _log.debug("mini batch %d: %d files, %d rows", batch.number, len(batch.paths), len(rows))
        self._early[batch.number] = rows
        # As Azure counts: every row stands for a file that was scored.
        self._fail(max(0, len(batch.paths) - len(rows)))

    def _again(self, batch: Batch, error: str) -> None:
        batch.left -= 1
        _log.warning("mini batch %d failed, %d tries left: %s", batch.number, batch.left, error.rstrip())
        if batch.left:
            self.waiting.append(batch)
            return
        self._early[batch.number] = []
        self._fail(len(batch.paths))

    def _fail(self, files: int) -> None:
        self.failed += files
        if 0 <= self.settings.error_threshold < self.failed:
            allowed = self.settings.error_threshold
            raise RuntimeError(f"{self.failed} of {self.total} files failed, error_threshold allows {allowed}")


def write(job: Job, output: Path) -> int:
    """Run a job and write its rows, whole or not at all; give how many there were.

    Raises:
        RuntimeError: as ``Job.rows``; an OSError where nothing can be written.
    """
    if not job.settings.append:
        return sum(1 for _ in job.rows())
    target = output / job.settings.output_file_name
    part = target.with_name(f".{target.name}.part")
    count = 0
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            for row in job.rows():
                stream.write(row + "\n")
                count += 1
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return count


def main(words: list[str]) -> int:
    """Run the job; give its exit code."""
    level = os.environ.get("MODELPACK_LOGGING_LEVEL", "INFO")
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, _stop)
    if len(words) > len(_PLACES):
        _log.error("expected a folder to read and a folder to write, found: %s", " ".join(words))
        return _NOTHING
    source, output = (Path(word).absolute() for word in (*words, *_PLACES[len(words) :]))
    try:
        paths = files_below(source)
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _log.error("%s: %s", error.filename, error.strerror)
        return _NOTHING
    if not paths:
        _log.error("there are no files to score: %s", source)
        return _NOTHING
    os.environ["AZUREML_BI_OUTPUT_PATH"] = str(output)
    job = Job(read_settings(), os.environ["AZUREML_ENTRY_SCRIPT"], paths)
    try:
        rows = write(job, output)
    except RuntimeError as error:
        _log.error("%s", error)
        return 1
    except OSError as error:
        _log.error("cannot write: %s: %s", error.filename or output, error.strerror)
        return _NOTHING
    _log.info("%d files scored, %d failed, %d rows", job.total - job.failed, job.failed, rows)
    return 0


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
