"""The files that references are looked up in: what a workspace is in Azure, a folder is here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelpack.errors import ModelpackError
from modelpack.loading.azure.document import Document, read_document
from modelpack.loading.azure.kinds import DATA_KIND, ENVIRONMENT_KIND, MODEL_KIND, PACKAGE_KIND, kind_of
from modelpack.loading.azure.references import Reference
from modelpack.loading.shape_reader import Value
from modelpack.loading.sources import is_folder
from modelpack.loading.yamlfile import MAX_BYTES, Findings, MapNode, Scalar, parse_yaml, show

_SUFFIXES = (".yml", ".yaml")
_DEPTH = 8
"""Levels of folders that are looked into."""
_EXAMPLES = {
    MODEL_KIND: "{name: %s, path: ./model}",
    ENVIRONMENT_KIND: "{name: %s, image: ..., conda_file: conda.yaml}",
    DATA_KIND: "{name: %s, type: uri_file, path: ./file}",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    path: Path
    kind: str
    version: str | None
    copies: bool
    """A package that says ``mode: copy``."""


@dataclass(kw_only=True, slots=True)
class Assets:
    """A folder with files that define assets."""

    folder: Path
    shown: str
    """What messages call it."""
    given: bool
    """Named by the user, not the folder of the input."""
    findings: Findings
    _texts: list[tuple[Path, str, str]] = field(default_factory=list)
    _read: bool = False

    def reporting_to(self, findings: Findings) -> Assets:
        """Give the same assets, whose lack is found elsewhere."""
        self._all()
        return replace(self, findings=findings)

    def find(self, reference: Reference, value: Value) -> Document | None:
        """Give the file that defines what is referred to; None when there is none, which is then found.

        Args:
            reference: what is looked for. An environment may also be a package, by its target's name.
            value: where it was written.
        """
        named = list(self._named(reference))
        fitting = _fitting(named, reference)
        if len(fitting) > 1 and (copies := [item for item in fitting if item.copies]):
            fitting = copies[:1]
        if len(fitting) == 1:
            chosen = fitting[0]
            return read_document(chosen.path, chosen.kind, self._name(chosen.path), self.findings)
        if fitting:
            files = ", ".join(self._name(item.path) for item in fitting)
            hint = "keep one of them, or name the folder of the one that is meant with --assets"
            self.findings.add(value.place, f"{reference} is defined in several files: {files}", hint, path=value.path)
            return None
        self._say_missing(reference, named, value)
        return None

    def _say_missing(self, reference: Reference, named: list[_Candidate], value: Value) -> None:
        if named:
            found = ", ".join(f"{self._name(item.path)} has {item.version}" for item in named)
            message = f"no file defines {reference}: {found}"
            self.findings.add(value.place, message, "refer to a version that is there", path=value.path)
            return
        where = self.shown or "this folder"
        registry = f" of the registry {reference.registry}" if reference.registry else ""
        message = f"no YAML file below {show(where)} defines the {reference}{registry}"
        example = _EXAMPLES[reference.kind] % reference.name
        hint = f"write one: {example}, or name the folder that has it with --assets"
        if reference.kind == MODEL_KIND:
            hint += ", or the model itself with --model PATH"
        self.findings.add(value.place, message, hint, path=value.path)

    def _named(self, reference: Reference) -> Iterator[_Candidate]:
        for path, kind, text in self._all():
            same = kind == reference.kind or (kind == PACKAGE_KIND and reference.kind == ENVIRONMENT_KIND)
            if same and reference.name in text:
                name, version, copies = _identity(text, kind)
                if name == reference.name:
                    yield _Candidate(path=path, kind=kind, version=version, copies=copies)

    def _all(self) -> list[tuple[Path, str, str]]:
        if not self._read:
            self._texts += _assets_below(self.folder)
            self._read = True
        return self._texts

    def _name(self, path: Path) -> str:
        return show(self.shown + str(path.relative_to(self.folder)))


def open_assets(folder: Path | None, beside: Path, findings: Findings) -> Assets:
    """Give the assets of a folder, or when none is named of the one that the input lies in.

    Raises:
        ModelpackError: there is no such folder.
    """
    chosen = folder or beside.parent
    if not is_folder(chosen):
        raise ModelpackError(f"--assets: no such folder: {show(str(chosen))}")
    text = chosen.as_posix()
    shown = "" if text == "." else f"{text.rstrip('/')}/"
    return Assets(folder=chosen, shown=shown, given=folder is not None, findings=findings)


def _assets_below(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Give path, kind and text of all files of Azure ML's below a folder, in the order of their names."""
    for root, folders, names in os.walk(folder):
        inside = Path(root).relative_to(folder)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and len(inside.parts) < _DEPTH)
        for name in sorted(names):
            path = Path(root) / name
            if path.suffix.lower() in _SUFFIXES and (text := _text(path)) and (kind := kind_of(text)):
                yield path, kind, text


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig") if path.stat().st_size <= MAX_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None


def _identity(text: str, kind: str) -> tuple[str | None, str | None, bool]:
    """Give name and version of the asset that a file defines, and whether a package asks for a copy of the model."""
    node = parse_yaml(text, "", Findings())
    if not isinstance(node, MapNode):
        # Broken, or a template: it is read again, and reported, when it is the one.
        found = re.search(r"^(?:name|target_environment(?:_name)?) *: *(\S+)", text, re.MULTILINE)
        return found[1] if found else None, None, False
    values = {entry.key: entry.value for entry in node.entries}
    if kind != PACKAGE_KIND:
        return _scalar(values.get("name")), _scalar(values.get("version")), False
    target = values.get("target_environment", values.get("target_environment_name"))
    name, version = split_target(_scalar(target) or _entry(target, "name") or "")
    mode = _entry(values.get("model_configuration"), "mode") or ""
    return name, version or _scalar(values.get("target_environment_version")), mode.lower() == "copy"


def split_target(text: str) -> tuple[str, str | None]:
    """Give name and version of a target environment: ``NAME`` or ``azureml:NAME:VERSION``."""
    match = re.fullmatch(r"azureml:([^:@/\s]+)(?::([^:@/\s]+))?", text)
    return (match[1], match[2]) if match else (text, None)


def _entry(node: object, key: str) -> str | None:
    entries = node.entries if isinstance(node, MapNode) else ()
    return next((_scalar(entry.value) for entry in entries if entry.key == key), None)


def _scalar(node: object) -> str | None:
    return node.text if isinstance(node, Scalar) and node.kind != "null" else None


def _fitting(named: list[_Candidate], reference: Reference) -> list[_Candidate]:
    """Give the candidates of the version that is asked for, else the newest; a file without one has any."""
    if reference.version:
        exact = [item for item in named if item.version == reference.version]
        return exact or [item for item in named if item.version is None]
    newest = max((_order(item.version) for item in named), default=None)
    return [item for item in named if _order(item.version) == newest]


def _order(version: str | None) -> tuple[tuple[int, int, str], ...]:
    """Give what orders versions: numbers as such, below them what is none."""
    parts = re.findall(r"\d+|[^\d.]+", version or "")
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)
