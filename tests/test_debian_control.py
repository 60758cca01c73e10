from __future__ import annotations

import pytest

from modelpack.debian.control import Relation, paragraphs, relations

TEXT = """\
# a comment
Package: one
Depends: a,
# a comment within
 b
description: first
 second
 .
 third
Empty:

\t

PACKAGE: two
not a field
 lost
"""


def test_paragraphs_are_read_with_continuation_lines_and_without_comments():
    assert list(paragraphs(TEXT)) == [
        {"package": "one", "depends": "a,\nb", "description": "first\nsecond\n\nthird", "empty": ""},
        {"package": "two\nlost"},
    ]


def test_a_continuation_line_without_a_field_is_passed_over():
    assert list(paragraphs(" lost\nA: b\n")) == [{"a": "b"}]


def test_relations_are_groups_of_alternatives():
    assert relations("a (>= 1:2~), b:any | c (<<3) ,\n d:amd64 ( = 1 ),") == (
        (Relation(name="a", operator=">=", version="1:2~"),),
        (Relation(name="b", architecture="any"), Relation(name="c", operator="<<", version="3")),
        (Relation(name="d", architecture="amd64", operator="=", version="1"),),
    )
    assert relations("") == ()


@pytest.mark.parametrize("text", ["a (1)", "a (== 1)", "a b", "a |", "(>= 1)", "a (>= 1_2)", "é"])
def test_what_is_not_a_relation_is_refused(text):
    with pytest.raises(ValueError, match="not a "):
        relations(text)


def test_a_relation_is_shown_as_it_was_written():
    assert [str(item) for group in relations("a:any (>= 1), b") for item in group] == ["a:any (>= 1)", "b"]


def test_a_relation_admits_versions():
    ((bounded,), (free,)) = relations("a (>= 2), b")

    assert (bounded.admits("2"), bounded.admits("1"), free.admits("0")) == (True, False, True)
