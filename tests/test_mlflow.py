"""MLflow model folders as they were saved over the years: what is read of them, and what is said of contradictions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from modelpack.errors import SpecError
from modelpack.loading.inputs import load
from modelpack.loading.options import Options

NEW = """\
flavors:
  python_function:
    env: {conda: conda.yaml, virtualenv: python_env.yaml}
    loader_module: mlflow.sklearn
    model_path: model.pkl
    python_version: 3.11.7
  sklearn: {pickled_model: model.pkl, sklearn_version: 1.9.1, serialization_format: cloudpickle}
mlflow_version: 3.17.2
"""
# As MLflow before 1.24 wrote it.
OLD = """\
artifact_path: model
flavors:
  python_function: {env: conda.yaml, loader_module: mlflow.sklearn, model_path: model.pkl, python_version: 3.9.18}
  sklearn: {pickled_model: model.pkl, sklearn_version: 0.24.1, serialization_format: cloudpickle}
run_id: a57c2e43
"""
PYTHON_ENV = """\
python: 3.11.7
build_dependencies: [pip==23.0, setuptools==80.0, wheel]
dependencies: [-r requirements.txt]
"""
REQUIREMENTS = "mlflow==3.17.2\nscikit-learn==1.9.1\npandas==3.1.1\n"
CONDA = """\
channels: [conda-forge]
dependencies:
- python={python}
- pip
- pip: [{pip}]
name: mlflow-env
"""
LACK = "model/MLmodel:1:1: no input example"
COLUMNS = 'signature: {inputs: \'[{"type": "double", "name": "a"}, {"type": "long", "name": "b"}]\'}\n'


def conda(*pip, python="3.11.7"):
    return CONDA.format(python=python, pip=", ".join(pip))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pythons").mkdir()
    monkeypatch.setenv("MODELPACK_PYTHON_INTERPRETERS", str(tmp_path / "pythons"))
    return tmp_path


def save(here, mlmodel=NEW, *, name="model", **more):
    """Write a model folder; None leaves a file out."""
    files = {"python_env.yaml": PYTHON_ENV, "requirements.txt": REQUIREMENTS, "model.pkl": "a pickle"}
    files["conda.yaml"] = conda("mlflow==3.17.2", "scikit-learn==1.9.1", "pandas==3.1.1")
    for file, text in (files | {"MLmodel": mlmodel} | more).items():
        if text is not None:
            path = here / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return here / name


def spec_of(here, mlmodel=NEW, **more):
    save(here, mlmodel, **more)
    return load(Path("model"), Options())


def notices(spec, severity="warning"):
    """Give what was said beside the lack of an input example, which most models here share."""
    said = [str(notice) for notice in spec.notices if notice.severity == severity]
    return [text for text in said if not text.startswith(f"{LACK}, and no signature")]


def texts(spec):
    return [item.text for item in spec.requirements]


def bodies(spec):
    return {request.route: json.loads(request.body) for request in spec.check.requests}


def problems(here, mlmodel=NEW, **more):
    with pytest.raises(SpecError) as caught:
        spec_of(here, mlmodel, **more)
    return [str(problem) for problem in caught.value.problems]


def test_a_model_of_today_needs_no_other_word(here):
    spec = spec_of(here, NEW + COLUMNS)

    assert (spec.name, spec.version, spec.python, spec.base.suite) == ("model", "1", "3.11", "bookworm")
    assert texts(spec) == ["scikit-learn==1.9.1", "pandas==3.1.1"]
    assert (spec.server.name, spec.server.version, spec.server.version_origin) == (
        "mlflow",
        "==3.17.2",
        "requirements.txt:1",
    )
    assert spec.models["model"].path == here / "model"
    assert spec.lock_path == here / "model.lock.json"
    assert notices(spec) == []


def test_the_mlmodel_is_as_good_as_its_folder(here):
    folder = save(here)
    assert load(folder / "MLmodel").name == "model"


def test_a_model_may_lie_in_the_current_folder(here, monkeypatch):
    monkeypatch.chdir(save(here, name="Wine Quality_2"))
    spec = load(Path())
    assert (spec.name, spec.lock_path) == ("wine-quality-2", here / "Wine Quality_2.lock.json")


def test_a_registry_knows_names_and_versions(here):
    spec = spec_of(here, registered_model_meta="model_name: Wine Quality\nmodel_version: '7'\n")
    assert (spec.name, spec.version) == ("wine-quality", "7")


def test_the_mlflow_that_saved_a_model_serves_it(here):
    one = NEW.replace("3.17.2", "1.30.1").replace("{conda: conda.yaml, virtualenv: python_env.yaml}", "conda.yaml")
    spec = spec_of(here, one, **{"conda.yaml": conda("mlflow", "cloudpickle==2.2.1")})

    assert (spec.server.version, spec.server.version_origin) == ("==1.30.1", "MLmodel:8")
    assert texts(spec) == ["cloudpickle==2.2.1"]
    assert "mlflow-skinny==1.30.1 serves in place of mlflow" in notices(spec, "note")[0]


def test_a_version_that_the_environment_pins_wins(here):
    pinned = {"requirements.txt": "mlflow==2.20.0\n", "conda.yaml": None}
    spec = spec_of(here, **pinned)
    assert spec.server.version == "==2.20.0"
    assert (
        "mlflow: python_env.yaml has ==2.20.0, MLmodel saved with 3.17.2; python_env.yaml is taken" in notices(spec)[0]
    )


def test_mlflows_pin_of_itself_without_a_patch_is_no_contradiction(here):
    spec = spec_of(here, NEW.replace("3.17.2", "2.3.2"), **{"requirements.txt": "mlflow==2.3\n", "conda.yaml": None})
    assert (spec.server.version, notices(spec)) == ("==2.3", [])


def test_an_environment_that_was_renewed_leaves_mlflow_open(here):
    renewed = {"requirements.txt": "mlflow\nscikit-learn==1.9.1\n", "conda.yaml": None}
    assert spec_of(here, NEW.replace("1.9.1", "1.1.2").replace("3.17.2", "2.7.1"), **renewed).server.version is None
    assert (
        spec_of(here, NEW.replace("1.9.1", "1.1.2").replace("3.17.2", "1.28.0"), **renewed).server.version == "==1.28.0"
    )
    assert spec_of(here, NEW.replace("3.17.2", "2.7.1"), **renewed).server.version == "==2.7.1"


def test_extras_keep_the_whole_mlflow(here):
    spec = spec_of(here, **{"requirements.txt": "mlflow[extras]\n", "conda.yaml": None})
    assert texts(spec) == ["mlflow[extras]"]
    assert spec.server.version == "==3.17.2"


def test_conda_holds_where_mlmodel_names_it_and_contradictions_are_shown_side_by_side(here):
    files = {
        "conda.yaml": conda("mlflow", "scikit-learn==1.7.0", python="3.13"),
        "requirements.txt": "mlflow\nscikit-learn==1.1.2\ndask==2023.2.0\n",
        "python_env.yaml": None,
    }
    spec = spec_of(here, OLD.replace("0.24.1", "1.1.2"), **files)

    assert (spec.python, spec.base.suite, texts(spec)) == ("3.13", "trixie", ["scikit-learn==1.7.0"])
    taken = "conda.yaml is taken, since MLmodel names it"
    scikit = "conda.yaml has ==1.7.0, requirements.txt ==1.1.2, MLmodel saved with 1.1.2"
    assert sorted(notices(spec)) == [
        f"model/conda.yaml:3:3: Python: conda.yaml has 3.13, MLmodel 3.9.18; {taken}",
        f"model/conda.yaml:5:1: scikit-learn: {scikit}; {taken}",
        f"model/requirements.txt:1:1: left out, since conda.yaml does not have it: dask==2023.2.0; {taken}",
    ]


def test_packages_of_conda_are_not_lost(here):
    spec = spec_of(
        here, **{"conda.yaml": conda("scikit-learn==1.9.1").replace("- pip\n", "- pip\n- libopenblas=0.3\n")}
    )
    assert "taken from conda.yaml, which python_env.yaml cannot name: libopenblas=0.3" in "".join(notices(spec, "note"))


@pytest.mark.parametrize(
    ("asked", "taken", "suite"),
    [("3.6.15", "3.9", "bullseye"), ("3.10.2", "3.11", "bookworm"), ("3.13.0", "3.13", "trixie")],
)
def test_the_nearest_newer_python_is_taken_and_said(here, asked, taken, suite):
    spec = spec_of(
        here,
        NEW.replace("3.11.7", asked),
        **{"python_env.yaml": PYTHON_ENV.replace("3.11.7", asked), "conda.yaml": None},
    )
    assert (spec.python, spec.base.suite) == (taken, suite)
    assert bool(notices(spec)) == (not asked.startswith(taken))


def test_constraints_and_a_uv_lock_hold_versions(here):
    lock = '[[package]]\nname = "joblib"\nversion = "1.6.0"\nsource = { registry = "any" }\n'
    lock += lock.replace("joblib", "mlflow") + lock.replace("joblib", "scikit-learn")
    spec = spec_of(
        here,
        **{
            "requirements.txt": REQUIREMENTS + "-c constraints.txt\n",
            "constraints.txt": "scipy==1.17.1\n",
            "uv.lock": lock,
            "pyproject.toml": "",
        },
    )
    assert [item.text for item in spec.constraints] == ["scipy==1.17.1", "joblib==1.6.0"]
    assert any("uv.lock ==1.6.0" in text for text in notices(spec))


def test_without_an_environment_the_flavors_say_what_they_were_saved_with(here):
    none = dict.fromkeys(("python_env.yaml", "conda.yaml", "requirements.txt"))
    assert texts(spec_of(here, **none)) == ["scikit-learn==1.9.1"]


EXAMPLES = [
    # MLflow 1.x: tables split or as records, tensors in the words of TensorFlow Serving.
    (
        "{artifact_path: e.json, type: dataframe, pandas_orient: split}",
        {"columns": ["a"], "data": [[1]]},
        "dataframe_split",
    ),
    ("{artifact_path: e.json, type: dataframe, pandas_orient: records}", [{"a": 1}], "dataframe_records"),
    ("{artifact_path: e.json, type: ndarray, format: tf-serving}", {"inputs": [[1]]}, "inputs"),
    ("{artifact_path: e.json, type: ndarray, format: tf-serving}", {"inputs": {"x": [1]}}, "inputs"),
    # 2.x and later: any JSON, and parameters.
    ("{artifact_path: e.json, type: json_object}", ["a text"], "inputs"),
    ("{artifact_path: e.json, type: json_object, params: 'true'}", {"inputs": "a", "params": {"n": 1}}, "inputs"),
]


@pytest.mark.parametrize(("info", "content", "key"), EXAMPLES)
def test_the_input_example_is_sent_in_both_protocols(here, info, content, key):
    spec = spec_of(here, f"{NEW}saved_input_example_info: {info}\n", **{"e.json": json.dumps(content)})
    asked = bodies(spec)
    assert next(iter(asked["/invocations"])) == key
    assert "input_data" in asked["/score"]
    assert ("params" in asked["/score"]) == ("params" in asked["/invocations"]) == ("params" in info)


def test_records_are_a_table_for_azure(here):
    info = "saved_input_example_info: {artifact_path: e.json, type: dataframe, pandas_orient: records}\n"
    spec = spec_of(here, NEW + info, **{"e.json": '[{"a": 1}, {"a": 2, "b": 3}]'})
    assert bodies(spec)["/score"] == {"input_data": {"columns": ["a", "b"], "data": [[1, None], [2, 3]]}}


def test_mlflow_1_is_asked_in_its_own_words(here):
    info = "saved_input_example_info: {artifact_path: e.json, type: dataframe, pandas_orient: split}\n"
    old = NEW.replace("3.17.2", "1.30.1") + info
    spec = spec_of(here, old, **{"requirements.txt": "mlflow\n", "e.json": '{"columns": ["a"], "data": [[1]]}'})
    first = spec.check.requests[0]
    assert (first.content_type, json.loads(first.body)) == (
        "application/json; format=pandas-split",
        {"columns": ["a"], "data": [[1]]},
    )


def test_the_example_for_the_server_is_taken_where_there_is_one(here):
    info = "saved_input_example_info: {artifact_path: e.json, serving_input_path: s.json, type: json_object}\n"
    asked = {"messages": [{"role": "user", "content": "hello"}]}
    spec = spec_of(here, NEW + info, **{"e.json": "{}", "s.json": json.dumps(asked)})
    assert bodies(spec) == {"/invocations": asked}


SIGNATURES = [
    ('[{"type": "double", "name": "a"}, {"type": "long", "name": "b"}]', {"columns": ["a", "b"], "data": [[1.0, 1]]}),
    ('[{"type": "string", "name": "text"}]', {"columns": ["text"], "data": [["text"]]}),
    (
        '[{"type": "long", "name": "a"}, {"type": "string", "name": "c", "required": false}]',
        {"columns": ["a"], "data": [[1]]},
    ),
    ('[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 2]}}]', [[1.0, 1.0]]),
    ('[{"name": "x", "type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]', {"x": [1]}),
    ('[{"type": "map", "values": {"type": "long"}, "name": "m"}]', {"columns": ["m"], "data": [[{"key": 1}]]}),
]
OBJECT = (
    '[{"type": "object", "properties": {"role": {"type": "string", "required": true}, '
    '"weight": {"type": "double", "required": false}}, "required": true}]'
)


def test_an_mlflow_that_no_file_pins_is_the_last_for_the_python(here):
    spec = spec_of(here, OLD, **{"conda.yaml": conda("mlflow", "scikit-learn==0.24.1", python="3.9")})
    assert (spec.python, spec.server.version) == ("3.9", "==3.1.4")


@pytest.mark.parametrize(("signature", "data"), SIGNATURES)
def test_without_an_example_one_is_made_from_the_signature(here, signature, data):
    spec = spec_of(here, f"{NEW}signature:\n  inputs: '{signature}'\n")
    assert bodies(spec)["/score"] == {"input_data": data}
    assert any("made from the signature" in text for text in notices(spec, "note"))


def test_a_signature_of_a_type_hint_is_of_a_list(here):
    hint = f"{NEW}is_signature_from_type_hint: true\nsignature:\n  inputs: '{OBJECT}'\n"
    assert bodies(spec_of(here, hint)) == {
        "/invocations": {"inputs": [{"role": "text"}]},
        "/score": {"input_data": [{"role": "text"}]},
    }


def test_what_a_model_declares_for_its_deployment_is_said(here):
    declared = (
        "env_vars: [KEY, OTHER]\nresources: {api_version: '1', databricks: {}}\nauth_policy: {user: {scopes: [a]}}\n"
    )
    assert [text.partition(" (")[0] for text in notices(spec_of(here, NEW + declared))] == [
        "model/MLmodel:9:12: env_vars: read when it was saved, and not in the package: KEY, OTHER",
        "model/MLmodel:10:26: resources: has no effect in a package, only on Databricks",
        "model/MLmodel:11:31: auth_policy: has no effect in a package, only on Databricks",
    ]


def test_code_of_a_model_lies_beside_mlmodel_wherever_it_was_when_it_was_saved(here):
    code = NEW.replace("model_path: model.pkl", "model_code_path: /home/me/agent.py").replace("mlflow.sklearn", "m")
    assert spec_of(here, code, **{"agent.py": ""}).name == "model"
    (here / "model/agent.py").unlink()
    assert "no such file or folder: agent.py" in problems(here, code)[0]


@pytest.mark.parametrize(
    "signature",
    [
        "null",
        '[{"type": "string", "name": "colour"}, {"type": "long", "name": "size"}]',
        '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 9999, 9999]}}]',
    ],
)
def test_where_no_input_can_be_made_the_check_is_readiness_and_that_is_said(here, signature):
    spec = spec_of(here, f"{NEW}signature:\n  inputs: '{signature}'\n")
    assert spec.check.requests == ()
    assert any("the check only sees the server ready" in str(notice) for notice in spec.notices)


def test_what_cannot_be_served_is_refused_with_the_reason(here):
    crate = "flavors:\n  crate: {version: 0.4.2, model: crate.bin}\n"
    assert problems(here, crate) == [
        (
            "model/MLmodel:1:1: flavors: no flavor python_function, only crate "
            "(MLflow's server serves no other flavor; save the model with one that has it)"
        )
    ]
    assert problems(here, NEW.replace("mlflow.sklearn", "mlflow.spark")) == [
        (
            "model/MLmodel:4:20: flavors.python_function.loader_module: runs on Java, which packages do not have: "
            "mlflow.spark (save it in a form without Java, such as ONNX)"
        )
    ]
    shutil.rmtree(here / "model")
    assert problems(here, **{"model.pkl": None}) == [
        (
            "model/MLmodel:5:17: flavors.python_function.model_path: no such file or folder: model.pkl "
            "(copy the whole model folder, with its binary files)"
        )
    ]


@pytest.mark.parametrize(
    ("mlmodel", "problem"),
    [
        ("", "model/MLmodel:1:1: the file is empty"),
        ("[]", "model/MLmodel:1:1: expected a mapping with flavors, found an empty list"),
        ("run_id: 1\n", "model/MLmodel:1:1: flavors: missing, it says how the model is loaded"),
        (
            "flavors: sklearn\n",
            'model/MLmodel:1:10: flavors: expected a mapping from flavors, found the text "sklearn"',
        ),
        (NEW + "saved_input_example_info: {artifact_path: e.json}\n", "no such file"),
    ],
)
def test_mistakes_are_told_with_their_places(here, mlmodel, problem):
    assert problem.lower() in problems(here, mlmodel)[0].lower().replace("cannot be read: e.json: ", "")


def test_all_problems_are_told_at_once(here):
    bad = {"requirements.txt": "scikit-learn=1.0\n-e git+ssh://host/x\n", "model.pkl": None}
    found = problems(here, NEW + "saved_input_example_info: {artifact_path: e.json}\n", **bad)
    assert [text.split(":")[0] for text in found] == ["model/MLmodel"] * 2 + ["model/requirements.txt"] * 2


def test_a_python_of_the_machines_own_is_taken(here):
    for machine in ("x86_64", "aarch64"):
        (here / "pythons" / f"cpython-3.12.1+20240107-{machine}-unknown-linux-gnu-install_only.tar.gz").touch()
    asked = {"python_env.yaml": PYTHON_ENV.replace("3.11.7", "3.12.9"), "conda.yaml": None}
    spec = spec_of(here, NEW.replace("3.11.7", "3.12.9"), **asked)
    assert (spec.python, notices(spec)) == ("3.12", [])


@pytest.mark.parametrize(("body", "route"), [('{"input_data": [[1]]}', "/score"), ('{"inputs": [[1]]}', None)])
def test_a_request_of_the_users_is_sent_in_its_own_protocol(here, body, route):
    save(here)
    (here / "request.json").write_text(body)
    spec = load(Path("model"), Options(request=Path("request.json"), name="wine"))
    assert (spec.name, spec.check.requests[0].route) == ("wine", route)
    (here / "request.json").write_text("{")
    with pytest.raises(SpecError) as caught:
        load(Path("model"), Options(request=Path("request.json")))
    assert str(caught.value.problems[0]).startswith("request.json:1:2: ")


@pytest.mark.parametrize(
    ("saved", "python", "requirements", "held"),
    [
        ("2021-09-27 22:56:49", "3.9.1", REQUIREMENTS, ["numpy<1.24"]),
        ("2023-02-01 10:00:00", "3.10.1", REQUIREMENTS, ["numpy<2"]),
        ("2026-11-22 17:48:49", "3.11.7", REQUIREMENTS, []),
        ("2021-09-27 22:56:49", "3.9.1", "numpy==1.26.4\n", []),
        # Its environment was renewed since: no numpy of that time has wheels for this Python.
        ("2021-09-27 22:56:49", "3.13.0", REQUIREMENTS, []),
    ],
)
def test_numpy_is_of_the_time_of_the_model(here, saved, python, requirements, held):
    files = {"python_env.yaml": PYTHON_ENV.replace("3.11.7", python), "requirements.txt": requirements}
    spec = spec_of(here, f"{NEW}utc_time_created: '{saved}'\n", **files)
    assert [item.text for item in spec.constraints] == held
    assert any("numpy" in text for text in notices(spec, "note")) == bool(held)


def test_a_model_without_a_version_is_of_the_time_of_mlflow_1_23(here):
    environment = {"conda.yaml": conda("mlflow", "scikit-learn==1.0.2", python="3.9")}
    spec = spec_of(here, f"{OLD}utc_time_created: '2026-11-23 01:00:00'\n", **environment)
    assert [item.text for item in spec.constraints] == ["numpy<1.24"]


def test_an_example_that_mlmodel_does_not_name_is_one_too(here):
    spec = spec_of(here, **{"input_example.json": '{"columns": ["a"], "data": [[1]]}'})
    assert bodies(spec)["/score"] == {"input_data": {"columns": ["a"], "data": [[1]]}}


def test_parameters_may_have_a_dtype_as_before_mlflow_2_6(here):
    params = """  params: '[{"name": "batch_size", "dtype": "long", "default": 16, "shape": null}]'\n"""
    signature = 'signature:\n  inputs: \'[{"type": "string"}]\'\n' + params

    assert spec_of(here, NEW + signature).server.name == "mlflow"
