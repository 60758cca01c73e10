"""``MLmodel``: what an MLflow model is, which flavors it has, and how its environment, signature and example are named.

https://mlflow.org/docs/latest/ml/model is the authority; keys that are of no use here are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelpack.loading.shape_reader import near
from modelpack.loading.sources import Folder, exists
from modelpack.loading.yamlfile import (
    Findings,
    ListNode,
    MapNode,
    Node,
    Place,
    Scalar,
    describe,
    join_path,
    quote,
    read_yaml,
)

FILENAME = "MLmodel"
PYFUNC = "python_function"

LIBRARIES = {
    "catboost": ("catboost", "catboost_version"),
    "fastai": ("fastai", "fastai_version"),
    "keras": ("keras", "keras_version"),
    "langchain": ("langchain", "langchain_version"),
    "lightgbm": ("lightgbm", "lgb_version"),
    "onnx": ("onnx", "onnx_version"),
    "openai": ("openai", "openai_version"),
    "pmdarima": ("pmdarima", "pmdarima_version"),
    "prophet": ("prophet", "prophet_version"),
    "pytorch": ("torch", "pytorch_version"),
    "sentence_transformers": ("sentence-transformers", "sentence_transformers_version"),
    "sklearn": ("scikit-learn", "sklearn_version"),
    "spacy": ("spacy", "spacy_version"),
    "statsmodels": ("statsmodels", "statsmodels_version"),
    "transformers": ("transformers", "transformers_version"),
    "xgboost": ("xgboost", "xgb_version"),
}
"""By flavor: the distribution that it saves models of, and the key with the version that it was saved with."""

_JAVA = ("mlflow.spark", "mlflow.mleap", "mlflow.h2o", "mlflow.johnsnowlabs")
_ONE_TEXT = ("mlflow_version", f"flavors.{PYFUNC}.python_version", f"flavors.{PYFUNC}.model_path")
_MAPPINGS = ("signature", "saved_input_example_info")
_PLAIN = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
_TYPES = frozenset({*_PLAIN, "tensor", "array", "object", "map", "any", "sparkml_vector"})
"""Of columns, in signatures."""
_FILES = ("model_path", "data", "python_model", "code", "model_code_path")


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A text and where it was written."""

    text: str
    place: Place
    path: str
    """Key path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MLmodel:
    """What is used of the file."""

    path: Path
    values: Mapping[str, Written]
    """Every text by its key path: ``flavors.sklearn.sklearn_version``."""
    flavors: tuple[str, ...]
    place: Place

    def get(self, path: str) -> str | None:
        """Give the text at a key path."""
        found = self.values.get(path)
        return found.text if found else None

    @property
    def folder(self) -> Path:
        """Where the model lies."""
        return self.path.parent

    @property
    def version(self) -> Written | None:
        """Of the MLflow that saved it; None of those before about 1.24."""
        return self.values.get("mlflow_version")


def read_mlmodel(path: Path, folder: Folder, findings: Findings) -> MLmodel | None:
    """Read the file and judge whether its model can be served; None when there is nothing to go on with.

    Args:
        path: of the file.
        folder: where it lies, for messages.
        findings: takes what is wrong.
    """
    node = read_yaml(path, folder.show(path), findings)
    if node is None:
        return None
    if not isinstance(node, MapNode):
        findings.add(node.place, f"expected a mapping with flavors, found {describe(node)}")
        return None
    values = {item.path: item for item in _texts(node, "")}
    model = MLmodel(path=path, values=values, flavors=_flavors(node, findings), place=node.place)
    _judge_types(model, findings)
    for part in ("inputs", "outputs", "params"):
        if written := values.get(f"signature.{part}"):
            _judge_columns(written, findings)
    _warn(model, findings)
    if model.flavors:
        _judge(model, findings)
    return model


def _texts(node: Node, path: str) -> Iterator[Written]:
    if isinstance(node, Scalar) and node.kind != "null":
        yield Written(text=node.text, place=node.place, path=path)
    elif isinstance(node, MapNode):
        for entry in node.entries:
            yield from _texts(entry.value, join_path(path, entry.key))
    elif isinstance(node, ListNode):
        for number, item in enumerate(node.items):
            yield from _texts(item, f"{path}[{number}]")


def _flavors(node: MapNode, findings: Findings) -> tuple[str, ...]:
    value = next((entry.value for entry in node.entries if entry.key == "flavors"), None)
    if isinstance(value, MapNode) and value.entries:
        return tuple(entry.key for entry in value.entries)
    if value is None:
        findings.add(node.place, "missing, it says how the model is loaded", path="flavors")
    else:
        findings.add(value.place, f"expected a mapping from flavors, found {describe(value)}", path="flavors")
    return ()


def _judge_types(model: MLmodel, findings: Findings) -> None:
    for key in _ONE_TEXT:
        inner = next((item for path, item in model.values.items() if path.startswith((f"{key}.", f"{key}["))), None)
        if inner:
            findings.add(inner.place, "expected one text, found more below it", path=key)
    for key in _MAPPINGS:
        if written := model.values.get(key):
            findings.add(written.place, f"expected a mapping, found {quote(written.text)}", path=key)


def _judge_columns(written: Written, findings: Findings) -> None:
    """Find what MLflow could not read of a signature: JSON, a list of columns or parameters with their types."""
    try:
        columns = json.loads(written.text)
    except (ValueError, RecursionError) as error:
        findings.add(written.place, f"not JSON: {getattr(error, 'msg', error)}", path=written.path)
        return
    if columns is None:
        return
    if not isinstance(columns, list) or not all(isinstance(one, dict) for one in columns):
        findings.add(written.place, "expected a list of columns, each with a type", path=written.path)
        return
    for one in columns:
        kind = one.get("type", one.get("dtype"))  # parameters had a dtype up to MLflow 2.6
        if kind not in _TYPES:
            message = f"expected one of MLflow's types, found {quote(str(kind))}"
            findings.add(written.place, message, near(str(kind), sorted(_TYPES)), path=written.path)


def _warn(model: MLmodel, findings: Findings) -> None:
    """Say what a model declares that is for the place where it is deployed."""
    variables = [item for path, item in model.values.items() if path.startswith("env_vars[")]
    if variables:
        names = ", ".join(item.text for item in variables)
        hint = "give them where it runs; what the check needs: modelpack import, then environment_variables"
        findings.warn(
            variables[0].place, f"read when it was saved, and not in the package: {names}", hint, path="env_vars"
        )
    for key in ("resources", "auth_policy"):
        first = next((item for path, item in model.values.items() if path.startswith((f"{key}.", f"{key}["))), None)
        if first:
            hint = "the model reaches what it names by itself, with credentials that it is given where it runs"
            findings.warn(first.place, "has no effect in a package, only on Databricks", hint, path=key)


def _judge(model: MLmodel, findings: Findings) -> None:
    """Find why a model cannot be served."""
    if PYFUNC not in model.flavors:
        others = ", ".join(model.flavors)
        hint = "MLflow's server serves no other flavor; save the model with one that has it"
        findings.add(model.place, f"no flavor {PYFUNC}, only {others}", hint, path="flavors")
        return
    loader = model.values.get(f"flavors.{PYFUNC}.loader_module")
    if loader is None:
        findings.add(model.place, "missing, it says what loads the model", path=f"flavors.{PYFUNC}.loader_module")
    elif loader.text in _JAVA:
        hint = "save it in a form without Java, such as ONNX"
        findings.add(loader.place, f"runs on Java, which packages do not have: {loader.text}", hint, path=loader.path)
    for key in _FILES:
        named = model.values.get(f"flavors.{PYFUNC}.{key}")
        if named is None:
            continue
        # MLflow writes where the code was when it was saved, and looks for that name beside MLmodel.
        name = named.text.rpartition("/")[2] if key == "model_code_path" else named.text
        if not name.startswith("/") and not exists(model.folder / name):
            hint = "copy the whole model folder, with its binary files"
            findings.add(named.place, f"no such file or folder: {name}", hint, path=named.path)
