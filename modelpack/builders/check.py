"""Starts the real server, asks it the sample requests and holds the answers against the expected ones.

Runs inside the sandbox: the only network there is the loopback. No answer, no package. What it saw is kept in the
output, which no package refers to, since timings and logs differ from run to run: ``report.json``, ``openapi.json``,
``answers/``, ``server.log``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from modelpack.builders import listening, nameserver
from modelpack.builders.attempts import Watch
from modelpack.builders.compare import differences
from modelpack.builders.problem import fail

_LOG_LINES = 60
POLL = 0.02  # seconds
_WATCH = "/modelpack-watch"
"""Where a program that is shown a root file system sees what watches it."""
_NOT_YET = 503
"""Status of who cannot answer for now (RFC 9110, 15.6.4)."""
# What a process may have mapped: the store, and what is no file.
_MAPPED = ("/nix/store/", "/memfd:", "/dev/", "/SYSV")


class Program:
    """What is under check: a server or a job.

    Args:
        plan: see ``check.nix`` for its keys.
        log: file for what it says.
        arguments: words after the command.
        places: files and folders that a program which is shown a root file system sees, by where.
        names: hears which hosts it looks up.
    """

    def __init__(
        self,
        plan: dict[str, Any],
        log: str,
        arguments: Sequence[str] = (),
        *,
        places: Mapping[str, str] | None = None,
        names: nameserver.NameServer | None = None,
    ) -> None:
        self.log = log
        self.names = names
        self.timeout = float(plan["timeout"])
        self.emulated = plan["emulated"]
        self.stop_signal = getattr(signal, plan["stop_signal"])
        self.root = ""
        self.tree = (plan["view"] or {}).get("tree")
        folder = os.path.join(os.environ["NIX_BUILD_TOP"], f"watch-{os.path.basename(log)}")
        self.watch = Watch(folder, plan["code"], _WATCH if plan["view"] else None)
        serve = self.watch.started_by(plan["serve"])
        command, environment = self._viewed(plan, serve, places or {}) if plan["view"] else self._plain(serve)
        self._stream = open(log, "wb")  # noqa: SIM115 - as long as the server lives
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*command, *arguments],
            env={**environment, "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
            stdout=self._stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _plain(self, serve: str) -> tuple[list[str], dict[str, str]]:
        """Give command and variables of a program that sees the sandbox."""
        home = os.path.join(os.environ["NIX_BUILD_TOP"], "home")
        os.makedirs(home, exist_ok=True)
        return [serve], {"HOME": home, "TMPDIR": home}

    def _viewed(self, plan: dict[str, Any], serve: str, places: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """Give command and variables of a program that sees the image's root file system."""
        from modelpack.builders import view  # noqa: PLC0415 - is there only for such servers

        if view.needs_user() is None:
            fail("view", f"{view.OBSTACLE}, inside Nix's sandbox", hint=view.HINT)
        top = os.environ["NIX_BUILD_TOP"]
        self.root = os.path.join(top, f"root of {os.path.basename(self.log)}")
        os.mkdir(self.root)
        asked = {**plan["view"], "places": {**places, _WATCH: self.watch.folder}}
        shown = {**asked, "store": [f"/nix/store/{name}" for name in os.listdir("/nix/store")]}
        with open(f"{self.root}.json", "x", encoding="utf-8") as stream:
            json.dump(shown, stream)
        command = [sys.executable, "-s", "-S", "-P", view.__file__, f"{self.root}.json", self.root, serve]
        variables = {name: os.environ[name] for name in ("PYTHONPATH", "PATH", "PYTHONDONTWRITEBYTECODE")}
        return command, {**variables, "HOME": view.home(asked["skeleton"]["user"]), "TMPDIR": "/tmp"}  # noqa: S108 - its own

    def fail(self, step: str, message: str, **data: object) -> None:
        """Stop the program and end the build with the end of its log."""
        self.stop(patience=1)
        with open(self.log, encoding="utf-8", errors="replace") as stream:
            lines = stream.read().splitlines()
        fail(step, message, log=lines[-_LOG_LINES:], internet=self.attempts(), **data)

    def attempts(self) -> list[dict[str, Any]]:
        """Give what the program wanted of the internet; the line is only known of what Python asked for."""
        found = self.watch.attempts()
        told = {attempt["host"].lower() for attempt in found}
        heard = [host for host in (self.names.hosts() if self.names else ()) if host not in told]
        return [*found, *({"file": None, "host": host, "library": None, "line": None} for host in heard)]

    def outside(self) -> list[str]:
        """Give the files outside the store that the program's processes run code of.

        An emulator maps the code that it runs as data: of its processes every file counts but the emulator itself.
        What lies where the program writes was empty when it began: the program took it out of the package.
        """
        own = (os.environ["NIX_BUILD_TOP"] + "/", *(("/tmp/", "/home/") if self.root else ()))  # noqa: S108 - its own
        found = set()
        for process in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                mapped = _mapped(process, code_only=not self.emulated)
                mapped = {path.removeprefix(self.root) for path in mapped}
                found |= mapped - {os.readlink(f"/proc/{process}/exe")} if self.emulated else mapped
        return sorted(path for path in found if not path.startswith((*_MAPPED, *own)) and not self._of_image(path))

    def stays_inside(self, outside: Sequence[str]) -> None:
        """End the build when there are files outside."""
        if outside:
            message = f"the server loads files that are not in the package: {', '.join(outside)}"
            self.fail("closure", message, files=list(outside))

    def _of_image(self, path: str) -> bool:
        """Tell whether a file is the base image's."""
        return self.tree is not None and os.path.isfile(self.tree + path)

    def stop(self, *, patience: float = 10) -> float:
        """Stop the program as a runtime would; give the seconds it took. Nothing of it is left behind."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._stream.close()
        return time.monotonic() - began


class Server(Program):
    """The server under check."""

    def __init__(self, plan: dict[str, Any], log: str, names: nameserver.NameServer | None) -> None:
        self.port = plan["port"]
        super().__init__(plan, log, names=names)

    def ask(self, method: str, path: str, body: bytes | None = None, content_type: str = "") -> tuple[int, bytes]:
        """Send one request and give status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        try:
            headers = {"Content-Type": content_type} if body is not None else {}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask_when_able(
        self, method: str, path: str, body: bytes | None = None, content_type: str = ""
    ) -> tuple[int, bytes]:
        """Ask again while the server says that it cannot answer for now: readiness routes of some come too early."""
        while True:
            status, answer = self.ask(method, path, body, content_type)
            if status != _NOT_YET or time.monotonic() - self.began > self.timeout:
                return status, answer
            time.sleep(POLL)

    def wait_until_ready(self, route: str) -> float:
        """Wait for the readiness route; give the seconds since the start."""
        while time.monotonic() - self.began < self.timeout:
            code = self.process.poll()
            if code is not None:
                self.fail("start", f"the server stopped before it was ready, with {ended(code)}", code=code)
            try:
                status, _ = self.ask("GET", route)
            except (OSError, http.client.HTTPException):
                time.sleep(POLL)
                continue
            if status == 200:
                return time.monotonic() - self.began
            time.sleep(POLL)
        message = f"the server was not ready within {self.timeout:g} s: GET {route}"
        found = listening.addresses(self.process.pid)
        if found and self.port not in {port for _, port in found}:
            where = ", ".join(_written(address, port) for address, port in found)
            hint = "listen on @port@ of the command, or on $MODELPACK_PORT"
            self.fail("readiness", f"{message}: it listens on {where}, not on port {self.port}", hint=hint)
        self.fail("readiness", message, route=route)
        raise AssertionError

    def can_be_reached(self) -> None:
        """End the build when the server answers nobody outside of its container."""
        found = [address for address, port in listening.addresses(self.process.pid) if port == self.port]
        if found and all(map(listening.only_from_here, found)):
            where = ", ".join(_written(address, self.port) for address in found)
            message = f"the server listens on {where} alone, which nothing outside of its container reaches"
            self.fail("address", message, hint="let it listen on 0.0.0.0")

    def stays(self, route: str) -> None:
        """End the build when the server is not there any more after it has answered."""
        try:
            self.ask("GET", route)
        except (OSError, http.client.HTTPException) as error:
            self.fail("end", f"after the answers, GET {route} has none: {_why(self, error)}")


