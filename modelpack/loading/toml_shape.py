"""How files of other tools are laid out, so far as it is read; what is not so is found at its place."""

from __future__ import annotations

from modelpack.loading.toml_file import Shape

_NAMES: Shape = [str]
_EDGES: Shape = [{"name": str, "version": str, "marker": str, "extra": _NAMES}]
_FILE: Shape = {"url": str, "path": str, "hash": str, "hashes": {"*": str}}
_UV_PACKAGE: Shape = {
    "name": str,
    "version": str,
    "source": {"*": str},
    "resolution-markers": _NAMES,
    "dependencies": _EDGES,
    "optional-dependencies": {"*": _EDGES},
    "dev-dependencies": {"*": _EDGES},
    "wheels": [_FILE],
    "sdist": _FILE,
}
_PYLOCK_PACKAGE: Shape = {
    "name": str,
    "version": str,
    "marker": str,
    "index": str,
    "vcs": {"url": str},
    "directory": {"path": str},
    "archive": _FILE,
    "wheels": [_FILE],
    "sdist": _FILE,
}
_PIPENV: Shape = {
    "*": {
        "version": str,
        "markers": str,
        "extras": _NAMES,
        "hashes": _NAMES,
        "git": str,
        "path": str,
        "file": str,
    }
}
PYPROJECT: Shape = {
    "project": {"name": str, "requires-python": str, "dynamic": _NAMES, "optional-dependencies": {"*": list}},
    "dependency-groups": {"*": list},
    "tool": {
        "poetry": {
            "dependencies": dict,
            "extras": {"*": _NAMES},
            "group": {"*": {"dependencies": dict}},
            "source": [{"url": str}],
        },
        "uv": {"sources": dict, "workspace": dict, "dev-dependencies": list},
        "pdm": {"dev-dependencies": {"*": list}},
    },
}
UV_LOCK: Shape = {"requires-python": str, "package": [_UV_PACKAGE]}
POETRY_LOCK: Shape = {"package": [{"name": str, "version": str, "files": [_FILE]}]}
PYLOCK: Shape = {
    "lock-version": str,
    "requires-python": str,
    "extras": _NAMES,
    "dependency-groups": _NAMES,
    "default-groups": _NAMES,
    "packages": [_PYLOCK_PACKAGE],
}
PIPFILE_LOCK: Shape = {"_meta": {"sources": [{"url": str}], "requires": {"*": str}}, "*": _PIPENV}
PIPFILE: Shape = {"source": [{"url": str}], "requires": {"*": str}}
