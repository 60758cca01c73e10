"""``builders/bytecode``: the same bytes whatever the process did before."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from modelpack.builders import bytecode

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = {
    "one.py": "def f(x, *, key='k'):\n    return {x, key, 'a', 'b', 'é'} & {1, 2, 'sys'}\n",
    "pack/__init__.py": "NAMES = frozenset({'os', 'json', 'email', 'numpy', 'sklearn', 'path'})\n",
    "pack/two.py": '"""Docs."""\nfrom . import NAMES\nclass A:\n    x: int\n    def g(self): return "os" in NAMES\n',
    "broken.py": "print 'for Python 2'\n",
    "nulls.py": "x = 1\0\n",
    "latin.py": "# -*- coding: latin-1 -*-\nx = 'é'\n",
}
COMPILE = """
import sys
{before}
sys.path.insert(0, {repository!r})
from modelpack.builders import bytecode
bytecode.compile_files({root!r}, {files!r}, "lib/site")
"""


def write_sources(root):
    for name, text in SOURCES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="latin-1" if name == "latin.py" else "utf-8")
    return root


def compiled(root, *, before="", files=None, umask=0o022):
    script = COMPILE.format(before=before, repository=str(REPOSITORY), root=str(root), files=files or list(SOURCES))
    subprocess.run(
        [sys.executable, "-s", "-c", script], check=True, env={"PYTHONHASHSEED": "0"}, umask=umask, timeout=60
    )
    return {path.name: path.read_bytes() for path in sorted(root.rglob("*.pyc"))}


def test_the_bytes_do_not_depend_on_what_the_process_imported_nor_on_the_order(tmp_path):
    plain = compiled(write_sources(tmp_path / "a"))
    busy = "import json, email.parser, http.client, unittest.mock, decimal; x = [chr(i) for i in range(999)]"
    other = compiled(write_sources(tmp_path / "b"), before=busy, files=list(reversed(SOURCES)), umask=0o077)
    assert plain == other
    assert len(plain) == len(SOURCES) - 2


def test_sources_that_are_not_this_pythons_are_left_alone(tmp_path):
    names = compiled(write_sources(tmp_path))
    assert not any(name.startswith(("broken", "nulls")) for name in names)


def test_tracebacks_show_the_place_below_the_environment(tmp_path):
    write_sources(tmp_path)
    bytecode.compile_files(str(tmp_path), ["one.py"], "lib/site")
    pyc = importlib.util.cache_from_source(str(tmp_path / "one.py"))
    assert b"lib/site/one.py" in Path(pyc).read_bytes()
    assert str(tmp_path).encode() not in Path(pyc).read_bytes()


def test_modules_load_from_it_whatever_the_time_of_the_source(tmp_path):
    write_sources(tmp_path)
    bytecode.compile_files(str(tmp_path), ["pack/__init__.py", "pack/two.py"], "lib/site")
    for path in tmp_path.rglob("*.py"):
        os.utime(path, (1, 1))
    command = [sys.executable, "-v", "-c", "import pack.two; print(pack.two.A().g())"]
    done = subprocess.run(command, check=True, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\n"
    assert f"code object from '{tmp_path}/pack/__pycache__/two" in done.stderr


def test_halves_by_two_processes_are_the_whole(tmp_path):
    whole = compiled(write_sources(tmp_path / "a"))
    root = write_sources(tmp_path / "b")
    script = REPOSITORY / "modelpack/builders/bytecode.py"
    for part in ("0", "1"):
        command = [sys.executable, "-s", "-S", script, "--part", part, "2", root, "lib/site"]
        subprocess.run(command, check=True, env={"PYTHONHASHSEED": "0"}, timeout=60)
    assert {path.name: path.read_bytes() for path in sorted(root.rglob("*.pyc"))} == whole


def test_what_builders_import_is_found():
    probe = (
        "import os\nfrom modelpack.builders import bytecode\nprint(*bytecode._imported(os.path.dirname(os.__file__)))"
    )
    command = [sys.executable, "-s", "-S", "-c", probe]
    environment = {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=60)
    assert {"zipfile.py", "json/decoder.py", "concurrent/futures/__init__.py"} <= set(done.stdout.split())


def test_another_python_compiles_what_it_will_read(tmp_path):
    (tmp_path / "one.py").write_text("x = 1\n")
    (tmp_path / "two words.py").write_text("x = 2\n")
    (tmp_path / "other.py").write_text("x = 3\n")
    bytecode.compile_by(sys.executable, str(tmp_path), ["one.py", "two words.py"], "shown")
    assert [path.name.split(".")[0] for path in sorted((tmp_path / "__pycache__").iterdir())] == ["one", "two words"]
