"""Sample requests of an MLflow model: its input example, in whichever form the MLflow of its time wrote one.

Each sample is data in neither protocol; ``requests`` puts it into both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelpack.loading.mlflow.mlmodel import MLmodel, Written
from modelpack.loading.mlflow.signature import sample_of
from modelpack.loading.sources import is_file
from modelpack.loading.yamlfile import Findings, Place
from modelpack.spec import Check, CheckRequest

_INFO = "saved_input_example_info"
_JSON = "application/json"
_EXAMPLE = "input_example.json"
"""Under this name it is one also where MLmodel, written by other tools, does not say so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One input of the model."""

    form: str
    """``table`` (columns and data, as pandas splits one), ``records``, ``inputs``, or ``whole`` for a body as it is."""
    data: Any
    params: dict[str, Any] | None = None


def samples(model: MLmodel, major: int | None, findings: Findings) -> tuple[CheckRequest, ...]:
    """Give the requests of the check, in MLflow's protocol and in Azure ML's; none when there is nothing to ask.

    Args:
        model: names its example and its signature.
        major: major version of the MLflow that serves; None for the newest.
        findings: takes what was decided, and what is wrong with the example.
    """
    example = model.values.get(f"{_INFO}.artifact_path")
    if example is None and is_file(model.folder / _EXAMPLE):
        example = Written(text=_EXAMPLE, place=model.place, path=_INFO)
    if example:
        sample = _example(model, example, findings)
        if sample:
            return _requests(sample, "example", 3 if major is None else major)
        if len(findings):
            return ()
    made = sample_of(model)
    if made:
        form, data = made
        findings.note(model.place, "no input example that can be sent: the check asks one made from the signature")
        return _requests(Sample(form=form, data=data), "signature", 3 if major is None else major)
    message = "no input example, and no signature that one can be made from: the check only sees the server ready"
    findings.warn(model.place, message, "save the model with input_example=")
    return ()


def in_its_protocol(check: Check) -> Check:
    """Give a check whose sample requests are sent where their bodies belong: ``input_data`` is Azure ML's word."""
    return replace(check, requests=tuple(_where_it_belongs(item) for item in check.requests))


def _where_it_belongs(request: CheckRequest) -> CheckRequest:
    try:
        content = json.loads(request.request.path.read_bytes()) if request.request else None
    except (OSError, ValueError, RecursionError):
        return request
    return replace(request, route="/score") if isinstance(content, dict) and "input_data" in content else request


def _example(model: MLmodel, named: Written, findings: Findings) -> Sample | None:
    """Read the example; the one that newer versions write for their server is nearest to a request."""
    serving = model.values.get(f"{_INFO}.serving_input_path")
    if serving and is_file(model.folder / serving.text):
        body = _read(model.folder / serving.text, serving, findings)
        return _of_serving(body) if isinstance(body, dict) else None
    kind = model.get(f"{_INFO}.type") or "dataframe"
    if kind.startswith("sparse"):
        return None
    value = _read(model.folder / named.text, named, findings)
    if value is None:
        return None
    params = None
    if model.get(f"{_INFO}.params") and isinstance(value, dict) and {"inputs", "params"} <= value.keys():
        value, params = value["inputs"], value["params"]
    if kind == "dataframe" and isinstance(value, dict | list):
        return _table(value, params)
    if isinstance(value, dict) and len(value) == 1 and value.keys() <= {"inputs", "instances"}:
        value = next(iter(value.values()))
    return Sample(form="inputs", data=value, params=params)


def _of_serving(body: dict[str, Any]) -> Sample:
    params = body.get("params")
    for key, form in (("dataframe_split", "table"), ("dataframe_records", "records"), ("inputs", "inputs")):
        if key in body and (form == "inputs" or _is_form(form, body[key])):
            return Sample(form=form, data=body[key], params=params)
    return Sample(form="inputs", data=body["instances"]) if "instances" in body else Sample(form="whole", data=body)


def _is_form(form: str, value: object) -> bool:
    """Say whether a value has the form that its key promises; what has not is sent as it is."""
    if form == "table":
        return isinstance(value, dict) and "data" in value
    return isinstance(value, list) and all(isinstance(record, dict) for record in value)


def _table(value: Any, params: dict[str, Any] | None) -> Sample:  # noqa: ANN401 - JSON
    """Tell by its shape how a table was written: split, as records, or as rows."""
    if isinstance(value, dict):
        return Sample(form="table" if "data" in value else "inputs", data=value, params=params)
    if value and isinstance(value[0], dict):
        return Sample(form="records", data=value, params=params)
    width = len(value[0]) if value and isinstance(value[0], list) else 1
    return Sample(form="table", data={"columns": list(range(width)), "data": value}, params=params)


def _read(path: Path, named: Written, findings: Findings) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        findings.add(named.place, f"cannot be read: {named.text}: {error.strerror}", path=named.path)
    except json.JSONDecodeError as error:
        place = Place(file=named.place.file, line=named.place.line, column=named.place.column)
        findings.add(place, f"{named.text} is not JSON: line {error.lineno}: {error.msg}", path=named.path)
    except (UnicodeDecodeError, RecursionError):
        findings.add(named.place, f"{named.text} is not JSON", path=named.path)
    return None


def _requests(sample: Sample, name: str, major: int) -> tuple[CheckRequest, ...]:
    found = [_request(f"{name}-invocations", "/invocations", *_of_mlflow(sample, major))]
    if sample.form != "whole" and not (sample.params and major < 2):
        asked = {"input_data": _as_table(sample.data) if sample.form == "records" else sample.data}
        if sample.form == "table" and "columns" not in sample.data:
            asked["input_data"] = sample.data["data"]
        if sample.params is not None:
            asked["params"] = sample.params
        found.append(_request(f"{name}-score", "/score", asked))
    return tuple(found)


def _of_mlflow(sample: Sample, major: int) -> tuple[Any, str]:
    if sample.form == "whole":
        return sample.data, _JSON
    if major < 2:
        format_ = {"table": "; format=pandas-split", "records": "; format=pandas-records"}.get(sample.form, "")
        return ({"inputs": sample.data} if sample.form == "inputs" else sample.data), _JSON + format_
    key = {"table": "dataframe_split", "records": "dataframe_records", "inputs": "inputs"}[sample.form]
    return {key: sample.data} | ({} if sample.params is None else {"params": sample.params}), _JSON


def _as_table(records: list[dict[str, Any]]) -> dict[str, Any]:
    columns = list(dict.fromkeys(name for record in records for name in record))
    return {"columns": columns, "data": [[record.get(name) for name in columns] for record in records]}


def _request(name: str, route: str, body: Any, content_type: str = _JSON) -> CheckRequest:  # noqa: ANN401 - JSON
    return CheckRequest(
        name=name, request=None, response=None, route=route, content_type=content_type, body=json.dumps(body)
    )
