"""``builders/tree``: small files and large ones as one tree."""

from __future__ import annotations

import json
from pathlib import Path

from modelpack.builders import tree


def test_small_files_lie_in_the_tree_itself_and_large_ones_are_linked_to(tmp_path, monkeypatch):
    small, large = tmp_path / "small", tmp_path / "weights.bin"
    (small / "model/data").mkdir(parents=True)
    (small / "model/MLmodel").write_text("flavors: {}")
    (small / "model/run.sh").write_text("#!/bin/sh")
    (small / "model/run.sh").chmod(0o555)
    (small / "model/latest").symlink_to("data")
    large.write_text("large")
    plan = {"small": str(small), "files": [{"path": "model/data/new/weights.bin", "source": str(large)}]}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    monkeypatch.setenv("planPath", str(tmp_path / "plan.json"))
    monkeypatch.setenv("out", str(tmp_path / "out"))

    tree.main()

    out = tmp_path / "out/model"
    assert (out / "MLmodel").resolve() == out / "MLmodel"
    assert (out / "run.sh").stat().st_mode & 0o111
    assert (out / "latest").readlink() == Path("data")
    assert (out / "data/new/weights.bin").readlink() == large
