"""An ASGI application around a scoring script: ``POST /score``, ``GET /healthz``, and an OpenAPI document."""

from __future__ import annotations

import asyncio
import logging
import os

import modelpack_scoring
from fastapi import FastAPI, Request, Response
from modelpack_settings import count

script = modelpack_scoring.start()
app = FastAPI(
    title=os.environ.get("MODELPACK_NAME", "model"), version=os.environ.get("MODELPACK_VERSION", "1"), docs_url=None
)
# A model is rarely safe for several threads at once; more of them are asked for in so many words.
limit = asyncio.Semaphore(count("MODELPACK_THREADS", default=1))
BODY = {"requestBody": {"content": {"application/json": {"schema": {}}}, "required": True}}


async def score(request: Request) -> Response:
    """Answer one request with what the script's run() gives."""
    body = await request.body()
    try:
        async with limit:
            answer = await asyncio.to_thread(script.answer, body)
    except Exception as error:  # the script is the user's: anything may come
        answer = modelpack_scoring.failed(error, body)
        if answer.status >= 500:
            logging.getLogger("uvicorn.error").exception("run() failed")
    return Response(answer.body, answer.status, media_type=answer.content_type)


async def health() -> dict[str, str]:
    """Say that init() came to its end: else there would be no application."""
    return {"status": "ready"}


for path in modelpack_scoring.SCORE:
    app.add_api_route(path, score, methods=["POST"], openapi_extra=BODY, response_class=Response)
for path in modelpack_scoring.HEALTH:
    app.add_api_route(path, health, methods=["GET"])
    app.add_api_route(path, health, methods=["HEAD"], include_in_schema=False)
