"""References to assets of a workspace or registry: ``azureml:NAME:VERSION`` and its longer forms."""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelpack.loading.yamlfile import Fault, quote

_KINDS = {"models": "model", "environments": "environment", "data": "data", "codes": "code"}
_A = {"model": "a model", "environment": "an environment", "data": "data", "code": "code"}
_LONG = re.compile(
    r"(?:azureml:(?=/))?(?:azureml://|/)(?P<scope>[^\s]*?)/?"
    r"(?P<kind>models|environments|data|codes)/(?P<name>[^/\s]+)"
    r"(?:/(?P<how>versions|labels)/(?P<what>[^/\s]+))?",
    re.IGNORECASE,
)
_SHORT = re.compile(r"azureml:(?P<name>[^\s:@/]+)(?:(?P<how>[:@])(?P<what>[^\s:@/]+))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """An asset by name, at one version or at whichever bears a label."""

    kind: str
    """``model``, ``environment``, ``data`` or ``code``."""
    name: str
    version: str | None = None
    """None: any, the newest of which is meant."""
    registry: str | None = None
    text: str
    """As it was written."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" {self.version}" if self.version else "")


def parse_reference(text: str, kind: str) -> Reference | Fault:
    """Read a reference to an asset of ``kind``; give what is wrong with it when it is none.

    A label, of which Azure has only ``latest``, means the newest version.
    """
    if match := _SHORT.fullmatch(text):
        version = match["what"] if match["how"] == ":" else None
        fault = _judge_label(match["what"]) if match["how"] == "@" else None
        return fault or Reference(kind=kind, name=match["name"], version=version, text=text)
    match = _LONG.fullmatch(text)
    if match is None:
        return _not_a_reference(text, kind)
    found = _KINDS[match["kind"].lower()]
    if found != kind:
        return f"names {_A[found]}, where {_A[kind]} is expected: {quote(text)}", None
    labelled = (match["how"] or "").lower() == "labels"
    registry = re.search(r"registries/([^/]+)", match["scope"])
    version = None if labelled else match["what"]
    fault = _judge_label(match["what"]) if labelled else None
    return fault or Reference(
        kind=kind, name=match["name"], version=version, registry=registry[1] if registry else None, text=text
    )


def _judge_label(label: str) -> Fault | None:
    if label.lower() == "latest":
        return None
    return (
        f"an unknown label: {quote(label)}",
        "Azure ML has the label latest; write azureml:NAME:VERSION for a version",
    )


def _not_a_reference(text: str, kind: str) -> Fault:
    message = f"not a reference to an asset: {quote(text)}"
    if re.match(r"azureml:[^/]", text):
        return message, "write azureml:NAME, azureml:NAME:VERSION or azureml:NAME@latest"
    if re.match(r"azureml:|/subscriptions/", text):
        return (
            message,
            f"it has to end in {next(word for word, one in _KINDS.items() if one == kind)}/NAME/versions/VERSION",
        )
    if re.match(r"[./~]|[a-z]+:/", text) or "/" in text:
        hints = {
            "model": "write a mapping: {path: ./model}",
            "environment": "name a YAML file that defines an environment",
            "data": "write path: ./FILE for a file that lies here",
        }
        return message, hints.get(kind)
    return message, f"write azureml:{text}"
