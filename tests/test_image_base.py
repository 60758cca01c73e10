"""A real package on a base image: what is built, what leaves, what is shown; the image from a file and a registry."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tarfile
import time
import uuid

import base_image
import pytest
from base_image import BUSYBOX, FILES, GONE
from real_project import build, free_port, run

pytestmark = [pytest.mark.nix, pytest.mark.network, pytest.mark.skipif(not BUSYBOX, reason="needs a static busybox")]
SPEC = """\
name: based
model: ./model.txt
base: {image: IMAGE}
server:
  name: custom
  command: [thing, "@port@"]
  port: 8123
  routes: {readiness: /ready, scoring: /answer}
check: {method: GET, response: ./expected.json}
"""


# bcrypt of "secret", which is all that the registry reads.
HTPASSWD = "$2b$04$1W/fMKfiGEwjJS1qyHbSheV9fXw2qERVx4TO3Ou4C5sUpLpB6Q2uq"


def write_project(folder, image):
    folder.mkdir(exist_ok=True)
    (folder / "modelpack.yaml").write_text(SPEC.replace("IMAGE", image))
    (folder / "model.txt").write_text("weights")
    (folder / "expected.json").write_text('{"answer": 42}')
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = write_project(tmp_path_factory.mktemp("based"), "./layout")
    base_image.write_layout(folder / "layout")
    return folder


@pytest.fixture(scope="module")
def built(project, cache):
    return build(project, cache)


def test_the_images_own_server_answers_in_the_check(built):
    assert built["checked"]
    assert built["hermetic"]


@pytest.mark.usefixtures("built")
def test_layers_of_the_base_are_those_of_the_image(project, cache, tmp_path):
    assert run("export", "oci", tmp_path / "out", cwd=project, cache=cache)[0] == 0
    ours, theirs = manifest_of(tmp_path / "out"), manifest_of(project / "layout")
    assert ours["layers"][:2] == theirs["layers"]
    for layer in theirs["layers"]:
        name = layer["digest"].replace(":", "/")
        assert (tmp_path / "out/blobs" / name).read_bytes() == (project / "layout/blobs" / name).read_bytes()
    digest = json.loads((project / "layout/index.json").read_text())["manifests"][0]["digest"]
    assert ours["annotations"]["org.opencontainers.image.base.digest"] == digest

    config = json.loads((tmp_path / "out/blobs" / ours["config"]["digest"].replace(":", "/")).read_text())
    env = dict(entry.split("=", 1) for entry in config["config"]["Env"])
    assert env["THING_GREETING"] == "from the image"
    assert env["PATH"].endswith("-environment/bin:/opt/thing/bin:/bin")
    labels = config["config"]["Labels"]
    assert (labels["vendor"], labels["org.opencontainers.image.title"]) == ("example", "based")
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["Volumes"] == {"/data": {}}
    assert sum(not entry.get("empty_layer") for entry in config["history"]) == len(ours["layers"])


def manifest_of(layout):
    digest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    return json.loads((layout / "blobs" / digest.replace(":", "/")).read_text())


@pytest.mark.usefixtures("built")
def test_a_tarball_has_every_file_once_and_serves(project, cache, tmp_path):
    assert run("export", "rootfs", tmp_path / "out.tar", cwd=project, cache=cache)[0] == 0
    with tarfile.open(tmp_path / "out.tar") as archive:
        names = archive.getnames()
        assert len(names) == len(set(names))
        assert {name: archive.extractfile(name).read() for name in FILES} == FILES
        assert not set(GONE) & set(names)
        passwd = archive.extractfile("etc/passwd").read()
        assert b"thing:x:7:7" in passwd
        assert b"modelpack:x:65532" in passwd


@pytest.mark.usefixtures("built")
def test_a_folder_has_them_too(project, cache, tmp_path):
    assert run("export", "rootfs", "--root", tmp_path / "out", cwd=project, cache=cache)[0] == 0
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES
    assert not [name for name in GONE if (tmp_path / "out" / name).exists()]


@pytest.mark.usefixtures("built")
def test_run_and_inspect(project, cache):
    code, out, _ = run("inspect", cwd=project, cache=cache)
    assert code == 0
    assert "layout, layer 1 of 2" in out
    assert f"base image  layout {manifest_digest(project)}" in out


def manifest_digest(project):
    return json.loads((project / "layout/index.json").read_text())["manifests"][0]["digest"]


@pytest.mark.container
@pytest.mark.skipif(not shutil.which("podman") or os.geteuid() != 0, reason="needs podman as root")
@pytest.mark.parametrize("kind", ["docker-archive"])
@pytest.mark.usefixtures("built")
def test_podman_serves_it_without_network(project, cache, tmp_path, kind):
    assert run("export", kind, tmp_path / "out", cwd=project, cache=cache)[0] == 0
    engine = ("podman", "--runtime", "runc")
    name = f"test-{uuid.uuid4()}"
    limits = ("--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    try:
        words = (*engine, "run", "--detach", "--name", name, *limits, f"{kind}:{tmp_path}/out")
        subprocess.run(words, check=True, capture_output=True)
        answer = ""
        for _ in range(50):
            words = (*engine, "exec", name, "busybox", "wget", "-qO-", "127.0.0.1:8123/answer")
            answer = subprocess.run(words, check=False, capture_output=True, text=True).stdout
            if answer:
                break
            time.sleep(0.1)
        assert json.loads(answer) == {"answer": 42}
    finally:
        subprocess.run([*engine, "rm", "--force", "--time", "0", name], check=False, capture_output=True)
        subprocess.run([*engine, "rmi", "--force", image_id(tmp_path / "out")], check=False, capture_output=True)


def image_id(archive):
    """Give the digest of an exported image's configuration, which engines know the image by."""
    with tarfile.open(archive) as members:
        names = members.getnames()
        if "index.json" not in names:
            return json.loads(members.extractfile("manifest.json").read())[0]["Config"].removesuffix(".json")
        digest = json.loads(members.extractfile("index.json").read())["manifests"][0]["digest"]
        manifest = json.loads(members.extractfile("blobs/" + digest.replace(":", "/")).read())
        return manifest["config"]["digest"].removeprefix("sha256:")


