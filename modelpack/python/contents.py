"""The modules of wheels, from the directory at a wheel's end; the wheel itself is not downloaded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from modelpack.errors import ModelpackError
from modelpack.lock import Wheel
from modelpack.python.metadata import MetadataStore, listing

_DATA = re.compile(r"[^/]+\.data/(?:purelib|platlib)/")
_MODULE = re.compile(r"[A-Za-z_]\w*\.(?:py|(?:[\w.-]+\.)?so)")
_NAME = re.compile(r"[A-Za-z_]\w*")


def modules(wheel: Wheel, url: str | None, store: MetadataStore) -> tuple[str, ...] | None:
    """Give the modules of a wheel, those of packages left out; None when it cannot be read.

    A package without ``__init__``, which others may have a part of, is told by what it holds: ``google.protobuf``.

    Args:
        wheel: of the lock.
        url: where it is; None when only what an earlier run kept will do.
        store: keeps them.
    """
    key = f"{wheel.sha256}.modules"
    kept = store.kept(key)
    if kept is not None:
        return tuple(json.loads(kept))
    if url is None:
        return None
    try:
        found = modules_of(listing(url, wheel))
    except ModelpackError:
        return None
    store.keep(key, json.dumps(found).encode())
    return found


def modules_of(names: Iterable[str]) -> tuple[str, ...]:
    """Give the modules among the files of a wheel."""
    paths = [PurePosixPath(_DATA.sub("", name)) for name in names if ".dist-info/" not in name]
    files = [path for path in paths if _MODULE.fullmatch(path.name)]
    regular = {path.parent for path in files if path.name.startswith("__init__.")}
    found = set()
    for path in files:
        whole = next((folder for folder in reversed(path.parents[:-1]) if folder in regular), None)
        parts = whole.parts if whole else (*path.parts[:-1], path.name.partition(".")[0])
        if all(map(_NAME.fullmatch, parts)):
            found.add(".".join(parts))
    return tuple(sorted(found))
