"""``codec``: dataclasses to JSON and back, strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelpack.codec import CodecError, from_json, to_json


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    name: str
    size: int = 0
    note: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    share: float
    sealed: bool
    parts: tuple[Part, ...]
    labels: Mapping[str, str]
    first: Part | None


PART = {"name": "a", "size": 1}
WHOLE = {"share": 0.5, "sealed": True, "parts": [PART], "labels": {"k": "v"}, "first": PART}
TEXTS = st.text(max_size=5)
PARTS = st.builds(Part, name=TEXTS, size=st.integers(), note=st.none() | TEXTS)


@given(
    st.builds(
        Whole,
        share=st.floats(allow_nan=False),
        sealed=st.booleans(),
        parts=st.lists(PARTS, max_size=3).map(tuple),
        labels=st.dictionaries(TEXTS, TEXTS, max_size=3),
        first=st.none() | PARTS,
    )
)
def test_what_is_written_reads_back_as_it_was(value):
    assert from_json(Whole, json.loads(json.dumps(to_json(value)))) == value


def test_none_is_left_out_and_keys_of_maps_are_sorted():
    value = Whole(share=1.0, sealed=False, parts=(), labels={"b": "2", "a": "1"}, first=None)
    assert list(to_json(value)) == ["share", "sealed", "parts", "labels"]
    assert list(to_json(value)["labels"]) == ["a", "b"]


def test_a_field_with_a_default_may_be_missing():
    assert from_json(Part, {"name": "a"}) == Part(name="a", size=0, note=None)


def test_an_integer_is_read_where_a_float_stands():
    share = from_json(Whole, WHOLE | {"share": 1}).share
    assert (share, type(share)) == (1.0, float)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share": "half"}, "share: expected float, found str"),
        ({"share": True}, "share: expected float, found bool"),
        ({"sealed": 1}, "sealed: expected bool, found int"),
        ({"parts": {}}, "parts: expected list, found dict"),
        ({"parts": [PART, {"size": 1}]}, "parts[1].name: missing"),
        ({"parts": [PART | {"size": True}]}, "parts[0].size: expected int, found bool"),
        ({"parts": [PART | {"sise": 1}]}, "parts[0]: unknown key: sise"),
        ({"labels": {"k": 1}}, "labels.k: expected str, found int"),
        ({"labels": []}, "labels: expected dict, found list"),
        ({"first": "a"}, "first: expected dict, found str"),
        ({"extra": 1}, "top level: unknown key: extra"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_its_path(change, message):
    with pytest.raises(CodecError) as caught:
        from_json(Whole, WHOLE | change)
    assert str(caught.value) == message


@pytest.mark.parametrize("data", [None, [], "text", 1])
def test_the_top_level_has_to_be_an_object(data):
    with pytest.raises(CodecError, match="top level: expected dict"):
        from_json(Whole, data)


def test_a_missing_key_is_named():
    with pytest.raises(CodecError, match=r"^parts: missing$"):
        from_json(Whole, {key: value for key, value in WHOLE.items() if key != "parts"})
