"""A tiny base image: two layers around a static busybox, with everything that layers can say of files."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

BUSYBOX = shutil.which("busybox")
OCI = "application/vnd.oci.image"
CONFIG = {
    "Env": ["PATH=/opt/thing/bin:/bin", "THING_GREETING=from the image"],
    "Labels": {"vendor": "example", "org.opencontainers.image.title": "not ours"},
    "Entrypoint": ["/bin/sh"],
    "User": "7",
    "Volumes": {"/data": {}},
}
THING = """#!/bin/sh
# Serves a folder; ``thing`` alone is found along the image's own search path.
test "$(cat /etc/thing.conf)" = second || exit 4
exec busybox httpd -f -p "$1" -h "${2:-/srv/www}"
"""


def member(name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def folder(name, mode=0o755):
    return member(name, type=tarfile.DIRTYPE, mode=mode)


def link(name, target, kind=tarfile.SYMTYPE):
    return member(name, type=kind, linkname=target)


def layer(*members):
    """Give a layer's tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def first():
    shell = Path(BUSYBOX).read_bytes() if BUSYBOX else b""
    return layer(
        folder("bin"),
        member("bin/busybox", shell, mode=0o755),
        *(link(f"bin/{name}", "busybox") for name in ("sh", "cat", "ls", "id", "stat", "test")),
        member("etc/passwd", b"root:x:0:0::/root:/bin/sh\nthing:x:7:7::/:/bin/sh\n", mode=0o644),
        member("etc/thing.conf", b"first", mode=0o644),
        folder("usr/lib"),
        link("lib", "usr/lib"),
        member("srv/www/ready", b"ready\n", mode=0o644),
        member("srv/www/answer", b'{"answer": 42}\n', mode=0o644),
        folder("opt"),
        folder("opt/gone"),
        member("opt/gone/file", b"1"),
        folder("opt/emptied"),
        member("opt/emptied/old", b"1"),
        member("opt/secret", b"1", mode=0o600, uid=7, gid=7),
        folder("tmp", 0o1777),
    )


def second():
    return layer(
        member("etc/thing.conf", b"second", mode=0o644),
        member("opt/.wh.gone"),
        member("opt/emptied/new", b"2"),
        member("opt/emptied/.wh..wh..opq"),
        folder("opt/thing"),
        folder("opt/thing/bin"),
        member("opt/thing/bin/thing", THING.encode(), mode=0o755),
        member("usr/bin/thing", type=tarfile.LNKTYPE, linkname="opt/thing/bin/thing", mode=0o755),
        member("lib/through-the-link", b"3"),
    )


FILES = {
    "etc/thing.conf": b"second",
    "opt/emptied/new": b"2",
    "opt/secret": b"1",
    "usr/lib/through-the-link": b"3",
    "usr/bin/thing": THING.encode(),
    "opt/thing/bin/thing": THING.encode(),
    "srv/www/ready": b"ready\n",
}
GONE = ("opt/gone", "opt/emptied/old", "opt/.wh.gone", "opt/emptied/.wh..wh..opq")


def write_layout(place, layers=None, *, config=CONFIG, architecture="amd64", changes=None, tag="1"):
    """Write an OCI layout; the first layer is compressed. Gives the digest of the manifest."""
    tars = layers or [first(), second()]
    blobs = place / "blobs/sha256"
    blobs.mkdir(parents=True, exist_ok=True)

    def put(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    described = [
        put(gzip.compress(tar, mtime=0), f"{OCI}.layer.v1.tar+gzip") if number == 0 else put(tar, f"{OCI}.layer.v1.tar")
        for number, tar in enumerate(tars)
    ]
    whole = {
        "architecture": architecture,
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]},
        "history": [{"created_by": "test", "empty_layer": True}, *({"created_by": f"{n}"} for n, _ in enumerate(tars))],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": put(json.dumps(whole).encode(), f"{OCI}.config.v1+json"),
        "layers": described,
    }
    manifest |= changes(manifest) if changes else {}
    entry = put(json.dumps(manifest).encode(), manifest["mediaType"])
    named = {**entry, "annotations": {"org.opencontainers.image.ref.name": tag}}
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return entry["digest"]


def pack(layout, target):
    """Write a layout as one tar file."""
    with tarfile.open(target, "w") as archive:
        for path in sorted(layout.rglob("*")):
            archive.add(path, path.relative_to(layout), recursive=False)
    return target


def write_docker_archive(place, tars):
    """Write what ``docker save`` wrote before it wrote layouts. Gives the image's ID."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": CONFIG,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]},
    }
    data = json.dumps(config).encode()
    digest = hashlib.sha256(data).hexdigest()
    names = [f"{number}/layer.tar" for number, _ in enumerate(tars)]
    listing = [{"Config": f"{digest}.json", "RepoTags": ["team/base:1"], "Layers": names}]
    members = [member(f"{digest}.json", data), *(member(name, tar) for name, tar in zip(names, tars, strict=True))]
    place.write_bytes(layer(*members, member("manifest.json", json.dumps(listing).encode())))
    return f"sha256:{digest}"
