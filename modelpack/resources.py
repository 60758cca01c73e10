"""Where the Nix library and the starter projects lie: inside an installed package, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from modelpack.errors import ModelpackError


def root(name: str) -> Path:
    """Give the folder ``nix`` or ``templates``, absolute.

    Raises:
        ModelpackError: the installation lacks it.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "share" / name, package.parent / name):
        if (folder / "__init__.py").is_file():
            return folder
    raise ModelpackError(f"a part of modelpack is missing: {package / 'share' / name}", hint="install modelpack again")
