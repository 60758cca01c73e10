"""The files that a server's folder has beside ``server.yaml``: its own programs, and settings made from the spec.

They become the tree ``server`` of the lock, for which ``@server@`` stands. A file that ends in ``.j2`` is a Jinja2
template of the file without that ending; it is given the ``spec`` and the ``port``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from modelpack.errors import ModelpackError
from modelpack.spec import Spec
from modelpack.store.made import keep

_TEMPLATE = ".j2"


def server_files(spec: Spec, port: int, folder: Path, cache: Path) -> dict[str, Path]:
    """Give the files of a server by their path in its tree; what is made of templates lies in the cache.

    Args:
        spec: the spec.
        port: that the server listens on.
        folder: of the server in its catalogue.
        cache: folder for what is made.

    Raises:
        ModelpackError: a template is wrong.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or name == "server.yaml" or "__pycache__" in path.parts:
            continue
        if path.suffix == _TEMPLATE:
            text = _render(path, {"spec": spec, "port": port})
            found[name.removesuffix(_TEMPLATE)] = keep(cache, path.stem, text)
        else:
            found[name] = path
    return found


def _render(path: Path, values: Mapping[str, object]) -> str:
    import jinja2  # noqa: PLC0415 - few servers have templates

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - not HTML
        keep_trailing_newline=True,
        trim_blocks=True,
    )
    try:
        return environment.from_string(path.read_text(encoding="utf-8")).render(values)
    except jinja2.TemplateError as error:
        raise ModelpackError(f"{path.parent.name}/{path.name}: {error}") from error
