"""Becomes uvicorn around ``modelpack_app:app`` beside this file, on the port that is the one argument."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from modelpack_settings import count

if __name__ == "__main__":
    words = ["--host", "0.0.0.0", "--port", sys.argv[1], "--app-dir", str(Path(__file__).parent)]
    words += ["--workers", str(count("WORKER_COUNT", default=1)), "--timeout-graceful-shutdown", "30"]
    os.execv(sys.executable, [sys.executable, "-m", "uvicorn", *words, "modelpack_app:app"])
