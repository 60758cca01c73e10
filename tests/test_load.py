"""``load_spec``: what right specs mean, and the exact report of wrong ones."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelpack.errors import SpecError
from modelpack.loading.native import load_spec, this_platform
from modelpack.loading.requirements import judge_requirement
from modelpack.spec import Base, Check, CheckRequest, Image, Requirement, Server, Source

SPECS = Path(__file__).with_name("specs")

FILES = {
    "model/model.pkl": "weights",
    "labels.json": "{}",
    "request.json": '{"data": [[1.0]]}',
    "response.json": "[1.0]",
    "not-json.json": '{"data":\n  [1.0,]\n}',
    "empty.json": "",
    "src/score.py": "def init(): ...\n\n\ndef run(data): ...\n",
    "app/app.py": "app = object()\n",
    "broken/score.py": "def init():\n    pass\n\n\ndef run(data)\n    return data\n",
    "half/score.py": "def init():\n    global run\n    run = len\n",
    "requirements.txt": "# for the model\nnumpy>=1.26 # arrays\n\nscikit-learn \\\n  ==1.5.2 ; python_version > '3'\n",
    "with-options.txt": "-r other.txt\n--index-url=x\nnumpy==1.26 --hash=sha256:00\n  scipy=1.0\n-e .\n-c limits.txt",
    "conda.yaml": "channels: conda-forge\ndependency: []\ndependencies:\n  - numpy=\n  - pip: numpy\n",
}

MINIMAL = """\
name: diabetes
model: ./model
code: ./src
check: {request: request.json}
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A folder with a model, code, samples, and things that specs name by mistake."""
    folder = tmp_path / "project"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (tmp_path / "outside").mkdir()
    (folder / "empty").mkdir()
    (folder / "link-outside").symlink_to("/usr")
    (folder / "link-nowhere").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)
    return folder


def load(text, *, where=Path()):
    Path("modelpack.yaml").write_text(text)
    return load_spec(where)


def report(text, *, where=Path()):
    with pytest.raises(SpecError) as caught:
        load(text, where=where)
    return "".join(f"{problem}\n" for problem in caught.value.problems)


@pytest.mark.parametrize("case", sorted(path.stem for path in SPECS.glob("*.yaml")))
def test_a_mistake_is_reported_in_these_words(case):
    # REWRITE_EXPECTED=1 pytest tests/test_load.py writes the reports anew, for review.
    expected = SPECS / f"{case}.txt"

    found = report((SPECS / f"{case}.yaml").read_text())

    if os.environ.get("REWRITE_EXPECTED"):
        expected.write_text(found)
    assert found == expected.read_text()


def test_the_smallest_spec_takes_all_defaults(project):
    spec = load(MINIMAL)

    source = Source(path=project / "request.json", key="check.request")
    assert (spec.path, spec.name, spec.version, spec.description) == (project / "modelpack.yaml", "diabetes", "1", None)
    assert spec.models == {"model": Source(path=project / "model", key="model")}
    assert (spec.python, spec.requirements, spec.inputs, spec.environment_variables) == ("3.11", (), {}, {})
    assert spec.code.source == Source(path=project / "src", key="code")
    assert spec.code.scoring_script == "score.py"
    assert spec.server == Server(name="azureml")
    assert spec.base == Base(distribution="debian", suite="bookworm")
    assert spec.check == Check(requests=(CheckRequest(name="request-1", request=source, response=None),))
    assert spec.image == Image(labels={})
    assert spec.platform == this_platform()


def test_a_check_may_be_readiness_only():
    spec = load(MINIMAL.replace("{request: request.json}", "{readiness: only, timeout: 30}"))

    assert spec.check == Check(requests=(), timeout=30)


def test_every_key_is_taken(project):
    spec = load(
        """\
        $schema: docs/modelpack.schema.json
        name: diabetes
        version: 1.10
        description: Tells
        model: {path: model/model.pkl}
        python: 3.10
        requirements: [numpy, "scipy>=1.11"]
        code: {path: app, scoring_script: ./app.py}
        server:
          name: custom
          command: "@python@ 'my app.py' --port @port@ --labels @input-labels@"
          port: 8080
          routes: {readiness: /ready, scoring: /predict, openapi: /openapi.json}
        inputs: {labels: ./labels.json}
        environment_variables: {DEBUG: no, LEVEL: 010, RATE: 1.50, ON: true, WEIGHTS: "@model@/model.pkl", NIL: ""}
        base: {from: debian:trixie, packages: [libgl1]}
        check:
          timeout: 1e2
          requests:
            - {request: request.json, response: response.json, tolerance: 1e-3}
            - {name: alive, method: GET, route: '/ready?full=1', status: 204}
        image: {user: 1000, labels: {team: a}, compression: gzip}
        platform: linux/arm64
        """
    )

    assert (spec.version, spec.python, spec.platform) == ("1.10", "3.10", "linux/arm64")
    assert spec.models == {"model.pkl": Source(path=project / "model/model.pkl", key="model.path")}
    assert spec.requirements == (
        Requirement(text="numpy", origin="modelpack.yaml:7"),
        Requirement(text="scipy>=1.11", origin="modelpack.yaml:7"),
    )
    assert spec.code.scoring_script == "app.py"
    assert spec.server.command == ("@python@", "my app.py", "--port", "@port@", "--labels", "@input-labels@")
    assert spec.server.routes == {"readiness": "/ready", "scoring": "/predict", "openapi": "/openapi.json"}
    assert spec.server.port == 8080
    assert spec.environment_variables == {
        "DEBUG": "no",
        "LEVEL": "010",
        "RATE": "1.50",
        "ON": "true",
        "WEIGHTS": "@model@/model.pkl",
        "NIL": "",
    }
    assert spec.base == Base(distribution="debian", suite="trixie", packages=("libgl1",))
    assert spec.check.timeout == 100
    assert [(request.name, request.method, request.route, request.status) for request in spec.check.requests] == [
        ("request-1", "POST", None, 200),
        ("alive", "GET", "/ready?full=1", 204),
    ]
    assert spec.check.requests[0].tolerance == 1e-3
    assert spec.image == Image(user="1000:1000", labels={"team": "a"}, compression="gzip")


def test_several_models_have_names(project):
    spec = load(MINIMAL.replace("./model", "{first: ./model, second: {path: model/model.pkl}}"))

    assert spec.models == {
        "first": Source(path=project / "model", key="model.first"),
        "second": Source(path=project / "model/model.pkl", key="model.second.path"),
    }


@pytest.mark.parametrize("name", ["3.10", "3.11", "'3.9'"])
def test_a_python_version_is_taken_as_it_is_spelled(name):
    assert load(f"{MINIMAL}python: {name}\n").python == name.strip("'")


def test_the_python_version_is_the_base_s_own():
    assert load(f"{MINIMAL}base: debian:trixie\n").python == "3.13"


def test_a_project_is_named_with_the_extras_and_groups_that_are_wanted(project):
    (project / "pyproject.toml").write_text(
        '[project]\nname = "x"\nrequires-python = ">=3.12"\ndependencies = ["numpy"]\n'
        "[project.optional-dependencies]\nserve = ['flask']\n[dependency-groups]\nmore = ['six']\n"
    )
    asked = "requirements: {file: pyproject.toml, extras: [serve], groups: [more]}\n"

    spec = load(f'{MINIMAL}{asked}python: "3.13"\n')

    assert [one.text for one in spec.requirements] == ["numpy", "flask", "six"]
    assert report(f'{MINIMAL}{asked}python: "3.11"\n') == (
        "pyproject.toml:3:1: needs Python >=3.12, the package has 3.11 (write python: and a version that meets both)\n"
    )


def test_a_list_may_hold_what_lines_of_a_requirements_file_hold(project):
    (project / "limits.txt").write_text("numpy<3\n")
    (project / "mine").mkdir()
    (project / "mine/pyproject.toml").write_text('[project]\nname = "mine"\n')

    spec = load(f"{MINIMAL}requirements: [./requirements.txt, -c limits.txt, ./mine, --pre]\n")

    assert [(one.text, one.origin, bool(one.source)) for one in spec.requirements] == [
        ("numpy>=1.26", "requirements.txt:2", False),
        ("scikit-learn   ==1.5.2 ; python_version > '3'", "requirements.txt:4", False),
        ("mine", "modelpack.yaml:5", True),
    ]
    assert [(one.text, one.origin) for one in spec.constraints] == [("numpy<3", "limits.txt:1")]
    assert spec.indexes.prereleases


def test_a_requirements_file_is_read_line_by_line():
    spec = load(f"{MINIMAL}requirements: ./requirements.txt\n")

    assert [(one.text, one.origin) for one in spec.requirements] == [
        ("numpy>=1.26", "requirements.txt:2"),
        ("scikit-learn   ==1.5.2 ; python_version > '3'", "requirements.txt:4"),
    ]


def test_sample_files_beside_the_spec_are_the_check(project):
    (project / "sample-request.json").write_text("{}")
    (project / "expected-response.json").write_text("[]")

    spec = load(MINIMAL.replace("check: {request: request.json}\n", ""))

    (request,) = spec.check.requests
    assert request.request.path == project / "sample-request.json"
    assert request.response.path == project / "expected-response.json"


def test_false_is_no_check():
    assert load(MINIMAL.replace("{request: request.json}", "false")).check is None


def test_samples_that_are_not_json_are_no_fault_when_they_need_not_be():
    check = "{request: not-json.json, content_type: text/csv; charset=utf-8}"

    assert load(MINIMAL.replace("{request: request.json}", check)).check.requests[0].content_type.startswith("text/")


def test_an_absolute_path_may_lie_outside(project):
    outside = project.parent / "outside"
    (outside / "model.pkl").write_text("")

    assert load(MINIMAL.replace("./model", str(outside))).models["outside"].path == outside


def test_a_symlink_inside_keeps_its_name(project):
    (project / "current").symlink_to("model")

    assert load(MINIMAL.replace("./model", "./current")).models["current"].path == project / "current"


def test_a_parent_folder_after_a_symlink_is_followed_as_the_kernel_does(project):
    (project / "deep/er").mkdir(parents=True)
    (project / "deep/weights").write_text("")
    (project / "link").symlink_to("deep/er")

    assert load(MINIMAL.replace("./model", "link/../weights")).models["weights"].path == project / "deep/weights"


def test_a_file_that_may_not_be_read_is_said_so(project):
    (project / "model/model.pkl").chmod(0)
    if os.access(project / "model/model.pkl", os.R_OK):
        pytest.skip("this user may read everything")

    assert "Permission denied" in report(MINIMAL.replace("./model", "model/model.pkl"))


def test_files_are_named_as_seen_from_where_the_user_is(project, monkeypatch):
    (project / "modelpack.yaml").write_text(MINIMAL.replace("./src", "./broken").replace("./model", "./modle"))
    monkeypatch.chdir(project.parent)

    with pytest.raises(SpecError) as caught:
        load_spec(Path("project"))

    assert [problem.where for problem in caught.value.problems] == [
        "project/modelpack.yaml:2:8: model",
        "project/broken/score.py:5:14: code.scoring_script",
    ]


def test_the_spec_may_have_another_name(project):
    (project / "other.yaml").write_text(MINIMAL + "requirements: [numpy]\n")

    spec = load_spec(Path("other.yaml"))

    assert (spec.path, spec.requirements[0].origin) == (project / "other.yaml", "other.yaml:5")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("nowhere", "nowhere: no such file (run: modelpack init)"),
        ("src", "src: no modelpack.yaml in this folder (run: modelpack init)"),
        ("short", "short: no modelpack.yaml in this folder (rename modelpack.yml to modelpack.yaml)"),
    ],
)
def test_a_missing_spec_is_told(project, path, expected):
    (project / "short").mkdir()
    (project / "short/modelpack.yml").write_text(MINIMAL)

    with pytest.raises(SpecError) as caught:
        load_spec(Path(path))

    assert [str(problem) for problem in caught.value.problems] == [expected]


@pytest.mark.parametrize(
    "script",
    [
        "from impl import init, run\n",
        "from impl import *\n",
        "import impl\ninit, run = impl.init, impl.run\n",
        "try:\n    from a import init, run\nexcept ImportError:\n    from b import init, run\n",
        "init: object = print\nrun = lambda data: data\n",
        "if True:\n    async def init(): ...\nelse:\n    pass\nclass run: ...\n",
        "match 1:\n    case 1:\n        def init(): ...\nfor run in [len]:\n    pass\nrun = run\n",
        "'\\d'\ndef init(): ...\ndef run(data): ...\n",
    ],
)
def test_functions_of_the_scoring_script_may_come_from_anywhere(project, script):
    (project / "src/score.py").write_text(script)

    assert load(MINIMAL).code.scoring_script == "score.py"


def test_syntax_of_a_python_that_is_newer_than_ours_is_not_judged(project):
    (project / "src/score.py").write_text("type X = int\ndef init() ...\n")

    assert load(f"{MINIMAL}python: '3.99'\n").python == "3.99"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (b"match 1:\n    case 1: pass\n", "not Python 3.9: Pattern matching is only supported in Python 3.10"),
        (b"x = 1\x00\n", "not Python 3.9: source code string cannot contain null bytes"),
        (b"x = '\xff'\n", "not Python 3.9: (unicode error)"),
        (b"-" * 200_000 + b"1\n", "not Python 3.9: "),
    ],
    ids=["newer syntax", "null byte", "encoding", "nesting"],
)
def test_a_script_that_cannot_be_parsed_is_reported(project, script, message):
    (project / "src/score.py").write_bytes(script)

    assert f"code.scoring_script: {message}" in report(f"{MINIMAL}python: '3.9'\n")


def test_the_version_of_the_server_becomes_a_specifier():
    versions = {"1.5.1": "==1.5.1", "1.5": "==1.5", "'>=1.4, <1.6'": "<1.6,>=1.4", "~=1.5.0": "~=1.5.0"}

    found = [load(f"{MINIMAL}server: {{name: azureml, version: {text}}}\n").server.version for text in versions]

    assert found == list(versions.values())


LINES = [line for path in SPECS.glob("*.yaml") for line in path.read_text().splitlines()] + MINIMAL.splitlines()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_any_mixture_of_lines_is_a_spec_or_a_list_of_problems(lines):
    with contextlib.suppress(SpecError):
        load("\n".join(lines))


@settings(deadline=None)
@given(
    st.text()
    | st.lists(st.sampled_from(["a", "1", "=", "==", ">", "~", "[", "]", ";", " ", "@", "#", "-", "'", ","])).map(
        "".join
    )
)
def test_any_text_is_a_requirement_or_has_a_fault(text):
    assert judge_requirement(text) is None or judge_requirement(text)[0]


@pytest.mark.parametrize(
    ("text", "content", "expected"),
    [
        ("check: {request: file.json}", b'"\xe9"', "file.json:1:1: check.request: not JSON: not UTF-8"),
        ("check: {request: file.json}", b"[" * 100_000, "file.json:1:1: check.request: not JSON: nested too deeply"),
        (
            "requirements: file.txt",
            b"# \xe9\n",
            "file.txt:1:1: not UTF-8: byte 0xe9 (save it as UTF-8, or begin it with # coding: latin-1)",
        ),
        (
            "requirements: [python>=3.11]",
            b"",
            'modelpack.yaml:5:16: requirements[0]: not a package: "python>=3.11" (write python: 3.11)',
        ),
    ],
)
def test_files_that_the_spec_names_are_read_with_care(project, text, content, expected):
    for name in ("file.json", "file.txt"):
        (project / name).write_bytes(content)
    key = text.partition(":")[0]
    lines = [line for line in MINIMAL.splitlines() if not line.startswith(key)]

    found = report("\n".join([*lines, text]))

    assert expected in found.splitlines()
