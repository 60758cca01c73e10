"""ONNX and TensorFlow's graphs: which of them a file of protobuf messages is, and where an ONNX model's data lies."""

from __future__ import annotations

from collections.abc import Mapping

from modelpack.weights.content import Content, Damaged, External, Stream
from modelpack.weights.wire import BYTES, VARINT, CutOff, fields, text

# Fields of ModelProto (onnx.proto3, IR version 3 and later) and of what lies in it.
_IR_VERSION, _PRODUCER, _PRODUCER_VERSION, _GRAPH, _OPSET, _FUNCTIONS = 1, 2, 3, 7, 8, 25
_MODEL = {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 6: BYTES, 7: BYTES, 8: BYTES, 14: BYTES, 20: BYTES}
_MODEL |= {25: BYTES, 26: BYTES}
_LATEST_IR = 32
_TENSOR, _SPARSE = "tensor", "sparse"
_INNER: Mapping[str, Mapping[int, str]] = {
    "graph": {1: "node", 5: _TENSOR, 15: _SPARSE},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: _TENSOR, 6: "graph", 10: _TENSOR, 11: "graph", 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
}
"""Messages in messages, by the number of their field, as far as tensors can lie in them."""
_EXTERNAL_DATA, _DATA_LOCATION, _IS_EXTERNAL = 13, 14, 1
_DEPTH = 40


def recognise(stream: Stream) -> str | None:
    """Tell by its outermost fields what a file of protobuf messages is: ``onnx``, ``savedmodel``, or none of these."""
    found: dict[int, int] = {}
    first: dict[int, int] = {}
    try:
        for number, kind, value in fields(stream):
            if number > 26 or (found.setdefault(number, kind) != kind):
                return None
            first.setdefault(number, value)
    except CutOff as error:
        # The graph is nearly all of a model: one that is cut off is cut off in it.
        return "onnx" if _may_be_onnx(found, first) and error.number == _GRAPH else None
    except Damaged:
        return None
    if found == {1: VARINT, 2: BYTES} and first[1] == 1:
        return "savedmodel"
    return "onnx" if _may_be_onnx(found, first) and _GRAPH in found else None


def _may_be_onnx(found: Mapping[int, int], first: Mapping[int, int]) -> bool:
    known = all(_MODEL.get(number) == kind for number, kind in found.items())
    return known and 1 <= first.get(_IR_VERSION, 0) <= _LATEST_IR


def read(stream: Stream, content: Content) -> None:
    """Read version, operators' versions and producer, and find the files that data lies in.

    Raises:
        Damaged: it is cut off, or something in it is no message.
    """
    content.settle("onnx", "onnx")
    producer = {_PRODUCER: "", _PRODUCER_VERSION: ""}
    opsets = []
    for number, kind, value in fields(stream):
        if number == _IR_VERSION:
            content.details["ir_version"] = str(value)
        elif number in producer and kind == BYTES:
            producer[number] = text(stream, value)
        elif number == _OPSET:
            opsets.append(_opset(stream, stream.position + value))
        elif number == _GRAPH and kind == BYTES:
            _walk(stream, stream.position + value, "graph", content)
        elif number == _FUNCTIONS and kind == BYTES:
            _walk(stream, stream.position + value, "function", content)
    if opsets:
        content.details["opset"] = ", ".join(sorted(opsets)[:20])
    if made_by := " ".join(filter(None, producer.values())):
        content.details["producer"] = made_by


def _opset(stream: Stream, stop: int) -> str:
    domain, version = "", 0
    for number, kind, value in fields(stream, stop):
        if number == 1 and kind == BYTES:
            domain = text(stream, value)
        elif number == 2:
            version = value
    return f"{domain or 'ai.onnx'} {version}"


def _walk(stream: Stream, stop: int, message: str, content: Content, depth: int = 0) -> None:
    if depth > _DEPTH:
        raise Damaged("its graphs lie too deep in each other")
    if message == _TENSOR:
        _tensor(stream, stop, content)
        return
    inner = _INNER[message]
    for number, kind, value in fields(stream, stop):
        if number in inner and kind == BYTES:
            _walk(stream, stream.position + value, inner[number], content, depth + 1)


def _tensor(stream: Stream, stop: int, content: Content) -> None:
    pairs: dict[str, str] = {}
    outside = False
    for number, kind, value in fields(stream, stop):
        if number == _DATA_LOCATION:
            outside = value == _IS_EXTERNAL
        elif number == _EXTERNAL_DATA and kind == BYTES:
            key, text_ = _pair(stream, stream.position + value)
            pairs[key] = text_
    if not outside:
        return
    location = pairs.get("location", "")
    if not location:
        raise Damaged("a tensor lies in another file that is not named")
    start, length = (_number(pairs.get(key, "0")) for key in ("offset", "length"))
    content.external.add(External(location=location, stop=start + length))


def _pair(stream: Stream, stop: int) -> tuple[str, str]:
    found = {1: "", 2: ""}
    for number, kind, value in fields(stream, stop):
        if number in found and kind == BYTES:
            found[number] = text(stream, value)
    return found[1], found[2]


def _number(text_: str) -> int:
    if not text_.isascii() or not text_.isdigit() or len(text_) > 18:
        raise Damaged(f"the place of a tensor in another file is no number: {text_[:40]}")
    return int(text_)
