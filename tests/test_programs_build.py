"""Programs that no package index has: out of another signed archive, or pinned as a file; built for real."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import programs
import pytest
import real_project

SAVED = Path(__file__).with_name("weights") / "half_plus_two/1"
"""A SavedModel of TensorFlow Serving's own tests."""
ONNX = real_project.CHECKOUT / "templates/onnx-onnxruntime/model/iris.onnx"
FILES = ("assets/foo.txt", "saved_model.pb", "variables/variables.data-00000-of-00001", "variables/variables.index")


def needs(*names):
    missing = [name for name in names if not shutil.which(name)]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


def write(folder, files, spec):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "modelpack.yaml").write_text(json.dumps(spec))
    return folder


@pytest.fixture
def archive(tmp_path):
    """A signed archive with a stand-in for TensorFlow Serving; gives the variables of a machine that knows it."""
    script = {"usr/bin/tensorflow_model_server": programs.TFSERVING}
    packages = {"tensorflow-model-server": script, "python3.11": {"usr/bin/python3.11": "not Debian's"}}
    keyring = programs.make_archive(tmp_path / "vendor", packages)
    settings = f'[[debian.sources]]\nname = "vendor"\nuri = "{(tmp_path / "vendor").as_uri()}"\n'
    settings += f'suite = "stable"\nkeyring = "{keyring}"\n'
    (tmp_path / "config.toml").write_text(settings)
    return {"MODELPACK_CONFIG": str(tmp_path / "config.toml")}


def tfserving(tmp_path, **server):
    versions = {
        f"half_plus_two/{version}/{name}": (SAVED / name).read_bytes() for version in (1, 123) for name in FILES
    }
    asked = {"instances": [1, 2]}
    expected = {"predictions": [1, 2], "folder": "/models/half_plus_two/123", "files": list(FILES)}
    samples = {"sample-request.json": asked, "expected-response.json": expected}
    spec = {
        "name": "halves",
        "model": "./half_plus_two",
        "server": {"name": "tfserving", **server},
        "base": {"sources": ["vendor"], "packages": ["tensorflow-model-server"]},
    }
    files = versions | {name: json.dumps(value).encode() for name, value in samples.items()}
    return write(tmp_path / "project", files, spec)


@pytest.mark.nix
@pytest.mark.network
@needs("gpg", "dpkg-deb")
def test_tensorflow_serving_comes_out_of_another_signed_archive(archive, tmp_path):
    folder, cache = tfserving(tmp_path), tmp_path / "cache"
    assert real_project.build(folder, cache, **archive)["answers"] == 1

    lock = json.loads((folder / "modelpack.lock.json").read_text())
    packages = {item["name"]: item["source"] for item in lock["base"]["target"]["packages"]}
    evidence = [item for item in lock["base"]["evidence"] if item.get("source") == "vendor"]
    assert packages["tensorflow-model-server"] == "vendor"
    assert {source for name, source in packages.items() if name != "tensorflow-model-server"} == {"debian"}
    assert [(item["suite"], len(item["fingerprint"])) for item in evidence] == [("stable", 40)]
    assert str(tmp_path) not in json.dumps(lock)

    code, _, err = real_project.run("lock", "--upgrade", cwd=folder, cache=cache)
    assert code != 0
    assert "this machine has no source of Debian packages that is called vendor" in err
    release = tmp_path / "vendor/dists/stable/InRelease"
    release.write_text(release.read_text().replace("Origin: Vendor", "Origin: Vendot"))
    code, _, err = real_project.run("lock", "--upgrade", cwd=folder, cache=cache, **archive)
    assert code != 0
    assert "signature" in err


@pytest.mark.nix
@pytest.mark.network
@needs("cc")
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="compiles for x86-64")
def test_triton_is_a_pinned_file_over_a_repository(tmp_path):
    expected = "first name:  first  backend:  onnxruntime  ;second name:  second  ;"
    files = {
        "repository/first/1/model.onnx": ONNX.read_bytes(),
        "repository/second/1/model.onnx": ONNX.read_bytes(),
        "repository/second/config.pbtxt": b'name: "second"\n',
        "sample-request.json": b"{}",
        "expected-response.json": json.dumps(expected).encode(),
    }
    spec = {
        "name": "two",
        "model": "./repository",
        "server": "triton",
        "inputs": {"program": "./tritonserver"},
        "check": {"request": "sample-request.json", "response": "expected-response.json"},
    }
    folder = write(tmp_path / "project", files, spec)
    programs.compile_program(programs.TRITON, folder / "tritonserver").chmod(0o644)  # as a download arrives

    built = real_project.build(folder, tmp_path / "cache")
    assert json.loads(Path(built["store_path"], "share/modelpack/package.json").read_text())["server"]["routes"] == {
        "liveness": "/v2/health/live",
        "readiness": "/v2/models/first/ready",
        "scoring": "/v2/models/first/infer",
    }
