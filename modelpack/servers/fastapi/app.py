"""An ASGI application around a scoring script: ``POST /score``, ``GET /healthz``, and an OpenAPI document."""

from __future__ import annotations

import asyncio
import logging
import os

import scoring
from fastapi import FastAPI, Request, Response

script = scoring.start()
app = FastAPI(
    title=os.environ.get("MODELPACK_NAME", "model"), version=os.environ.get("MODELPACK_VERSION", "1"), docs_url=None
)
# A model is rarely safe for several threads at once; more of them are asked for in so many words.
limit = asyncio.Semaphore(int(os.environ.get("MODELPACK_THREADS", "1")))
BODY = {"requestBody": {"content": {"application/json": {"schema": {}}}, "required": True}}


async def score(request: Request) -> Response:
    """Answer one request with what the script's run() gives."""
    body = await request.body()
    try:
        async with limit:
            answer = await asyncio.to_thread(script.answer, body)
        return Response(answer, media_type="application/json")
    except UnicodeDecodeError as error:
        return Response(scoring.failed(error), status_code=400, media_type="application/json")
    except Exception as error:  # the script is the user's: anything may come
        logging.getLogger("uvicorn.error").exception("run() failed")
        return Response(scoring.failed(error), status_code=500, media_type="application/json")


async def health() -> dict[str, str]:
    """Say that init() came to its end: else there would be no application."""
    return {"status": "ready"}


for path in scoring.SCORE:
    app.add_api_route(path, score, methods=["POST"], openapi_extra=BODY, response_class=Response)
for path in scoring.HEALTH:
    app.add_api_route(path, health, methods=["GET"])
