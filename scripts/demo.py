"""Package the example, check it, start its image without network, ask it, and show what it answers."""
# ruff: noqa: INP001, T201 - a program of its own, which talks to a person

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
EXAMPLE = CHECKOUT / "templates" / "sklearn-azureml"
WORK = CHECKOUT / "build" / "demo"
PORT = 5001
PATIENCE = 120  # seconds until the server must have answered
CONTAINER = "modelpack-demo"
MANY = 4096  # open files, processes


def main(arguments: list[str]) -> int:
    """Run the demonstration; the exit code is 0 when the served model gave the expected answer.

    The script also runs itself in other namespaces: ``--offline COMMAND...`` and ``--post``.
    """
    if arguments[:1] == ["--offline"]:
        return with_loopback(arguments[1:])
    if arguments == ["--post"]:
        return post(sys.stdin.buffer.read())
    project = WORK / "wine"
    shutil.rmtree(WORK, ignore_errors=True)
    shutil.copytree(EXAMPLE, project)

    say("Package the example: lock, fetch, build and check it in a sandbox without network")
    fetch(project)
    built = json.loads(modelpack("build", str(project), "-o", str(WORK / "result"), "--json", capture=True))
    show_identity(built)

    say("Export it as an OCI image")
    archive = WORK / "image.tar"
    modelpack("export", "oci", str(WORK / "image"), str(project))
    modelpack("export", "oci-archive", str(archive), str(project))
    print(f"  {(WORK / 'image').relative_to(CHECKOUT)}/ and {archive.relative_to(CHECKOUT)}: {megabytes(archive)}")

    with serving(archive, project) as process:
        answer = ask(process, (project / "sample-request.json").read_bytes())
    print(json.dumps(answer, indent=2))
    if rounded(answer) != rounded(json.loads((project / "expected-response.json").read_text())):
        print("demo: the answer is not the expected one", file=sys.stderr)
        return 1
    print("\nThe project is in build/demo/wine: change src/score.py there and run: .venv/bin/modelpack build")
    return 0


def fetch(project: Path) -> None:
    """Have everything that the lock names; lock anew when an archive no longer has what it names."""
    try:
        modelpack("fetch", str(project))
    except subprocess.CalledProcessError:
        print("The example's lock names something that is no longer offered here; lock it anew", file=sys.stderr)
        modelpack("lock", str(project), "--upgrade")
        modelpack("fetch", str(project))


def modelpack(*arguments: str, capture: bool = False) -> str:
    """Run one of our commands as a user would; progress and errors go to the terminal."""
    print(f"$ modelpack {' '.join(arguments).replace(f'{CHECKOUT}/', '')}", flush=True)
    command = [sys.executable, "-m", "modelpack", *arguments]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE if capture else None)
    return done.stdout or ""


def show_identity(built: dict[str, object]) -> None:
    """Print what names the package and how it was made."""
    for key in ("name", "version", "store_path", "image_digest", "lock_digest", "checked", "hermetic"):
        print(f"  {key.replace('_', ' '):<14}{built[key]}")
    stages = built["stages"]
    if isinstance(stages, dict):
        print(f"  {'stages':<14}{', '.join(f'{name} {seconds:.1f} s' for name, seconds in stages.items())}")


@contextlib.contextmanager
def serving(archive: Path, project: Path) -> Iterator[int]:
    """Serve the package without network and give a process whose network namespace the server is in."""
    if shutil.which("podman") and not subprocess.run(["podman", "info"], check=False, capture_output=True).returncode:
        say("Start the image with podman, without network, and ask it")
        with container(archive) as process:
            yield process
    else:
        say("No podman here: start the same files as a root file system, without network, and ask them")
        tarball, folder = WORK / "rootfs.tar", WORK / "rootfs"
        modelpack("export", "rootfs", str(tarball), str(project))
        folder.mkdir()
        run("tar", "--extract", "--file", str(tarball), "--directory", str(folder))
        with namespace([str(folder / "serve")]) as process:
            yield process


