"""TensorFlow Serving's REST protocol over SavedModels: status, metadata, ``:predict``, ``:regress``, ``:classify``.

The model folder is one model or several: ``NAME/saved_model.pb``, ``NAME/VERSION/saved_model.pb``, or the versions
alone under the name of the model. All versions are loaded before the first answer; the highest one answers by default.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from pathlib import Path
from typing import Any

import tensorflow as tf
from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tensorflow.python.saved_model import loader_impl

DEFAULT_SIGNATURE = "serving_default"


class SavedModel:
    """One loaded version."""

    def __init__(self, path: Path) -> None:
        self.loaded = tf.saved_model.load(str(path))
        self.signatures = dict(self.loaded.signatures)
        graph = next(
            item for item in loader_impl.parse_saved_model(str(path)).meta_graphs if "serve" in item.meta_info_def.tags
        )
        self.definitions = {name: value for name, value in graph.signature_def.items() if not name.startswith("__")}

    def signature(self, name: str) -> Any:  # noqa: ANN401 - TensorFlow has no types
        """Give a signature that can be called.

        Raises:
            HTTPException: 400, there is none of this name.
        """
        if name not in self.signatures:
            _bad(f'Serving signature name: "{name}" not found in signature def')
        return self.signatures[name]

    def call(self, name: str, tensors: dict[str, Any]) -> dict[str, Any]:
        """Run a signature on values by input.

        Raises:
            HTTPException: 400, the values are not what the signature takes.
        """
        signature = self.signature(name)
        wanted = signature.structured_input_signature[1]
        if set(tensors) != set(wanted):
            _bad(f"expected the inputs {', '.join(sorted(wanted))}, found {', '.join(sorted(tensors))}")
        try:
            feeds = {key: tf.constant(value, dtype=wanted[key].dtype) for key, value in tensors.items()}
            return {key: value.numpy() for key, value in signature(**feeds).items()}
        except (ValueError, TypeError, tf.errors.OpError) as error:
            return _bad(str(error))

    def default_input(self, name: str) -> str:
        """Give the input of a signature that has only one."""
        inputs = list(self.signature(name).structured_input_signature[1])
        return inputs[0] if len(inputs) == 1 else _bad(f"name the inputs: {', '.join(sorted(inputs))}")


def _bad(message: str) -> Any:  # noqa: ANN401 - never returns
    raise HTTPException(400, message)


def find(folder: Path) -> dict[str, dict[int, Path]]:
    """Give the folders with a SavedModel by model and version."""
    found: dict[str, dict[int, Path]] = {}
    for marker in sorted(folder.rglob("saved_model.pb*")):
        path = marker.parent
        parts = path.relative_to(folder).parts
        versioned = bool(parts) and parts[-1].isdigit()
        names = parts[:-1] if versioned else parts
        name = names[-1] if names else os.environ.get("MODEL_NAME", folder.name)
        found.setdefault(name, {})[int(parts[-1]) if versioned else 1] = path
    return found


root = Path(os.environ["AZUREML_MODEL_DIR"])
models = {
    name: {version: SavedModel(path) for version, path in sorted(versions.items())}
    for name, versions in find(root).items()
}
if not models:
    raise SystemExit(f"no saved_model.pb in the model folder: {sorted(item.name for item in root.iterdir())}")


def _chosen(request: Request) -> tuple[str, int, SavedModel]:
    name = request.path_params["name"]
    if name not in models:
        raise HTTPException(404, f"Could not find any versions of model {name}")
    version = request.path_params.get("version", max(models[name]))
    if version not in models[name]:
        raise HTTPException(404, f"Could not find version {version} of model {name}")
    return name, version, models[name][version]


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status_code=status, media_type="application/json")


async def status(request: Request) -> Response:
    """Give the state of one version, or of all."""
    name, version, _ = _chosen(request)
    versions = [version] if "version" in request.path_params else sorted(models[name], reverse=True)
    good = {"error_code": "OK", "error_message": ""}
    return _json(
        {"model_version_status": [{"version": str(item), "state": "AVAILABLE", "status": good} for item in versions]}
    )


async def metadata(request: Request) -> Response:
    """Give the signatures, as protobuf's JSON mapping writes them."""
    name, version, model = _chosen(request)
    options = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
    definitions = {key: json_format.MessageToDict(value, **options) for key, value in model.definitions.items()}
    return _json(
        {
            "model_spec": {"name": name, "signature_name": "", "version": str(version)},
            "metadata": {"signature_def": {"signature_def": definitions}},
        }
    )


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        return _bad(f"JSON Parse error: {error}")
    return body if isinstance(body, dict) else _bad("expected a JSON object")


