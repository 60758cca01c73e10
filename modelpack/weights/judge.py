"""Whether weights may be in a package, and whether they fit it: pure, of what the lock says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from modelpack.errors import Problem
from modelpack.lock import Lock, LockedWeights, Weights
from modelpack.weights.kinds import KINDS, is_unsafe

DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "imblearn": "imbalanced-learn",
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "category_encoders": "category-encoders",
    "sentence_transformers": "sentence-transformers",
    "lightning": "lightning",
    "pytorch_lightning": "pytorch-lightning",
} | {name: name for name in (
    "xgboost", "lightgbm", "catboost", "torch", "tensorflow", "keras", "numpy", "scipy", "pandas", "joblib",
    "cloudpickle", "dill", "statsmodels", "transformers", "spacy", "prophet", "pyspark", "gensim", "nltk", "polars",
    "skops", "mlflow", "pmdarima", "lifelines", "torchvision", "networkx", "sympy", "numba", "shap", "optuna",
)}  # fmt: skip
"""Distributions by the top module that pickles name; where another one may have it too, see ``_ALTERNATIVES``."""
_ALTERNATIVES = {
    "cv2": re.compile(r"opencv-"),
    "torch": re.compile(r"torch|pytorch"),
    "tensorflow": re.compile(r"tensorflow|tf-nightly"),
    "xgboost": re.compile(r"xgboost"),
    "keras": re.compile(r"keras|tensorflow"),
    "mlflow": re.compile(r"mlflow"),
    "joblib": re.compile(r"joblib"),
    "lightning": re.compile(r"lightning|pytorch-lightning"),
}
_UNSAFE = "unsafe-pickle"
_DEFAULT = tuple(kind for kind in KINDS if kind != _UNSAFE)
_FEW = 8


def problems(lock: Lock, *policies: tuple[str, Sequence[str] | None]) -> Iterator[Problem]:
    """Say which weights may not be in the package, or cannot be loaded in it.

    Args:
        lock: the package.
        policies: who says so (``modelpack.yaml: formats``) and the kinds that are allowed; None allows all usual ones.
    """
    locked = versions(lock).keys()
    if lock.weights:
        yield from refusals(lock.weights, *policies)
    # A base image may have a Python of its own.
    for item in _files(lock) if lock.image_base is None else ():
        yield from _absent(item, locked)


def refusals(weights: LockedWeights, *policies: tuple[str, Sequence[str] | None]) -> Iterator[Problem]:
    """Say which weights may not be in any package; ``policies`` as for ``problems``."""
    named = any(allowed and _UNSAFE in allowed for _, allowed in policies)
    for item in weights.files:
        for owner, allowed in policies:
            yield from _refused(item, owner, (KINDS if named else _DEFAULT) if allowed is None else allowed)


def notices(lock: Lock) -> Iterator[Problem]:
    """Say what is worth knowing of the weights."""
    have = versions(lock)
    told = 0
    for item in _files(lock):
        for name, version in item.versions.items():
            if name in have and have[name] != version:
                yield Problem(
                    where=_where(item),
                    message=f"was saved by {name} {version}, the package has {have[name]}",
                    hint=f"require {name}=={version}, or save it again",
                    severity="warning",
                    code="MP501",
                )
        if any(name.startswith("__main__:") for name in item.imports):
            names = ", ".join(name.partition(":")[2] for name in item.imports if name.startswith("__main__:"))
            yield Problem(
                where=_where(item),
                message=f"names what the script that saved it had defined itself: {names}",
                hint="define it in a module of the code folder, and save it again",
                severity="warning",
                code="MP502",
            )
        if "pickle" in item.kinds:
            told += 1
            if told <= _FEW:
                yield Problem(where=_where(item), message=_about(item), severity="note", code="MP503")
    if told > _FEW:
        yield Problem(where="model", message=f"{told - _FEW} more pickles", severity="note", code="MP503")


def versions(lock: Lock) -> dict[str, str]:
    """Give the versions of all Python distributions in a package."""
    interpreter = lock.python.interpreter
    found: dict[str, str] = {}
    for package in interpreter.conda if interpreter else ():
        found |= package.distributions or {}
    return found | {wheel.name: wheel.version for wheel in lock.python.wheels}


def _files(lock: Lock) -> Sequence[Weights]:
    return lock.weights.files if lock.weights else ()


def _where(item: Weights) -> str:
    return f"{item.tree}: {item.path}"


def modules(item: Weights) -> tuple[str, ...]:
    """Give the top modules that loading a file imports, those of the script that saved it left out."""
    tops = {name.partition(":")[0].partition(".")[0] for name in item.imports}
    return tuple(sorted(tops - {"__main__", "?", "", "__builtin__", "copy_reg"}))


def _about(item: Weights) -> str:
    what = "a pickle" if item.format == "pickle" else f"a pickle ({item.format})"
    names = ", ".join(modules(item))
    return f"{what}: loading it runs code" + (f"; imports {names}" if names else "")


def _refused(item: Weights, owner: str, allowed: Sequence[str]) -> Iterator[Problem]:
    wrong = [kind for kind in item.kinds if kind not in allowed]
    if _UNSAFE in wrong:
        names = ", ".join(name for name in item.imports if is_unsafe(name))
        yield Problem(
            where=_where(item),
            message=f"a pickle that calls what no model needs while it is loaded: {names}",
            hint="find out who made it; formats: [pickle, unsafe-pickle] lets it in all the same",
            code="MP504",
        )
        wrong = [kind for kind in wrong if kind != _UNSAFE]
    if wrong:
        yield Problem(
            where=_where(item),
            message=f"{' and '.join(wrong)} is not allowed by {owner}: {', '.join(allowed)}",
            hint="save it in a format that is allowed",
            code="MP505",
        )


def _absent(item: Weights, locked: Collection[str]) -> Iterator[Problem]:
    for module in modules(item):
        name = DISTRIBUTIONS.get(module)
        other = _ALTERNATIVES.get(module)
        if name is None or name in locked or (other and any(other.match(wheel) for wheel in locked)):
            continue
        used = next(name for name in item.imports if name.partition(":")[0].partition(".")[0] == module)
        yield Problem(
            where=_where(item),
            message=f"a pickle that imports {used.partition(':')[0]}, which no locked wheel has",
            hint=f"require {name}{_stamp(item, name)}",
            code="MP506",
        )


def _stamp(item: Weights, name: str) -> str:
    return f"=={item.versions[name]}" if name in item.versions else ""