@contextlib.contextmanager
def registry(folder, port):
    """Serve a real registry on the loopback."""
    (folder / "htpasswd").write_text(f"someone:{HTPASSWD}\n")
    config = {
        "version": 0.1,
        "auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
        "log": {"level": "error", "accesslog": {"disabled": True}},
    }
    (folder / "registry.json").write_text(json.dumps(config))
    process = subprocess.Popen(
        ["docker-registry", "serve", folder / "registry.json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
                break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.mark.container
@pytest.mark.skipif(not shutil.which("docker-registry") or not shutil.which("skopeo"), reason="needs a registry")
def test_a_tag_of_a_registry_is_pinned_and_the_lock_works_elsewhere(tmp_path, cache):
    layout, port = tmp_path / "layout", free_port()
    digest = base_image.write_layout(layout)
    with registry(tmp_path, port):
        words = (
            "skopeo",
            "copy",
            "--quiet",
            "--preserve-digests",
            "--dest-tls-verify=false",
            "--dest-creds=someone:secret",
        )
        target = f"docker://127.0.0.1:{port}/team/base:1"
        subprocess.run([*words, f"oci:{layout}:1", target], check=True)
        project = write_project(tmp_path / "project", f"127.0.0.1:{port}/team/base:1")
        code, _, err = run("fetch", cwd=project, cache=cache, REGISTRY_AUTH_FILE="/dev/null")
        assert (code, "answered 401" in err, "podman login" in err) == (5, True, True), err
        auth = base64.b64encode(b"someone:secret").decode()
        (tmp_path / "auth.json").write_text(json.dumps({"auths": {f"127.0.0.1:{port}": {"auth": auth}}}))
        assert run("fetch", cwd=project, cache=cache, REGISTRY_AUTH_FILE=str(tmp_path / "auth.json"))[0] == 0
    text = (project / "modelpack.lock.json").read_text()
    lock = json.loads(text)
    assert (lock["image_base"]["name"], lock["image_base"]["digest"]) == ("team/base:1", digest)
    assert "127.0.0.1" not in text

    # The other side of the gap: no registry of that name, the image in a folder.
    assert build(project, cache, "--locked", MODELPACK_IMAGES=str(layout))["checked"]
    assert run("lock", "--upgrade", cwd=project, cache=cache, MODELPACK_IMAGES=str(layout))[0] == 0
