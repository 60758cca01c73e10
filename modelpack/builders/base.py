"""Makes the base environment out of Debian packages, without running one maintainer script.

What those scripts would have made is made here on purpose: the merged /usr, the bundle of CA certificates, the links
of update-alternatives, the dynamic linker's cache, and one dpkg status file per package, which scanners read.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from modelpack.builders import deb, linker_cache, programs
from modelpack.builders.problem import fail

_MERGED = ("bin", "sbin", "lib", "lib64")
# What nobody reads in a model package. Copyright files stay: licences ask for it.
_PRUNED = (
    "usr/share/bug/",
    "usr/share/debconf/",
    "usr/share/info/",
    "usr/share/lintian/",
    "usr/share/locale/",
    "usr/share/man/",
)
_ALTERNATIVE = re.compile(r"--(?:install|slave)\s+(/\S+)\s+\S+\s+(/\S+)")


class Root:
    """The folder being filled, and which package each file came from."""

    def __init__(self, out: str) -> None:
        self.out = out
        self.owners: dict[str, str] = {}

    def at(self, path: str) -> str:
        """Give the place of a path of the target's root, such as ``usr/bin``."""
        return os.path.join(self.out, path)

    def claim(self, path: str, package: str) -> None:
        """Note the owner of a file; a second one is an error, as it is to dpkg."""
        owner = self.owners.setdefault(path, package)
        if owner != package:
            fail("base", f"two Debian packages own /{path}: {owner} and {package}", packages=[owner, package])

    def add(self, archive: tarfile.TarFile, member: tarfile.TarInfo, package: str) -> None:
        """Unpack one member of a package's data archive."""
        path = _merged(os.path.normpath(member.name).lstrip("/"))
        if path.startswith(".."):
            fail("base", f"{package} holds an unsafe path: {member.name!r}")
        target = self.at(path)
        if member.isdir():
            os.makedirs(target, exist_ok=True)
            return
        if path.startswith(_PRUNED) or (path.startswith("usr/share/doc/") and not path.endswith("/copyright")):
            return
        self.claim(path, package)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if member.issym():
            os.symlink(_link(os.path.normpath(member.name).lstrip("/"), member.linkname), target)
        elif member.islnk():
            os.link(self.at(_merged(os.path.normpath(member.linkname).lstrip("/"))), target)
        elif member.isfile():
            source = archive.extractfile(member)
            assert source is not None  # noqa: S101 - true for every regular file
            with open(target, "xb") as stream:
                shutil.copyfileobj(source, stream, 1 << 20)
            os.chmod(target, 0o755 if member.mode & 0o100 else 0o644)


def main() -> None:
    """Build from the plan: ``debs`` ({name, path}) and what ``base.nix`` says of them."""
    with open(os.environ["planPath"], encoding="utf-8") as stream:
        plan = json.load(stream)
    os.umask(0o022)
    root = Root(os.environ["out"])
    for folder in _MERGED:
        os.makedirs(root.at(f"usr/{folder}"))
    with ThreadPoolExecutor(2) as pool:
        controls = list(pool.map(lambda package: unpack(root, package), plan["debs"]))
    for folder in _MERGED:
        os.symlink(f"usr/{folder}", root.at(folder))
    alternatives(root, controls)
    _certificates(root)
    _status(root, plan["debs"], controls)
    _interpreters(root, plan)
    _linker_cache(root)
    if plan["python"]:
        programs.find_library(root.at(f"usr/lib/python{plan['python']}"), root.out)
        own = root.at(f"usr/bin/python{plan['python']}")
        compiler = sys.executable if plan["compiled_by_tools"] else own
        programs.compile_library(compiler, root.out, f"usr/lib/python{plan['python']}")


def _merged(path: str) -> str:
    """Give the path under a merged /usr."""
    return f"usr/{path}" if path.split("/", 1)[0] in _MERGED else path


def _link(path: str, target: str) -> str:
    """Give a symlink's target so that it stays right wherever the root lies and with /usr merged."""
    absolute = target if target.startswith("/") else os.path.join("/", os.path.dirname(path), target)
    goal = _merged(os.path.normpath(absolute).lstrip("/"))
    return os.path.relpath(goal, os.path.dirname(_merged(path)))


