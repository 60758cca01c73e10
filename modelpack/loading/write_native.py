"""A ``Spec`` back to text: the ``modelpack.yaml`` that means the same, and the files that it needs beside it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelpack import places
from modelpack.catalogue import entry_for
from modelpack.errors import ModelpackError
from modelpack.loading.keys import DEFAULT_BASE
from modelpack.loading.native import this_platform
from modelpack.loading.yamlfile import dump_yaml
from modelpack.spec import BaseImage, Check, CheckRequest, FlakeInterpreter, Image, Indexes, Requirement, Source, Spec

CONSTRAINTS = "constraints.txt"
ENVIRONMENT = "environment.yaml"
Plain = str | int | float | bool | list["Plain"] | dict[str, "Plain"]
"""What a YAML file holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """Files, by their names in one folder."""

    texts: Mapping[str, str]


def write_native(spec: Spec, path: Path) -> Written:
    """Give the text of a native spec that lies at ``path``, and of the files that it names beside it.

    Args:
        spec: what was read from another form.
        path: where the native spec is to lie; paths in it begin there, and lead elsewhere when they are absolute.

    Raises:
        ModelpackError: the native spec would lie in what is packaged.
    """
    return _Writer(spec, path).write()


class _Writer:
    def __init__(self, spec: Spec, path: Path) -> None:
        self.spec = spec
        self.name = path.name
        self.folder = Path(os.path.realpath(path.parent))
        self.texts: dict[str, str] = {}

    def write(self) -> Written:
        content: dict[str, Plain] = {"name": self.spec.name, "version": self.spec.version}
        for key, writer in _KEYS.items():
            value = writer(self)
            if value is not None and value not in ({}, []):
                content[key] = value
        head = f"# Written by modelpack import from {self.spec.path.name}.\n"
        return Written(texts={self.name: head + dump_yaml(content), **self.texts})

    def description(self) -> Plain | None:
        return self.spec.description

    def model(self) -> Plain | None:
        found = {
            name: self.asset(source, f"@model@/{places.model_path(name, source)}")
            for name, source in self.spec.models.items()
        }
        single = next(iter(found)) if len(found) == 1 else None
        return found[single] if single and single == self.spec.models[single].path.name else found

    def asset(self, source: Source, target: str) -> Plain:
        """Give a model or an input, with the place where the image shows it."""
        mounts = [path for path, other in self.spec.links.items() if other == target]
        content: dict[str, Plain] = {"mount_path": mounts[0]} if mounts else {}
        if source.remote:
            remote: dict[str, Plain] = {"url": source.remote.url, "sha256": source.remote.sha256}
            return remote | ({"unpack": True} if source.remote.unpack else {}) | content
        path = self.source(source)
        return {"path": path, **content} if content else path

    def python(self) -> Plain | None:
        interpreter = self.spec.interpreter
        if interpreter is None:
            return self.spec.python
        if isinstance(interpreter, FlakeInterpreter):
            return {"version": self.spec.python, "flake": self.flake(interpreter)}
        source = interpreter.source
        tarball = source.remote.url if source.remote else self.path(source.path)
        content: dict[str, Plain] = {"version": self.spec.python, "tarball": tarball}
        return content | ({"sha256": interpreter.sha256} if interpreter.sha256 else {})

    def flake(self, asked: FlakeInterpreter) -> str:
        """Give the reference of a flake, with the folder of a local one as seen from the native spec."""
        local = str(asked.folder) if asked.folder else ""
        where = asked.reference.replace(local, self.path(asked.folder), 1) if asked.folder else asked.reference
        return f"{where}#{asked.attribute}" if asked.attribute else where

    def requirements(self) -> Plain | None:
        lines = [*_options(self.spec.indexes), *map(self.requirement, self.spec.requirements)]
        if self.spec.constraints:
            self.texts[CONSTRAINTS] = "".join(f"{self.requirement(item)}\n" for item in self.spec.constraints)
            lines.append(f"-c {CONSTRAINTS}")
        return self.environment_file(lines) if self.spec.conda else [*lines]

    def environment_file(self, lines: list[str]) -> str:
        """Write packages of conda, and what pip adds to them, into a file of their own."""
        dependencies: list[Plain] = [item.text for item in self.spec.conda]
        dependencies += [{"pip": [*lines]}] if lines else []
        content: dict[str, Plain] = {"channels": [*self.spec.channels], "dependencies": dependencies}
        self.texts[ENVIRONMENT] = dump_yaml(content)
        return ENVIRONMENT

    def requirement(self, item: Requirement) -> str:
        hashes = "".join(f" --hash={digest}" for digest in item.hashes)
        if item.source is None:
            return f"{item.text}{hashes}"
        name, _, marker = item.text.partition(" ;")
        remote = item.source.remote
        where = f"{remote.url}#sha256={remote.sha256}" if remote else self.path(item.source.path)
        return f"{name} @ {where}" + (f" ;{marker}" if marker else "") + hashes

    def code(self) -> Plain | None:
        code = self.spec.code
        if code is None:
            return None
        content: dict[str, Plain] = {"path": self.source(code.source)}
        content |= {"scoring_script": code.scoring_script} if code.scoring_script else {}
        mounts = [path for path, target in self.spec.links.items() if target == "@code@"]
        return content | ({"mount_path": mounts[0]} if mounts else {})

    def server(self) -> Plain | None:
        server = self.spec.server
        name = self.path(server.folder) if server.folder else server.name
        content: dict[str, Plain] = {"name": name}
        content |= {"version": server.version} if server.version else {}
        content |= {"command": [*server.command]} if server.command else {}
        content |= {"options": {**server.options}} if server.options else {}
        content |= {"port": server.port} if server.port else {}
        content |= {"routes": {**server.routes}} if server.routes else {}
        return name if len(content) == 1 else content

    def inputs(self) -> Plain | None:
        return {
            name: self.asset(source, f"@input-{name}@/{source.path.name}") for name, source in self.spec.inputs.items()
        }

    def environment_variables(self) -> Plain | None:
        return {**self.spec.environment_variables}

    def file_conflicts(self) -> Plain | None:
        return {**self.spec.file_conflicts}

    def formats(self) -> Plain | None:
        return None if self.spec.formats is None else [*self.spec.formats]

    def base(self) -> Plain | None:
        base = self.spec.base
        name = f"{base.distribution}:{base.suite}"
        content: dict[str, Plain] = {"packages": [*base.packages]} if base.packages else {}
        content |= {"sources": [*base.sources]} if base.sources else {}
        content |= {"build_packages": [*base.build_packages]} if base.build_packages else {}
        if base.image:
            content["image"] = self.base_image(base.image)
            content |= {"digest": base.image.digest} if base.image.digest else {}
        if content:
            return {"from": name, **content}
        return None if name == DEFAULT_BASE else name

    def base_image(self, image: BaseImage) -> str:
        if image.path:
            return self.path(image.path)
        return f"{image.host}/{image.name}" if image.host else image.name

    def check(self) -> Plain | None:
        check = self.spec.check
        if check is None:
            return False
        timeout: dict[str, Plain] = {} if check.timeout == Check(requests=()).timeout else {"timeout": check.timeout}
        if not check.requests:
            return {"readiness": "only", **timeout}
        if len(check.requests) == 1 and check.requests[0].name in ("request-1", "run-1"):
            return self.request(check.requests[0]) | timeout
        requests: list[Plain] = [{"name": item.name, **self.request(item)} for item in check.requests]
        return {"requests": requests, **timeout}

    def request(self, item: CheckRequest) -> dict[str, Plain]:
        entry = entry_for(self.spec.server)
        usual = CheckRequest(name="", request=None, response=None, method=entry.method, content_type=entry.content_type)
        content: dict[str, Plain] = {}
        if item.body is not None:
            self.texts[f"{item.name}.json"] = item.body
            content["request"] = f"{item.name}.json"
        elif item.request:
            content["request"] = self.source(item.request)
        if item.response:
            content["response"] = self.source(item.response)
        for key in ("route", "method", "content_type", "status", "tolerance"):
            if getattr(item, key) != getattr(usual, key):
                content[key] = getattr(item, key)
        return content

    def image(self) -> Plain | None:
        image, usual = self.spec.image, Image(labels={})
        content: dict[str, Plain] = {} if image.user == usual.user else {"user": image.user}
        content |= {"labels": {**image.labels}} if image.labels else {}
        return content | ({} if image.compression == usual.compression else {"compression": image.compression})

    def findings(self) -> Plain | None:
        ignored = self.spec.ignored.items()
        items: list[Plain] = [{"code": code, "reason": reason} for code, reason in ignored]
        return {"ignore": items} if items else None

    def platform(self) -> Plain | None:
        return None if self.spec.platform == this_platform() else self.spec.platform

    def source(self, source: Source) -> str:
        """Give the path of what is packaged.

        Raises:
            ModelpackError: it holds the folder of the native spec, and so its lock.
        """
        if self.folder.is_relative_to(os.path.realpath(source.path)):
            message = f"{self.name} would lie in what is packaged: {source.path}"
            raise ModelpackError(message, hint=f"write it elsewhere: -o ELSEWHERE/{self.name}")
        return self.path(source.path)

    def path(self, path: Path) -> str:
        """Give a path as seen from the folder of the native spec; one that leads out of it stays absolute."""
        real = Path(os.path.realpath(path.parent), path.name)
        inside = real.is_relative_to(self.folder) and Path(os.path.realpath(path)).is_relative_to(self.folder)
        return f"./{real.relative_to(self.folder)}" if inside else str(path)


_KEYS: Mapping[str, Callable[[_Writer], Plain | None]] = {
    "description": _Writer.description,
    "model": _Writer.model,
    "python": _Writer.python,
    "requirements": _Writer.requirements,
    "code": _Writer.code,
    "server": _Writer.server,
    "inputs": _Writer.inputs,
    "environment_variables": _Writer.environment_variables,
    "file_conflicts": _Writer.file_conflicts,
    "formats": _Writer.formats,
    "base": _Writer.base,
    "check": _Writer.check,
    "image": _Writer.image,
    "findings": _Writer.findings,
    "platform": _Writer.platform,
}


def _options(indexes: Indexes) -> Iterable[str]:
    """Give the lines of a requirements file that say where packages are."""
    if indexes.default:
        yield f"--index-url {indexes.default.written}"
    yield from (f"--extra-index-url {address.written}" for address in indexes.extra)
    # A folder is written as it was found: the new file may lie elsewhere.
    yield from (f"--find-links {_link(address.written, address.url)}" for address in indexes.links)
    yield from ["--no-index"] * indexes.none
    yield from ["--pre"] * indexes.prereleases


def _link(written: str, url: str) -> str:
    return written if re.search(r"://|\$\{", written) else url
