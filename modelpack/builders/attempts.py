"""What a program under check wanted of the internet: it is started with ``watch``, and its notes are read."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from modelpack.builders import watch


class Watch:
    """Watches the Pythons of one program.

    Args:
        folder: a new folder for it.
        code: the folder of the user's code; None when there is none.
    """

    def __init__(self, folder: str, code: str | None) -> None:
        self.folder = folder
        self._notes = f"{folder}/notes"
        os.makedirs(f"{folder}/python")
        shutil.copyfile(watch.__file__, f"{folder}/python/sitecustomize.py")
        with open(f"{folder}/python/watch.json", "w", encoding="utf-8") as stream:
            json.dump({"notes": self._notes, "code": code}, stream)

    def started_by(self, script: str) -> str:
        """Give a copy of the package's start script whose Pythons are watched; all else in it is the same."""
        with open(script, encoding="utf-8") as stream:
            head, mark, command = stream.read().rpartition("\nexec ")
        copy = f"{self.folder}/serve"
        with open(copy, "w", encoding="utf-8") as stream:
            path = f"{self.folder}/python${{PYTHONPATH:+:$PYTHONPATH}}"
            stream.write(f'{head}\nexport PYTHONPATH="{path}"{mark}{command}')
        os.chmod(copy, 0o755)
        return copy

    def attempts(self) -> list[dict[str, Any]]:
        """Give what was noted, each once: host, file and line of the user's code, and library."""
        if not os.path.exists(self._notes):
            return []
        with open(self._notes, encoding="utf-8") as stream:
            return [json.loads(line) for line in sorted(set(stream.read().splitlines()))]
