"""``builders/compare``: when an answer is the expected one."""

from __future__ import annotations

import pytest

from modelpack.builders.compare import differences


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ('{"a": 1, "b": [true, null]}', '{\n  "b": [true, null],\n  "a": 1\n}\n'),
        ("1", "1.0"),
        ("1.0000001", "1"),
        ("1000000.5", "1000000"),
        ("0.0000005", "0"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        (r'"[1.0000001, {\"a\": 2}]"', r'"[1, {\"a\":2.0}]"'),
        ("plain text", "plain text\n"),
        ("", "\n"),
    ],
)
def test_answers_that_agree(found, expected):
    assert differences(found.encode(), expected.encode(), 1e-6) == []


@pytest.mark.parametrize(
    ("found", "expected", "lines"),
    [
        ("[1, 2.1]", "[1, 2]", ["$[1]: found 2.1, expected 2"]),
        ("[1]", "[1, 2]", ["$: found 1 items, expected 2"]),
        ('{"a": {"b": "x"}}', '{"a": {"b": "y"}}', ['$.a.b: found "x", expected "y"']),
        ('{"b": 1}', '{"a": 1}', ["$.a: missing", "$.b: not expected"]),
        ("true", "1", ["$: found true, expected 1"]),
        ("0", "false", ["$: found 0, expected false"]),
        ('"1"', "1", ['$: found "1", expected 1']),
        ("null", "[]", ["$: found null, expected []"]),
        ("NaN", "0", ["$: found NaN, expected 0"]),
        ("0", "NaN", ["$: found 0, expected NaN"]),
        ("Infinity", "1e300", ["$: found Infinity, expected 1e+300"]),
        (r'"[1]"', r'"[2]"', ["$[0]: found 1, expected 2"]),
        ('"1"', '"1.0"', ['$: found "1", expected "1.0"']),
        ("<html>", '{"a": 1}', ["found '<html>', expected '{\"a\": 1}'"]),
    ],
)
def test_answers_that_differ_say_where(found, expected, lines):
    assert differences(found.encode(), expected.encode(), 1e-6) == lines


def test_the_tolerance_is_relative_for_large_numbers_and_absolute_for_small_ones():
    assert differences(b"1010", b"1000", 0.01) == []
    assert differences(b"1011", b"1000", 0.01) != []
    assert differences(b"0.01", b"0", 0.01) == []
    assert differences(b"0.011", b"0", 0.01) != []


def test_no_tolerance_asks_for_the_same_number():
    assert differences(b"0.30000000000000004", b"0.3", 0) != []
    assert differences(b"3", b"3.0", 0) == []


def test_bytes_that_are_not_text_are_compared_as_they_are():
    assert differences(b"\x89PNG\xff", b"\x89PNG\xff", 0) == []
    assert differences(b"\x89PNG\xff", b"\x89PNG\xfe", 0) != []


def test_numbers_beyond_what_floats_hold_are_compared_as_they_are():
    huge = b"1" + b"0" * 400
    assert differences(huge, huge, 0) == []
    assert differences(huge, b"1", 0) != []
    assert differences(b"1", huge, 0) != []


def test_an_answer_nested_without_end_is_no_reason_to_fail():
    deep = b"[" * 100_000 + b"]" * 100_000
    assert differences(deep, deep, 0) == []
    assert differences(deep, b"[]", 0) != []


def test_long_values_are_cut_short():
    (line,) = differences(b'"' + b"x" * 10_000 + b'"', b'"y"', 0)
    assert len(line) < 300


@pytest.mark.parametrize(
    ("found", "expected", "wrong"),
    [
        ("a.csv,0.9331\nb.csv,1\n", "a.csv,0.93310001\nb.csv,1.0", []),
        ("a 1e3 -0.5]\r\n", "a 1000 -0.5]\n", []),
        ("a1\n", "a1.0\n", ["line 1: found 'a1', expected 'a1.0'"]),
        ("1.2.3\nx\n", "1.2.30\nx\n", ["line 1: found '1.2.3', expected '1.2.30'"]),
        ("2026-11-01\n", "2026-11-1\n", ["line 1: found '2026-11-01', expected '2026-11-1'"]),
        ("x 1\ny 3\n", "x 1\ny 2\nz 3\n", ["line 2: found 'y 3', expected 'y 2'", "found 2 lines, expected 3"]),
        ("[1, 2.1]", "[1, 2]", ["$[1]: found 2.1, expected 2"]),
    ],
)
def test_lines_are_compared_with_the_numbers_in_them(found, expected, wrong):
    assert differences(found.encode(), expected.encode(), 1e-6, lines=True) == wrong


def test_lines_of_what_is_no_text_are_bytes():
    assert differences(b"\xff1", b"\xff1.0", 1e-6, lines=True)
    assert not differences(b"\xff1\n", b"\xff1", 1e-6, lines=True)
