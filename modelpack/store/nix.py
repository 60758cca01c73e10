"""The only caller of Nix, through its stable commands, so that 2.8 to 2.3x behave alike."""

from __future__ import annotations

import grp
import json
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelpack.errors import BuildError, ToolError
from modelpack.resources import root
from modelpack.store.nixlog import NixLog, full_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelpack.settings import Settings

STORE = "/nix/store"
_STATE = Path("/nix/var/nix")
_SYSTEMS = {"x86_64": "x86_64-linux", "aarch64": "aarch64-linux", "arm64": "aarch64-linux"}
_BATCH = 500  # paths a call, so that command lines stay far below the kernel's limit


def system() -> str:
    """Give the Nix system of this machine, ``x86_64-linux``."""
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in _SYSTEMS:
        raise ToolError(
            f"packages are built on Linux on x86_64 or aarch64, this is {platform.system()} on {machine}",
            hint="use a Linux machine or a Linux virtual machine",
        )
    return _SYSTEMS[machine]


@dataclass(frozen=True, kw_only=True, slots=True)
class Nix:
    """A Nix store and how builds run in it."""

    store: Path | None = None
    """Folder that holds a store of its own (``nix/store`` below it); None is the machine's store."""
    sandbox: bool = True
    """False builds without Nix's sandbox; such packages are marked."""
    substituters: tuple[str, ...] = ()
    """Binary caches to ask; none unless configured, since an unreachable one costs seconds a build."""

    @classmethod
    def of(cls, settings: Settings, *, sandbox: bool = True) -> Nix:
        """Give the store and the way of building that this machine is configured for."""
        store = Path(settings.nix_store) if settings.nix_store else _own_store()
        return cls(store=store, sandbox=sandbox and settings.nix_sandbox)

    def enter(self, path: str) -> tuple[str, ...]:
        """Give the words before a program of the store path that make it start; none when the store lies at its path.

        Nix itself makes a namespace in which a store that lies elsewhere appears as /nix/store.
        """
        if self.store is None:
            return ()
        nix = ("nix", "--extra-experimental-features", "nix-command", "--option", "substituters", "")
        return (*nix, "shell", "--store", str(self.store), path, "--command")

    def physical(self, path: str) -> Path:
        """Give where a store path's bytes lie on this machine."""
        return self.store / path.lstrip("/") if self.store else Path(path)

    def missing(self, paths: Sequence[str]) -> set[str]:
        """Give which of ``paths`` the store does not hold."""
        found: set[str] = set()
        for start in range(0, len(paths), _BATCH):
            batch = paths[start : start + _BATCH]
            found.update(self._store("--check-validity", "--print-invalid", *batch).split())
        return found

    def holds(self, paths: Sequence[str], link: Path) -> bool:
        """Say whether the store holds all of ``paths``; Nix is asked when ``link``, of ``build``, does not keep them.

        What a root leads to is never collected, and starting Nix takes longer than looking.
        """
        links = [link, *(link.with_name(f"{link.name}-{number}") for number in range(2, len(paths) + 1))]
        kept = all(
            _leads_to(one, path) and self.physical(path).exists() for one, path in zip(links, paths, strict=True)
        )
        return kept or not self.missing(paths)

    def add_flat(self, files: Sequence[tuple[str, Path]]) -> tuple[str, ...]:
        """Add files, each under a store name, as fixed-output paths of their flat sha256, and give those paths.

        By evaluation, not with ``nix-store --add-fixed``, which hashes every file four times.
        """
        if not files:
            return ()
        listed = json.dumps([{"name": name, "path": str(file.absolute())} for name, file in files])
        expression = f"map (file: builtins.path (file // {{ recursive = false; }})) (builtins.fromJSON {_text(listed)})"
        arguments = ("--eval", "--read-write-mode", "--strict", "--json", "--expr", expression)
        found: list[str] = json.loads(self._run("nix-instantiate", *arguments))
        return tuple(found)

    def add_tree(self, folder: Path) -> str:
        """Add a folder as a fixed-output path of its NAR's sha256; the store name is the folder's name."""
        return self._store("--add-fixed", "--recursive", "sha256", str(folder)).strip()

    def flake(self, *words: str) -> tuple[int, str, str]:
        """Run a command of Nix's flakes as this machine's Nix is configured: its registry, its caches, its credentials.

        Returns:
            Exit code, standard output and what it said.
        """
        command = ["nix", "--extra-experimental-features", "nix-command flakes", *words, *self._place()]
        if self.substituters:
            command += ["--option", "extra-substituters", " ".join(self.substituters)]
        process = self._start([*command, "--option", "sandbox", _boolean(self.sandbox)])
        out, error = process.communicate()
        return process.returncode, out, error

    def closure(self, path: str) -> tuple[str, ...]:
        """Give all store paths that ``path`` needs, itself included."""
        return tuple(self._store("--query", "--requisites", path).split())

    def sizes(self, paths: Sequence[str]) -> tuple[int, ...]:
        """Give the NAR sizes of ``paths`` in bytes, in their order."""
        return tuple(int(word) for word in self._store("--query", "--size", *paths).split())

    def root(self, path: str, link: Path) -> None:
        """Make ``link`` point at ``path`` and keep it from being garbage-collected."""
        target = str(self.physical(path))
        if link.is_symlink() and os.readlink(link) == target:  # noqa: PTH115 - the text, not the place
            return
        link.parent.mkdir(parents=True, exist_ok=True)
        if self.store:
            # nix-store --add-root writes the logical path, which does not exist here.
            _replace_link(link, target)
            roots = self.store / "nix/var/nix/gcroots/auto"
            roots.mkdir(parents=True, exist_ok=True)
            _replace_link(roots / store_hash(path), path)
            return
        self._store("--realise", path, "--add-root", str(link), "--indirect")

    def build(
        self,
        lock: Path,
        attributes: Sequence[str],
        *,
        checked: bool = True,
        link: Path | None = None,
        on_build: Callable[[str, bool], None] = lambda _name, _ended: None,
        options: Mapping[str, str] | None = None,
    ) -> tuple[str, ...]:
        """Build attributes of the library for a lock and give their store paths.

        Args:
            lock: the lock, a file.
            attributes: ``package``, ``image``, ``check``, ...
            checked: whether the server has to answer before there is a package.
            link: where links to the outputs go, which keep them from being garbage-collected: LINK, LINK-2, ...
            on_build: called with a derivation's name when it starts (False) and when it has ended (True).
            options: further Nix settings.

        Raises:
            BuildError: a derivation failed; CheckError when it was the check.
        """
        command = [
            *("nix-build", str(root("nix")), "--log-format", "internal-json", "-v"),
            *(("--out-link", str(link)) if link else ("--no-out-link",)),
            *("--arg", "lock", _path_literal(lock), "--arg", "hermetic", _boolean(self.sandbox)),
            *("--arg", "checked", _boolean(checked)),
            *self._options(options or {}),
            *(word for attribute in attributes for word in ("-A", attribute)),
        ]
        log = NixLog(on_build)
        process = self._start(command)
        try:
            assert process.stderr is not None  # noqa: S101 - it is a pipe
            for line in process.stderr:
                log.read(line)
            out = process.communicate()[0]
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if process.returncode:
            raise log.error(self.sandbox)
        return tuple(out.split())

    def _options(self, more: Mapping[str, str]) -> list[str]:
        settings = {
            "sandbox": _boolean(self.sandbox),
            "sandbox-fallback": "false",
            "substituters": " ".join(self.substituters),
            # Else a /bin/sh is let in where Nix was built with one.
            "sandbox-paths": "",
            # Nix's own default is one build at a time.
            "max-jobs": "auto",
            **more,
        }
        words = [word for name, value in settings.items() for word in ("--option", name, value)]
        return [*words, *self._place()]

    def _place(self) -> tuple[str, ...]:
        """Give the words that say which store, and that no build users have a part in it.

        Those of the machine's store may be busy there, and Nix ends all processes of one it takes; in a namespace,
        their group cannot be given anything.
        """
        if self.store is None and _has_build_users():
            return ()
        return ("--option", "build-users-group", "", *(("--store", str(self.store)) if self.store else ()))

    def _store(self, *arguments: str) -> str:
        return self._run("nix-store", *arguments)

    def _run(self, program: str, *arguments: str) -> str:
        command = [program, *arguments, *self._place()]
        process = self._start(command)
        out, error = process.communicate()
        if process.returncode and self.store and "File exists" in error:
            # Two programs that make a new store at the same moment get in each other's way, once.
            process = self._start(command)
            out, error = process.communicate()
        # --check-validity --print-invalid says with its output what is missing, not with its exit code.
        if process.returncode:
            if full := full_disk(error):
                raise full
            raise BuildError(f"{' '.join(command[:3])} failed: {_last_line(error)}", details=_hints(error))
        return out

    def _start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        if shutil.which(command[0]) is None:
            raise ToolError(f"{command[0]} is not on this machine", hint="install Nix 2.8 or later (Debian: nix-bin)")
        environment = dict(os.environ)
        if self.store:
            environment.pop("NIX_REMOTE", None)
        # Without standard input Nix never asks; a locale of the user's does not change its messages.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
        )