def main() -> None:
    """Build from the plan; see ``check.nix`` for its keys."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    out = os.environ["out"]
    os.makedirs(f"{out}/answers")
    server = Server(plan, f"{out}/server.log", nameserver.begin())
    report: dict[str, Any] = {"ready_seconds": round(server.wait_until_ready(plan["routes"]["readiness"]), 3)}
    server.can_be_reached()
    report["requests"] = [_request(server, plan, request, out) for request in plan["requests"]]
    server.stays_inside(server.outside())
    _save_openapi(server, plan["routes"].get("openapi"), out)
    server.stays(plan["routes"]["readiness"])
    report["internet"] = server.attempts()
    report["stop_seconds"] = round(server.stop(), 3)
    with open(f"{out}/report.json", "w", encoding="utf-8") as stream:
        json.dump(report, stream, indent=2)


def _mapped(process: str, *, code_only: bool) -> set[str]:
    """Give the files that a process has mapped (proc_pid_maps(5))."""
    with open(f"/proc/{process}/maps", encoding="utf-8", errors="replace") as stream:
        lines = [line.rstrip("\n").split(maxsplit=5) for line in stream]
    named = (words for words in lines if len(words) == 6 and words[5].startswith("/"))
    return {words[5] for words in named if "x" in words[1] or not code_only}


def _request(server: Server, plan: dict[str, Any], request: dict[str, Any], out: str) -> dict[str, Any]:
    name, route = request["name"], request["route"]
    body = None
    if request.get("request"):
        with open(os.path.join(plan["samples"], request["request"]), "rb") as stream:
            body = stream.read()
    began = time.monotonic()
    try:
        ask = server.ask if request["status"] == _NOT_YET else server.ask_when_able
        status, answer = ask(request["method"], route, body, request["content_type"])
    except (OSError, http.client.HTTPException) as error:
        server.fail("answer", f"no answer to {name}: {request['method']} {route}: {_why(server, error)}")
        raise AssertionError from error
    seconds = time.monotonic() - began
    with open(f"{out}/answers/{name}", "wb") as stream:
        stream.write(answer)
    shown = _shown(answer)
    if status != request["status"]:
        message = f"{name}: {request['method']} {route} answered {status}, expected {request['status']}: {shown}"
        server.fail("status", message, status=status)
    if request.get("response"):
        with open(os.path.join(plan["samples"], request["response"]), "rb") as stream:
            wrong = differences(answer, stream.read(), float(request["tolerance"]))
        if wrong:
            message = f"{name}: the answer is not the expected one: {wrong[0]}"
            server.fail("answer", message, differences=wrong[:20], hint=_if_random(server, request, body, answer))
    return {
        "name": name,
        "method": request["method"],
        "route": route,
        "status": status,
        "seconds": round(seconds, 4),
        "bytes": len(answer),
    }


def _why(server: Server, error: Exception) -> str:
    """Say why there was no answer: a server that is just ending is given the time to."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return f"the server stopped with {ended(server.process.wait(0.5))}"
    if isinstance(error, TimeoutError):
        return f"nothing came within {server.timeout:g} s"
    return f"{type(error).__name__}: {error}"


