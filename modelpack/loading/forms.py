"""What files are that say something of dependencies and are not read, and what to do with each."""

from __future__ import annotations

import re
from pathlib import Path

from modelpack.loading.yamlfile import Fault, ListNode, MapNode, Node, Scalar, show

_FOLDER = "require the project's folder: [.]"
_PIXI = "require what this writes: pixi workspace export conda-environment environment.yml"
_EXPLICIT = "require what this writes: conda env export --no-builds > environment.yml"
_CONDA_LOCK = "require the environment file that it was made from, or what this writes: conda-lock render --kind env"
_CONTAINER = "require the file that its RUN pip install names"
_NAMES: tuple[tuple[str, str, str], ...] = (
    (r"setup\.(py|cfg)", "a script of setuptools", _FOLDER),
    (r"(.*\.)?conda-lock\.ya?ml|conda-lock[^/]*\.ya?ml", "a lock of conda-lock", _CONDA_LOCK),
    (r"pixi\.toml", "a manifest of pixi", _PIXI),
    (r"pixi\.lock", "a lock of pixi", _PIXI),
    (r"(.*\.)?Dockerfile(\..*)?|Containerfile", "instructions for an image", _CONTAINER),
    (r".*\.ipynb", "a notebook", "write what it installs into a requirements.txt"),
    (r".*\.(whl|tar\.gz|zip)", "a distribution", "require it as a path in a list: [./{name}]"),
    (r".*\.py", "a program", "write what it imports into a requirements.txt"),
)
_BEGINNINGS: tuple[tuple[str, str, str], ...] = (
    (r"(?m)^@EXPLICIT\s*$", "an explicit list of conda's packages", _EXPLICIT),
    (r"(?m)\A(#.*\n|\s*\n)*version: *\d+\s*\nmetadata:", "a lock of conda-lock", _CONDA_LOCK),
    (r"(?m)\A(#.*\n|\s*\n)*version: *\d+\s*\n(platforms|environments):", "a lock of pixi", _PIXI),
)
_HEAD = 1 << 14


def unread_form(path: Path) -> Fault | None:
    """Say what a file is, by its name and beginning, that is not read; None for all others."""
    for pattern, what, hint in _NAMES:
        if re.fullmatch(pattern, path.name):
            return f"{what}, which is not read", hint.format(name=show(path.name))
    try:
        with path.open("rb") as file:
            text = file.read(_HEAD).decode(errors="replace")
    except OSError:
        return None  # whoever reads it says so
    for pattern, what, hint in _BEGINNINGS:
        if re.search(pattern, text.replace("\r\n", "\n")):
            return f"{what}, which is not read", hint
    return None


def other_yaml(node: Node) -> Fault | None:
    """Say what a YAML file is that has no dependencies; None when that is not known."""
    if not isinstance(node, MapNode):
        return None
    values = {entry.key: entry.value for entry in node.entries}
    schema = values.get("$schema")
    if "conda_file" in values or (isinstance(schema, Scalar) and "azureml" in schema.text):
        return _azure(values)
    for keys, what in (
        ({"apiVersion", "kind"}, "a manifest of Kubernetes"),
        ({"services"}, "a file of Docker Compose"),
        ({"jobs", "on"}, "a workflow of GitHub's"),
        ({"repos"}, "settings of pre-commit"),
    ):
        if keys <= values.keys():
            return f"{what}, which says nothing of dependencies", None
    if "flavors" in values:
        return "the MLmodel of a model of MLflow", "build its folder: modelpack build FOLDER"
    return None


def _azure(values: dict[str, Node]) -> Fault:
    conda = values.get("conda_file")
    if isinstance(conda, Scalar):
        return "an environment of Azure ML's", f"require the file that it names: {show(conda.text)}"
    if isinstance(conda, MapNode):
        return "an environment of Azure ML's", "put what stands below conda_file: into a file of its own"
    if {"endpoint_name", "model"} & values.keys():
        return "a deployment of Azure ML's", "build it: modelpack build FILE"
    if "image" in values or isinstance(values.get("build"), MapNode | ListNode):
        return "an environment of Azure ML's that names an image alone", "write requirements, or base: {image: ...}"
    return "a file of Azure ML's, which says nothing of dependencies", None
