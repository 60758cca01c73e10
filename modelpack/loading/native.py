"""``modelpack.yaml`` to a ``Spec``, with everything that is wrong with it at once."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from modelpack import places, suites
from modelpack.catalogue import SERVERS, ServerEntry, input_variable, server_names
from modelpack.errors import Problem, SpecError
from modelpack.loading.assets import read_asset, read_mounts
from modelpack.loading.check import read_check
from modelpack.loading.dependencies import Dependencies, Line, Selection
from modelpack.loading.dependency_files import choose_python, is_dependency_file, judge_python, read_dependencies
from modelpack.loading.ignored import read_ignored
from modelpack.loading.image import read_image
from modelpack.loading.interpreter import read_interpreter
from modelpack.loading.keys import spec_table
from modelpack.loading.pip_file import read_lines
from modelpack.loading.script import judge_script
from modelpack.loading.server import find_entry, judge_program, judge_server_python, judge_variables, read_server
from modelpack.loading.shape_reader import Value, nearest, read
from modelpack.loading.sources import FILE, FOLDER, Folder, exists, find_source, is_file
from modelpack.loading.yamlfile import Findings, MapNode, Node, join_path, read_yaml, show
from modelpack.lockfile import FILENAME as LOCK
from modelpack.spec import Base, Code, Image, Server, Source, Spec

FILENAME = "modelpack.yaml"
SCORING_SCRIPT = "score.py"
_OWN = frozenset(("model", "models", "server", "requirements", "python", "code", "check", "base", "image", "findings"))
"""Keys that tell a spec from other files."""


def load_spec(path: Path, *, servers: Path = SERVERS) -> Spec:
    """Read the spec at ``path``: a file, or a folder with ``modelpack.yaml``.

    Args:
        path: where the spec is; messages name files as seen from there.
        servers: the catalogue of servers.

    Raises:
        SpecError: with all problems of the spec and of the files that it names.
    """
    file = _find_file(path)
    shown = file.parent.as_posix()
    folder = Folder(path=file.parent.resolve(), shown="" if shown == "." else f"{shown.rstrip('/')}/")
    findings = Findings(first=folder.shown + file.name)
    node = read_yaml(file, folder.shown + file.name, findings)
    _judge_kind(node, file.name, findings)
    root = read(spec_table(server_names(servers)), node, "", findings) if node else None
    spec = _Loader(root, folder, findings).spec(folder.path / file.name, servers) if root else None
    findings.raise_any()
    assert spec is not None  # noqa: S101 - else there was a finding
    return spec


def _find_file(path: Path) -> Path:
    """Give the spec's file.

    Raises:
        SpecError: there is none.
    """
    in_folder = os.path.isdir(path)  # noqa: PTH112 - unlike pathlib's, False when it may not be known
    file = path / FILENAME if in_folder else path
    if os.path.isfile(file):  # noqa: PTH113
        return file
    names = [item.name for item in path.iterdir()] if in_folder and os.access(path, os.R_OK) else []
    other = nearest(FILENAME, names)
    hint = f"rename {other} to {FILENAME}" if other else "run: modelpack init"
    message = f"no {FILENAME} in this folder" if in_folder else "no such file"
    raise SpecError((Problem(where=str(path), message=message, hint=hint),))


def _judge_kind(node: Node | None, name: str, findings: Findings) -> None:
    """Raise that a file of another name is nothing of modelpack's, rather than all that is not in it.

    Raises:
        SpecError: it has no key that only a spec has.
    """
    keys = [entry.key for entry in node.entries] if isinstance(node, MapNode) else []
    if not keys or name == FILENAME or _OWN.intersection(keys):
        return
    assert node is not None  # noqa: S101 - it has keys
    message = f"is neither a spec nor a file of Azure ML's that can be packaged, found the keys: {', '.join(keys[:6])}"
    hint = f"name a file {FILENAME}, a deployment or model package of Azure ML's, or a folder that MLflow saved"
    findings.add(node.place, message, hint)
    findings.raise_any()


class _Loader:
    """Turns the values of one spec into what they mean.

    What is wrong is found, and something of the right type is returned all the same: the result is thrown away.
    """

    def __init__(self, root: Value, folder: Folder, findings: Findings) -> None:
        self.root = root
        self.folder = folder
        self.findings = findings

    def spec(self, path: Path, servers: Path) -> Spec:
        root = self.root
        found = self.dependencies(path)
        named = root.fields.get("python")
        interpreter = read_interpreter(named, self.folder, self.findings) if named else None
        asked_python = self.asked_python(found)
        base = self.base(None if interpreter else asked_python)
        python = asked_python or suites.default_python(base.suite)
        judge_python(python, found)
        asked = root.fields.get("server")
        entry, own = find_entry(asked, self.folder, servers, self.findings) if asked else (None, None)
        judge_variables(root, self.findings)
        models, inputs = self.models(), self.inputs()
        if entry:
            judge_server_python(root.fields.get("python") or asked, python, entry, self.findings)
            judge_program(root, entry, inputs, base, self.findings)
        return Spec(
            path=path,
            lock_path=path.with_name(LOCK if path.name == FILENAME else f"{path.stem}.lock.json"),
            name=root.get_text("name") or "",
            version=root.get_text("version") or "",
            description=root.get_text("description"),
            models=models,
            python=python,
            interpreter=interpreter,
            requirements=tuple(found.requirements),
            constraints=tuple(found.constraints),
            conda=tuple(found.conda),
            channels=tuple(dict.fromkeys(found.channels)),
            indexes=found.indexes,
            code=self.code(entry, python),
            server=read_server(asked, entry, root, self.findings, folder=own) if asked and entry else Server(name=""),
            inputs=inputs,
            links=self.links(models, inputs),
            environment_variables=root.get_mapping("environment_variables"),
            formats=root.get_texts("formats"),
            file_conflicts={path: _normalized(name) for path, name in root.get_mapping("file_conflicts").items()},
            base=base,
            check=read_check(root, entry, self.folder, self.findings),
            image=self.image(),
            platform=root.get_text("platform") or this_platform(),
            ignored=read_ignored(root, self.findings),
            notices=self.findings.notices,
        )

    def source(self, value: Value, kind: str = "") -> Source | None:
        return find_source(value, self.folder, self.findings, kind=kind)

    def find(self, value: Value, message: str, hint: str | None = None, *, key: str = "") -> None:
        path = join_path(value.path, key) if key else value.path
        self.findings.add(value.place, message, hint, path=path)

    def models(self) -> dict[str, Source]:
        value = self.root.fields.get("model")
        if value is None:
            return {}
        if {"path", "url"} & value.fields.keys():
            source = read_asset(value, self.folder, self.findings)
            return {source.path.name: source} if source else {}
        return self.named_sources(value)

    def links(self, models: Mapping[str, Source], inputs: Mapping[str, Source]) -> dict[str, str]:
        """Give the places of the image where models and inputs are shown."""
        model, named = self.root.fields.get("model"), self.root.fields.get("inputs")
        single = model is not None and bool({"path", "url"} & model.fields.keys())
        mounts = [
            (model if single else model.fields[name], f"@model@/{places.model_path(name, source)}")
            for name, source in models.items()
            if model
        ]
        code = self.root.fields.get("code")
        mounts += [(code, "@code@")] if code else []
        mounts += [
            (named.fields[name], f"@input-{name}@/{source.path.name}") for name, source in inputs.items() if named
        ]
        return read_mounts(mounts, self.findings)

    def inputs(self) -> dict[str, Source]:
        value = self.root.fields.get("inputs")
        if value is None:
            return {}
        variables: dict[str, str] = {}
        for name, item in value.fields.items():
            other = variables.setdefault(input_variable(name), name)
            if other != name:
                self.find(item, f"has the same variable as {other}: {input_variable(name)}")
        return self.named_sources(value)

    def named_sources(self, value: Value) -> dict[str, Source]:
        found = {name: read_asset(item, self.folder, self.findings) for name, item in value.fields.items()}
        return {name: source for name, source in found.items() if source}

    def dependencies(self, path: Path) -> Dependencies:
        found = Dependencies(folder=self.folder, findings=self.findings)
        value = self.root.fields.get("requirements")
        if value is None:
            return found
        if isinstance(value.data, tuple):
            for item in value.items:
                self.dependency(item, path, found)
        elif "file" in value.fields and (source := self.source(value.fields["file"], FILE)):
            selection = Selection(
                extras=value.get_texts("extras") or (), groups=value.get_texts("groups"), place=value.place
            )
            read_dependencies(source.path, found, selection)
        return found

    def dependency(self, item: Value, path: Path, found: Dependencies) -> None:
        """Read one item of a list: a line of a requirements file, or a file of dependencies."""
        if not is_dependency_file(item.text):
            read_lines([Line(item.text, item.place, item.path)], path, found)
        elif source := self.source(item, FILE):
            read_dependencies(source.path, found)

    def asked_python(self, found: Dependencies) -> str | None:
        """Give the version of Python that the spec or a file of dependencies says; None leaves it to the base."""
        value = self.root.fields.get("python")
        named = (value and value.get_text("version")) or found.python
        base = self.root.fields.get("base")
        return named or (None if value or (base and base.get_text("from")) else choose_python(found))

    def code(self, entry: ServerEntry | None, python: str) -> Code | None:
        value = self.root.fields.get("code")
        if value is None:
            if entry and entry.scoring_script and "code" not in self.root.wrong:
                hint = f"write code: {{path: ./src, scoring_script: {SCORING_SCRIPT}}}"
                self.find(self.root, f"missing, the server {entry.name} runs a scoring script", hint, key="code")
            return None
        source = self.source(value.fields["path"], FOLDER) if "path" in value.fields else None
        if source is None:
            return None
        script = self.scoring_script(value, source, entry)
        if script and entry and entry.scoring_script:
            path = source.path / script
            shown = self.folder.show(path)
            functions = entry.scoring_script
            judge_script(path, shown=shown, python=python, functions=functions, findings=self.findings)
        return Code(source=source, scoring_script=script)

    def scoring_script(self, code: Value, source: Source, entry: ServerEntry | None) -> str | None:
        """Give the path below the code folder; None when there is none, or when it is wrong."""
        value = code.fields.get("scoring_script")
        if value is None:
            wanted = bool(entry and entry.scoring_script) and "scoring_script" not in code.wrong
            if wanted and is_file(source.path / SCORING_SCRIPT):
                return SCORING_SCRIPT
            if wanted and entry:
                hint = "name the module with " + " and ".join(f"{name}()" for name in entry.scoring_script)
                self.find(code, f"missing, and there is no {SCORING_SCRIPT}", hint, key="scoring_script")
            return None
        folder = Folder(path=source.path.resolve(), shown="", noun="the code folder", absolute=False)
        text = posixpath.normpath(value.text)
        meant = (self.folder.path / text).resolve()
        if not exists(folder.path / text) and is_file(meant) and meant.is_relative_to(folder.path):
            hint = f"write {show(str(meant.relative_to(folder.path)))}"
            self.find(value, f"not a path below the code folder: {show(text)}", hint)
            return None
        return text if find_source(value, folder, self.findings, kind=FILE) else None

    def base(self, python: str | None) -> Base:
        value = self.root.fields.get("base")
        chosen = (value and value.get_text("from")) or f"debian:{suites.suite_with(python)}"
        distribution, suite = chosen.split(":")
        packages = (value and value.get_texts("packages")) or ()
        build = (value and value.get_texts("build_packages")) or ()
        sources = (value and value.get_texts("sources")) or ()
        image = read_image(value, self.folder, self.findings) if value else None
        return Base(
            distribution=distribution,
            suite=suite,
            packages=packages,
            build_packages=build,
            image=image,
            sources=sources,
        )

    def image(self) -> Image:
        value = self.root.fields.get("image")
        if value is None:
            return Image(labels={})
        user = value.get_text("user") or ""
        return Image(
            user=user if ":" in user else f"{user}:{user}",
            labels=value.get_mapping("labels"),
            compression=value.get_text("compression") or "",
        )


def _normalized(name: str) -> str:
    """Give the name of a distribution in the one form that locks have (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def this_platform() -> str:
    """Give the platform of this machine, in OCI's words."""
    return {"aarch64": "linux/arm64", "arm64": "linux/arm64"}.get(os.uname().machine, "linux/amd64")
