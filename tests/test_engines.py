"""Other programs read what is exported, and find the digests that were computed here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid

import pytest
from fake_store import BUSYBOX, IMAGE, WEIGHTS, make_image

from modelpack.delivery import export, rootfs
from modelpack.delivery.image import open_image

pytestmark = pytest.mark.container

TRANSPORTS = {
    "oci": export.export_oci,
    "oci-archive": export.export_oci_archive,
    "docker-archive": export.export_docker_archive,
}


def needs(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


needs_busybox = pytest.mark.skipif(not BUSYBOX, reason="needs a static busybox")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module", params=["zstd", "gzip"])
def image(request, tmp_path_factory):
    machine = tmp_path_factory.mktemp("machine")
    make_image(machine, compression=request.param)
    return open_image(IMAGE, machine)


@pytest.fixture
def exported(image, tmp_path):
    """Give a function that exports and names the result as skopeo and podman do."""

    def write(transport):
        TRANSPORTS[transport](image, tmp_path / transport)
        return f"{transport}:{tmp_path / transport}:demo:1"

    return write


@needs("skopeo")
@pytest.mark.parametrize("transport", ["oci", "oci-archive"])
def test_skopeo_sees_our_digest(image, exported, transport):
    found = json.loads(run("skopeo", "inspect", exported(transport)))

    assert found["Digest"] == image.digest
    assert found["Layers"] == [layer.digest for layer in image.layers]
    assert "GREETING=hello" in found["Env"]


@needs("skopeo")
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_skopeo_copies_every_byte(image, exported, transport, tmp_path):
    run("skopeo", "copy", "--preserve-digests", exported(transport), f"dir:{tmp_path}/copied")

    names = {path.name for path in (tmp_path / "copied").iterdir()}
    digests = {layer.diff_id if transport == "docker-archive" else layer.digest for layer in image.layers}
    assert {digest.removeprefix("sha256:") for digest in [*digests, image.config_digest]} <= names


@needs("umoci")
@needs_root
def test_umoci_unpacks_what_it_knows(image, tmp_path):
    """Version 0.4 knows no zstd."""
    export.export_oci(image, tmp_path / "layout")
    words = ["umoci", "unpack", "--image", f"{tmp_path}/layout:demo:1", f"{tmp_path}/bundle"]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if "tar+zstd" in done.stderr:
        pytest.skip("this umoci knows no zstd")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bundle/rootfs" / WEIGHTS[1:]).read_bytes() == b"weights" * 1000
    assert (tmp_path / "bundle/rootfs/home/modelpack").stat().st_uid == 65532


@needs("umoci")
@needs_root
def test_an_ordinary_user_unpacks_and_deletes(image, tmp_path):
    if image.layers[0].media_type.endswith("zstd"):
        pytest.skip("this umoci may know no zstd")
    export.export_oci(image, tmp_path / "layout")
    for folder in (tmp_path, tmp_path / "layout"):
        folder.chmod(0o777)
    script = "cd $1 && HOME=$1 umoci unpack --rootless --image layout:demo:1 bundle && rm -rf bundle"
    folders = [tmp_path, *list(tmp_path.parents)[:2]]
    modes = [folder.stat().st_mode & 0o777 for folder in folders]
    try:
        for folder in folders:
            folder.chmod(0o777)
        subprocess.run(["sh", "-c", script, "sh", str(tmp_path)], check=True, user=65534, group=65534)
    finally:
        for folder, mode in zip(folders, modes, strict=True):
            folder.chmod(mode)

    assert not (tmp_path / "bundle").exists()


@needs("podman", "runc")
@needs_busybox
@needs_root
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_podman_runs_it_without_network_as_its_user(image, exported, transport):
    name = f"test-{uuid.uuid4()}"
    limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    reference = exported(transport)
    if transport == "docker-archive":
        reference = reference.removesuffix(":demo:1")
    try:
        output = run(
            *("podman", "--runtime", "runc", "run", "--rm", "--name", name, "--network", "none", *limits, reference)
        )
    finally:
        run("podman", "rmi", "--force", image.config_digest.removeprefix("sha256:"))

    assert output.split()[:2] == ["65532", "weigh"]


@needs("podman")
@needs_root
def test_the_root_file_system_can_be_imported(image, tmp_path):
    rootfs.export_rootfs(image, tmp_path / "rootfs.tar")
    imported = run("podman", "import", "--quiet", f"{tmp_path}/rootfs.tar").strip()
    try:
        found = json.loads(run("podman", "image", "inspect", imported))
        assert found[0]["RootFS"]["Type"] == "layers"
    finally:
        run("podman", "rmi", "--force", imported)
