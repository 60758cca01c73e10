"""Becomes uvicorn around ``app:app`` beside this file, on the port of the package or the one that Vertex AI gives."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    port = os.environ.get("AIP_HTTP_PORT") or sys.argv[1]
    words = ["--host", "0.0.0.0", "--port", port, "--app-dir", str(Path(__file__).parent)]
    words += ["--workers", os.environ.get("WORKER_COUNT", "1"), "--timeout-graceful-shutdown", "30"]
    os.execv(sys.executable, [sys.executable, "-m", "uvicorn", *words, "app:app"])
