from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from modelpack.builders import layer, tarstream
from modelpack.codec import from_json

REPOSITORY = Path(__file__).resolve().parent.parent
ZSTD = shutil.which("zstd") or "zstd"
DECOMPRESS = {
    "zstd": lambda data: subprocess.run([ZSTD, "-dc"], input=data, capture_output=True, check=True).stdout,
    "gzip": gzip.decompress,
}
ENTRIES = [tarstream.directory("a"), tarstream.file("a/b", b"text\n" * 1000)]
ABOUT = {"name": "small", "paths": ("/nix/store/0-a",)}


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_a_compressed_layer_is_kept_with_both_digests(tmp_path, compression):
    made = layer.write(f"{tmp_path}/out", ENTRIES, ABOUT, compression, ZSTD)

    blob = (tmp_path / "out/blob").read_bytes()
    tar = DECOMPRESS[compression](blob)
    assert (made.digest, made.size) == (sha256(blob), len(blob))
    assert (made.diff_id, made.tar_size) == (sha256(tar), len(tar))
    assert made.media_type == f"application/vnd.oci.image.layer.v1.tar+{compression}"
    with tarfile.open(fileobj=io.BytesIO(tar)) as members:
        assert members.getnames() == ["a", "a/b"]


def test_an_uncompressed_layer_is_only_described(tmp_path):
    made = layer.write(f"{tmp_path}/out", ENTRIES, ABOUT, "none", None)

    tar = b"".join(tarstream.archive(ENTRIES))
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["layer.json"]
    assert (made.digest, made.size) == (made.diff_id, made.tar_size) == (sha256(tar), len(tar))
    assert made.media_type == "application/vnd.oci.image.layer.v1.tar"


def test_the_report_reads_back_as_the_layer(tmp_path):
    made = layer.write(f"{tmp_path}/out", ENTRIES, ABOUT, "none", None)

    text = (tmp_path / "out/layer.json").read_text()
    assert from_json(layer.Layer, json.loads(text)) == made


def test_as_a_builder_it_reads_its_plan_and_needs_nothing_but_its_own_modules(tmp_path):
    package = tmp_path / "only/modelpack/builders"
    package.mkdir(parents=True)
    for name in ("layer", "streams", "tarstream"):
        shutil.copy(REPOSITORY / f"modelpack/builders/{name}.py", package)
    (tmp_path / "path").mkdir()
    (tmp_path / "path/file").write_text("x")
    plan = {"name": "p", "paths": [f"{tmp_path}/path"], "compression": "zstd", "zstd": ZSTD}
    (tmp_path / "plan").write_text(json.dumps(plan))
    variables = {"planPath": f"{tmp_path}/plan", "out": f"{tmp_path}/out", "PYTHONPATH": f"{tmp_path}/only"}

    subprocess.run([sys.executable, "-s", "-S", "-P", f"{package}/layer.py"], env=variables, check=True)

    assert json.loads((tmp_path / "out/layer.json").read_text())["paths"] == plan["paths"]
