"""The ``check`` of a spec: sample requests, and what must come back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from modelpack.catalogue import ServerEntry
from modelpack.loading.keys import CHECK
from modelpack.loading.shape_reader import Value, read
from modelpack.loading.sources import FILE, Folder, find_source, is_file, is_folder
from modelpack.loading.yamlfile import Entry, Findings, MapNode, Place, Scalar, join_path
from modelpack.spec import Check, CheckRequest, Source

SAMPLE_REQUEST = "sample-request.json"
EXPECTED_RESPONSE = "expected-response.json"
"""Beside the spec, these two are the check of a spec that says none."""
SAMPLE_INPUTS = "sample-inputs"
EXPECTED_OUTPUTS = "expected-outputs"
"""The same of a job: folders."""
_OF_REQUESTS = ("route", "method", "content_type", "status")

_WITH_BODY = ("POST", "PUT", "PATCH")

_QUOTES = 'write names and texts in double quotes: {"data": ["a"]}'


def read_check(root: Value, entry: ServerEntry | None, folder: Folder, findings: Findings) -> Check | None:
    """Read the key ``check``; None when the spec wants none, or when it is wrong.

    Args:
        root: the whole spec.
        entry: what the catalogue says of the server; None when the server is wrong.
        folder: where relative paths begin.
        findings: takes what is wrong.
    """
    value = root.fields.get("check")
    if value is None and "check" not in root.wrong:
        value = _beside(root.place, entry, folder, findings)
    if value is None or value.data is False:
        return None
    return _read(value, entry, folder, findings)


def read_samples(
    request: Path, response: Path | None, entry: ServerEntry | None, folder: Folder, findings: Findings
) -> Check | None:
    """Make a check of a sample request and, when there is one, of its answer; None when they are wrong.

    Args:
        request: the file with the body.
        response: the file with the body that must come back.
        entry: what the catalogue says of the server.
        folder: what messages name files from.
        findings: takes what is wrong.
    """
    place = Place(file=folder.show(request), line=1, column=1)
    names = {"request": request, "response": response}
    entries = (
        Entry(key=key, place=place, value=Scalar(place=place, text=str(path), plain=False))
        for key, path in names.items()
        if path
    )
    value = read(CHECK, MapNode(place=place, entries=tuple(entries)), "check", findings)
    return _read(value, entry, folder, findings) if value else None


def _read(value: Value, entry: ServerEntry | None, folder: Folder, findings: Findings) -> Check | None:
    timeout = value.get_number("timeout") or 0
    if "readiness" in {*value.fields, *value.wrong}:
        if entry and entry.job and (item := value.fields.get("readiness")):
            message = f"{entry.name} is a job, which never becomes ready"
            findings.add(item.place, message, f"write check: {{request: ./{SAMPLE_INPUTS}}}", path=item.path)
        return Check(requests=(), timeout=timeout)
    values = value.fields["requests"].items if "requests" in value.fields else (value,)
    if "requests" in value.wrong:
        return None
    reader = _RequestReader(entry=entry, folder=folder, findings=findings)
    requests = tuple(reader.read(item, number) for number, item in enumerate(values, start=1))
    seen: set[str] = set()
    for request, item in zip(requests, values, strict=True):
        if request.name in seen:
            findings.add(item.place, f"two requests have the name {request.name}", path=join_path(item.path, "name"))
        seen.add(request.name)
    return Check(requests=requests, timeout=timeout)


def _beside(place: Place, entry: ServerEntry | None, folder: Folder, findings: Findings) -> Value | None:
    """Make the check of the samples beside the spec."""
    job = entry is not None and entry.job
    request, response = (SAMPLE_INPUTS, EXPECTED_OUTPUTS) if job else (SAMPLE_REQUEST, EXPECTED_RESPONSE)
    names = {"request": request, "response": response}
    if not _is_there(folder.path / request, job=job):
        hint = f"write check: {{request: {request}, response: {response}}}, or check: false"
        findings.add(place, f"missing, and there is no {request}", hint, path="check")
        return None
    entries = (
        Entry(key=key, place=place, value=Scalar(place=place, text=name, plain=False))
        for key, name in names.items()
        if _is_there(folder.path / name, job=job)
    )
    return read(CHECK, MapNode(place=place, entries=tuple(entries)), "check", findings)


def _is_there(path: Path, *, job: bool) -> bool:
    return is_folder(path) if job else is_file(path)


@dataclass(frozen=True, kw_only=True, slots=True)
class _RequestReader:
    entry: ServerEntry | None
    folder: Folder
    findings: Findings

    def read(self, value: Value, number: int) -> CheckRequest:
        if self.entry and self.entry.job:
            return self._run(value, number, self.entry)
        method = value.get_text("method") or (self.entry.method if self.entry else "POST")
        content_type = value.get_text("content_type") or (self.entry.content_type if self.entry else "")
        request = self._file(value, "request")
        response = self._file(value, "response")
        if method in _WITH_BODY and not {"request", "method"} & {*value.fields, *value.wrong} and self.entry:
            hint = f"write request: {SAMPLE_REQUEST}, or method: GET"
            path = join_path(value.path, "request")
            self.findings.add(value.place, f"missing, a {method} request has a body", hint, path=path)
        status, tolerance = value.get_number("status"), value.get_number("tolerance")
        # What is to be refused may well be wrong on purpose.
        if request and _is_json(content_type) and not 400 <= (status or 0) < 500:
            self._judge_json(request)
        if response and response.path.suffix == ".json":
            self._judge_json(response)
        return CheckRequest(
            name=value.get_text("name") or f"request-{number}",
            request=request,
            response=response,
            route=value.get_text("route"),
            method=method,
            content_type=content_type,
            status=int(status or 0),
            tolerance=tolerance or 0.0,
        )

    def _run(self, value: Value, number: int, entry: ServerEntry) -> CheckRequest:
        """Read a sample run of a job: what it is given, and what must come out."""
        for key in _OF_REQUESTS:
            if (item := value.fields.get(key)) and item.place != value.place:
                message = f"{entry.name} is a job, which answers no requests"
                self.findings.add(item.place, message, "leave it out", path=item.path)
        if "request" not in {*value.fields, *value.wrong}:
            message, path = "missing, a job is given something to read", join_path(value.path, "request")
            self.findings.add(value.place, message, f"write request: ./{SAMPLE_INPUTS}", path=path)
        return CheckRequest(
            name=value.get_text("name") or f"run-{number}",
            request=self._file(value, "request", kind=""),
            response=self._file(value, "response", kind=""),
            method=entry.method,
            content_type=entry.content_type,
            tolerance=value.get_number("tolerance") or 0.0,
        )

    def _file(self, value: Value, key: str, *, kind: str = FILE) -> Source | None:
        path = value.fields.get(key)
        return find_source(path, self.folder, self.findings, kind=kind) if path else None

    def _judge_json(self, source: Source) -> None:
        shown = self.folder.show(source.path)
        place, message = _judge_json(source.path, shown)
        if message:
            hint = _QUOTES if "double quotes" in message else None
            self.findings.add(place, message, hint, path=source.key)


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _judge_json(path: Path, shown: str) -> tuple[Place, str | None]:
    """Give the place and the text of what keeps a file from being JSON; None when it is."""
    start = Place(file=shown, line=1, column=1)
    try:
        json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        return Place(file=shown, line=error.lineno, column=error.colno), message
    except UnicodeDecodeError as error:
        return start, f"not JSON: not {error.encoding.upper()}"
    except RecursionError:
        return start, "not JSON: nested too deeply"
    except OSError as error:
        return start, f"cannot be read: {error.strerror}"
    return start, None
