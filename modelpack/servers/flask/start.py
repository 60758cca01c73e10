"""Becomes gunicorn, on the port that is the one argument.

Its workers have threads, so that they say that they live while the model is busy.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from modelpack_settings import count

_THREADS = 64
"""Requests that one worker has open; those that are scored at once are fewer, see ``modelpack_app``."""

if __name__ == "__main__":
    words = ["--bind", f"0.0.0.0:{sys.argv[1]}", "--workers", str(count("WORKER_COUNT", default=1))]
    words += ["--worker-class", "gthread", "--threads", str(_THREADS)]
    words += ["--pythonpath", str(Path(__file__).parent), "--worker-tmp-dir", "/dev/shm"]  # noqa: S108 - memory
    words += ["--timeout", str(count("WORKER_TIMEOUT", default=300)), "--access-logfile", "-"]
    import gunicorn

    if tuple(map(int, gunicorn.__version__.split(".")[:1])) >= (25,):
        words.append("--no-control-socket")
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *words, "modelpack_app:app"])
