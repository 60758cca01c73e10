from __future__ import annotations

import hashlib
import json

import pytest

from modelpack.builders import image, layer, tarstream

PATHS = ("/nix/store/0-a", "/nix/store/1-b")
CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "user": "65532:65532",
    "env": {"PATH": "/bin", "A": "ä=1"},
    "entrypoint": ["/nix/store/0-a/bin/serve"],
    "cmd": [],
    "ports": ["5001/tcp"],
    "labels": {"org.opencontainers.image.title": "demo", "team": "x"},
    "stop_signal": "SIGTERM",
    "working_dir": "/",
    "healthcheck": {"test": ["CMD", "/x"], "interval": 30, "timeout": 5.5, "start_period": 60, "retries": 3},
}


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Layers of two paths, and the environment of a derivation."""
    outputs = []
    for number, path in enumerate(PATHS):
        outputs.append(f"{tmp_path}/{number}")
        about = {"name": f"part {number}", "paths": (path,)}
        layer.write(outputs[-1], [tarstream.file(f"f{number}", b"x")], about, "none", None)
    graph = "".join(f"{path}\n\n1\n{PATHS[0]}\n" for path in PATHS)
    (tmp_path / "graph").write_text(graph)
    monkeypatch.setenv("planPath", f"{tmp_path}/plan")
    monkeypatch.setenv("out", f"{tmp_path}/out")
    return {
        "layers": outputs,
        "graph": f"{tmp_path}/graph",
        "reference": "demo:1",
        "zstd": None,
        "config": CONFIG,
        "base": None,
    }


@pytest.fixture
def build(tmp_path, plan):
    def run(**changes):
        (tmp_path / "plan").write_text(json.dumps({**plan, **changes}))
        image.main()
        return tmp_path / "out"

    return run


def blob(out, descriptor):
    data = (out / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    assert len(data) == descriptor["size"]
    assert "sha256:" + hashlib.sha256(data).hexdigest() == descriptor["digest"]
    return json.loads(data)


def test_the_layout_leads_from_index_to_manifest_to_configuration(build):
    out = build()

    assert json.loads((out / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    [entry] = json.loads((out / "index.json").read_text())["manifests"]
    assert entry["annotations"] == {"org.opencontainers.image.ref.name": "demo:1"}
    manifest = blob(out, entry)
    assert manifest["annotations"] == {"org.opencontainers.image.title": "demo"}
    config = blob(out, manifest["config"])
    assert [item["digest"] for item in manifest["layers"]] == config["rootfs"]["diff_ids"]
    assert [item["comment"] for item in config["history"]] == ["part 0", "part 1"]


def test_the_configuration_says_what_the_plan_says(build):
    out = build()
    [entry] = json.loads((out / "index.json").read_text())["manifests"]
    config = blob(out, blob(out, entry)["config"])

    assert config["config"] == {
        "User": "65532:65532",
        "Env": ["A=ä=1", "PATH=/bin"],
        "Entrypoint": ["/nix/store/0-a/bin/serve"],
        "ExposedPorts": {"5001/tcp": {}},
        "Labels": {"org.opencontainers.image.title": "demo", "team": "x"},
        "StopSignal": "SIGTERM",
        "WorkingDir": "/",
        "Healthcheck": {
            "Test": ["CMD", "/x"],
            "Interval": 30_000_000_000,
            "Timeout": 5_500_000_000,
            "StartPeriod": 60_000_000_000,
            "Retries": 3,
        },
    }
    assert (config["os"], config["architecture"], config["created"]) == ("linux", "amd64", image.CREATED)


def test_the_bytes_of_the_manifest_are_known(build):
    """A change here changes the digest of every image: say so in the changelog."""
    [entry] = json.loads((build() / "index.json").read_text())["manifests"]

    assert entry["digest"] == "sha256:0a3a46b50d82282e0436b1f439eacfdaa26d6a8bc4b522c81097e92f97c0c7cd"


def test_arm64_has_its_variant(build):
    out = build(config={**CONFIG, "architecture": "arm64", "healthcheck": None})
    [entry] = json.loads((out / "index.json").read_text())["manifests"]

    assert entry["platform"] == {"architecture": "arm64", "os": "linux", "variant": "v8"}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(([0], PATHS, "in no layer: /nix/store/1-b"), id="a path is missing"),
        pytest.param(([0, 1], PATHS[:1], "not part of the package: /nix/store/1-b"), id="a path too many"),
        pytest.param(([0, 1, 1], PATHS, "in two layers: /nix/store/1-b"), id="a path twice"),
    ],
)
def test_layers_that_are_not_the_closure_are_refused(build, plan, tmp_path, capsys, case):
    keep, graph, message = case
    (tmp_path / "graph").write_text("".join(f"{path}\n\n0\n" for path in graph))

    with pytest.raises(SystemExit):
        build(layers=[plan["layers"][index] for index in keep])

    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
