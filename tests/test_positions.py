"""Where values of TOML and JSON texts stand: every key and item is found, at its own place."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from modelpack.loading.positions import in_words, of_json, of_toml

ALL_FORMS = '''\
top = "x" # a comment with [brackets] = and "quotes"
"quoted key".'and.another' = [1, 2.5, 1979-05-27 07:32:00Z, """a"b""\\" ""x""""", "\\"]",
  ' ]', {k = 1, l.m = [ ] }, # ]
]
[ table . sub ]
infinite=inf
[[several]]
[several.below]
value = true
[[several]]
[[several.deep]]
key = "\u00e9]"
[[several.deep]]
key = '''


def paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from paths(item, (*path, index))


def test_everything_that_a_toml_text_says_has_a_place():
    text = f"{ALL_FORMS}{{}}"
    found = of_toml(text)

    assert set(found) == set(paths(tomllib.loads(text)))
    assert text[found["several", 1, "deep", 1, "key"] :] == "key = {}"
    assert text[found["quoted key", "and.another", 5] :].startswith("' ]', {k")
    assert text[found["table", "sub"] :].startswith("[ table . sub ]")


@pytest.mark.parametrize("name", ["pyproject.toml"])
def test_so_does_everything_of_a_real_project(name):
    text = Path(__file__).parents[1].joinpath(name).read_text()

    assert set(of_toml(text)) == set(paths(tomllib.loads(text)))


def test_everything_that_a_json_text_says_has_a_place():
    content = {"a": {"b": [1, {"c # d": 'x\\"y]'}], "e": None}, "": []}
    text = json.dumps(content, indent=2)
    found = of_json(text)

    assert set(found) == set(paths(content))
    assert text[found["a", "b", 1, "c # d"] :].startswith('"c # d"')


def test_a_path_is_said_in_words():
    assert in_words(("tool", "uv.x", "sources", 2, "a-b")) == 'tool."uv.x".sources[2].a-b'
