"""A WSGI application around a scoring script: ``POST /score``, ``GET /healthz``."""

from __future__ import annotations

import logging

import scoring
from flask import Flask, Response, request

app = Flask(__name__)
script = scoring.start()


def score() -> Response:
    """Answer one request with what the script's ``run`` gives."""
    try:
        return Response(script.answer(request.get_data()), mimetype="application/json")
    except UnicodeDecodeError as error:
        return Response(scoring.failed(error), status=400, mimetype="application/json")
    except Exception as error:  # the script is the user's: anything may come
        logging.getLogger("gunicorn.error").exception("run() failed")
        return Response(scoring.failed(error), status=500, mimetype="application/json")


def health() -> Response:
    """Say that ``init`` came to its end: else there would be no application."""
    return Response('{"status": "ready"}', mimetype="application/json")


for path in scoring.SCORE:
    app.add_url_rule(path, path, score, methods=["POST"])
for path in scoring.HEALTH:
    app.add_url_rule(path, path, health, methods=["GET"])
