"""Azure ML's routes in front of an application: WSGI (PEP 3333) up to mlflow 2.20, ASGI from 2.21.

A request to score becomes one to MLflow's ``/invocations`` inside the same process, and the routes that Vertex AI asks
for become MLflow's own; all else is passed on as it is.
"""

from __future__ import annotations

import io
import os
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from modelpack_mlflow.azure import Answer, Azure, BadRequestError, refusal

_INVOCATIONS = "/invocations"
_RENAMED = {os.environ.get("AIP_HEALTH_ROUTE"): "/ping", os.environ.get("AIP_PREDICT_ROUTE"): _INVOCATIONS}
"""Vertex AI's routes to MLflow's."""


class Wsgi:
    """A WSGI application with Azure ML's routes."""

    def __init__(self, application: Callable[..., Any], azure: Azure) -> None:
        self._application = application
        self._azure = azure

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:  # noqa: ANN401 - WSGI's
        """Answer one request (PEP 3333)."""
        asked = environ.get("PATH_INFO") or "/"
        path = _RENAMED.get(asked, asked)
        environ = {**environ, "PATH_INFO": path}
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        answer = self._azure.answer(environ["REQUEST_METHOD"], path, query)
        if answer is None and path != "/score":
            return self._application(environ, start_response)
        answer = answer or self._score(environ)
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body))), *answer.headers]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [answer.body]

    def _score(self, environ: dict[str, Any]) -> Answer:
        size = environ.get("CONTENT_LENGTH")
        try:
            question = self._azure.question(environ["wsgi.input"].read(*([int(size)] if size else [])))
        except BadRequestError as error:
            return refusal(error)
        inner = {
            **environ,
            "PATH_INFO": _INVOCATIONS,
            "CONTENT_TYPE": question.content_type,
            "CONTENT_LENGTH": str(len(question.body)),
            "wsgi.input": io.BytesIO(question.body),
        }
        began: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            del headers
            began.append(status)

        body = b"".join(self._application(inner, start))
        return self._azure.result(int(began[-1].split()[0]), body)


class Asgi:
    """An ASGI application with Azure ML's routes."""

    def __init__(self, application: Callable[..., Awaitable[None]], azure: Azure) -> None:
        self._application = application
        self._azure = azure

    async def __call__(self, scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        path = _RENAMED.get(scope["path"])
        if path:
            scope = {**scope, "path": path, "raw_path": path.encode()}
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        answer = self._azure.answer(scope["method"], scope["path"], query)
        if answer is None and scope["path"] != "/score":
            await self._application(scope, receive, send)
            return
        answer = answer or await self._score(scope, receive)
        headers = [("content-type", answer.content_type), ("content-length", str(len(answer.body))), *answer.headers]
        encoded = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        await send({"type": "http.response.body", "body": answer.body})

    async def _score(self, scope: dict[str, Any], receive: Callable[..., Any]) -> Answer:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            question = self._azure.question(body)
        except BadRequestError as error:
            return refusal(error)
        kept = [pair for pair in scope["headers"] if pair[0].lower() not in (b"content-type", b"content-length")]
        size = str(len(question.body)).encode()
        headers = [*kept, (b"content-type", question.content_type.encode()), (b"content-length", size)]
        inner = {**scope, "path": _INVOCATIONS, "raw_path": _INVOCATIONS.encode(), "headers": headers}
        messages: list[dict[str, Any]] = []
        bodies = [{"type": "http.request", "body": question.body, "more_body": False}]

        async def give() -> dict[str, Any]:
            return bodies.pop() if bodies else await receive()

        async def take(message: dict[str, Any]) -> None:
            messages.append(message)

        await self._application(inner, give, take)
        start = next(message for message in messages if message["type"] == "http.response.start")
        return self._azure.result(start["status"], b"".join(message.get("body", b"") for message in messages))
