"""Packages that are jobs: built, run here and under podman, for real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import real_project

SCORE = """
import json, os
from pathlib import Path

def init():
    global factor
    factor = json.loads(Path(os.environ.get("FACTOR") or os.environ["AZUREML_MODEL_DIR"] + "/factor.json").read_text())

def run(mini_batch):
    return [f"{Path(path).name},{float(Path(path).read_text()) * factor}" for path in mini_batch]
"""
ROWS = "a.txt,0.75\nb.txt,1.5\n"


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    for name, text in {
        "factor.json": "0.5",
        "src/score.py": SCORE,
        "sample-inputs/a.txt": "1.5",
        "sample-inputs/b.txt": "3",
        "expected-outputs/predictions.csv": ROWS,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    write(folder, model="./factor.json")
    return folder


def write(folder, **changes):
    spec = {"name": "halves", "code": "./src", "server": "azureml-batch", **changes}
    (folder / "modelpack.yaml").write_text(json.dumps(spec))


@pytest.mark.nix
@pytest.mark.network
def test_a_job_is_checked_run_and_exported(project, tmp_path):
    cache = tmp_path / "cache"
    built = real_project.build(project, cache)
    package = Path(built["store_path"])

    assert json.loads((package / "share/modelpack/package.json").read_text())["answers"] == 1
    assert [path.name for path in (package / "bin").iterdir()] == ["serve"]
    code, _, err = real_project.run(
        *("run", "--input", "sample-inputs/b.txt", "--output", tmp_path / "out"), cwd=project, cache=cache
    )
    assert code == 0, err
    assert (tmp_path / "out/predictions.csv").read_text() == "b.txt,1.5\n"

    run_rootfs(project, cache, tmp_path)
    (project / "sample-inputs/b.txt").write_text("no number")
    code, _, err = real_project.run("build", cwd=project, cache=cache)
    assert code == 9
    assert "predictions.csv: found 1 lines, expected 2" in err or "line 1" in err
    (project / "sample-inputs/b.txt").write_text("3")
    if os.geteuid() == 0 and shutil.which("podman") and shutil.which("runc"):
        run_image(project, cache, tmp_path)


def run_rootfs(project, cache, folder):
    """Run the job from its root file system, without Nix and without an engine."""
    root, out = folder / "root", folder / "from-root"
    assert real_project.run("export", "rootfs", folder / "root.tar", cwd=project, cache=cache)[0] == 0
    root.mkdir()
    out.mkdir()
    out.chmod(0o777)
    subprocess.run(["tar", "-xf", folder / "root.tar", "-C", root], check=True)
    root.chmod(0o755)
    folder.chmod(0o755)
    places = ("-v", f"{project}/sample-inputs:/mnt/input", "-v", f"{out}:/mnt/output")
    subprocess.run([root / "serve", *places], check=True)
    assert (out / "predictions.csv").read_text() == ROWS
    subprocess.run(["rm", "-rf", root, folder / "root.tar"], check=True)


def run_image(project, cache, folder):
    """Run the exported image as its own user, without network and with nothing that can be written but the output."""
    archive, out = folder / "image.tar", folder / "written"
    assert real_project.run("export", "docker-archive", archive, cwd=project, cache=cache)[0] == 0
    out.mkdir()
    out.chmod(0o777)
    loaded = subprocess.run(["podman", "load", "-q", "-i", archive], check=True, capture_output=True, text=True)
    image = loaded.stdout.split()[-1]
    try:
        settings = json.loads(subprocess.run(["podman", "inspect", image], check=True, capture_output=True).stdout)[0]
        limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
        mounts = ("-v", f"{project}/sample-inputs:/mnt/input:ro", "-v", f"{out}:/mnt/output")
        alone = ("--rm", "--network", "none", "--read-only", *limits)
        subprocess.run(["podman", "--runtime", "runc", "run", *alone, *mounts, image], check=True)
    finally:
        subprocess.run(["podman", "rmi", "--force", image], check=True, capture_output=True)
    assert (out / "predictions.csv").read_text() == ROWS
    assert not settings["Config"].get("ExposedPorts")
    assert not settings.get("HealthCheck")


@pytest.mark.nix
@pytest.mark.network
def test_a_job_that_is_shown_a_root_file_system_reads_and_writes_as_in_a_container(project, tmp_path):
    cache = tmp_path / "cache"
    write(
        project,
        model={"path": "./factor.json", "mount_path": "/opt/factor.json"},
        environment_variables={"FACTOR": "/opt/factor.json"},
    )
    assert real_project.build(project, cache)["answers"] == 1
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o777)
    tmp_path.chmod(0o755)
    code, _, err = real_project.run("run", "--input", "sample-inputs", "--output", out, cwd=project, cache=cache)

    assert code == 0, err
    assert (out / "predictions.csv").read_text() == ROWS
