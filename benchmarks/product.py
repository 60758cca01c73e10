"""modelpack itself, as a tool to be measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import limits
import measure
from content import Content, modelpack_command, modelpack_environment
from steps import CODE, COLD, NO_OP, OCI, OCI_ARCHIVE, ROOTFS, UNCHECKED, WEIGHTS, Result, files_of, size_of
from workplace import remove


class Modelpack:
    """modelpack with a Nix store of its own, which holds the artifacts at first and nothing that was built."""

    name = "modelpack"

    def __init__(self, content: Content) -> None:
        self._content = content
        self._folder = Path()

    def begin(self, folder: Path) -> None:
        """See ``Tool``. The store's files are links, for nobody writes into them; its database is a copy."""
        self._folder = folder
        filled, empty = self._content.store / "nix", folder / "store/nix"
        empty.mkdir(parents=True)
        measure.quietly(["cp", "-al", str(filled / "store"), str(empty)])
        measure.quietly(["cp", "-a", str(filled / "var"), str(empty)])

    def steps(self) -> Mapping[str, Callable[[], Result]]:
        """See ``Tool``."""
        return {
            **dict.fromkeys((COLD, NO_OP, CODE, WEIGHTS), self._build),
            UNCHECKED: self._build_unchecked,
            OCI: lambda: self._export("oci", "image"),
            OCI_ARCHIVE: lambda: self._export("oci-archive", "image.tar"),
            ROOTFS: lambda: self._export("rootfs", "rootfs.tar"),
        }

    def end(self) -> None:
        """See ``Tool``."""

    def _build(self) -> Result:
        link = self._folder / "result"
        command = modelpack_command("build", str(self._content.project), "--json", "-o", str(link))
        usage, text = measure.run(command, self._environment())
        return Result(usage=usage, parts=json.loads(text)["stages"], commands=(tuple(command),))

    def _build_unchecked(self) -> Result:
        with self._content.unchecked():
            return self._build()

    def _export(self, form: str, name: str) -> Result:
        target = self._folder / name
        command = modelpack_command("export", form, str(target), str(self._content.project))
        usage, _ = measure.run(command, self._environment())
        size, reading, copying = size_of(target), self._least("--hash", target), self._least("--copy", target)
        remove(target)
        return Result(usage=usage, size=size, reading=reading, copying=copying, commands=(tuple(command),))

    def _least(self, mode: str, exported: Path) -> measure.Usage:
        """Measure one process that does only the least with the exported bytes."""
        copy = self._folder / "copy"
        words = [mode, *([str(copy)] if mode == "--copy" else []), *map(str, files_of(exported))]
        usage, _ = measure.run([sys.executable, limits.__file__, *words], {})
        copy.unlink(missing_ok=True)
        return usage

    def _environment(self) -> dict[str, str]:
        return modelpack_environment(self._folder / "store", self._folder / "cache")
