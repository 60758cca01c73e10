"""Which mlflow serves."""

from __future__ import annotations

import re

from mlflow.version import VERSION as _TEXT

VERSION = tuple(int(number) for number in re.findall(r"\d+", _TEXT)[:3])
"""Of mlflow: ``(3, 17, 2)``."""
IS_ASGI = VERSION >= (2, 21)
"""Whether its scoring server is made with FastAPI; it is Flask's before."""
