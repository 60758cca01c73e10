from __future__ import annotations

import json
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from weight_files import external, gguf, message, onnx, safetensors, tensor

from modelpack.weights.content import External
from modelpack.weights.formats import inspect

QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def look(tmp_path, data):
    path = tmp_path / "model"
    path.write_bytes(data)
    return inspect(path)


def problem(tmp_path, data):
    (found,) = look(tmp_path, data).problems
    return found


def test_safetensors_are_known_by_their_header(tmp_path):
    found = look(tmp_path, safetensors({"a": ("F32", [2], 0, 8), "b": ("F16", [0], 8, 8)}, 8))
    assert (found.format, found.kinds, found.problems) == ("safetensors", {"safetensors"}, [])
    assert found.variables == {"a": 8, "b": 0}


@pytest.mark.parametrize(
    ("header", "size", "wrong"),
    [
        ({"a": ("F32", [2], 0, 8), "b": ("F32", [1], 4, 8)}, 8, "the tensor b overlaps another one"),
        ({"a": ("F32", [1], 4, 8)}, 8, "the tensor a leaves 4 bytes before it unused"),
        ({"a": ("F32", [1], 0, 4)}, 5, "1 bytes after its last tensor belong to none"),
        ({"a": ("F32", [2], 0, 8)}, 7, "it is cut off: the tensor a ends 1 bytes after the end of the file"),
        ({"a": ("F32", [3], 0, 8)}, 8, "the tensor a has 8 bytes, which is not the size of F32 of shape [3]"),
        ({"a": ("F31", [1], 0, 4)}, 4, "the tensor a has a dtype that is not known: F31"),
        ({"a": ("F32", [1 << 62, 1 << 62], 0, 4)}, 4, "the tensor a has 4 bytes, which is not the size of F32 of"),
        ({"a": ("F32", [-1], 0, 4)}, 4, "the tensor a has no shape"),
        ({"a": ("F32", [1], 8, 4)}, 8, "the tensor a ends before it begins"),
    ],
)
def test_a_tensor_in_the_wrong_place_is_told(tmp_path, header, size, wrong):
    assert problem(tmp_path, safetensors(header, size)).startswith(wrong)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (struct.pack("<Q", 100) + b'{"a"', "it is cut off"),
        (struct.pack("<Q", 1 << 30) + b"{" + bytes(20), "its header would have 1073741824 bytes"),
        (struct.pack("<Q", 4) + b"{aaa", "its header is not JSON"),
        (struct.pack("<Q", 14) + b'{"a":1,"a":{}}', "its header has a key twice: a"),
        (struct.pack("<Q", 7) + b'{"a":1}', "the tensor a has no data_offsets"),
        (struct.pack("<Q", 22) + b'{"__metadata__":{"a":1}}'[:22], "its header is not JSON"),
    ],
)
def test_a_header_of_safetensors_that_is_wrong_is_told(tmp_path, data, wrong):
    assert problem(tmp_path, data).startswith(wrong)


def test_gguf_says_what_it_is(tmp_path):
    found = look(tmp_path, gguf({"general.architecture": "llama"}, {"w": (0, [4], 0)}, 16))
    assert (found.format, found.kinds, found.problems) == ("gguf", {"gguf"}, [])
    assert found.details == {"version": "3", "tensors": "1", "architecture": "llama"}


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"GGUF" + struct.pack("<I", 9), "its version is not known: 9"),
        (b"GGUF" + struct.pack(">I", 3), "it is written for big-endian machines"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 1 << 60), "it claims to have 1 tensors and 1152921504606846976 keys"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 62), "a text of 4611686018427387904 bytes where"),
        (gguf({}, {"w": (0, [8], 0)}, 16), "it is cut off: the tensor w ends 16 bytes after the end of the file"),
        (gguf({}, {"w": (0, [4], 0), "v": (0, [4], 0)}, 32), "the tensors w and v overlap"),
        (gguf({}, {"w": (0, [4], 5)}, 32), "the tensor w does not begin at a multiple of 32 bytes"),
        (gguf({}, {"w": (2, [4], 0)}, 32), "the tensor w is not made of whole blocks of 32 weights"),
        (gguf({"a": "b"}, {}, 0)[:-2], "it is cut off"),
    ],
)
def test_wrong_gguf_is_told(tmp_path, data, wrong):
    assert problem(tmp_path, data).startswith(wrong)


def test_onnx_is_known_without_a_magic_number(tmp_path):
    found = look(tmp_path, onnx(tensor(b"\x4a\x04abcd")))
    assert (found.format, found.kinds, found.problems, found.external) == ("onnx", {"onnx"}, [], set())
    assert found.details == {"ir_version": "8", "opset": "ai.onnx 17", "producer": "test"}


def test_data_outside_an_onnx_model_is_found_wherever_it_is_named(tmp_path):
    attribute = message(1, message(5, message(5, external("deep/weights", 8, 16))))
    found = look(tmp_path, onnx(tensor(external("weights.bin", 0, 4)) + attribute))
    assert found.external == {External(location="weights.bin", stop=4), External(location="deep/weights", stop=24)}


def test_onnx_that_is_cut_off_is_told(tmp_path):
    whole = onnx(tensor(b"\x4a\x04abcd"))
    assert look(tmp_path, whole).problems == []
    cut = look(tmp_path, whole[:-3])
    assert cut.format == "onnx"
    assert cut.problems[0].startswith("it is cut off")


def test_graphs_too_deep_in_each_other_are_told(tmp_path):
    inner = b""
    for _ in range(50):
        inner = message(1, message(5, message(6, inner)))
    assert problem(tmp_path, onnx(inner)) == "its graphs lie too deep in each other"


SAMPLES = [
    safetensors({"a": ("F32", [2], 0, 8)}, 8),
    gguf({"general.architecture": "llama"}, {"w": (0, [4], 0)}, 16),
    onnx(tensor(external("weights.bin", 0, 4))),
]


@given(data=st.data())
@QUICK
def test_damaged_files_give_no_exception(tmp_path, data):
    made = data.draw(st.sampled_from(SAMPLES))
    place = data.draw(st.integers(0, len(made) - 1))
    changed = made[:place] + data.draw(st.binary(max_size=9)) + made[place + data.draw(st.integers(0, 9)) :]
    look(tmp_path, changed)


@given(header=st.recursive(st.integers() | st.text(), lambda x: st.dictionaries(st.text(), x) | st.lists(x)))
@QUICK
def test_any_header_of_safetensors_is_judged(tmp_path, header):
    text = json.dumps(header).encode()
    look(tmp_path, struct.pack("<Q", len(text)) + text)
