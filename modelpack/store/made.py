"""Files that modelpack makes for a package: settings of servers, bodies of sample requests.

Each lies in the cache in a folder named by its content, so that the same text is the same file, unchanged.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path


def keep(cache: Path, name: str, text: str) -> Path:
    """Give a file called ``name`` with this text, which is written when there is none.

    Args:
        cache: folder of what is made.
        name: file name, without folders.
        text: its content.
    """
    data = text.encode()
    path = cache / hashlib.sha256(data).hexdigest() / name
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return path
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)
    return path
