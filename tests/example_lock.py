"""A small lock with everything in it, for tests that change a part."""

from __future__ import annotations

import copy
import json

from modelpack import lockfile

_DEB = {
    "version": "1",
    "architecture": "amd64",
    "sha256": "d" * 64,
    "size": 10,
    "source": "debian",
    "depends": [],
}


def deb(name, *depends, version="1"):
    filename = f"{name}_{version}_amd64.deb"
    own = {"name": name, "version": version, "filename": filename, "path": f"pool/main/{filename}"}
    return _DEB | own | {"depends": list(depends)}


def wheel(name, version, *parents):
    return {
        "name": name,
        "version": version,
        "filename": f"{name.replace('-', '_')}-{version}-py3-none-any.whl",
        "sha256": "a" * 64,
        "size": 100,
        "source": "pypi",
        "required_by": [{"name": parent, "specifier": specifier} for parent, specifier in parents],
    }


def data():
    """Give a whole lock as JSON values, new each time."""
    return copy.deepcopy(_LOCK)


def lock(**changes):
    """Give the lock with some of its top-level values replaced."""
    return lockfile.parse(json.dumps(data() | changes))


_LOCK = {
    "version": 1,
    "name": "demo",
    "package_version": "1",
    "description": "A demonstration",
    "platform": "linux/amd64",
    "build_system": "x86_64-linux",
    "digests": {"python": "p", "base": "b"},
    "environment_variables": {"LOG_LEVEL": "info"},
    "server": {
        "name": "custom",
        "command": ["@python@", "app.py"],
        "environment": {},
        "port": 8000,
        "routes": {"liveness": "/", "readiness": "/ready", "scoring": "/score"},
        "stop_signal": "SIGTERM",
    },
    "check": {
        "timeout": "10",
        "requests": [
            {
                "name": "request-1",
                "method": "POST",
                "route": "/score",
                "content_type": "application/json",
                "request": "request-1/request.json",
                "status": 200,
                "response": "request-1/response.json",
                "tolerance": "1e-06",
            }
        ],
    },
    "image": {"user": "65532:65532", "labels": {}, "compression": "zstd"},
    "trees": {
        "model": {
            "files": [{"path": "model.bin", "size": 3, "sha256": "e" * 64, "executable": False}],
            "nar_sha256": "f" * 64,
        }
    },
    "python": {
        "version": "3.11",
        "requirements": [
            {"requirement": "Flask>=3", "origin": "modelpack.yaml:7"},
            {"requirement": "Jinja2==3.1.6", "origin": "requirements.txt:2"},
            {"requirement": "gunicorn>=20", "origin": "server custom"},
        ],
        "wheels": [
            wheel("flask", "3.1.0"),
            wheel("gunicorn", "23.0"),
            wheel("jinja2", "3.1.6", ("flask", ">=3.1.2")),
            wheel("markupsafe", "3.0.2", ("jinja2", ">=2.0"), ("werkzeug", ">=2.1.1")),
            wheel("werkzeug", "3.1.3", ("flask", ">=3.1")),
        ],
    },
    "base": {
        "suite": "bookworm",
        "glibc": "2.36",
        "evidence": [
            {"suite": "bookworm", "sha256": "c" * 64, "date": "2026-07-11T10:16:37Z", "fingerprint": "0" * 40}
        ],
        "target": {
            "architecture": "amd64",
            "requested": ["python3.11", "libgl1"],
            "packages": [
                deb("libc6"),
                deb("libgl1", "libc6", "libx11-6"),
                deb("libx11-6", "libc6"),
                deb("python3.11", "libc6"),
            ],
        },
        "tools": {"architecture": "amd64", "requested": ["patchelf"], "packages": [deb("patchelf")]},
        "seed": deb("busybox-static"),
        "seed_nar_sha256": "9" * 64,
    },
}