@contextlib.contextmanager
def container(archive: Path) -> Iterator[int]:
    """Run the image of an OCI archive without network; give the container's first process."""
    before = images()
    # Podman asks for more open files and processes than a machine may let it have.
    limits = [f"--ulimit={name}={MANY}:{MANY}" for name in ("nofile", "nproc")]
    run("podman", "rm", "--force", "--ignore", CONTAINER)
    try:
        run("podman", "run", "--detach", "--name", CONTAINER, "--network", "none", *limits, f"oci-archive:{archive}")
        yield int(run("podman", "inspect", "--format", "{{.State.Pid}}", CONTAINER))
    except BaseException:
        subprocess.run(["podman", "logs", "--tail", "30", CONTAINER], check=False)
        raise
    finally:
        run("podman", "rm", "--force", "--ignore", "--time", "5", CONTAINER)
        if images() - before:
            run("podman", "rmi", *images() - before)


def images() -> set[str]:
    """Give the digests of podman's images."""
    return set(run("podman", "images", "--quiet", "--no-trunc").split())


def run(*command: str) -> str:
    """Run a program of the machine and give its output; runc also runs where cgroups of both versions are mounted."""
    if command[0] == "podman" and shutil.which("runc"):
        command = ("podman", "--runtime", "runc", *command[1:])
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def namespace(command: Sequence[str]) -> Iterator[int]:
    """Run a command in a network namespace of its own; give its process."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    offline = ["unshare", *user, "--net", sys.executable, __file__, "--offline", *command]
    log = WORK / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(offline, start_new_session=True, stdout=stream, stderr=stream)
    try:
        yield process.pid
    except BaseException:
        print(log.read_text(errors="replace"), file=sys.stderr)
        raise
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def with_loopback(command: list[str]) -> int:
    """Bring up the loopback interface, the only one of a fresh network namespace, and run ``command``.

    This process stays beside it, since a server may enter a user namespace that cannot be left for the network's.
    """
    flags_of, set_flags, up = 0x8913, 0x8914, 0x1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP of linux/sockios.h and if.h
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        (flags,) = struct.unpack_from("16xh", fcntl.ioctl(anything, flags_of, struct.pack("16s16x", b"lo")))
        fcntl.ioctl(anything, set_flags, struct.pack("16sh14x", b"lo", flags | up))
    return subprocess.run(command, check=False).returncode


def ask(process: int, request: bytes) -> object:
    """Send a request from inside the network namespace of ``process``, as soon as the server takes it."""
    end = time.monotonic() + PATIENCE
    trouble = "the server has no network namespace of its own"
    while time.monotonic() < end:
        if not shares(process, "net"):
            enter = [] if shares(process, "user") else ["--user", "--preserve-credentials"]
            command = ["nsenter", "--target", str(process), "--net", *enter, sys.executable, __file__, "--post"]
            done = subprocess.run(command, input=request, check=False, capture_output=True)
            if done.returncode == 0:
                return json.loads(done.stdout)
            trouble = done.stderr.decode().strip()
        time.sleep(0.5)
    raise TimeoutError(f"no answer in {PATIENCE} s: {trouble}")


def post(request: bytes) -> int:
    """Send a request to the scoring route and print the answer; the exit code is 1 when there is none."""
    url = f"http://127.0.0.1:{PORT}/score"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, request, {"Content-Type": "application/json"})
        ) as answer:
            sys.stdout.buffer.write(answer.read())
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def shares(process: int, kind: str) -> bool:
    """Tell whether a process is in our namespace of a kind, such as ``net``."""
    return Path(f"/proc/{process}/ns/{kind}").readlink() == Path(f"/proc/self/ns/{kind}").readlink()


def rounded(answer: object) -> object:
    """Give an answer with its numbers to six digits after the point."""
    return json.loads(json.dumps(answer), parse_float=lambda text: round(float(text), 6))


def megabytes(path: Path) -> str:
    """Give a file's size for people."""
    return f"{path.stat().st_size / 1e6:.0f} MB"


def say(text: str) -> None:
    """Begin a step."""
    print(f"\n== {text}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.stderr or ''}demo: failed: {' '.join(map(str, error.cmd))}")
    except TimeoutError as error:
        sys.exit(f"demo: {error}")