def unpack(root: Root, package: dict[str, str]) -> dict[str, str]:
    """Unpack one package and give the texts of its control archive."""
    try:
        with deb.open_member(package["path"], "data.tar") as archive:
            for member in archive:
                root.add(archive, member, package["name"])
        with deb.open_member(package["path"], "control.tar") as archive:
            files = ((os.path.normpath(member.name), archive.extractfile(member)) for member in archive)
            return {name: file.read().decode("utf-8", "replace") for name, file in files if file}
    except deb.FormatError as error:
        fail("base", f"{package['name']} {error}", package=package["name"])


def alternatives(root: Root, controls: list[dict[str, str]]) -> None:
    """Make the links that the scripts' own update-alternatives lines name, first come first served."""
    for control in controls:
        for link, goal in _ALTERNATIVE.findall(control.get("postinst", "").replace("\\\n", " ")):
            place, target = _merged(link.lstrip("/")), _merged(goal.lstrip("/"))
            if os.path.exists(root.at(target)) and not os.path.lexists(root.at(place)):
                os.makedirs(os.path.dirname(root.at(place)), exist_ok=True)
                os.symlink(_link(place, goal), root.at(place))


def _certificates(root: Root) -> None:
    """Join the CA certificates into the file that TLS libraries open (ca-certificates' own trigger)."""
    folder = root.at("usr/share/ca-certificates/mozilla")
    if not os.path.isdir(folder):
        return
    os.makedirs(root.at("etc/ssl/certs"), exist_ok=True)
    with open(root.at("etc/ssl/certs/ca-certificates.crt"), "wb") as bundle:
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as stream:
                bundle.write(stream.read().rstrip(b"\n") + b"\n")


def _status(root: Root, packages: list[dict[str, str]], controls: list[dict[str, str]]) -> None:
    folder = root.at("var/lib/dpkg/status.d")
    os.makedirs(folder)
    for package, control in zip(packages, controls, strict=True):
        text = control["control"].rstrip("\n").replace("\n", "\nStatus: install ok installed\n", 1)
        with open(os.path.join(folder, package["name"]), "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
        if "md5sums" in control:
            with open(os.path.join(folder, f"{package['name']}.md5sums"), "w", encoding="utf-8") as stream:
                stream.write(control["md5sums"])


def _interpreters(root: Root, plan: dict[str, Any]) -> None:
    """Make Python and sh start from the store, with the base's libraries for every object they load."""
    library = f"usr/lib/{plan['triplet']}"
    python = f"usr/bin/python{plan['python']}"
    if plan["python"] and not os.path.exists(root.at(python)):
        fail("base", f"the base has no {python}")
    needed = [name for name in programs.MANYLINUX if os.path.exists(root.at(f"{library}/{name}"))]
    for program, extra in ((python, needed), ("usr/bin/dash", [])):
        if os.path.exists(root.at(program)):
            programs.patch(
                f"{plan['tools']}/bin/patchelf",
                root.at(program),
                needed=extra,
                search_path=root.at(library),
                interpreter=root.at(plan["loader"]),
            )
    for place, target in (("usr/bin/python3", os.path.basename(python)), ("usr/bin/sh", "dash")):
        if os.path.exists(root.at(f"usr/bin/{target}")) and not os.path.lexists(root.at(place)):
            os.symlink(target, root.at(place))


def _linker_cache(root: Root) -> None:
    """Write etc/ld.so.cache, for programs that look in it."""
    os.makedirs(root.at("etc"), exist_ok=True)
    with open(root.at("etc/ld.so.cache"), "wb") as stream:
        stream.write(linker_cache.cache(root.out, _library_folders(root)))


def _library_folders(root: Root) -> list[str]:
    """Give the folders that ld.so.conf names, in its order, and the two that are always looked in."""
    texts = []
    for file in sorted(glob.glob(root.at("etc/ld.so.conf.d/*.conf"))):
        with open(file, encoding="utf-8") as stream:
            texts += [line.split("#")[0].strip() for line in stream]
    places = (_merged(os.path.normpath(text).lstrip("/")) for text in [*texts, "/usr/lib"] if text)
    return list(dict.fromkeys(places))


if __name__ == "__main__":
    main()
