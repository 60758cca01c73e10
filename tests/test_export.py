from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from fake_store import IMAGE, WEIGHTS, make_image

from modelpack.delivery import export, rootfs
from modelpack.delivery.image import open_image
from modelpack.errors import ExportError

KINDS = {
    "oci": export.export_oci,
    "oci.tar": export.export_oci_archive,
    "docker.tar": export.export_docker_archive,
    "rootfs.tar": rootfs.export_rootfs,
    "rootfs.tar.gz": rootfs.export_rootfs,
    "rootfs.tar.zst": rootfs.export_rootfs,
}


class Counting:
    """Counts what is reported."""

    def __init__(self):
        self.done = self.total = 0
        self.running = []

    def note(self, text):
        raise AssertionError(text)

    def start(self, task, *, total=None, unit="B"):
        assert unit == "B"
        self.running.append(task)
        self.total += total

    def advance(self, task, amount):
        assert task in self.running
        self.done += amount

    def finish(self, task):
        self.running.remove(task)


@pytest.fixture
def machine(tmp_path):
    make_image(tmp_path / "machine")
    return tmp_path / "machine"


@pytest.fixture
def image(machine):
    return open_image(IMAGE, machine)


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def members(archive):
    with tarfile.open(archive) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isreg()}


def change_weights(machine):
    file = machine / WEIGHTS[1:]
    file.chmod(0o644)
    file.write_bytes(b"Weights" * 1000)


def test_a_layout_has_every_blob_under_its_digest(image, out):
    export.export_oci(image, out / "layout")

    found = tree(out / "layout")
    for name, data in found.items():
        if name.startswith("blobs/"):
            assert name == "blobs/sha256/" + hashlib.sha256(data).hexdigest()
    manifest = json.loads(image.manifest)
    wanted = {item["digest"] for item in [*manifest["layers"], manifest["config"]]} | {image.digest}
    assert {name for name in found if name.startswith("blobs/")} == {
        f"blobs/{digest.replace(':', '/')}" for digest in wanted
    }
    assert json.loads(found["index.json"])["manifests"][0]["digest"] == image.digest


def test_an_oci_archive_is_the_layout_in_a_tar(image, out):
    export.export_oci(image, out / "layout")
    export.export_oci_archive(image, out / "image.tar")

    assert members(out / "image.tar") == tree(out / "layout")


def test_a_docker_archive_has_plain_tars_in_order(image, out):
    export.export_docker_archive(image, out / "image.tar")

    found = members(out / "image.tar")
    [listing] = json.loads(found["manifest.json"])
    config = json.loads(found[listing["Config"]])
    assert listing["RepoTags"] == ["demo:1"]
    digests = ["sha256:" + hashlib.sha256(found[name]).hexdigest() for name in listing["Layers"]]
    assert digests == config["rootfs"]["diff_ids"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_is_the_same_each_time_and_may_be_repeated(image, out, kind):
    digests = set()
    for _ in range(2):
        KINDS[kind](image, out / kind)
        data = repr(sorted(tree(out / kind).items())).encode() if kind == "oci" else (out / kind).read_bytes()
        digests.add(hashlib.sha256(data).hexdigest())

    assert len(digests) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_is_reported(image, out, kind):
    progress = Counting()

    KINDS[kind](image, out / kind, progress=progress)

    assert progress.running == []
    assert progress.total <= progress.done <= progress.total + 40_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_that_changed_is_an_error_and_nothing_is_left(image, machine, out, kind):
    change_weights(machine)

    with pytest.raises(ExportError, match=f"the store changed since the image was built: {WEIGHTS}"):
        KINDS[kind](image, out / kind)
    assert names(out) == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "oci"])
def test_a_file_of_someone_else_is_kept_unless_forced(image, out, kind):
    (out / kind).write_bytes(b"mine" * 1000)

    with pytest.raises(ExportError, match="exists and is not"):
        KINDS[kind](image, out / kind)
    assert (out / kind).read_bytes() == b"mine" * 1000
    KINDS[kind](image, out / kind, force=True)
    assert (out / kind).read_bytes() != b"mine" * 1000


def test_an_export_of_another_kind_is_kept(image, out):
    export.export_oci_archive(image, out / "image.tar")

    with pytest.raises(ExportError):
        export.export_docker_archive(image, out / "image.tar")


def test_a_folder_of_someone_else_is_kept_and_force_adds_to_it(image, out):
    (out / "mine").write_bytes(b"x")

    with pytest.raises(ExportError, match="is not an OCI layout"):
        export.export_oci(image, out)
    assert names(out) == ["mine"]
    export.export_oci(image, out, force=True)
    assert (out / "mine").read_bytes() == b"x"
    assert (out / "index.json").exists()


