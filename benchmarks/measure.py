"""Runs whole processes and says what they took: time, processor time and memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class CommandError(Exception):
    """A measured command failed; its last lines are in the message."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What one process and all its children took."""

    seconds: float
    """Wall time from start to end."""
    cpu_seconds: float
    """User and system time."""
    peak_bytes: int
    """Resident memory of the largest single process at its peak; processes that ran at once do not add up."""

    def __add__(self, other: Usage) -> Usage:
        """Take one after the other."""
        return Usage(
            seconds=self.seconds + other.seconds,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            peak_bytes=max(self.peak_bytes, other.peak_bytes),
        )


def run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[Usage, str]:
    """Run a command to its end; give what it took and what it wrote to standard output.

    What earlier commands wrote is on the disk before this one starts, so that nobody pays for others. A child begins
    with the peak memory of whoever starts it, so this process has to stay small.

    Raises:
        CommandError: it cannot be started, or its exit code is not 0.
    """
    os.sync()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        began = time.perf_counter()
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=error,
                env={**os.environ, **environment},
                close_fds=False,
            )
        except OSError as problem:
            raise CommandError(f"{command[0]} cannot be started: {problem.strerror}") from problem
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        error.seek(0)
        text = out.read().decode(errors="replace")
        if process.returncode:
            last = (text + error.read().decode(errors="replace")).strip().splitlines()[-30:]
            raise CommandError("\n".join([f"{' '.join(command)} ended with {process.returncode}", *last]))
    usage = Usage(seconds=seconds, cpu_seconds=used.ru_utime + used.ru_stime, peak_bytes=used.ru_maxrss * 1024)
    return usage, text


def quietly(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a command that is not measured and give its output.

    Raises:
        CommandError: as ``run``.
    """
    return run(command, environment or {})[1]
