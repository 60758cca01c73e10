"""The root file system that a server is shown, in namespaces of the kernel's own making."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from modelpack.builders import layer, links, root, view

BUSYBOX = shutil.which("busybox")
pytestmark = [
    pytest.mark.skipif(view.needs_user() is None, reason="needs namespaces"),
    pytest.mark.skipif(not BUSYBOX, reason="needs a static busybox"),
]


@pytest.fixture
def base(tmp_path):
    """A base of Debian's kind with nothing in it."""
    (tmp_path / "base/usr/bin").mkdir(parents=True)
    (tmp_path / "base/bin").symlink_to("usr/bin")
    return tmp_path / "base"


@pytest.fixture
def tree(tmp_path):
    """The files of a base image: a shell, a user, and folders that are links."""
    top = tmp_path / "tree"
    for name in ("bin", "etc", "usr/share", "var"):
        (top / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, top / "bin/sh")
    (top / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nown:x:7:7::/:/bin/sh\n")
    (top / "var/run").symlink_to("/run")
    (top / "mnt").symlink_to("usr/share")
    return top


def run(tmp_path, base, script, *, tree=None, placed=None, user="65532:65532", before=()):
    """Give what a script says that is run in a view."""
    plan = {
        "skeleton": {"base": str(base), "user": user, "tree": tree and str(tree)},
        "links": {"links": placed or {}, "tree": tree and str(tree)},
        "tree": tree and str(tree),
        "store": None,
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    (tmp_path / "root").mkdir()
    words = [
        *before,
        sys.executable,
        "-m",
        "modelpack.builders.view",
        tmp_path / "plan.json",
        tmp_path / "root",
        "/bin/sh",
    ]
    done = subprocess.run([*words, "-c", script], check=False, capture_output=True, text=True)
    return done.stdout or done.stderr


def test_the_image_is_the_root_and_keeps_its_files(tmp_path, base, tree):
    found = run(tmp_path, base, "id -u; cat /etc/passwd; ls -d /usr/share /proc/self /dev/null", tree=tree)

    assert found.splitlines() == [
        "65532",
        "root:x:0:0::/root:/bin/sh",
        "own:x:7:7::/:/bin/sh",
        "modelpack:x:65532:65532:modelpack:/home/modelpack:/bin/sh",
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
        "/dev/null",
        "/proc/self",
        "/usr/share",
    ]


def test_links_lead_to_parts_of_the_package_through_the_images_own_links(tmp_path, base, tree):
    placed = {"/mnt/labels": "/nix/labels", "/srv/a/b": "/nix/b"}
    found = run(tmp_path, base, "readlink /usr/share/labels; readlink /srv/a/b", tree=tree, placed=placed)

    assert found.split() == ["/nix/labels", "/nix/b"]
    assert not list((tree / "usr/share").iterdir())


def test_its_user_writes_where_servers_write_and_nowhere_else(tmp_path, base, tree):
    script = "for name in /tmp /var/tmp /home/modelpack /bin; do touch $name/x && echo $name; done 2>/dev/null"
    assert run(tmp_path, base, script, tree=tree).split() == script.split()[3:6]
    assert not (tree / "bin/x").exists()


def test_a_program_that_is_not_there_is_named(tmp_path, base):
    assert run(tmp_path, base, "") == "view: cannot run /bin/sh: No such file or directory\n"


@pytest.mark.skipif(not (shutil.which("unshare") and shutil.which("setpriv")), reason="needs util-linux")
def test_a_machine_without_namespaces_says_so(tmp_path, base):
    script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all "$@"'
    found = run(tmp_path, base, "", before=("unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"))
    assert found == f"view: {view.OBSTACLE}\n"


def test_the_layers_members_are_those_of_the_view(base, tree):
    skeleton = layer.Skeleton(base=str(base), user="7:7", tree=str(tree))
    found = {os.fsdecode(entry.name): entry for entry in root.entries(skeleton)}
    assert not {"usr", "bin", "var", "var/run", "etc"} & set(found)
    assert b"modelpack:" not in found["etc/passwd"].content  # the image has a user of that number
    assert {"tmp", "proc", "etc/hosts", "etc/resolv.conf"} <= set(found)

    placed = links.entries(layer.Links(links={"/mnt/x": "/nix/x", "/var/y/z": "/nix/z"}, tree=str(tree)))
    assert [os.fsdecode(entry.name) for entry in placed] == ["usr/share/x", "var/y", "var/y/z"]
