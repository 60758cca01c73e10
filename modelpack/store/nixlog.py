"""Reads what nix-build says of itself (its internal-json log) and turns a failure into one clear error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelpack.errors import BuildError, CheckError, MissingBuildRequirementsError, ModelpackError, SourceBuildError

if TYPE_CHECKING:
    from collections.abc import Callable

_PREFIX = "@nix "
_PROBLEM = "@modelpack-problem "
_BUILD = 105  # activity type of a build
_LOG_LINE = 101  # result type of a line of a builder's log
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SANDBOX = re.compile(r"sandbox|namespace|unshare|clone|cloning|mounting|pivot_root", re.IGNORECASE)
_FULL = re.compile(r"No space left on device|disk is full|Disk quota exceeded")
_MISSING = re.compile(r"artifact-not-in-the-store/run-modelpack-fetch/([^'\s]+)")
_ANSWERS = ("start", "readiness", "address", "status", "answer", "end", "closure", "run")
"""Steps of the check; what a user's server writes in its log while they run is its own affair."""
_KEPT = 40  # lines of a builder's log


class NixLog:
    """What was said in one run of nix-build."""

    def __init__(self, on_build: Callable[[str, bool], None]) -> None:
        self._on_build = on_build
        self._running: dict[int, str] = {}
        self._logs: dict[str, list[str]] = {}
        self._messages: list[str] = []
        self._problem: dict[str, Any] | None = None

    def read(self, line: str) -> None:
        """Take one line of standard error."""
        if not line.startswith(_PREFIX):
            self._messages.append(line.rstrip("\n"))
            return
        try:
            event = json.loads(line.removeprefix(_PREFIX))
        except ValueError:
            return
        if isinstance(event, dict):
            self._read_event(event)

    def _read_event(self, event: dict[str, Any]) -> None:
        action = event.get("action")
        if action == "start" and event.get("type") == _BUILD:
            name = _derivation_name(event["fields"][0])
            self._running[event["id"]] = name
            self._on_build(name, False)
        elif action == "stop" and event.get("id") in self._running:
            self._on_build(self._running.pop(event["id"]), True)
        elif action == "result" and event.get("type") == _LOG_LINE:
            self._read_log_line(self._running.get(event["id"], ""), str(event["fields"][0]))
        elif action == "msg" and event.get("level", 9) <= 1:
            self._messages += _COLOUR.sub("", event["msg"]).splitlines()

    def _read_log_line(self, name: str, line: str) -> None:
        if line.startswith(_PROBLEM):
            try:
                self._problem = self._problem or json.loads(line.removeprefix(_PROBLEM))
            except ValueError:
                return
        else:
            self._logs.setdefault(name, []).append(_COLOUR.sub("", line))

    def error(self, sandbox: bool) -> ModelpackError:
        """Give the error of a run that failed; ``sandbox`` says whether it was to be on."""
        if self._problem is not None:
            return self._full_disk(self._problem) or _builder_error(self._problem)
        text = "\n".join(self._messages)
        missing = sorted(set(_MISSING.findall(text)))
        if missing:
            return BuildError(
                f"the store lacks {len(missing)} artifacts of the lock: {', '.join(missing[:5])}",
                hint="run: modelpack fetch",
            )
        for part in (text, *self._log_lines()):
            if full := full_disk(part):
                return full
        details = (*self._messages[-12:], *self._log_lines()[-_KEPT:])
        if sandbox and not self._logs and _SANDBOX.search(text):
            return BuildError(
                "Nix cannot run builds in its sandbox here",
                hint="allow user namespaces on this machine (modelpack doctor says how), or pass --no-sandbox, "
                "which marks the package as not hermetic",
                details=details,
            )
        return BuildError(_first_error(self._messages), details=details)

    def _full_disk(self, problem: dict[str, Any]) -> BuildError | None:
        """Give what a program said of the disk, which counts before what its builder made of the exit code."""
        if problem.get("step") in _ANSWERS:
            return None
        return next(filter(None, map(full_disk, (str(problem.get("message")), *self._log_lines()))), None)

    def _log_lines(self) -> list[str]:
        return [line for lines in self._logs.values() for line in lines]


def full_disk(text: str) -> BuildError | None:
    """Give the error when what Nix or a builder said is that it could not write."""
    if not _FULL.search(text):
        return None
    return BuildError("the disk is full: Nix could not write to its store", hint="free some space, and run it again")


def _builder_error(problem: dict[str, Any]) -> ModelpackError:
    step, message = str(problem.get("step")), str(problem.get("message"))
    log = tuple(f"  {line}" for line in problem.get("log", ()))
    details = (
        *(str(line) for line in problem.get("differences", ())[1:]),
        *_internet(problem.get("internet") or ()),
        *(("the log ends:" if step == "source" else "the server's log ends:", *log) if log else ()),
    )
    if step == "sandbox":
        hint = "allow it in nix.conf (a daemon lets only trusted users ask for it), or pass --no-sandbox"
        return BuildError(message, hint=f"{hint}, which marks the package as not hermetic")
    if step == "build-requirements":
        return MissingBuildRequirementsError(message, tuple(map(str, problem.get("missing", ()))))
    if step == "foreign-source":
        return BuildError(message, hint="lock and build on such a machine, or require a version that has a wheel")
    if step == "source":
        return SourceBuildError(message, name=str(problem.get("name")), details=details)
    if step in _ANSWERS:
        error: ModelpackError = CheckError(
            f"check failed at {step}: {message}", details=details, hint=problem.get("hint")
        )
    else:
        error = BuildError(message, details=details, hint=problem.get("hint"))
    return error


def _internet(attempts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say which hosts were asked in vain, and where."""
    if attempts:
        from modelpack.findings.internet import problems  # noqa: PLC0415 - only for failures

        yield "there is no internet in the check, and it was asked for:"
        yield from (f"  {problem}" for problem in problems(attempts, "code"))


def _first_error(messages: list[str]) -> str:
    for line in messages:
        if "error:" in line:
            return line.split("error:", 1)[1].strip() or "nix-build failed"
    return "nix-build failed"


def _derivation_name(path: str) -> str:
    return path.rsplit("/", 1)[-1].split("-", 1)[-1].removesuffix(".drv")
