"""Models that the real MLflow saved, of today and of its first generation, become packages without an edit."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from real_project import CHECKOUT, build, free_port, nix, serve

from modelpack.python import uv_tool

pytestmark = [pytest.mark.nix, pytest.mark.network]

NEW = ("mlflow-skinny>=3", "pandas", "scikit-learn", "skops", "lightgbm")
# Bounds of that time that mlflow-skinny does not have.
OLD = ("mlflow-skinny==1.30.1", "pandas<2", "numpy<2", "scikit-learn", "setuptools<81")
TABLE = "import mlflow, pandas\nX = pandas.DataFrame(dict(a=[0.0, 2, 5], b=[1.0, 3, 9]))\ny = [1.0, 2, 4]\n"
SKLEARN = f"""{TABLE}
from sklearn.linear_model import LinearRegression
mlflow.sklearn.save_model(LinearRegression().fit(X, y), "sklearn", input_example=X.head(2){{more}})
"""
LIGHTGBM = f"""{TABLE}
import lightgbm
model = lightgbm.train(dict(min_data=1, verbose=-1), lightgbm.Dataset(X, y), 2)
signature = mlflow.models.infer_signature(X, model.predict(X))
mlflow.lightgbm.save_model(model, "lightgbm", signature=signature, pip_requirements=["mlflow", "lightgbm", "numpy"])
"""
PYFUNC = f"""{TABLE}
import pathlib, sys
from mlflow.models import infer_signature
pathlib.Path("helpers").mkdir()
pathlib.Path("helpers/__init__.py").write_text("FACTOR = 3")
pathlib.Path("plus.txt").write_text("7")
sys.path.insert(0, ".")
class Model(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.plus = float(open(context.artifacts["plus"]).read())
    def predict(self, context, model_input, params=None):
        import helpers
        return (model_input["a"] * helpers.FACTOR + self.plus + (params or {{}}).get("more", 0)).tolist()
more = dict(artifacts=dict(plus="plus.txt"), code_paths=["helpers"], pip_requirements=["mlflow", "pandas"])
more |= dict(signature=infer_signature(X, y, params=dict(more=1)), input_example=(X.head(2), dict(more=5)))
mlflow.pyfunc.save_model("pyfunc", python_model=Model(), **more)
"""
AGENT = """
import mlflow, pydantic
class Message(pydantic.BaseModel):
    role: str
    weight: float | None = None
class Model(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[Message], params=None) -> list[str]:
        return [message.role.upper() for message in model_input]
mlflow.models.set_model(Model())
"""
HINTS = f"""
import pathlib, mlflow
pathlib.Path("agent.py").write_text({AGENT!r})
mlflow.pyfunc.save_model("hints", python_model="agent.py", pip_requirements=["mlflow", "pandas", "pydantic"])
"""
PACKAGE = """\
target_environment: azureml:wine:2
inferencing_server: {type: azureml_online}
base_environment_source: {type: environment_asset, resource_id: "azureml://registries/r/environments/e/labels/latest"}
model_configuration: {mode: download, mount_path: /srv/models}
"""
ASKED = {"columns": ["a", "b"], "data": [[0.0, 1.0], [2.0, 3.0]]}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("mlflow")


def python_with(work, name, requirements, python=sys.executable):
    """Make an environment with an MLflow that saves models."""
    uv = uv_tool._program()
    subprocess.run([uv, "venv", "--quiet", "--python", python, work / name], check=True)
    place = work / name / "bin/python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", place, *requirements], check=True)
    return place


def save(work, python, script):
    subprocess.run([python, "-W", "ignore", "-c", script], cwd=work, check=True, capture_output=True)


@pytest.fixture(scope="module")
def of_today(work):
    python = python_with(work, "new", NEW)
    for script in (SKLEARN.format(more=""), LIGHTGBM):
        save(work, python, script)
    return work


@pytest.fixture(scope="module")
def of_old(work):
    python = shutil.which("python3.11") or sys.executable
    if "3.11." not in subprocess.run([python, "-V"], check=True, capture_output=True, text=True).stdout:
        pytest.skip("no Python that this MLflow runs on")
    folder = work / "old"
    folder.mkdir()
    # What MLflow finds out by itself takes it long.
    needed = ', pip_requirements=["mlflow", "scikit-learn", "cloudpickle<3"]'
    save(folder, python_with(work, "venv-old", OLD, python), SKLEARN.format(more=needed))
    return folder


def package(folder, name, work, *options):
    """Package a model with one command; give what it said and the answers of the check, which had no network."""
    built = build(folder, work / "cache", name, *options, "--out-link", folder / f"result-{name}")
    assert built["checked"]
    assert built["hermetic"]
    lock = folder / f"{Path(name).stem}.lock.json"
    words = ("nix-build", CHECKOUT / "nix", "-A", "check", "--arg", "lock", lock, "--no-out-link")
    (report,) = nix(*words, "--option", "sandbox", "true", "--option", "substituters", "")
    return {path.name: json.loads(path.read_bytes()) for path in Path(report, "answers").iterdir()}


def test_a_model_of_today_answers_in_both_protocols(of_today, work):
    answers = package(of_today, "sklearn", work)

    assert answers["example-invocations"] == {"predictions": answers["example-score"]}
    assert answers["example-score"] == pytest.approx([1, 2])
    assert (of_today / "sklearn.lock.json").is_file()
    assert not list((of_today / "sklearn").rglob("*lock*"))


def test_another_flavor_with_a_large_file_and_no_example_is_asked_what_its_signature_says(of_today, work):
    # Large files are linked to; MLflow refuses a folder whose MLmodel is a link that leads out of it.
    (of_today / "lightgbm/large.bin").write_bytes(bytes(5 << 20))
    answers = package(of_today, "lightgbm", work)

    assert answers["signature-invocations"] == {"predictions": answers["signature-score"]}
    assert len(answers["signature-score"]) == 1


def test_a_model_of_mlflow_1_answers_in_its_own_words(of_old, work):
    answers = package(of_old, "sklearn", work)

    assert answers["example-invocations"] == answers["example-score"] == pytest.approx([1, 2])


@pytest.mark.skipif(not os.environ.get("MODELPACK_TEST_HEAVY"), reason="MODELPACK_TEST_HEAVY is not set")
@pytest.mark.parametrize(("name", "script", "answer"), [("pyfunc", PYFUNC, [12, 18]), ("hints", HINTS, ["TEXT"])])
def test_a_class_of_the_users_brings_its_code_files_and_parameters(of_today, work, name, script, answer):
    save(of_today, work / "new/bin/python", script)

    answers = package(of_today, name, work)

    kind = "example" if name == "pyfunc" else "signature"
    assert answers[f"{kind}-invocations"] == {"predictions": answer}
    assert answers[f"{kind}-score"] == answer


def test_a_deployment_of_azure_of_a_package_without_code_answers_in_both_protocols(of_today, work):
    (of_today / "assets").mkdir()
    (of_today / "assets/package.yml").write_text(PACKAGE)
    (of_today / "deployment.yml").write_text("name: blue\nendpoint_name: e\nenvironment: azureml:wine@latest\n")

    answers = package(of_today, "deployment.yml", work, "--assets", "assets", "--model", "sklearn")

    assert answers["example-invocations"] == {"predictions": answers["example-score"]}
    lock = json.loads((of_today / "deployment.lock.json").read_bytes())
    assert (lock["name"], lock["links"]) == ("wine", {"/srv/models": "@model@/sklearn"})


def ask(port, method, path, body=None, content_type="application/json"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, body, {"Content-Type": content_type} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_a_package_serves_all_that_mlflow_and_azure_serve(of_today, work):
    package(of_today, "sklearn", work)
    port = free_port()
    process, _ = serve(of_today, work / "cache", port, "sklearn")
    try:
        assert ask(port, "GET", "/") == (200, "Healthy")
        assert [ask(port, "GET", path)[0] for path in ("/ping", "/health", "/swagger.json")] == [200] * 3
        assert ask(port, "GET", "/version")[1].startswith("3.")
        for body, kind in (
            (json.dumps({"dataframe_split": ASKED}), "application/json"),
            ('{"dataframe_records": [{"a": 0.0, "b": 1.0}, {"a": 2.0, "b": 3.0}]}', "application/json"),
            ('{"inputs": {"a": [0.0, 2.0], "b": [1.0, 3.0]}}', "application/json"),
            ("a,b\n0.0,1.0\n2.0,3.0\n", "text/csv"),
        ):
            status, answer = ask(port, "POST", "/invocations", body, kind)
            assert (status, json.loads(answer)["predictions"]) == (200, pytest.approx([1, 2]))
        status, answer = ask(port, "POST", "/score", json.dumps({"input_data": ASKED}))
        assert (status, json.loads(answer)) == (200, pytest.approx([1, 2]))
        status, answer = ask(port, "POST", "/score", '{"input_data": {"columns": ["a"], "data": [[0.0]]}}')
        assert status == 400
        assert "b" in json.loads(answer)["message"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stderr.close()
