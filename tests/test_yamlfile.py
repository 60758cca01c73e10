"""The YAML reader: places, source spelling, limits, and no surprise whatever the text is."""

from __future__ import annotations

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelpack.loading.yamlfile import (
    MAX_BYTES,
    Entry,
    Findings,
    ListNode,
    MapNode,
    Place,
    Scalar,
    describe,
    join_path,
    parse_yaml,
    quote,
    read_yaml,
)


def place(line, column):
    return Place(file="f", line=line, column=column)


def scalar(line, column, text, *, plain=True):
    return Scalar(place=place(line, column), text=text, plain=plain)


def parse(text):
    findings = Findings()
    return parse_yaml(text, "f", findings), [str(problem) for _, problem in findings._found]


def test_every_key_and_value_has_its_place():
    node, found = parse("a: 1\nb:\n  - x\n  - 'y'\n")

    items = (scalar(3, 5, "x"), scalar(4, 5, "y", plain=False))
    entries = (
        Entry(key="a", place=place(1, 1), value=scalar(1, 4, "1")),
        Entry(key="b", place=place(2, 1), value=ListNode(place=place(3, 3), items=items)),
    )
    assert node == MapNode(place=place(1, 1), entries=entries)
    assert found == []


def test_values_keep_the_spelling_of_the_source():
    node, _ = parse("[1.0, 3.10, no, 2026-01-01, 0x10, 1_000, 12:30, '1', ~, true, -1e5, .5]")

    assert [item.text for item in node.items][:3] == ["1.0", "3.10", "no"]
    assert [item.kind for item in node.items] == [
        *("number", "number", "text", "text", "text", "text"),
        *("text", "text", "null", "boolean", "number", "number"),
    ]


def test_an_alias_is_the_value_itself():
    node, found = parse("a: &x [1, 2]\nb: *x\n")

    assert node.entries[0].value == node.entries[1].value
    assert found == []


def test_merge_keys_bring_what_is_not_written():
    node, found = parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{z: 4}, *a], z: 5}\n")

    b, c = (entry.value for entry in node.entries[1:])
    assert [(entry.key, entry.value.text) for entry in b.entries] == [("y", "3"), ("x", "1")]
    assert [(entry.key, entry.value.text) for entry in c.entries] == [("z", "5"), ("x", "1"), ("y", "2")]
    assert found == []
    assert [entry.key for entry in parse("{'<<': {x: 1}, <<: 2}")[0].entries] == ["<<"]


def test_a_value_that_holds_itself_is_refused():
    assert parse("a: &x [*x]\n")[1] == ["f:1:8: no value was named &x before this"]


def test_the_first_of_two_equal_keys_stays():
    node, found = parse("a:\n  b: 1\n  b: 2\n")

    assert [entry.value.text for entry in node.entries[0].value.entries] == ["1"]
    assert found == ["f:3:3: a.b: already given in line 2"]


def test_windows_line_ends_and_a_byte_order_mark_are_no_matter(tmp_path):
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: |\r\n  x\r\n  y\r\n")
    findings = Findings()

    node = read_yaml(tmp_path / "f", "f", findings)

    assert [entry.value.text for entry in node.entries] == ["1", "x\ny\n"]
    assert not len(findings)


def test_files_that_are_no_text_are_refused_with_the_place(tmp_path):
    (tmp_path / "latin").write_bytes("a: 1\nb: é\n".encode("latin-1"))
    (tmp_path / "large").write_bytes(b"#" * (MAX_BYTES + 1))
    findings = Findings()

    nodes = [read_yaml(tmp_path / name, name, findings) for name in ("latin", "large", "absent")]

    assert nodes == [None, None, None]
    assert [str(problem) for _, problem in findings._found] == [
        "latin:2:4: not UTF-8: byte 0xe9",
        "large:1:1: the file has 1,048,577 bytes, more than the 1,048,576 that are allowed",
        "absent:1:1: cannot be read: No such file or directory",
    ]


def test_words_of_messages():
    assert describe(parse("[]")[0]) == "an empty list"
    assert describe(parse("{}")[0]) == "an empty mapping"
    assert describe(parse("x: 1")[0]) == "a mapping"
    assert describe(parse("'~'")[0]) == 'the text "~"'
    assert quote("a\nb\x1b[31m") == r'"a\nb\x1b[31m"'
    assert quote("x" * 70) == f'"{"x" * 57}..."'
    assert join_path("", "a") == "a"
    assert join_path("a", "b.c-d") == "a.b.c-d"
    assert join_path("a", "b c") == 'a."b c"'


@settings(deadline=None)
@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from(list("ab12\n\t :-?[]{},&*!|>'\"%@`#~.\r\x85\u2028\x00"))).map("".join)
    )
)
@example("\r:\r a: b: c")
@example("? a\n? b\n: c")
def test_whatever_the_text_there_is_a_tree_or_a_problem(text):
    node, found = parse(text)

    assert node is not None or found
    assert all(problem.startswith("f:") for problem in found)


@settings(deadline=None)
@given(
    st.recursive(
        st.text() | st.booleans() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner),
        max_leaves=20,
    )
)
def test_what_a_program_wrote_is_read_whole(value):
    def texts(node):
        if isinstance(node, Scalar):
            return node.text
        if isinstance(node, ListNode):
            return [texts(item) for item in node.items]
        return {entry.key: texts(entry.value) for entry in node.entries}

    def spelled(value):
        if isinstance(value, list):
            return [spelled(item) for item in value]
        if isinstance(value, dict):
            return {key: spelled(item) for key, item in value.items()}
        return str(value).lower() if isinstance(value, bool) else str(value)

    node, found = parse(yaml.safe_dump(value))

    assert (texts(node), found) == (spelled(value), [])
