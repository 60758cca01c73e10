"""Writes a native spec, and what it needs beside it, to disk."""

from __future__ import annotations

from pathlib import Path

from modelpack.errors import ModelpackError
from modelpack.loading.write_native import write_native
from modelpack.spec import Spec


def write(spec: Spec, output: Path, *, force: bool) -> list[Path]:
    """Write the native spec of ``spec`` at ``output``; give the files that were written.

    Raises:
        ModelpackError: a file is there already and ``force`` is not set, or it cannot be written.
    """
    if output.suffix.lower() not in (".yaml", ".yml"):
        raise ModelpackError(f"not the name of a spec: {output}", hint="name a file: -o modelpack.yaml")
    texts = {output.parent / name: text for name, text in write_native(spec, output).texts.items()}
    there = [str(path) for path in texts if path.exists() or path.is_symlink()]
    if there and not force:
        raise ModelpackError(f"there already: {', '.join(there)}", hint="name another file with -o, or use --force")
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ModelpackError(f"cannot be written: {output}: {error.strerror}") from error
    return [*texts]
