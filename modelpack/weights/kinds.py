"""The kinds of weights that a policy can allow, and what a file's name promises."""

from __future__ import annotations

from collections.abc import Mapping

KINDS = (
    "safetensors",
    "gguf",
    "onnx",
    "numpy",
    "hdf5",
    "keras",
    "savedmodel",
    "tflite",
    "tensorrt",
    "torchscript",
    "xgboost",
    "catboost",
    "pickle",
    "unsafe-pickle",
    "marshal",
    "packed",
    "other",
)
"""``pickle`` is whatever unpickles, torch's and joblib's files too; ``unsafe-pickle`` one that names what no model
needs, and the only kind that has to be allowed by name. ``marshal`` is Python bytecode, as in Lambda layers of Keras;
``packed`` what is packed in a way that cannot be undone here; ``other`` binary data of no known format."""

_PICKLES = frozenset({"pickle", "torch", "torchscript", "tar", "zip", "lz4", "zstd"})
PROMISED: Mapping[str, frozenset[str]] = {
    ".safetensors": frozenset({"safetensors"}),
    ".gguf": frozenset({"gguf"}),
    ".onnx": frozenset({"onnx"}),
    ".npy": frozenset({"numpy"}),
    ".npz": frozenset({"numpy", "zip"}),
    ".h5": frozenset({"hdf5"}),
    ".hdf5": frozenset({"hdf5"}),
    ".keras": frozenset({"keras", "hdf5", "zip"}),
    ".tflite": frozenset({"tflite"}),
    ".pkl": _PICKLES,
    ".pickle": _PICKLES,
    ".joblib": _PICKLES,
    ".pt": _PICKLES,
    ".pth": _PICKLES,
}
"""What the content of files with these names has to be."""
ANY = frozenset({".bin", ".ckpt", ".cbm", ".mar", ".model", ".nemo", ".pb", ".plan", ".ubj", ".weights"})
"""Further names of weights, in formats that differ."""

_CALLS = (
    "builtins:eval builtins:exec builtins:compile builtins:__import__ builtins:open builtins:breakpoint builtins:input "
    "__builtin__:eval __builtin__:exec __builtin__:execfile __builtin__:compile __builtin__:__import__ "
    "__builtin__:open __builtin__:file importlib:import_module importlib:__import__ pickle:loads pickle:load "
    "_pickle:loads _pickle:load cPickle:loads dill:loads joblib:load numpy:load torch:load pandas:read_pickle "
    "timeit:timeit cProfile:run profile:run bdb:Bdb torch.hub:load shutil:rmtree shutil:move shutil:copyfile "
    "shutil:copy ?:?"
)
_MODULES = (
    "os posix nt subprocess pty popen2 sys socket ssl ctypes _ctypes runpy codeop pdb webbrowser signal http urllib "
    "urllib2 httplib ftplib smtplib telnetlib pip pkgutil zipimport marshal atexit _posixsubprocess idlelib"
)
_HARMLESS = frozenset({"os:PathLike", "os:fspath", "os:stat_result", "ctypes:c_int", "sys:float_info"})
_UNSAFE_CALLS = frozenset(_CALLS.split())
_UNSAFE_MODULES = frozenset(_MODULES.split())


def is_unsafe(name: str) -> bool:
    """Tell whether ``module:name`` is what attacks call, and no model needs while it is loaded."""
    module = name.partition(":")[0]
    return name in _UNSAFE_CALLS or (module.partition(".")[0] in _UNSAFE_MODULES and name not in _HARMLESS)
