"""ONNX models over the Open Inference Protocol (V2), in JSON.

Every ``*.onnx`` below the model folder is a model: ``NAME.onnx``, or ``NAME/VERSION/model.onnx`` as Triton lays them
out, of which the highest version answers when none is asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from fastapi import FastAPI, HTTPException, Request, Response
from modelpack_settings import count

DATATYPES = {
    "tensor(bool)": ("BOOL", np.bool_),
    "tensor(uint8)": ("UINT8", np.uint8),
    "tensor(uint16)": ("UINT16", np.uint16),
    "tensor(uint32)": ("UINT32", np.uint32),
    "tensor(uint64)": ("UINT64", np.uint64),
    "tensor(int8)": ("INT8", np.int8),
    "tensor(int16)": ("INT16", np.int16),
    "tensor(int32)": ("INT32", np.int32),
    "tensor(int64)": ("INT64", np.int64),
    "tensor(float16)": ("FP16", np.float16),
    "tensor(float)": ("FP32", np.float32),
    "tensor(double)": ("FP64", np.float64),
    "tensor(string)": ("BYTES", np.object_),
}
"""ONNX Runtime's names of types to those of the protocol and of numpy."""
_OF_NUMPY = {np.dtype(kind): name for name, kind in DATATYPES.values()}


