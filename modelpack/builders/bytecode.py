"""Compiles Python modules to the same bytes every time.

Three things leak into a .pyc otherwise: the hash seed (the caller sets PYTHONHASHSEED), the order of the files, and
which strings the process happened to have interned, because marshal writes that flag; the 256 one-character strings
are the ones that CPython shares between unrelated modules.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from importlib._bootstrap_external import _code_to_hash_pyc  # type: ignore[attr-defined]

# What the other builders import, so that tools.sh can compile just that.
_USED_BY_BUILDERS = (
    "base64 collections concurrent.futures configparser contextlib csv dataclasses email.parser functools gzip "
    "hashlib http.client io itertools json lzma math pathlib queue re shutil signal socket stat struct subprocess "
    "tarfile tempfile threading time typing urllib.parse urllib.request zipfile zlib"
)


def compile_files(root: str, files: list[str], shown: str) -> None:
    """Compile ``files`` (below ``root``) into ``__pycache__``, with ``shown`` instead of ``root`` in tracebacks.

    The .pyc are of the unchecked-hash kind (PEP 552): the store never changes, so nothing needs a look at the source.
    Files that are not valid Python for this version are left alone, as installers do.
    """
    for code in range(256):
        sys.intern(chr(code))
    made = set()
    for file in sorted(files):
        source = os.path.join(root, file)
        with open(source, "rb") as stream:
            text = stream.read()
        try:
            compiled = compile(text, os.path.join(shown, file), "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        target = importlib.util.cache_from_source(source)
        folder = os.path.dirname(target)
        if folder not in made:
            os.makedirs(folder, exist_ok=True)
            made.add(folder)
        with open(target, "wb") as stream:
            stream.write(_code_to_hash_pyc(compiled, importlib.util.source_hash(text), False))


def compile_by(program: str | None, root: str, files: list[str], shown: str) -> None:
    """Compile as ``compile_files``, by another Python: bytecode is understood by its own version alone.

    Args:
        program: path of that Python, from 3.7 on; None compiles here.
        root: folder of the files.
        files: their paths below it.
        shown: as for ``compile_files``.
    """
    if program is None:
        compile_files(root, files, shown)
        return
    import subprocess  # noqa: PLC0415 - this module is also run where there is little of the standard library

    command = [program, "-s", "-S", __file__, "--listed", root, shown]
    subprocess.run(command, input="\0".join(files).encode(), check=True)


def python_files(root: str) -> list[str]:
    """Give all .py files below ``root``, relative to it."""
    found = []
    for folder, _, names in os.walk(root):
        relative = os.path.relpath(folder, root)
        found += [os.path.normpath(os.path.join(relative, name)) for name in names if name.endswith(".py")]
    return found


def _imported(root: str) -> list[str]:
    for name in _USED_BY_BUILDERS.split():
        importlib.import_module(name)
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return [
        os.path.relpath(file, root)
        for file in files
        if file and file.startswith(root + os.sep) and file.endswith(".py")
    ]


def main() -> None:
    """Compile a part of what lies below ROOT.

    What builders import (``--imported ROOT``), every N-th file from K (``--part K N ROOT SHOWN``), or the files that
    stand on standard input with NULs between them (``--listed ROOT SHOWN``).
    """
    warnings.simplefilter("ignore")
    mode, *rest = sys.argv[1:]
    if mode == "--imported":
        (root,) = rest
        files, shown = _imported(root), root
    elif mode == "--listed":
        root, shown = rest
        files = [name for name in sys.stdin.buffer.read().decode().split("\0") if name]
    else:
        part, parts, root, shown = rest
        files = sorted(python_files(root))[int(part) :: int(parts)]
    compile_files(root, files, shown)


if __name__ == "__main__":
    main()
