"""Environments: the Python packages that a conda file names, and what becomes of the container image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelpack.images.reference import parse
from modelpack.loading.azure.context import Context
from modelpack.loading.azure.document import Document, given
from modelpack.loading.azure.keys import ROUTE_KINDS
from modelpack.loading.azure.kinds import ENVIRONMENT_KIND
from modelpack.loading.conda import conda_of, read_conda
from modelpack.loading.dependencies import Dependencies
from modelpack.loading.shape_reader import Value
from modelpack.loading.sources import FILE, Folder
from modelpack.loading.yamlfile import show
from modelpack.spec import BaseImage

_BARE = re.compile(r"(?:.*/)?azureml/(?:openmpi|intelmpi|base|inference-base|minimal-|mpi)[^/]*")
"""Images of Azure's that hold an operating system and Python, and no package that a model needs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Routes:
    """Where a server answers."""

    port: int
    paths: Mapping[str, str]
    """By ``liveness``, ``readiness`` and ``scoring``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """What an environment gives to a package."""

    value: Value
    name: str | None = None
    version: str | None = None
    found: Dependencies
    """Python's version and packages, of the conda file."""
    image: Value | None = None
    routes: Routes | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the conda file."""

    @property
    def is_server(self) -> bool:
        """Whether the image is said to be a server itself, whose packages are its own."""
        return self.routes is not None and "conda_file" not in self.value.fields


NOT_READ = "not read: without a scoring script, the model itself says which packages it needs"


def resolve_environment(reference: Value, context: Context, *, needed: bool) -> Document | None:
    """Give the file that defines an environment, or a package by its target; None when there is none.

    Args:
        reference: names it.
        context: takes what is wrong, as long as it matters.
        needed: the packages are those of the environment; where not, it only may be a server itself.
    """
    if needed:
        return context.resolve(reference, ENVIRONMENT_KIND)
    document = context.aside().resolve(reference, ENVIRONMENT_KIND)
    if document is None:
        context.warn(reference, NOT_READ)
    return document


def no_environment(context: Context) -> Environment:
    """Give what stands for an environment where none is named."""
    document = context.document
    return Environment(value=document.value, found=Dependencies(folder=document.folder, findings=context.findings))


def read_environment(value: Value, folder: Folder, context: Context) -> Environment:
    """Read an environment that was written in a file.

    Args:
        value: the mapping.
        folder: where its paths begin.
        context: takes what is wrong.
    """
    found = Dependencies(folder=context.document.folder, findings=context.findings)
    _judge(value, context)
    variables = _read_conda_file(value, folder, found, context)
    config = given(value, "inference_config")
    return Environment(
        value=value,
        name=value.get_text("name"),
        version=value.get_text("version"),
        found=found,
        image=value.fields.get("image"),
        routes=read_routes(config, context) if config else None,
        variables=variables,
    )


def base_image(environment: Environment) -> BaseImage | None:
    """Give the image to build on, when it is the server."""
    return parse(environment.image.text) if environment.image and environment.is_server else None


def judge_image(environment: Environment, base: str, context: Context) -> None:
    """Find an image whose content a package cannot do without, and say what takes the place of one that it can."""
    image = environment.image
    if image is None:
        return
    text = show(image.text)
    if environment.is_server:
        if parse(image.text) is None:
            context.find(image, f"not the name of an image: {text}")
        else:
            context.note(image, f"the package is built on the image, and starts what the image starts: {text}")
    elif "conda_file" in environment.value.fields:
        message = f"the image is replaced by {base}, with the Python packages of conda_file: {text}"
        hint = "system packages that the image adds are named in base.packages of a native spec: modelpack import"
        context.warn(image, message, hint)
    elif _BARE.fullmatch(image.text.partition("@")[0]):
        context.warn(image, f"the image is replaced by {base}: {text}", "the model's packages are named by conda_file")
    else:
        message = f"only the image says which packages there are, and it is not looked into: {text}"
        context.find(image, message, "name the Python packages with conda_file")


def read_routes(value: Value, context: Context) -> Routes | None:
    """Read the routes of a server; None when there are none, or when they are wrong."""
    written = {kind: value.fields[kind] for kind in ROUTE_KINDS if kind in value.fields}
    if value.wrong & set(ROUTE_KINDS) or not written:
        return None
    ports = {kind: route.get_text("port") for kind, route in written.items()}
    if len({port for port in ports.values() if port}) > 1:
        several = ", ".join(f"{kind} {port}" for kind, port in ports.items())
        context.find(value, f"a server has one port here, found several: {several}")
    for kind in ROUTE_KINDS:
        if kind not in written and kind != "liveness_route":
            context.find(
                value, "missing", f"write {kind}: {{port: {next(iter(ports.values()))}, path: /...}}", key=kind
            )
    paths = {kind.removesuffix("_route"): route.get_text("path") for kind, route in written.items()}
    port = next((port for port in ports.values() if port), None)
    return Routes(port=int(port or 0), paths={kind: path for kind, path in paths.items() if path})


def _judge(value: Value, context: Context) -> None:
    fields = value.fields
    if value.get_text("os_type") == "windows":
        context.find(fields["os_type"], "packages are for Linux", "leave it out")
    build = given(value, "build")
    if build is None:
        return
    if "image" in fields:
        context.find(build, "cannot stand beside image", "keep one of them")
    elif "conda_file" in fields:
        context.warn(build, "not built: the Python packages of conda_file are taken, on a base of our own")
    else:
        message = "a Dockerfile is not run: what it fetches is another thing each time"
        hint = "write in place of build: image and conda_file with its Python packages; or, where the image is the "
        hint += "server itself, build it once and write image and inference_config"
        context.find(build, message, hint)


def _read_conda_file(value: Value, folder: Folder, found: Dependencies, context: Context) -> Mapping[str, str]:
    conda = value.fields.get("conda_file")
    if conda is None:
        return {}
    if conda.node:
        return conda_of(conda.node, folder.path / conda.place.file.rpartition("/")[2], found, conda.path).variables
    source = context.source(conda, folder, kind=FILE)
    return read_conda(source.path, found).variables if source else {}
