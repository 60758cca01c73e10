"""Commands that start quickly: texts and paths on the command line are taken as they stand.

For each parameter Typer has pydantic make a converter, and loading it takes longer than most of what is done in a
build that changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

from typer.core import TyperCommand, TyperGroup

_PLAIN: dict[Any, Callable[[Any], Any]] = {str: str, str | None: str, Path: Path, Path | None: Path}


class Command(TyperCommand):
    """A command, such as ``build``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's class has moved
        """Take the words of the command line."""
        _take_as_they_stand(self.get_params(ctx), get_type_hints(self.callback))
        return super().parse_args(ctx, args)


class Group(TyperGroup):
    """All commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - as above
        """Take the words of the command line."""
        _take_as_they_stand(self.get_params(ctx), {})
        return super().parse_args(ctx, args)


def _take_as_they_stand(parameters: Iterable[Any], hints: dict[str, Any]) -> None:
    for parameter in parameters:
        parameter.process_value = partial(_process, parameter, _PLAIN.get(hints.get(parameter.name)))


def _process(parameter: Any, plain: Callable[[Any], Any] | None, ctx: Any, value: Any) -> Any:  # noqa: ANN401
    """Give a parameter's value; what is missing or has to be converted is Typer's to judge."""
    absent = value is None and not parameter.required and not parameter.multiple
    if not absent and (value is None or plain is None):
        return type(parameter).process_value(parameter, ctx, value)
    value = None if absent or plain is None else plain(value)
    return parameter.callback(ctx, parameter, value) if parameter.callback else value
