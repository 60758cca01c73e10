"""The files that a server's folder has beside ``server.yaml``: its own programs, and settings made from the spec.

They become the tree ``server`` of the lock, for which ``@server@`` stands. A file that ends in ``.j2`` is a Jinja2
template of the file without that ending. It is given the ``spec``, the ``port``, the ``options`` as they are chosen
and, when it asks for them, the ``models`` with their versions (``served_models``); ``refuse(message)`` says that there
cannot be such a package. One with ``@served_model@`` in its name becomes a file for each of these, its ``model``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from modelpack.errors import ModelpackError
from modelpack.served_models import served_models
from modelpack.spec import Spec
from modelpack.store.made import keep

_TEMPLATE = ".j2"
_EACH = "@served_model@"


def server_files(spec: Spec, port: int, folder: Path, cache: Path, options: Mapping[str, str]) -> dict[str, Path]:
    """Give the files of a server by their path in its tree; what is made of templates lies in the cache.

    Args:
        spec: the spec.
        port: that the server listens on.
        folder: of the server in its catalogue.
        cache: folder for what is made.
        options: what is chosen, with defaults.

    Raises:
        ModelpackError: a template is wrong, or refuses.
        SpecError: a template asks for models with versions, and there are none.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or name == "server.yaml" or "__pycache__" in path.parts:
            continue
        if path.suffix == _TEMPLATE:
            values = {"spec": spec, "port": port, "options": options}
            for target, text in _made(path, name.removesuffix(_TEMPLATE), values):
                found[target] = keep(cache, PurePosixPath(target).name, text)
        else:
            found[name] = path
    return found


def _made(path: Path, name: str, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what a template makes: paths in the tree, and texts."""
    import jinja2  # noqa: PLC0415 - few servers have templates
    from jinja2 import meta  # noqa: PLC0415

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - not HTML
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def refuse(message: str) -> NoReturn:
        raise ModelpackError(f"{path.parent.name}/{path.name}: {message}")

    try:
        text = path.read_text(encoding="utf-8")
        asked = meta.find_undeclared_variables(environment.parse(text)) & {"models", "model"}
        models = served_models(values["spec"]) if asked else ()
        template = environment.from_string(text, globals={**values, "models": models, "refuse": refuse})
        if _EACH not in name:
            yield name, template.render()
        else:
            yield from ((name.replace(_EACH, model.name), template.render(model=model)) for model in models)
    except jinja2.TemplateError as error:
        raise ModelpackError(f"{path.parent.name}/{path.name}: {error}") from error