class Model:
    """One session."""

    def __init__(self, path: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = count("MODELPACK_THREADS", default=0)
        self.session = ort.InferenceSession(path, options, providers=ort.get_available_providers())
        self.inputs = {item.name: item for item in self.session.get_inputs()}
        self.outputs = [item.name for item in self.session.get_outputs()]

    def metadata(self, name: str, versions: list[str]) -> dict[str, Any]:
        """Give what the protocol calls the metadata of a model."""

        def tensors(items: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - of ONNX Runtime, which has no types
            return [
                {"name": item.name, "datatype": _datatype(item.type), "shape": _shape(item.shape)} for item in items
            ]

        return {
            "name": name,
            "versions": versions,
            "platform": "onnxruntime_onnx",
            "inputs": tensors(self.session.get_inputs()),
            "outputs": tensors(self.session.get_outputs()),
        }

    def infer(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Score one request.

        Raises:
            HTTPException: 400, when it is not one for this model.
        """
        feeds = {}
        for item in _tensors(request, "inputs") or _bad("no inputs"):
            name = item.get("name")
            if name not in self.inputs:
                _bad(f"unknown input: {name}; this model has: {', '.join(self.inputs)}")
            feeds[name] = _array(item, self.inputs[name].type)
        missing = [name for name in self.inputs if name not in feeds]
        if missing:
            _bad(f"missing inputs: {', '.join(missing)}")
        wanted = [item.get("name") for item in _tensors(request, "outputs")] or self.outputs
        if unknown := [name for name in wanted if name not in self.outputs]:
            _bad(f"unknown outputs: {', '.join(map(str, unknown))}; this model has: {', '.join(self.outputs)}")
        try:
            results = self.session.run(wanted, feeds)
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors have no common class
            _bad(str(error))
        return [_tensor(name, result) for name, result in zip(wanted, results, strict=True)]

    def predict(self, instances: Any) -> list[Any]:  # noqa: ANN401 - JSON
        """Score rows as Vertex AI gives them: a value each, or an object of values by input, and so they come back.

        Raises:
            HTTPException: 400, when they are none for this model.
        """
        if not isinstance(instances, list) or not instances:
            _bad("instances is a list with something in it")
        if not all(isinstance(row, dict) for row in instances):
            if len(self.inputs) > 1:
                _bad(f"an instance is an object with the inputs {', '.join(self.inputs)}")
            instances = [{next(iter(self.inputs)): row} for row in instances]
        outputs = self.infer({"inputs": [self._column(name, instances) for name in instances[0]]})
        columns = {item["name"]: _rows(item, len(instances)) for item in outputs}
        if len(columns) == 1:
            return next(iter(columns.values()))
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _column(self, name: str, instances: list[dict[str, Any]]) -> dict[str, Any]:
        """Put the values of one input together, as the protocol has tensors."""
        try:
            values = [row[name] for row in instances]
            shape = np.asarray(values).shape
        except (KeyError, ValueError) as error:
            return _bad(f"instances do not all have the same inputs: {error}")
        return {"name": name, "shape": shape, "data": values, "datatype": self._expected(name)}

    def _expected(self, name: str) -> str | None:
        return _datatype(self.inputs[name].type) if name in self.inputs else None


def _rows(tensor: dict[str, Any], count: int) -> list[Any]:
    """Give an output by instance.

    Raises:
        HTTPException: 400, it has not one row for each.
    """
    if not tensor["shape"] or tensor["shape"][0] != count:
        _bad(f"output {tensor['name']} has the shape {tensor['shape']}, not a row for each instance")
    rows: list[Any] = np.asarray(tensor["data"], dtype=np.object_).reshape(tensor["shape"]).tolist()
    return rows


def _bad(message: str) -> Any:  # noqa: ANN401 - never returns
    raise HTTPException(status_code=400, detail=message)


def _tensors(request: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = request.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        _bad(f"{key} is a list of objects")
    return found


def _datatype(kind: str) -> str:
    return DATATYPES[kind][0] if kind in DATATYPES else kind


def _shape(shape: list[Any]) -> list[int]:
    return [size if isinstance(size, int) else -1 for size in shape]


def _array(item: dict[str, Any], kind: str) -> np.ndarray:
    name, numpy = DATATYPES.get(kind, (kind, np.object_))
    if item.get("datatype") != name:
        _bad(f"input {item['name']} is {name}, not {item.get('datatype')}")
    try:
        return np.asarray(item["data"], dtype=numpy).reshape(item["shape"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        return _bad(f"input {item['name']}: {error}")


def _tensor(name: str, result: Any) -> dict[str, Any]:  # noqa: ANN401 - arrays, and the lists of classifiers
    if not isinstance(result, np.ndarray):
        return {"name": name, "datatype": "BYTES", "shape": [len(result)], "data": [_plain(item) for item in result]}
    return {
        "name": name,
        "datatype": _OF_NUMPY.get(result.dtype, "BYTES"),
        "shape": list(result.shape),
        "data": result.ravel().tolist(),
    }


def _plain(item: Any) -> Any:  # noqa: ANN401 - maps from class to probability
    return {str(key): float(value) for key, value in item.items()} if isinstance(item, dict) else item


def find(folder: Path) -> dict[str, dict[str, Path]]:
    """Give the files by model and version."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.rglob("*.onnx")):
        if path.is_dir():
            continue
        # A model with its data beside it may be a folder model.onnx in its turn.
        *above, file = path.relative_to(folder).parts
        parts = (*(part for part in above if part != "model.onnx"), file)
        versioned = len(parts) > 2 and re.fullmatch("[0-9]+", parts[-2])
        name, version = (parts[-3], parts[-2]) if versioned else (path.stem, "1")
        found.setdefault(name, {})[version] = path
    return found


folder = Path(os.environ["AZUREML_MODEL_DIR"])
models = {
    name: {version: Model(path) for version, path in sorted(versions.items(), key=lambda item: int(item[0]))}
    for name, versions in find(folder).items()
}
if not models:
    raise SystemExit(f"no *.onnx in the model folder: {sorted(item.name for item in folder.iterdir())}")
app = FastAPI(title="ONNX Runtime", version=ort.__version__, docs_url=None)


def _model(name: str, version: str | None) -> tuple[Model, str]:
    versions = models.get(name)
    if versions is None:
        raise HTTPException(status_code=404, detail=f"unknown model: {name}; there are: {', '.join(models)}")
    chosen = version or list(versions)[-1]
    if chosen not in versions:
        raise HTTPException(status_code=404, detail=f"unknown version of {name}: {chosen}")
    return versions[chosen], chosen


@app.get("/v2")
async def server_metadata() -> dict[str, Any]:
    """Say what this server is."""
    return {"name": "onnxruntime", "version": ort.__version__, "extensions": []}


@app.get("/v2/health/live")
async def live() -> dict[str, bool]:
    """Say that the server runs."""
    return {"live": True}


@app.get("/v2/health/ready")
@app.get("/ping")
@app.get(os.environ.get("AIP_HEALTH_ROUTE") or "/healthz")
async def ready() -> dict[str, bool]:
    """Say that all models are loaded: else there would be no server."""
    return {"ready": True}


@app.get("/v2/models/{name}/ready")
@app.get("/v2/models/{name}/versions/{version}/ready")
async def model_ready(name: str, version: str | None = None) -> dict[str, Any]:
    """Say that a model is loaded."""
    _model(name, version)
    return {"name": name, "ready": True}


@app.get("/v2/models/{name}")
@app.get("/v2/models/{name}/versions/{version}")
async def metadata(name: str, version: str | None = None) -> dict[str, Any]:
    """Give the inputs and outputs of a model."""
    model, _ = _model(name, version)
    return model.metadata(name, list(models[name]))


def _answer(value: dict[str, Any]) -> Response:
    """Write an answer, NaN and infinity too, which models do give."""
    return Response(json.dumps(value), media_type="application/json")


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:
        return _bad(f"not JSON: {error}")
    return body if isinstance(body, dict) else _bad("expected an object with inputs")


@app.post("/v2/models/{name}/infer")
@app.post("/v2/models/{name}/versions/{version}/infer")
async def infer(name: str, request: Request, version: str | None = None) -> Response:
    """Score one request."""
    model, chosen = _model(name, version)
    body = await _json(request)
    outputs = await asyncio.to_thread(model.infer, body)
    answer = {"model_name": name, "model_version": chosen, "outputs": outputs}
    return _answer({"id": body["id"], **answer} if "id" in body else answer)


@app.post("/invocations")
@app.post(os.environ.get("AIP_PREDICT_ROUTE") or "/predict")
async def invocations(request: Request) -> Response:
    """Score with the only model, as SageMaker asks; as Vertex AI does, when the body has ``instances``."""
    if len({id(versions) for versions in models.values()}) > 1:
        _bad(f"several models are served, ask /v2/models/NAME/infer: {', '.join(models)}")
    name, body = next(iter(models)), await _json(request)
    if "instances" not in body:
        return await infer(name, request)
    return _answer({"predictions": await asyncio.to_thread(_model(name, None)[0].predict, body["instances"])})