def _own_store() -> Path | None:
    """Give where an ordinary user keeps a store who has no way to build in the machine's with the sandbox on."""
    if os.getuid() == 0 or os.access(_STATE / "db", os.W_OK) or _daemon_has_sandbox():
        return None
    data = os.environ.get("XDG_DATA_HOME", "")
    # The place that Nix itself chooses when it may not write to /nix (2.10 and later).
    return (Path(data) if data.startswith("/") else Path.home() / ".local/share") / "nix/root"


def _daemon_has_sandbox() -> bool:
    """Tell whether there is a daemon for this user that builds in the sandbox; it ignores what users ask for."""
    if not os.access(_STATE / "daemon-socket/socket", os.W_OK):
        return False
    try:
        settings = Path("/etc/nix/nix.conf").read_text(encoding="utf-8")
    except OSError:
        return True
    return re.search(r"^\s*sandbox\s*=\s*false", settings, re.MULTILINE) is None


def _has_build_users() -> bool:
    try:
        return bool(grp.getgrnam("nixbld").gr_mem)
    except KeyError:
        return False


def store_hash(path: str) -> str:
    """Give the hash part of a store path."""
    return path.removeprefix(f"{STORE}/").split("-", 1)[0]


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _path_literal(path: Path) -> str:
    """Give a Nix expression for a path whatever characters it has."""
    return f"(/. + {_text(str(path))})"


def _text(text: str) -> str:
    """Give a Nix expression for a text whatever characters it has."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{quoted}"'


def _leads_to(link: Path, path: str) -> bool:
    try:
        return os.readlink(link) == path  # noqa: PTH115 - the text, not the place
    except OSError:
        return False


def _replace_link(link: Path, target: str) -> None:
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else "no message"


def _hints(text: str) -> tuple[str, ...]:
    return tuple(text.splitlines()[-10:])
