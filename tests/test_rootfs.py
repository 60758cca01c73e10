from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from fake_store import BASE, BUSYBOX, IMAGE, PACKAGE, WEIGHTS, make_image

from modelpack.delivery import rootfs
from modelpack.delivery.image import open_image
from modelpack.errors import ExportError

NOBODY = 65534


@pytest.fixture
def machine(tmp_path):
    make_image(tmp_path / "machine")
    return tmp_path / "machine"


@pytest.fixture
def image(machine):
    return open_image(IMAGE, machine)


@pytest.fixture
def folder(image, tmp_path):
    rootfs.unpack(image, tmp_path / "unpacked")
    return tmp_path / "unpacked"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def listing(folder):
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = path.lstat().st_mode
        found[str(path.relative_to(folder))] = (
            kind,
            path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes(),
        )
    return found


def test_the_folder_holds_the_layers_and_what_starts_the_server(folder):
    assert (folder / WEIGHTS[1:]).read_bytes() == b"weights" * 1000
    assert (folder / "usr").readlink() == Path(BASE) / "usr"
    assert (folder / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert (folder / PACKAGE[1:] / "bin/serve").stat().st_mode & 0o777 == 0o555
    assert os.access(folder / "serve", os.X_OK)
    assert json.loads((folder / "serve.json").read_text())["config"]["Entrypoint"] == [f"{PACKAGE}/bin/serve"]


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tar.zst", "tgz", "tzst"])
def test_every_tarball_unpacks_to_the_same_folder(image, folder, tmp_path, suffix):
    rootfs.export_rootfs(image, tmp_path / f"demo.{suffix}")
    (tmp_path / "again").mkdir()
    subprocess.run(["tar", "xpaf", f"demo.{suffix}", "-C", "again"], cwd=tmp_path, check=True)

    assert listing(tmp_path / "again") == listing(folder)


def test_no_path_stands_in_a_tarball_twice(image, tmp_path):
    """Engines refuse to import such a file."""
    rootfs.export_rootfs(image, tmp_path / "demo.tar")
    with tarfile.open(tmp_path / "demo.tar") as tar:
        members = tar.getnames()

    assert len(members) == len(set(members))


def test_a_name_without_a_kind_is_refused_before_anything_is_read(image, tmp_path):
    with pytest.raises(ExportError, match=r"demo.zip: the name does not say how to compress"):
        rootfs.export_rootfs(image, tmp_path / "demo.zip")


def test_a_folder_with_something_in_it_is_kept(image, tmp_path):
    with pytest.raises(ExportError, match="is not an empty folder"):
        rootfs.unpack(image, tmp_path)
    assert names(tmp_path) == ["machine"]


def test_a_file_cannot_be_unpacked_into(image, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(ExportError, match="is not an empty folder"):
        rootfs.unpack(image, tmp_path / "file")


def test_a_store_that_changed_is_an_error_and_nothing_is_left(image, machine, tmp_path):
    (machine / WEIGHTS[1:]).chmod(0o644)
    (machine / WEIGHTS[1:]).write_bytes(b"Weights" * 1000)

    with pytest.raises(ExportError, match=f"the store changed since the image was built: {WEIGHTS}"):
        rootfs.unpack(image, tmp_path / "unpacked")
    assert names(tmp_path) == ["machine"]


def test_weights_of_zeros_are_not_taken_for_the_end_of_a_layer(tmp_path):
    zeros = bytes((1 << 20) + 1024)
    make_image(tmp_path / "machine", weights=zeros)
    rootfs.export_rootfs(open_image(IMAGE, tmp_path / "machine"), tmp_path / "demo.tar")
    (tmp_path / "out").mkdir()
    subprocess.run(["tar", "xf", "demo.tar", "-C", "out"], cwd=tmp_path, check=True)

    assert (tmp_path / "out" / WEIGHTS[1:]).read_bytes() == zeros
    assert (tmp_path / "out" / PACKAGE[1:]).exists()


def can_serve(user=None):
    """Say whether namespaces are allowed here."""
    command = ["unshare", "-m", "true"] if user is None and os.geteuid() == 0 else ["unshare", "-Urm", "true"]
    return subprocess.run(command, check=False, capture_output=True, user=user, group=user).returncode == 0


def serve(folder, *arguments, user=None, path=None):
    """Start ``serve`` from elsewhere, as ``user``; give what it wrote."""
    command = [str(folder / "serve"), *arguments]
    variables = {"PATH": path or os.environ["PATH"], "SECRET": "of this shell"}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd="/", env=variables, user=user, group=user
    )


needs_busybox = pytest.mark.skipif(not BUSYBOX, reason="needs a static busybox")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def shared(folder):
    """The folder where other users reach it."""
    place = Path("/tmp") / f"rootfs-{os.getpid()}"  # noqa: S108 - every user can go there
    shutil.copytree(folder, place, symlinks=True)
    if os.geteuid() == 0:
        for path in [place, *place.rglob("*")]:
            os.lchown(path, NOBODY, NOBODY)
    yield place
    shutil.rmtree(place)


@needs_busybox
@pytest.mark.skipif(not can_serve(), reason="needs namespaces")
def test_it_serves_as_the_image_s_user_from_its_own_store(folder):
    done = serve(folder)

    assert done.stdout.split() == [
        "65532",
        "weigh",
        *sorted(Path(path).name for path in (BASE, WEIGHTS, PACKAGE)),
    ]
    assert done.returncode == 0


@needs_busybox
@needs_root
@pytest.mark.skipif(not can_serve(NOBODY), reason="needs namespaces of users")
def test_it_serves_for_an_ordinary_user(shared):
    done = serve(shared, user=NOBODY)

    assert done.stdout.split()[:2] == ["65532", "weigh"]


@needs_busybox
@pytest.mark.skipif(not can_serve(), reason="needs namespaces")
def test_a_command_sees_the_image_s_variables_and_those_asked_for(folder):
    words = ["-e", "EXTRA=1 2", "sh", "-c", "echo $GREETING $EXTRA $HOME $SECRET; echo x > /tmp/x && cat /tmp/x"]
    done = serve(folder, *words)

    assert done.stdout == "hello 1 2 /home/modelpack\nx\n"
    assert not (folder / "tmp/x").exists()


@needs_busybox
@pytest.mark.skipif(not can_serve(), reason="needs namespaces")
def test_what_it_serves_cannot_be_written_to(folder):
    done = serve(folder, "sh", "-c", f"echo x > {PACKAGE}/x")

    assert "Read-only file system" in done.stderr
    assert not (folder / PACKAGE[1:] / "x").exists()


@needs_busybox
@pytest.mark.skipif(not can_serve(), reason="needs namespaces")
def test_a_command_that_is_not_there_is_named(folder):
    done = serve(folder, "nothing")

    assert done.stderr == "serve: cannot run nothing: No such file or directory\n"
    assert done.returncode == 1


def test_an_unknown_option_shows_the_usage(folder):
    done = serve(folder, "--port")

    assert "unknown option: --port" in done.stderr
    assert "usage: serve" in done.stderr
    assert done.returncode == 2


@pytest.fixture
def refused(shared):
    """The folder on a machine that refuses namespaces."""
    launcher = shared / "serve.py"
    text = launcher.read_text()
    assert "def can_mount(" in text
    launcher.write_text(
        text.replace("def main()", "can_mount = lambda _: False\n\n\ndef main()").replace("def can_mount(", "def _(", 1)
    )
    return shared


def test_without_namespaces_it_says_what_helps(refused, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "python3"):
        # Not what PATH has under that name, which may be a script that needs more of PATH.
        (tools / name).symlink_to(os.path.realpath(sys.executable if name == "python3" else shutil.which(name)))
    done = serve(refused, path=str(tools))

    assert "namespaces of users are refused here" in done.stderr
    assert "kernel.apparmor_restrict_unprivileged_userns" in done.stderr
    assert done.returncode == 1


@needs_busybox
@needs_root
@pytest.mark.skipif(not shutil.which("bwrap") or not can_serve(NOBODY), reason="needs bubblewrap")
def test_without_namespaces_bubblewrap_is_asked(refused):
    done = serve(refused, user=NOBODY)

    assert done.stdout.split()[1:2] == ["weigh"]


def test_force_replaces_an_earlier_export_and_nothing_else(image, folder, tmp_path):
    (folder / "more").touch()
    with pytest.raises(ExportError, match="is not an empty folder"):
        rootfs.unpack(image, folder)
    with pytest.raises(ExportError, match="is not an empty folder"):
        rootfs.unpack(image, tmp_path, force=True)

    rootfs.unpack(image, folder, force=True)

    assert not (folder / "more").exists()
    assert (folder / "serve").exists()
