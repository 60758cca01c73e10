"""The JSON Schema: written down as it is made, and of one mind with the loader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from modelpack.catalogue import server_names
from modelpack.loading.keys import spec_table
from modelpack.loading.schema import schema, schema_text
from modelpack.loading.shape import Either, Many, Named, Never, Number, Table, Text
from modelpack.loading.shape_reader import read
from modelpack.loading.yamlfile import Findings, ListNode, Scalar, parse_yaml

ROOT = Path(__file__).parents[1]
SPEC = spec_table(server_names())
VALIDATOR = Draft202012Validator(schema())

# Wrong in a way that only other files, other keys or other libraries tell, or no YAML at all.
NOT_OF_SHAPE = (
    "check-files-missing",
    "check-missing",
    "check-request-empty",
    "check-request-not-json",
    "a-job-",
    "check-with-a-name-twice",
    "check-without-request",
    "code-",
    "custom-server-alone",
    "custom-server-command",
    "custom-server-without-",
    "duplicate-keys",
    "many-aliases",
    "model-in-home",
    "model-is-a-broken-symlink",
    "model-is-a-pipe",
    "model-is-an-",
    "model-is-the-spec-folder",
    "model-leaves-the-folder",
    "model-missing",
    "model-through-a-symlink",
    "model-without-path",
    "placeholders-",
    "python-address-",
    "python-flake-and-tarball",
    "python-flake-missing",
    "python-flake-not-a-flake",
    "python-tarball-by-address-alone",
    "python-tarball-missing",
    "requirements-file",
    "requirements-folder",
    "requirements-one-text",
    "scoring-script-a",
    "scoring-script-missing",
    "scoring-script-not",
    "scoring-script-outside",
    "scoring-script-relative",
    "scoring-script-with",
    "server-version-wrong",
    "server-with-command",
)


def plain(node):
    """Give what a YAML 1.2 parser, such as an editor's, makes of a node."""
    if isinstance(node, Scalar):
        if node.kind == "number":
            number = float(node.text)
            return int(number) if number.is_integer() else number
        return {"null": None, "boolean": node.text.lower() == "true"}.get(node.kind, node.text)
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return {entry.key: plain(entry.value) for entry in node.entries}


def verdicts(text):
    """Say whether the loader and the schema take a text for a spec, as far as its shape goes."""
    findings = Findings()
    node = parse_yaml(text, "f", findings)
    if node is None or len(findings):
        return None
    read(SPEC, node, "", findings)
    return not len(findings), VALIDATOR.is_valid(plain(node))


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(schema())


def test_the_file_in_docs_is_up_to_date():
    # To write it: python -c "from modelpack.loading.schema import schema_text; print(schema_text(), end='')"
    assert (ROOT / "docs/modelpack.schema.json").read_text() == schema_text()


def test_every_key_is_explained():
    def tables(shape):
        for inner in getattr(shape, "shapes", ()):
            yield from tables(inner)
        for inner in (getattr(shape, "item", None), getattr(shape, "value", None)):
            yield from tables(inner) if inner else ()
        if isinstance(shape, Table):
            yield shape
            for key in shape.keys:
                yield from tables(key.shape)

    assert [key.name for table in tables(SPEC) for key in table.keys if len(key.doc) < 5] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "templates").glob("*/modelpack.yaml")), ids=lambda path: path.parent.name
)
def test_the_starters_fit(path):
    assert verdicts(path.read_text()) == (True, True)


@pytest.mark.parametrize("path", sorted((ROOT / "tests/specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_loader_and_schema_agree_on_mistakes(path):
    found = verdicts(path.read_text())

    if found is not None:
        right = path.stem.startswith(NOT_OF_SHAPE)
        assert found == (right, right)


SCALARS = st.one_of(
    st.sampled_from(
        ["", "a", "A b", "1.0", "3.11", "/", "./x", "true", "false", "no", "path", "score.py", "1000:1000"]
    ),
    st.sampled_from(["azureml", "custom", "debian:trixie", "gzip", "POST", "text/csv", "linux/arm64", "3.10", "~"]),
    st.booleans(),
    st.none(),
    st.integers(min_value=-2, max_value=70_000),
    st.sampled_from([0.5, 3.11, 3.12, 1.5, 5001.0, -0.25]),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["path", "a", "name"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def fitting(shape):
    """Make values that are of a shape, or nearly."""
    match shape:
        case Text():
            return st.sampled_from(shape.choices) if shape.choices else SCALARS
        case Number():
            return st.sampled_from([shape.minimum, shape.maximum or 7, 200])
        case Never():
            return st.just(value=False)
        case Many():
            return st.lists(nearly(shape.item), max_size=2)
        case Named():
            return st.dictionaries(st.sampled_from(["a", "path", "b c", "A_1", "x.y"]), nearly(shape.value), max_size=2)
        case Either():
            return st.one_of(*(fitting(one) for one in shape.shapes))
        case Table():
            keys = {key.name: nearly(key.shape) for key in shape.keys}
            required = {key.name: keys.pop(key.name) for key in shape.keys if key.required}
            table = st.fixed_dictionaries(required, optional={**keys, "unknown": SCALARS} if len(keys) < 4 else keys)
            return st.one_of(table, SCALARS) if shape.short else table


def nearly(shape):
    return st.integers(0, 19).flatmap(lambda dice: fitting(shape) if dice else ANYTHING)


# One key at a time, so that one fault does not hide that the two disagree about another.
ONE_KEY = st.sampled_from(SPEC.keys).flatmap(
    lambda key: nearly(key.shape).map(lambda value: {"name": "a", "model": "m", key.name: value})
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(ONE_KEY, nearly(SPEC)))
def test_loader_and_schema_agree_on_whatever_comes(value):
    text = yaml.safe_dump(value)
    assume(not re.search(r"\d\.0$", text, re.MULTILINE))  # 5.0 is spelled as no whole number, and is one to JSON Schema
    loader, validator = verdicts(text)

    assert loader == validator
