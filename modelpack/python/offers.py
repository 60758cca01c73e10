"""What the indexes have of one distribution, for messages that say what could be used instead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from modelpack.errors import ModelpackError
from modelpack.python import index as python_index
from modelpack.python.scope import Scope

_MODULES = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "pil": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Modules whose distribution has another name."""

_COMMON = """\
azureml-inference-server-http beautifulsoup4 bentoml catboost datasets fastapi flask gunicorn httpx
huggingface-hub inference-schema jax joblib keras kserve lightgbm litserve matplotlib mlflow mlflow-skinny
mlserver numpy onnx onnxruntime opencv-python-headless pandas pillow polars protobuf pyarrow pydantic pyyaml
requests safetensors scikit-image scikit-learn scipy sentence-transformers skops spacy statsmodels tensorflow
tokenizers torch torchvision transformers uvicorn xgboost
""".split()  # noqa: SIM905 - it is a text
"""Names that models are often served with, to tell a slip of the pen."""


def likely_name(name: str, others: Iterable[str] = ()) -> str | None:
    """Give the name that was probably meant; None when there is no telling."""
    wanted = canonicalize_name(name)
    if wanted in _MODULES:
        return _MODULES[wanted]
    known = {*_COMMON, *others} - {wanted}
    return next(iter(get_close_matches(wanted, sorted(known), 1, 0.8)), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Offers:
    """Files of one distribution."""

    wheels: tuple[tuple[Version, frozenset[Tag]], ...]
    archives: frozenset[Version]
    """Versions that have a source archive."""

    def fitting(self, tags: Iterable[Tag]) -> list[Version]:
        """Give the versions that have a wheel with one of the tags, oldest first."""
        wanted = frozenset(tags)
        return sorted({version for version, of_wheel in self.wheels if not wanted.isdisjoint(of_wheel)})

    def describe(self, version: Version, tags: Iterable[Tag]) -> str:
        """Say which files there are of a version, as far as it tells why none has one of the tags."""
        found = {tag for other, of_wheel in self.wheels if other == version for tag in of_wheel}
        platforms = {tag.platform for tag in tags}
        here = sorted({tag.interpreter for tag in found if tag.platform in platforms}, key=_by_number)
        elsewhere = sorted({_family(tag.platform) for tag in found})
        kinds = [f"wheels for {', '.join(here or elsewhere)}"] if found else []
        kinds += ["a source archive"] if version in self.archives else []
        return f"only {' and '.join(kinds)}" if kinds else "no files"

    def versions(self) -> list[Version]:
        """Give all versions, oldest first."""
        return sorted({*(version for version, _ in self.wheels), *self.archives})


def offers(name: str, scope: Scope) -> Offers:
    """Read what all indexes have of a distribution; one that does not answer has nothing."""
    wheels: list[tuple[Version, frozenset[Tag]]] = []
    archives: set[Version] = set()
    for filename in _filenames(name, scope):
        try:
            if filename.endswith(".whl"):
                of_name, version, _, tags = parse_wheel_filename(filename)
                wheels += [(version, tags)] if of_name == name else []
            else:
                of_name, version = parse_sdist_filename(filename)
                archives |= {version} if of_name == name else set()
        except (InvalidWheelFilename, InvalidSdistFilename):
            continue
    return Offers(wheels=tuple(wheels), archives=frozenset(archives))


def _filenames(name: str, scope: Scope) -> Iterable[str]:
    try:
        for index in python_index.indexes(scope):
            yield from (file.filename for file in python_index.files(name, index, scope.cache))
    except ModelpackError:
        return


def _by_number(interpreter: str) -> tuple[int, str]:
    """Sort cp39 before cp310."""
    return len(interpreter), interpreter


def _family(platform: str) -> str:
    """Say a platform tag in words (PEP 425, PEP 600)."""
    match = re.fullmatch(r"(many|musl)?linux(?:_(\d+)_(\d+)|\d*)_(\w+)", platform)
    if match is None:
        return {"win": "Windows", "mac": "macOS"}.get(platform[:3], platform)
    kind, major, minor, machine = match.groups()
    library = {"many": "glibc", "musl": "musl"}.get(kind or "", "")
    version = f" with {library} {major}.{minor}" if library and major else ""
    return f"Linux on {machine}{version}"
