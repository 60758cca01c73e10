"""A WSGI application around a scoring script: ``POST /score``, ``GET /healthz``."""

from __future__ import annotations

import logging
import threading

import modelpack_scoring
from flask import Flask, Response, request
from modelpack_settings import count

app = Flask(__name__)
script = modelpack_scoring.start()
# A model is rarely safe for several threads at once; more of them are asked for in so many words.
limit = threading.BoundedSemaphore(count("MODELPACK_THREADS", default=1))


def score() -> Response:
    """Answer one request with what the script's ``run`` gives."""
    body = request.get_data()
    try:
        with limit:
            answer = script.answer(body)
    except Exception as error:  # the script is the user's: anything may come
        answer = modelpack_scoring.failed(error, body)
        if answer.status >= 500:
            logging.getLogger("gunicorn.error").exception("run() failed")
    return Response(answer.body, status=answer.status, content_type=answer.content_type)


def health() -> Response:
    """Say that ``init`` came to its end: else there would be no application."""
    return Response('{"status": "ready"}', mimetype="application/json")


for path in modelpack_scoring.SCORE:
    app.add_url_rule(path, path, score, methods=["POST"])
for path in modelpack_scoring.HEALTH:
    app.add_url_rule(path, path, health, methods=["GET"])