async def predict(request: Request) -> Response:
    """Score ``instances`` (rows) or ``inputs`` (columns)."""
    _, _, model = _chosen(request)
    body = await _body(request)
    name = body.get("signature_name") or DEFAULT_SIGNATURE
    if ("instances" in body) == ("inputs" in body):
        _bad("expected either instances or inputs")
    rows = "instances" in body
    tensors = _rows(model, name, body["instances"]) if rows else _columns(model, name, body["inputs"])
    outputs = await asyncio.to_thread(model.call, name, tensors)
    values = {key: _plain(key, value.tolist()) for key, value in outputs.items()}
    if not rows:
        return _json({"outputs": next(iter(values.values())) if len(values) == 1 else values})
    if len(values) == 1:
        return _json({"predictions": next(iter(values.values()))})
    return _json({"predictions": [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]})


def _rows(model: SavedModel, name: str, instances: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    if not isinstance(instances, list) or not instances:
        _bad("instances is a list with something in it")
    rows = [_decoded(row) for row in instances]
    if all(isinstance(row, dict) for row in rows):
        if any(row.keys() != rows[0].keys() for row in rows):
            _bad("instances do not all have the same inputs")
        return {key: [row[key] for row in rows] for key in rows[0]}
    return {model.default_input(name): rows}


def _columns(model: SavedModel, name: str, inputs: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    values = _decoded(inputs)
    return values if isinstance(values, dict) else {model.default_input(name): values}


def _decoded(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Put bytes in place of ``{"b64": ...}``, at any depth."""
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {"b64"}:
            return base64.b64decode(value["b64"])
        return {key: _decoded(item) for key, item in value.items()}
    return value


def _plain(key: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """Write bytes as text, or in base 64 for outputs that are called ``..._bytes``."""
    if isinstance(value, list):
        return [_plain(key, item) for item in value]
    if isinstance(value, bytes):
        if key.endswith("_bytes"):
            return {"b64": base64.b64encode(value).decode()}
        return value.decode("utf-8", "replace")
    return value


def _serialized(body: dict[str, Any]) -> list[bytes]:
    context = body.get("context") or {}
    return [_example({**context, **example}) for example in body.get("examples") or _bad("no examples")]


def _example(values: dict[str, Any]) -> bytes:
    features = {}
    for key, value in values.items():
        items = [_decoded(item) for item in (value if isinstance(value, list) else [value])]
        if all(isinstance(item, int) for item in items):
            features[key] = tf.train.Feature(int64_list=tf.train.Int64List(value=items))
        elif all(isinstance(item, int | float) for item in items):
            features[key] = tf.train.Feature(float_list=tf.train.FloatList(value=items))
        else:
            data = [item if isinstance(item, bytes) else str(item).encode() for item in items]
            features[key] = tf.train.Feature(bytes_list=tf.train.BytesList(value=data))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


async def regress(request: Request) -> Response:
    """Score examples to a number each."""
    _, _, model = _chosen(request)
    body = await _body(request)
    name = body.get("signature_name") or DEFAULT_SIGNATURE
    outputs = await asyncio.to_thread(model.call, name, {model.default_input(name): _serialized(body)})
    return _json({"results": outputs["outputs"].ravel().tolist()})


async def classify(request: Request) -> Response:
    """Score examples to classes with their scores."""
    _, _, model = _chosen(request)
    body = await _body(request)
    name = body.get("signature_name") or DEFAULT_SIGNATURE
    outputs = await asyncio.to_thread(model.call, name, {model.default_input(name): _serialized(body)})
    scores = outputs["scores"].tolist()
    named = "classes" in outputs
    classes = _plain("classes", outputs["classes"].tolist()) if named else [[""] * len(row) for row in scores]
    pairs = ([list(pair) for pair in zip(*row, strict=True)] for row in zip(classes, scores, strict=True))
    return _json({"results": list(pairs)})


async def invocations(request: Request) -> Response:
    """Score with the only model, as SageMaker and Vertex AI ask."""
    if len({id(versions) for versions in models.values()}) > 1:
        _bad(f"several models are served, ask /v1/models/NAME:predict: {', '.join(models)}")
    request.path_params["name"] = next(iter(models))
    return await predict(request)


async def ready(request: Request) -> Response:
    """Say that all versions are loaded: else there would be no server."""
    del request
    return _json({"status": "AVAILABLE"})


def _failed(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, HTTPException)  # noqa: S101 - the only class that is handled here
    return _json({"error": error.detail}, error.status_code)


def _routes() -> list[Route]:
    routes = []
    for place in ("/v1/models/{name}", "/v1/models/{name}/versions/{version:int}"):
        for verb, endpoint in (("predict", predict), ("regress", regress), ("classify", classify)):
            routes.append(Route(f"{place}:{verb}", endpoint, methods=["POST"]))
        routes.append(Route(f"{place}/metadata", metadata))
        routes.append(Route(place, status))
    health = dict.fromkeys(("/healthz", "/ping", os.environ.get("AIP_HEALTH_ROUTE") or "/ping"))
    score = dict.fromkeys(("/invocations", os.environ.get("AIP_PREDICT_ROUTE") or "/invocations"))
    routes += [Route(path, ready) for path in health]
    return [*routes, *(Route(path, invocations, methods=["POST"]) for path in score)]


app = Starlette(routes=_routes(), exception_handlers={HTTPException: _failed})
