"""Starts MLServer in an empty folder, where it takes the model's settings from variables."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    folder = tempfile.mkdtemp(prefix="mlserver-")
    for name, port in (("GRPC", "8081"), ("METRICS", "8082")):
        os.environ.setdefault(f"MLSERVER_{name}_PORT", port)
    os.environ.setdefault("MLSERVER_METRICS_DIR", folder)
    own = (str(Path.cwd()), str(Path(__file__).parent))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (*own, os.environ.get("PYTHONPATH"))))
    words = ["-c", "from mlserver.cli import main; main()", "start", folder]
    os.execv(sys.executable, [sys.executable, *words])
