"""The samples of the check: their files, and what the lock says of them."""

from __future__ import annotations

from pathlib import Path

from modelpack import injection
from modelpack.lock import LockedCheck, LockedRequest, LockedRun
from modelpack.spec import CheckRequest, Source, Spec
from modelpack.store.made import keep

_BODY = "request"


def layout(spec: Spec, made: Path) -> dict[str, Path]:
    """Give what the tree of samples is made of; bodies that the spec itself holds are kept in ``made``."""
    found = {}
    for request in spec.check.requests if spec.check else ():
        for kind, source in (("request", request.request), ("response", request.response)):
            if source:
                found[_sample_path(request, kind, source)] = source.path
        if request.body is not None:
            found[f"{request.name}/{_BODY}"] = keep(made, _BODY, request.body)
    return found


def check(spec: Spec) -> LockedCheck | None:
    """Give what the server must do; None when it is not asked."""
    if spec.check is None:
        return None
    server = injection.resolve_server(spec)
    if server.job:
        runs = tuple(_run(request) for request in spec.check.requests)
        return LockedCheck(timeout=_decimal(spec.check.timeout), requests=(), runs=runs)
    return LockedCheck(
        timeout=_decimal(spec.check.timeout),
        requests=tuple(
            LockedRequest(
                name=request.name,
                method=request.method,
                route=request.route or server.routes["scoring"],
                content_type=request.content_type,
                request=_request_path(request),
                status=request.status,
                response=_sample_path(request, "response", request.response) if request.response else None,
                tolerance=_decimal(request.tolerance),
            )
            for request in spec.check.requests
        ),
    )


def _request_path(request: CheckRequest) -> str | None:
    if request.request:
        return _sample_path(request, "request", request.request)
    return None if request.body is None else f"{request.name}/{_BODY}"


def _sample_path(request: CheckRequest, kind: str, source: Source) -> str:
    return f"{request.name}/{kind}{source.path.suffix}"


def _run(request: CheckRequest) -> LockedRun:
    assert request.request is not None  # noqa: S101 - load_spec refuses a job without
    return LockedRun(
        name=request.name,
        input=_sample_path(request, "request", request.request),
        output=_sample_path(request, "response", request.response) if request.response else None,
        tolerance=_decimal(request.tolerance),
    )


def _decimal(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)
