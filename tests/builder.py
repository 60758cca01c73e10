"""Runs a builder as a derivation does: by a fresh Python with nothing but the builders, told by a plan."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
MARK = "@modelpack-problem "


@dataclass
class Run:
    """How a builder ended."""

    out: Path
    code: int
    text: str

    @property
    def problem(self):
        lines = [line.removeprefix(MARK) for line in self.text.splitlines() if line.startswith(MARK)]
        assert self.code == 1, self.text
        assert "Traceback" not in self.text, self.text
        return json.loads(lines[0])


def run(module, plan, folder, **environment):
    """Run ``modelpack/builders/<module>.py``; its output is ``out`` below the folder."""
    folder.mkdir(exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(plan))
    command = [sys.executable, "-s", "-S", "-P", REPOSITORY / f"modelpack/builders/{module}.py"]
    own = {"out": str(folder / "out"), "planPath": str(folder / "plan.json"), "PYTHONPATH": str(REPOSITORY)}
    fixed = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        command,
        env=own | fixed | {"NIX_BUILD_TOP": str(folder)} | environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Run(out=folder / "out", code=done.returncode, text=done.stdout)


def built(module, plan, folder, **environment):
    """As ``run``, for what has to succeed; gives the output."""
    done = run(module, plan, folder, **environment)
    assert done.code == 0, done.text
    return done.out


def record_line(path, content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}\n"


def write_wheel(path, files, *, info="demo-1.dist-info", record=None):
    """Write a wheel of files by path; a value is its bytes, or a ``ZipInfo`` and bytes."""
    files = {f"{info}/METADATA": b"Name: demo\n"} | files
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in files.items():
            entry, content = value if isinstance(value, tuple) else (zipfile.ZipInfo(name), value)
            archive.writestr(entry, content)
        if record is None:
            contents = {name: value[1] if isinstance(value, tuple) else value for name, value in files.items()}
            record = "".join(record_line(name, content) for name, content in contents.items()) + f"{info}/RECORD,,\n"
        if record:
            archive.writestr(f"{info}/RECORD", record)
    return path


def tree(folder):
    """Give what is below a folder: path -> bytes of a file, ``->`` target of a link."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_bytes()
    return found
