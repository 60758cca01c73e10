"""Inputs that were damaged at random: read or refused with a place, and nothing else ever comes of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelpack.errors import SpecError
from modelpack.loading.conda_equivalents import names
from modelpack.loading.dependencies import Dependencies, Selection
from modelpack.loading.dependency_files import judge_python, read_dependencies
from modelpack.loading.inputs import load
from modelpack.loading.sources import Folder
from modelpack.loading.yamlfile import Findings
from modelpack.weights import formats

HERE = Path(__file__).parent
PYPROJECT = """\
[project]
name = "demo"
requires-python = ">=3.10"
dependencies = ["flask>=2", "torch", "seeds", "local ; python_version > '3'"]
[project.optional-dependencies]
dev = ["demo[x]"]
x = ["attrs"]
[dependency-groups]
dev = ["pytest", {include-group = "lint"}]
lint = ["ruff"]
[tool.uv]
constraint-dependencies = ["attrs<2"]
[tool.uv.sources]
torch = [{index = "cpu", marker = "sys_platform == 'linux'"}]
seeds = {workspace = true}
local = {path = "./x"}
[[tool.uv.index]]
name = "cpu"
url = "https://cpu.invalid/simple"
explicit = true
[tool.uv.workspace]
members = ["packages/*"]
"""
POETRY = """\
[tool.poetry.dependencies]
python = "^3.9"
numpy = "^2.1"
old = [{version = "<1", python = "<3.10"}, {version = ">=1", source = "own"}]
[tool.poetry.extras]
dev = ["numpy"]
[tool.poetry.group.dev.dependencies]
pytest = {path = "../x", extras = ["a"]}
[[tool.poetry.source]]
name = "own"
url = "https://own.invalid/simple"
"""
UV_LOCK = """\
version = 1
requires-python = ">=3.10"
[[package]]
name = "demo"
source = { virtual = "." }
dependencies = [{ name = "top", extra = ["a"], marker = "sys_platform == 'linux'" }]
[package.optional-dependencies]
dev = [{ name = "top" }]
[package.dev-dependencies]
dev = [{ name = "top", version = "1.0" }]
[[package]]
name = "top"
version = "1.0"
source = { registry = "https://one.invalid/simple" }
resolution-markers = ["python_full_version < '3.11'"]
wheels = [{ url = "https://one.invalid/top-1.0-py3-none-any.whl", hash = "sha256:00" }]
"""
PYLOCK = """\
lock-version = "1.0"
extras = ["dev"]
dependency-groups = ["dev"]
[[packages]]
name = "x"
version = "1"
marker = "'dev' in extras"
index = "https://one.invalid/simple"
wheels = [{name = "x-1-py3-none-any.whl", path = "w/x-1-py3-none-any.whl", hashes = {sha256 = "00"}}]
[[packages]]
name = "z"
archive = {url = "https://h.invalid/z-1.tar.gz", hashes = {sha256 = "0"}}
"""
PIPFILE = """\
[packages]
numpy = "*"
flask = {version = ">=2", extras = ["a"], markers = "python_version > '3'", index = "x"}
[dev]
mine = {path = "."}
[requires]
python_version = "3.11"
"""
PIPFILE_LOCK = {
    "_meta": {"requires": {"python_version": "3.11"}, "sources": [{"url": "https://a.invalid"}]},
    "default": {"numpy": {"version": "==2.1.3", "hashes": ["sha256:00"], "extras": ["a"]}, "m": {"path": "."}},
    "dev": {"x": {"git": "https://h.invalid/x"}},
}
REQUIREMENTS = """\
--index-url https://user:secret@one.invalid/simple
--find-links ./wheels
-r other.txt
-e ./project
numpy[a]>=1.0,<2 ; python_version > "3" --hash=sha256:00 \\
    --hash=sha512:00 # comment
x @ https://h.invalid/x-1-py3-none-any.whl#sha256=00
y @ file:///tmp/y ; sys_platform == "linux"
git+https://h.invalid/x.git@v1#egg=x
"""
CONDA = """\
name: x
channels: [conda-forge]
dependencies:
- python>=3.9,<3.12
- conda-forge::numpy=1.26.4=py311h64a7726_0
- "scipy[version='>=1', build=*mkl]"
- pip:
  - scikit-learn==1.5
  - -r requirements.txt
variables: {A: 1}
"""
SPEC = """\
name: x
model: {path: ./model}
python: "3.11"
requirements: [numpy, ./x, -c limits.txt]
code: {path: ./src, scoring_script: score.py}
server: {name: azureml, variables: {A: b}}
inputs: {labels: ./labels.json}
environment_variables: {A: "{model}"}
base: {from: debian:bookworm, packages: [libgl1]}
image: {user: 1000, labels: {a: b}}
check: {request: request.json, response: response.json, tolerance: 0.1}
"""
MLMODEL = """\
flavors:
  python_function: {env: {conda: conda.yaml, virtualenv: python_env.yaml}, loader_module: mlflow.sklearn}
  sklearn: {pickled_model: model.pkl, sklearn_version: 1.5.0}
