"""Files that code reads, by paths that are known without running it, and that a package does not have."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelpack.errors import Problem
from modelpack.findings.contents import Contents
from modelpack.findings.folding import CODE, INPUT, MODEL, Folder
from modelpack.findings.walk import Module, Spot

_FILES = frozenset(
    """
    joblib.load numpy.load numpy.loadtxt numpy.genfromtxt torch.load torch.jit.load onnx.load safetensors.safe_open
    safetensors.torch.load_file safetensors.numpy.load_file pandas.read_csv pandas.read_parquet pandas.read_pickle
    pandas.read_excel pandas.read_feather polars.read_csv polars.read_parquet onnxruntime.InferenceSession cv2.imread
    PIL.Image.open sklearn.externals.joblib.load skops.io.load scipy.io.loadmat
    """.split()  # noqa: SIM905 - it is a text
)
"""Functions that read the file which their first argument names."""
_EITHER = re.compile(r".+\.(load_model|load_weights|from_pretrained|load_learner|SentenceTransformer)")
"""Functions that take a file or a folder."""
_METHODS = ("read_text", "read_bytes")
_NO_READERS = re.compile(
    r"os\.(path|environ)\..*|os\.(getenv|fspath)|pathlib\.[A-Za-z]*Path|print|.*\.(exists|is_file|is_dir|info|debug|warning|error|format)|str|len"
)
_OWN = re.compile(r"/(home|Users|root|dbfs|content|kaggle|var/azureml-app|structure|tmp/pycharm[^/]*)/.+")
"""Folders of people's machines, and of services in which notebooks run."""
_JOIN = "put them together with os.path.join(folder, name)"
_DRIVE = re.compile(r"[A-Za-z]:[\\/].+", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    spot: Spot
    node: ast.expr
    path: str
    file: bool
    """It has to be a file."""


def problems(
    modules: Sequence[Module], folders: Sequence[Folder], contents: Contents
) -> Iterator[tuple[Module, Problem]]:
    """Find them, with where they are in the module (``LINE:COLUMN``).

    Args:
        modules: the code.
        folders: what its expressions are worth, by module.
        contents: of the package.
    """
    moves = any(name == "os.chdir" for module in modules for _, _, name in module.calls)
    written = {path for module, folder in zip(modules, folders, strict=True) for path in _others(module, folder)}
    for module, folder in zip(modules, folders, strict=True):
        for read in _reads(module, folder):
            if read.spot.guarded or read.path in written:
                continue
            found = _judge(read, contents, moves=moves)
            if found:
                message, hint, severity = found
                where = f"{read.node.lineno}:{read.node.col_offset + 1}"
                yield module, Problem(where=where, message=message, hint=hint, severity=severity, code="MP312")


def _reads(module: Module, folder: Folder) -> Iterator[_Read]:
    for spot, call, name in module.calls:
        target = _target(call, name)
        path = folder.value(spot, target) if target else None
        if target and path and "://" not in path and "\n" not in path:
            yield _Read(spot=spot, node=target, path=path, file=not _EITHER.fullmatch(name))


def _target(call: ast.Call, name: str) -> ast.expr | None:
    """Give the expression that names what a call reads."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS and not call.args:
        return call.func.value
    if name in ("open", "io.open"):
        mode = next((one.value for one in call.keywords if one.arg == "mode"), call.args[1] if call.args[1:] else None)
        reads = mode is None or (isinstance(mode, ast.Constant) and not re.search("[wax+]", str(mode.value)))
        return call.args[0] if reads and call.args else None
    if (name in _FILES or _EITHER.fullmatch(name)) and call.args:
        return call.args[0]
    return None


def _others(module: Module, folder: Folder) -> Iterator[str]:
    """Give paths that calls are given which may make them."""
    for spot, call, name in module.calls:
        if _target(call, name) is None and not _NO_READERS.fullmatch(name or "?"):
            values = (folder.value(spot, value) for value in (*call.args, *(one.value for one in call.keywords)))
            yield from (value for value in values if value)


def _judge(read: _Read, contents: Contents, *, moves: bool) -> tuple[str, str, str] | None:
    """Give message, hint and severity; None when nothing is known to be wrong."""
    path = contents.linked(read.path)
    if _DRIVE.fullmatch(path) or (_OWN.fullmatch(path) and not contents.has_image):
        system = "a path of Windows" if _DRIVE.fullmatch(path) else "a path of another machine"
        hint = "put the file into the model or into inputs, and read the path from AZUREML_MODEL_DIR or "
        return f"reads {path}, {system}", f"{hint}MODELPACK_INPUT_NAME", "error" if read.spot.sure else "warning"
    if not read.spot.sure or path.startswith("/"):
        return None
    if path.startswith("\0"):
        return _rooted(path, contents, file=read.file)
    if moves or not read.file:
        return None
    return _rooted(posixpath.normpath(f"{CODE}/{path}"), contents, file=True)


def _rooted(path: str, contents: Contents, *, file: bool) -> tuple[str, str, str] | None:
    root, _, below = path.partition("/")
    for start in (MODEL, CODE):
        if root.startswith(start) and root != start:
            name = f"{root.removeprefix(start)}{path.removeprefix(root)}"
            return f"reads a path in which the folder and {name} are not parted by a slash", _JOIN, "error"
    found = contents.at(path)
    if found.kind == "folder" and file:
        inside = [name for name in contents.files(root) if not below or name.startswith(f"{below}/")]
        return f"reads {_shown(root, below)}, a folder, as if it were a file", f"it has: {_few(inside)}", "error"
    if found.kind != "nothing":
        return None
    if root == CODE:
        hint = f"it has {found.near}" if found.near else "put it there, or make it an input of the spec"
        return f"reads {below}, which is not in the code folder", hint, "error"
    hint = f"read {_shown(root, found.near)}" if found.near else f"there is: {_few(contents.files(root))}"
    return f"reads {_shown(root, below)}, which is not in the package", hint, "error"


def _shown(root: str, below: str) -> str:
    """Name a path as it is written in a shell."""
    if root == CODE:
        return below or "the code folder"
    start = "$AZUREML_MODEL_DIR" if root == MODEL else f"the input {root.removeprefix(INPUT)}"
    return f"{start}/{below}" if below else start


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "") if names else "nothing"