def _if_random(server: Server, request: dict[str, Any], body: bytes | None, answer: bytes) -> str | None:
    """Ask once more; say what to do when the answer is another one."""
    try:
        _, again = server.ask(request["method"], request["route"], body, request["content_type"])
    except (OSError, http.client.HTTPException):
        return None
    changed = differences(again, answer, float(request["tolerance"]))
    if not changed:
        return None
    what = changed[0].replace("expected", "before")
    return f"asked again, it answers otherwise ({what}): set the seed of what is random, or expect no response"


def _written(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _shown(answer: bytes) -> str:
    """Give what an answer says, and of a traceback in it, as MLflow sends one, the error that it ends with."""
    try:
        said = json.loads(answer)
        lines = said.pop("stack_trace").strip().splitlines()
        return f"{json.dumps(said)}: {lines[-1].strip()}"
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return answer[:2000].decode("utf-8", "replace")


def _save_openapi(server: Server, route: str | None, out: str) -> None:
    if route is None:
        return
    try:
        status, document = server.ask("GET", route)
    except (OSError, http.client.HTTPException):
        return
    if status == 200:
        with open(f"{out}/openapi.json", "wb") as stream:
            stream.write(document)


def ended(code: int) -> str:
    """Say how a process ended, of the code that ``subprocess`` gives."""
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


if __name__ == "__main__":
    main()
