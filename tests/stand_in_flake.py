"""A flake with a Python laid out as nixpkgs' is, made of another Python: for machines that nixpkgs cannot be had on.

Like nixpkgs' it finds its libraries by DT_RUNPATH in store paths of their own, names its own place and those of other
packages in modules, has ctypes look libraries up in its own way, and brings a sitecustomize.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from modelpack.builders.elf import read_dynamic
from modelpack.store.nix import Nix, system

_FLAKE = """{
  outputs = _: {
    packages.@system@ =
      let
        busybox = "${./seed}/bin/busybox";
        build = name: args: derivation { inherit name args; system = "@system@"; builder = busybox; };
        copy = "${busybox} cp -r ${./python} $out; ${busybox} chmod -R u+w $out";
      in
      {
        python = derivation {
          name = "python3-@version@";
          system = "@system@";
          builder = busybox;
          args = [ "sh" "-ec" "${copy}; ${busybox} find $out -name _place.py -exec ${busybox} sed -i s,@,$out, {} +" ];
          libraries = builtins.path { path = ./libraries; name = "libraries"; };
        };
        folder = build "folder" [ "mkdir" (placeholder "out") ];
        failing = build "failing" [ "false" ];
        elsewhere = derivation { name = "elsewhere"; system = "riscv64-linux"; builder = busybox; };
        wrong = throw "not for use";
      };
  };
}
"""
_README = "Without a file, git would not have the folder.\n"
_OF_C = ("libc.", "libm.", "ld-", "libdl.", "libpthread.", "librt.", "libutil.", "libnsl.")


def write(folder, version, seed):
    """Write the flake of what lies in ``python`` and ``libraries``; its attribute is ``python``.

    Args:
        folder: of the flake.
        version: of the interpreter, ``3.12.1``.
        seed: folder with ``bin/busybox``.
    """
    (folder / "libraries").mkdir(exist_ok=True)
    (folder / "libraries/README").write_text(_README)
    shutil.copytree(seed, folder / "seed")
    (folder / "flake.nix").write_text(_FLAKE.replace("@system@", system()).replace("@version@", version))


def make_like_nixpkgs(folder, minor, libraries, patchelf):
    """Change the interpreter in ``python`` to what one of nixpkgs is.

    Args:
        folder: of the flake; has ``python/bin/python3.X``, ``python/lib`` and ``python/include``.
        minor: its version, ``3.12``.
        libraries: folder with the libraries that it needs.
        patchelf: the program.
    """
    root, own = folder / "python", folder / "libraries/lib"
    own.mkdir(parents=True)
    # Not the program: one that is linked to fixed addresses does not bear being changed twice.
    objects = sorted((root / f"lib/python{minor}/lib-dynload").glob("*.so"))
    for path in objects:
        _take_along(path, Path(libraries), own)
    for path in own.iterdir():
        subprocess.run([patchelf, "--set-rpath", "$ORIGIN", path], check=True)
    (folder / "libraries/README").write_text(_README)
    place = Nix().add_tree(folder / "libraries")
    for path in objects:
        if {item.name for item in own.iterdir()}.intersection(read_dynamic(str(path)).needed):
            path.chmod(0o755)
            subprocess.run([patchelf, "--set-rpath", f"{place}/lib", path], check=True)
    _patch(root / f"lib/python{minor}", place)


def _take_along(path, libraries, own):
    """Copy what an object needs beside the C library."""
    for name in read_dynamic(str(path)).needed:
        source = (libraries / name).resolve()
        if not name.startswith(_OF_C) and source.is_file() and not (own / name).exists():
            shutil.copyfile(source, own / name)
            _take_along(source, libraries, own)


def _patch(library, place):
    (library / "site-packages").mkdir(exist_ok=True)
    (library / "site-packages/sitecustomize.py").write_text("raise SystemExit('sitecustomize was run')\n")
    (library / "_place.py").write_text("PLACE = '@'\n")
    for name, old, new in (
        ("ctypes/util.py", "['/sbin/ldconfig', '-p']", "['/nowhere/ldconfig', '-p']"),
        ("subprocess.py", "'/bin/sh'", f"'{place}/bin/sh'"),
    ):
        text = (library / name).read_text()
        assert old in text
        (library / name).write_text(text.replace(old, new))