mlflow_version: 2.14.0
signature: {inputs: '[{"type": "double", "name": "a"}]', outputs: '[{"type": "long"}]'}
saved_input_example_info: {artifact_path: input_example.json, type: dataframe}
"""
FILES = {
    "pyproject.toml": PYPROJECT,
    "poetry/pyproject.toml": POETRY,
    "uv.lock": UV_LOCK,
    "pylock.toml": PYLOCK,
    "Pipfile": PIPFILE,
    "Pipfile.lock": json.dumps(PIPFILE_LOCK, indent=1),
    "requirements.txt": REQUIREMENTS,
    "conda.yaml": CONDA,
}
NASTY = (
    *("\0", "\ufeff", "\t", "\r", "\x85", "\u2028", "\u202e", "\\", '"\\ud800"', "\n\n", "---\n", "- ", ": ", "? "),
    *("[]", "{}", "null", "~", "true", "1e999", "9" * 5000, "-1", '""', "''", ".nan", "2020-01-01", "0x1F", "5"),
    *("[" * 500, "{a: " * 500, '{"a":' * 500, "&a [*a]", "*a", "<<: *x", "!!python/object:os.system x", "a" * 9000),
    *("../" * 30, "/dev/zero", "/proc/self/mem", "://", "file://", "git+", "http://[::1", "https://h:port/x.whl"),
    *(" ; ", "@", "${HOME}", "#", "=", "==", "<", "*", "%s"),
)
VALUES = re.compile(r"""(?<=[:=] )[^\n]+|"[^"\n]*"|'[^'\n]*'|\b\d[\d.]*\b|\[[^\[\]\n]*\]|\{[^{}\n]*\}""")
# The same examples every time: what fails in continuous integration fails for whoever looks into it.
BOUNDED = settings(
    max_examples=40,
    deadline=10_000,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def damaged(draw, text):
    """Give a text that was cut, torn, repeated, or has something else in the place of values."""
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.sampled_from((0, 1, 4, 30, 200))))
        kind = draw(st.sampled_from(("cut", "tear", "repeat", "put", "value", "value", "value")))
        values = list(VALUES.finditer(text))
        if kind == "value" and values:
            begin, end = draw(st.sampled_from(values)).span()
        new = {"cut": "", "tear": "", "repeat": text[begin:end] * 3}.get(kind) or draw(st.sampled_from(NASTY))
        text = text[:begin] if kind == "cut" else text[:begin] + new * (kind != "tear") + text[end:]
    return text


def refused_with_places(read):
    """Read something; when it is refused, every problem has a place and is said in one line."""
    problems = ()
    try:
        read()
    except SpecError as error:
        problems = error.problems or ("nothing",)
    for problem in problems:
        assert re.match(r"\S.*?(:\d+:\d+|\d+)?(: |$)", problem.where), problem
        assert "\n" not in str(problem)
        assert len(str(problem)) < 12_000


@pytest.mark.parametrize("name", FILES)
@BOUNDED
@given(data=st.data())
def test_a_damaged_file_of_dependencies_is_read_or_refused(name, data, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(data.draw(damaged(FILES[name])))

    def read():
        found = Dependencies(folder=Folder(path=tmp_path, shown=""), findings=Findings(first=name))
        read_dependencies(path, found, Selection(extras=("dev",), groups=("dev",)))
        judge_python(found.python or "3.11", found)
        found.findings.raise_any()
        assert all(names().get(item.name, True) for item in found.conda)

    refused_with_places(read)


@BOUNDED
@given(text=damaged(SPEC))
def test_a_damaged_spec_is_read_or_refused(text, tmp_path):
    (tmp_path / "modelpack.yaml").write_text(text)

    refused_with_places(lambda: load(tmp_path))


@BOUNDED
@given(model=damaged(MLMODEL), conda=damaged(CONDA))
def test_a_damaged_model_folder_is_read_or_refused(model, conda, tmp_path):
    (tmp_path / "MLmodel").write_text(model)
    (tmp_path / "conda.yaml").write_text(conda)
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04N.")

    refused_with_places(lambda: load(tmp_path))


@pytest.mark.parametrize("name", ["pipeline.pkl", "pipeline.joblib.xz", "objects.npz", "light_squeezenet.onnx"])
@BOUNDED
@given(data=st.data())
def test_damaged_weights_are_told(name, data, tmp_path):
    content = bytearray((HERE / "weights" / name).read_bytes()[:60_000])
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(content)))
        content[begin : begin + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=16))
    (tmp_path / name).write_bytes(content)

    formats.inspect(tmp_path / name)
