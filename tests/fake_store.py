"""A small store with an image in it, below a folder that stands for the machine's root."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

from modelpack.builders import image, layer, root, tarstream

STORE = "/nix/store"
BASE = f"{STORE}/00000000000000000000000000000000-base"
WEIGHTS = f"{STORE}/11111111111111111111111111111111-weights.bin"
PACKAGE = f"{STORE}/22222222222222222222222222222222-demo-1"
IMAGE = f"{STORE}/33333333333333333333333333333333-image-demo-1"
ZSTD = shutil.which("zstd") or "zstd"
BUSYBOX = shutil.which("busybox")


def write(path: Path, data: bytes, mode: int = 0o444) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def fill(machine: Path, weights: bytes) -> None:
    """Make the store paths: a base whose only program is a static shell, weights, and a package that uses both."""
    base = machine / BASE[1:]
    (base / "usr/bin").mkdir(parents=True)
    (base / "bin").symlink_to("usr/bin")
    if BUSYBOX:
        shutil.copy(BUSYBOX, base / "usr/bin/busybox")
        for name in ("sh", "cat", "id", "ls"):
            (base / "usr/bin" / name).symlink_to("busybox")
    write(base / "usr/bin/python3.11", _program(f"{BASE}/usr/lib/ld.so"), 0o555)
    (base / "usr/bin/python3").symlink_to("python3.11")
    # What stands for the dynamic linker leaves out its options and the program, and takes the machine's Python.
    write(base / "usr/lib/ld.so", b'#!/bin/sh\nshift 4\nexec python3 "$@"\n', 0o555)
    write(base / "etc/services", b"http 80/tcp\n")
    write(base / "var/lib/dpkg/status.d/libc6", b"Package: libc6\n")
    write(machine / WEIGHTS[1:], weights)
    serve = f"#!{BASE}/usr/bin/sh\nid -u\ncat {WEIGHTS} | head -c 5\necho\nls /nix/store\n"
    write(machine / PACKAGE[1:] / "bin/serve", serve.encode(), 0o555)


def _program(loader: str) -> bytes:
    """Give as much of an ELF file as says which dynamic linker it wants."""
    path = loader.encode() + b"\0"
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 64, 64, 4096)
    interpreter = struct.pack("<IIQQQQQQ", 3, 4, 64 + 2 * 56, 0, 0, len(path), len(path), 1)
    return head + load + interpreter + path


def make_image(machine: Path, weights: bytes = b"weights" * 1000, compression: str = "zstd") -> str:
    """Build the image with the builders' own functions, and give its store path."""
    fill(machine, weights)
    describe_image(machine, compression)
    return IMAGE


def describe_image(machine: Path, compression: str = "zstd") -> None:
    """Make the outputs of layers and image for what is in the store."""
    skeleton = layer.Skeleton(base=BASE, user="65532:65532")
    parts = [
        ("base", (BASE,), compression, None),
        ("root file system", (), compression, skeleton),
        ("weights.bin", (WEIGHTS,), "none", None),
        ("package", (PACKAGE,), compression, None),
    ]
    layers = []
    for number, (name, paths, how, skeleton_) in enumerate(parts):
        output = f"{STORE}/{str(number + 4) * 32}-layer"
        found = root.entries(skeleton_, str(machine)) if skeleton_ else tarstream.store_paths(paths, str(machine))
        about = {"name": name, "paths": paths, "skeleton": skeleton_}
        layer.write(str(machine) + output, found, about, how, ZSTD)
        layers.append({**json.loads((machine / output[1:] / "layer.json").read_text()), "output": output})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "user": "65532:65532",
        "env": {"PATH": "/bin", "GREETING": "hello"},
        "entrypoint": [f"{PACKAGE}/bin/serve"],
        "cmd": [],
        "ports": ["5001/tcp"],
        "labels": {"org.opencontainers.image.title": "demo"},
        "stop_signal": "SIGTERM",
        "working_dir": "/",
        "healthcheck": None,
    }
    plan = {"reference": "demo:1", "zstd": None, "config": config, "base": None}
    image.write(str(machine) + IMAGE, layers, plan)
