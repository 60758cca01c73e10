"""What every reader of a part of Azure ML's files works with."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from modelpack.loading.azure.assets import Assets
from modelpack.loading.azure.document import Document, read_document
from modelpack.loading.azure.kinds import PACKAGE_KIND, kind_of
from modelpack.loading.azure.references import parse_reference
from modelpack.loading.options import Options
from modelpack.loading.shape_reader import Value
from modelpack.loading.sources import FILE, Folder, find_source
from modelpack.loading.yamlfile import Findings, show
from modelpack.spec import Source

_CLOUD = re.compile(r"azureml://|(?:runs|models|mlflow-artifacts):/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The input, and where to look and whom to tell."""

    document: Document
    """The file that the user named."""
    assets: Assets
    options: Options
    findings: Findings

    def find(self, value: Value, message: str, hint: str | None = None, *, key: str = "") -> None:
        """Keep what is wrong with a value, or with its key."""
        path = ".".join(part for part in (value.path, key) if part)
        self.findings.add(value.place, message, hint, path=path)

    def warn(self, value: Value, message: str, hint: str | None = None) -> None:
        """Keep what may not be what was meant."""
        self.findings.warn(value.place, message, hint, path=value.path)

    def note(self, value: Value, message: str, hint: str | None = None) -> None:
        """Keep what was decided for the user."""
        self.findings.note(value.place, message, hint, path=value.path)

    def resolve(self, value: Value, kind: str) -> Document | None:
        """Give the file that defines an asset: the one that is referred to, or that is named itself.

        None when there is none, which is then found.
        """
        if re.fullmatch(r"(?!azureml:|[a-z]+://).*\.ya?ml", value.text):
            return self._named(value, kind)
        reference = parse_reference(value.text, kind)
        if isinstance(reference, tuple):
            self.find(value, *reference)
            return None
        return self.assets.find(reference, value)

    def _named(self, value: Value, kind: str) -> Document | None:
        folder = self.document.folder
        source = find_source(value, folder, self.findings, kind=FILE)
        if source is None:
            return None
        found = kind_of(source.path.read_text(encoding="utf-8", errors="replace"))
        if found not in (kind, PACKAGE_KIND):
            self.find(value, f"defines no {kind}: {show(value.text)}")
            return None
        return read_document(source.path, found, folder.show(source.path), self.findings)

    def aside(self) -> Context:
        """Give the same context with findings that nobody is told."""
        findings = Findings()
        return replace(self, findings=findings, assets=self.assets.reporting_to(findings))

    def source(self, value: Value, folder: Folder, *, kind: str = "") -> Source | None:
        """Give what a path leads to; None when something is wrong with it, which is then found."""
        if _CLOUD.match(value.text):
            hint = "download it, and write its path here"
            self.find(value, f"lies in a workspace, which is not asked: {show(value.text)}", hint)
            return None
        return find_source(value, folder, self.findings, kind=kind)
