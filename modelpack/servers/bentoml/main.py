"""Becomes BentoML's server around the service of the scoring script, with a temporary home."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    script = Path(os.environ["MODELPACK_SCORING_SCRIPT"])
    os.environ.setdefault("BENTOML_HOME", tempfile.mkdtemp(prefix="bentoml-"))
    # Its workers are started as programs of PATH.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    words = ["serve", script.stem, "--working-dir", str(script.parent), "--host", "0.0.0.0", "--port", sys.argv[1]]
    os.execv(sys.executable, [sys.executable, "-m", "bentoml", *words])
