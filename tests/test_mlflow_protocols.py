"""Azure ML's protocol in front of MLflow's: pure translations and the two kinds of wrapper, without mlflow."""

from __future__ import annotations

import asyncio
import io
import json
import sys

import pytest

from modelpack.builders import check
from modelpack.catalogue import SERVERS

sys.path.append(str(SERVERS / "mlflow"))
from modelpack_mlflow import openapi
from modelpack_mlflow.azure import Azure, BadRequestError
from modelpack_mlflow.wrappers import Asgi, Wsgi

NOW, OLD = (3, 17, 2), (1, 30, 1)
TABLE = {"columns": ["a"], "index": [0], "data": [[1.5]]}
SIGNATURE = {
    "inputs": '[{"type": "double", "name": "a"}, {"type": "string", "name": "b"}]',
    "outputs": '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]',
    "params": '[{"name": "limit", "type": "long", "default": 3, "shape": null}]',
}


def azure(version=NOW):
    return Azure(version=version, documents=openapi.documents("wine", SIGNATURE))


def question(asked, version=NOW):
    found = azure(version).question(json.dumps(asked).encode())
    return found.content_type, json.loads(found.body)


@pytest.mark.parametrize(
    ("asked", "put"),
    [
        ({"input_data": TABLE}, {"dataframe_split": TABLE}),
        ({"input_data": [[1, 2]]}, {"inputs": [[1, 2]]}),
        ({"input_data": {"x": [1], "y": [2]}}, {"inputs": {"x": [1], "y": [2]}}),
        ({"input_data": "a text", "params": {"limit": 5}}, {"inputs": "a text", "params": {"limit": 5}}),
        ({"input_data": {"columns": ["a"], "data": [[1]], "more": 1}}, None),
    ],
)
def test_a_request_is_put_into_mlflows_words(asked, put):
    assert question(asked) == ("application/json", put or {"inputs": asked["input_data"]})


def test_mlflow_1_has_words_of_its_own():
    assert question({"input_data": TABLE}, OLD) == ("application/json; format=pandas-split", TABLE)
    assert question({"input_data": [[1, 2]]}, OLD) == ("application/json", {"inputs": [[1, 2]]})
    with pytest.raises(BadRequestError, match="params"):
        question({"input_data": [[1, 2]], "params": {"limit": 5}}, OLD)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"inputs": [1]}', b"\xff"])
def test_other_requests_are_refused(body):
    with pytest.raises(BadRequestError):
        azure().question(body)


def test_the_answer_is_bare():
    assert azure().result(200, b'{"predictions": [1.5]}').body == b"[1.5]"
    assert azure(OLD).result(200, b"[1.5]").body == b"[1.5]"
    assert azure(OLD).result(200, b'{"predictions": 1}').body == b'{"predictions": 1}'


def test_failures_are_told_as_azure_does():
    answer = azure().result(400, b'{"error_code": "BAD_REQUEST", "message": "no such column"}')
    assert (answer.status, json.loads(answer.body)) == (400, {"message": "no such column"})
    assert ("x-ms-run-function-failed", "True") in answer.headers
    assert json.loads(azure().result(500, b"broken").body) == {"message": "broken"}


def test_the_documents_follow_the_signature():
    old = json.loads(azure().answer("GET", "/swagger.json", {}).body)
    new = json.loads(azure().answer("GET", "/swagger.json", {"version": "3"}).body)

    schema = old["paths"]["/score"]["post"]["parameters"][0]["schema"]
    assert old["swagger"] == "2.0"
    assert schema["properties"]["input_data"]["properties"]["columns"]["example"] == ["a", "b"]
    assert schema["properties"]["params"]["properties"] == {"limit": {"type": "integer", "format": "int64"}}
    answer = new["paths"]["/score"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"type": "array", "items": {"type": "number"}}
    assert azure().answer("GET", "/swagger.json", {"version": "9"}).status == 404


def test_a_model_without_a_signature_has_documents_too():
    assert openapi.documents("wine", {})["3"]["info"]["title"] == "wine"


def call_wsgi(method, path, body=b""):
    def inner(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        data = environ["wsgi.input"].read().decode()
        return [json.dumps({"predictions": [environ["PATH_INFO"], data]}).encode()]

    started = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "CONTENT_LENGTH": str(len(body))}
    environ["wsgi.input"] = io.BytesIO(body)
    answer = b"".join(Wsgi(inner, azure())(environ, lambda status, headers: started.append((status, headers))))
    return int(started[0][0].split()[0]), answer


def call_asgi(method, path, body=b""):
    async def inner(scope, receive, send):
        data = (await receive())["body"].decode()
        answer = json.dumps({"predictions": [scope["path"], data]}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": answer})

    sent = []
    pieces = [
        {"type": "http.request", "body": body[:9], "more_body": True},
        {"type": "http.request", "body": body[9:], "more_body": False},
    ]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}

    async def receive():
        return pieces.pop(0) if path == "/score" else pieces[0] | {"body": body}

    async def send(message):
        sent.append(message)

    asyncio.run(Asgi(inner, azure())(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


@pytest.mark.parametrize("call", [call_wsgi, call_asgi])
def test_a_wrapper_scores_and_passes_on_the_rest(call):
    assert call("GET", "/") == (200, b"Healthy")
    assert call("GET", "/swagger.json")[0] == 200
    assert call("OPTIONS", "/score") == (200, b"")
    assert call("GET", "/score")[0] == 405
    assert call("POST", "/score", b"{}")[0] == 400
    status, body = call("POST", "/score", b'{"input_data": [1]}')
    assert (status, json.loads(body)) == (200, ["/invocations", '{"inputs": [1]}'])
    status, body = call("POST", "/invocations", b"a,b\n1,2\n")
    assert (status, json.loads(body)) == (200, {"predictions": ["/invocations", "a,b\n1,2\n"]})


def test_of_an_answer_with_a_traceback_the_check_shows_how_it_ends():
    answer = {"message": "no prediction", "stack_trace": "Traceback:\n  in predict\nKeyError: 'KEY'\n"}
    assert check._shown(json.dumps(answer).encode()) == """{"message": "no prediction"}: KeyError: 'KEY'"""
    for other in (b"\xff", b"[1]", b'{"message": "x"}', b'{"stack_trace": null}', b'{"stack_trace": ""}'):
        assert check._shown(other) == other.decode("utf-8", "replace")
