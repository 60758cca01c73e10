"""The arguments that say what a command is to read: the same for all commands that read a package's input."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from modelpack.loading.options import Options

Spec = Annotated[
    Path, typer.Argument(metavar="[SPEC]", help="A spec, a folder with modelpack.yaml, or another form of input.")
]
Assets = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder with the Azure ML files that azureml: names; by default the input's own."),
]
Model = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="The model of inputs that name none: a path, or azureml:NAME:VERSION."),
]
Name = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of the package, for inputs other than modelpack.yaml.")
]
Request = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Sample request for the check of inputs other than modelpack.yaml."),
]
_HERE = Path()


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """What a command is to read."""

    path: Path
    options: Options


def _input(
    spec: Spec = _HERE, assets: Assets = None, model: Model = None, name: Name = None, request: Request = None
) -> Input:
    return Input(path=spec, options=Options(assets=assets, model=model, name=name, request=request))


def takes_input(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, in place of its parameter ``given``, the arguments that say what to read."""
    own = inspect.signature(command).parameters
    # Where the command has a parameter of that name itself, that one stays.
    added = {name: item for name, item in inspect.signature(_input).parameters.items() if name not in own}
    order = [item for name, one in own.items() for item in (added.values() if name == "given" else (one,))]
    hints = get_type_hints(_input, include_extras=True) | get_type_hints(command, include_extras=True)

    @functools.wraps(command)
    def run(**values: Any) -> None:  # noqa: ANN401 - of all types
        given = _input(**{name: values.pop(name) for name in added})
        command(given=given, **values)

    run.__annotations__ = {item.name: hints[item.name] for item in order}
    parameters = [item.replace(annotation=hints[item.name], kind=item.KEYWORD_ONLY) for item in order]
    # What inspect, and so Typer, reads.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run
