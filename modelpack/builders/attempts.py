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
        seen_at: where the program sees the folder, if that is elsewhere.
    """

    def __init__(self, folder: str, code: str | None, seen_at: str | None = None) -> None:
        self.folder = folder
        self._seen_at = seen_at or folder
        os.makedirs(f"{folder}/python")
        os.chmod(folder, 0o777)
        shutil.copyfile(watch.__file__, f"{folder}/python/sitecustomize.py")
        with open(f"{folder}/python/watch.json", "w", encoding="utf-8") as stream:
            json.dump({"notes": f"{self._seen_at}/notes", "code": code}, stream)

    def started_by(self, script: str) -> str:
        """Give a copy of the package's start script, as the program sees it, whose Pythons are watched."""
        with open(script, encoding="utf-8") as stream:
            head, mark, command = stream.read().rpartition("\nexec ")
        copy = f"{self.folder}/serve"
        with open(copy, "w", encoding="utf-8") as stream:
            path = f"{self._seen_at}/python${{PYTHONPATH:+:$PYTHONPATH}}"
            stream.write(f'{head}\nexport PYTHONPATH="{path}"{mark}{command}')
        os.chmod(copy, 0o755)
        return f"{self._seen_at}/serve"

    def attempts(self) -> list[dict[str, Any]]:
        """Give what was noted, each once: host, file and line of the user's code, and library."""
        notes = f"{self.folder}/notes"
        if not os.path.exists(notes):
            return []
        with open(notes, encoding="utf-8") as stream:
            return [json.loads(line) for line in sorted(set(stream.read().splitlines()))]
