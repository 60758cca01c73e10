"""What a project's flake.nix names as modelpack: the checkout, or the installed library in the store."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

from modelpack.resources import root
from modelpack.store.nix import Nix

_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


def library_url(nix: Nix) -> str:
    """Give a flake reference of this installation's Nix library.

    Raises:
        BuildError, ToolError: it is installed from a wheel, and cannot be added to the store.
    """
    library = root("nix")
    checkout = library.parent
    if (checkout / "flake.nix").is_file():
        scheme = "git+file" if (checkout / ".git").exists() else "path"
        return f"{scheme}://{quote(str(checkout))}"
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "modelpack")
        shutil.copytree(library, source / "nix", ignore=_LEFT_OUT)
        shutil.copytree(Path(__file__).parent / "builders", source / "modelpack/builders", ignore=_LEFT_OUT)
        shutil.copyfile(library / "installed-flake.nix", source / "flake.nix")
        return f"path://{nix.physical(nix.add_tree(source))}"
