"""Paths below a folder whose symlinks point anywhere."""

from __future__ import annotations

import pytest

from modelpack.builders.within import resolved


@pytest.mark.parametrize(
    ("links", "path", "expected"),
    [
        ({}, "/a/b", "a/b"),
        ({}, "a//./b/", "a/b"),
        ({"lib": "usr/lib"}, "/lib/x", "usr/lib/x"),
        ({"var/run": "/run"}, "var/run/x", "run/x"),
        ({"a": "../../../../b"}, "a/x", "b/x"),
        ({"a": "/"}, "a/x", "x"),
        ({"a": "b", "b": "/c/d"}, "a/x", "c/d/x"),
        ({"a": "elsewhere"}, "a", "a"),
    ],
)
def test_symlinks_above_are_followed_inside(tmp_path, links, path, expected):
    for name, target in links.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(target)

    assert resolved(str(tmp_path), path) == expected


@pytest.mark.parametrize("path", ["../x", "a/../../x", "file/x", "loop/x"])
def test_what_leads_nowhere_is_refused(tmp_path, path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ValueError, match=r"leaves|below a file|too many"):
        resolved(str(tmp_path), path)