def test_another_image_in_a_layout_stays_and_an_older_one_of_the_name_loses_it(image, machine, out):
    export.export_oci(image, out / "layout")
    index = json.loads((out / "layout/index.json").read_bytes())
    other = {**index["manifests"][0], "annotations": {"org.opencontainers.image.ref.name": "other:1"}}
    index = {**index, "manifests": [*index["manifests"], other, {"digest": "sha256:0"}], "annotations": {"a": "b"}}
    (out / "layout/index.json").write_text(json.dumps(index))
    change_weights(machine)
    make_image(machine.parent / "new", weights=b"new")
    new = open_image(IMAGE, machine.parent / "new")

    export.export_oci(new, out / "layout")

    found = json.loads((out / "layout/index.json").read_bytes())
    assert [entry["digest"] for entry in found["manifests"]] == [image.digest, "sha256:0", new.digest]
    assert found["annotations"] == {"a": "b"}


def test_blobs_that_are_there_are_not_written_again(image, machine, out):
    export.export_oci(image, out / "layout")
    before = {path: path.stat().st_mtime_ns for path in (out / "layout/blobs").rglob("*")}
    change_weights(machine)  # would be noticed if it were read

    export.export_oci(image, out / "layout")

    assert {path: path.stat().st_mtime_ns for path in (out / "layout/blobs").rglob("*")} == before


def test_a_blob_that_is_too_short_is_written_again(image, out):
    export.export_oci(image, out / "layout")
    blob = out / "layout/blobs" / image.layers[0].digest.replace(":", "/")
    data = blob.read_bytes()
    blob.write_bytes(data[:-1])

    export.export_oci(image, out / "layout")

    assert blob.read_bytes() == data


@pytest.mark.parametrize("index", [b"", b"[]", b"{}", b'{"manifests": 1}', b'{"manifests": [1]}'])
def test_an_index_that_is_none_is_an_error(image, out, index):
    export.export_oci(image, out / "layout")
    (out / "layout/index.json").write_bytes(index)

    with pytest.raises(ExportError, match="not an index of an OCI layout"):
        export.export_oci(image, out / "layout")
    assert (out / "layout/index.json").read_bytes() == index


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "oci"])
def test_a_folder_in_the_place_of_a_file_is_an_error(image, out, kind):
    (out / kind).mkdir()

    with pytest.raises(ExportError, match="cannot be written: Is a directory"):
        KINDS[kind](image, out / kind)


def test_an_archive_can_go_into_a_pipe(image, out):
    os.mkfifo(out / "pipe")
    with subprocess.Popen(["sh", "-c", 'cat "$1/pipe" > "$1/image.tar"', "sh", str(out)]):
        export.export_oci_archive(image, out / "pipe")

    assert "index.json" in members(out / "image.tar")


SLOW = """
import sys
from pathlib import Path
from modelpack.delivery import export
from modelpack.delivery import rootfs
from modelpack.delivery.image import open_image

class Slow:
    def note(self, text): pass
    def start(self, task, *, total=None, unit="B"): pass
    def finish(self, task): pass
    def advance(self, task, amount):
        import time
        print("writing", flush=True)
        time.sleep(0.2)

module, name, image, machine, target = sys.argv[1:]
getattr({"export": export, "rootfs": rootfs}[module], name)(open_image(image, machine), Path(target), progress=Slow())
"""


@pytest.mark.parametrize("kind", [*KINDS, "folder"])
def test_an_interrupt_leaves_nothing(machine, out, kind):
    function = KINDS.get(kind, rootfs.unpack)
    words = [function.__module__.rpartition(".")[2], function.__name__, IMAGE, str(machine), str(out / kind)]
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        process.stdout.readline()
        time.sleep(0.1)
        assert len(names(out)) == 1
        process.send_signal(signal.SIGINT)
        process.stdout.read()

    assert process.returncode
    assert names(out) == []


MEASURE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from fake_store import IMAGE, describe_image
from modelpack.delivery.export import export_docker_archive
from modelpack.delivery.image import open_image

machine = Path(sys.argv[2])
describe_image(machine)
export_docker_archive(open_image(IMAGE, machine), Path("/dev/null"))
# Not getrusage: its peak counts what the parent had when it forked.
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_memory_stays_flat(machine):
    weights = machine / WEIGHTS[1:]
    weights.unlink()
    with weights.open("wb") as stream:
        stream.truncate(250_000_000)
    for output in (machine / "nix/store").glob("*-layer"):
        shutil.rmtree(output)
    shutil.rmtree(machine / IMAGE[1:])
    command = [sys.executable, "-c", MEASURE, str(Path(__file__).parent), str(machine)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert int(done.stdout) < 80_000  # kB
