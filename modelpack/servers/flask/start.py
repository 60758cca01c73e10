"""Becomes gunicorn, on the port of the package or the one that Vertex AI gives."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    port = os.environ.get("AIP_HTTP_PORT") or sys.argv[1]
    words = ["--bind", f"0.0.0.0:{port}", "--workers", os.environ.get("WORKER_COUNT", "1")]
    words += ["--pythonpath", str(Path(__file__).parent), "--worker-tmp-dir", "/dev/shm"]  # noqa: S108 - memory
    words += ["--timeout", os.environ.get("WORKER_TIMEOUT", "300"), "--access-logfile", "-"]
    import gunicorn

    if tuple(map(int, gunicorn.__version__.split(".")[:1])) >= (25,):
        words.append("--no-control-socket")
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *words, "app:app"])
