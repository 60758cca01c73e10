"""``modelpack import``: a spec written as a native one means the same."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import replace
from pathlib import Path

import azure_project
import pytest

from modelpack import cli
from modelpack.errors import ModelpackError
from modelpack.loading import importing, inputs
from modelpack.loading.write_native import _KEYS, write_native
from modelpack.spec import (
    Base,
    BaseImage,
    Check,
    CheckRequest,
    Code,
    CondaRequirement,
    FlakeInterpreter,
    Image,
    IndexAddress,
    Indexes,
    Remote,
    Requirement,
    Server,
    Source,
    Spec,
    TarballInterpreter,
)

OF_ITSELF = {"path", "lock_path", "name", "version", "models", "notices"}
"""Fields of a spec that are no key of their own name."""
ELSEWHERE = {
    "ignored": "findings",
    "conda": "requirements",
    "channels": "requirements",
    "links": "model",
    "interpreter": "python",
    "constraints": "requirements",
    "indexes": "requirements",
}
"""Fields that are written at another key."""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    folder = azure_project.write(tmp_path / "project")
    (folder / "project").mkdir()
    (folder / "project/pyproject.toml").write_text('[project]\nname = "own"\nversion = "1"\n')
    (folder / "python.tar.gz").write_bytes(b"an interpreter")
    (folder / "request.json").write_text("[1]")
    monkeypatch.chdir(folder)
    return folder


def plain(value):
    """Drop what may differ: origins, and the keys under which files were named."""
    if isinstance(value, Source | Requirement | CondaRequirement):
        value = replace(value, **({"key": ""} if isinstance(value, Source) else {"origin": ""}))
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return {key: plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def meaning(spec):
    server = replace(spec.server, version_origin="")
    interpreter = spec.interpreter
    if isinstance(interpreter, FlakeInterpreter):
        interpreter = replace(interpreter, origin="")
    return plain(replace(spec, server=server, interpreter=interpreter, path=Path(), lock_path=Path(), notices=()))


def round_trip(spec, output="written/modelpack.yaml"):
    importing.write(spec, Path(output), force=False)
    return inputs.load(Path(output), channels=True)


@pytest.mark.parametrize("text", [azure_project.PACKAGE, azure_project.DEPLOYMENT], ids=["package", "deployment"])
@pytest.mark.parametrize("output", ["modelpack.yaml", "deeper/other.yaml"])
def test_what_was_azures_means_the_same(text, output):
    Path("azure.yml").write_text(text)
    spec = inputs.load(Path("azure.yml"))

    assert meaning(round_trip(spec, output)) == meaning(spec)


def test_paths_below_the_written_file_are_relative():
    Path("azure.yml").write_text(azure_project.DEPLOYMENT)

    (text,) = write_native(inputs.load(Path("azure.yml")), Path("modelpack.yaml")).texts.values()

    assert (
        text
        == """\
# Written by modelpack import from azure.yml.
name: wine-blue
version: '1'
model: ./model
python: '3.11'
requirements:
- numpy==2.3.1
code:
  path: ./src
  scoring_script: score.py
server: azureml
check:
  readiness: only
"""
    )


def source(name, key="key"):
    return Source(path=Path.cwd() / name, key=key)


def full():
    return Spec(
        path=Path("x.yaml"),
        lock_path=Path("x.lock.json"),
        name="full",
        version="1.10",
        description='no: it\'s "quoted"\nand long',
        models={"a": source("model"), "b": source("model/model.pkl")},
        python="3.12",
        interpreter=TarballInterpreter(source=source("python.tar.gz"), sha256="0" * 64),
        requirements=(
            Requirement(text="numpy==2.3.1", origin="r.txt:1", hashes=(f"sha256:{'1' * 64}",)),
            Requirement(text="scipy==1.16.0 ; python_version > '3'", origin="r.txt:2", hashes=(f"sha256:{'2' * 64}",)),
        ),
        code=Code(source=source("src"), scoring_script="score.py"),
        server=Server(name="custom", command=("@python@", "a b.py", "--x=1"), port=8080, routes=ROUTES),
        inputs={"labels": source("labels.json")},
        environment_variables={"A": "no", "B": "010", "C": "", "D": "multi\nline", "E": "@model@/x"},
        file_conflicts={"cv2": "opencv-python"},
        formats=("safetensors", "onnx"),
        base=Base(
            distribution="debian",
            suite="trixie",
            sources=("vendor",),
            packages=("libgl1",),
            build_packages=("libffi-dev",),
        ),
        check=Check(
            timeout=7.5,
            requests=(
                CheckRequest(
                    name="one", request=source("request.json"), response=source("labels.json"), tolerance=1e-9
                ),
                CheckRequest(name="two", request=None, response=None, method="GET", route="/x?y=1", status=204),
            ),
        ),
        image=Image(user="1000:1000", labels={"team": "1"}, compression="gzip"),
        platform="linux/arm64",
    )


CONDA = CondaRequirement(name="blas", version="==1.0", build="*mkl*", text="blas=1.0=*mkl*", origin="")
LABELS = "@input-labels@/labels.json"
BASE = Base(distribution="debian", suite="bookworm")
FLAKE = FlakeInterpreter(
    reference="nixpkgs/a-branch", attribute="python312", folder=None, written="nixpkgs/a-branch#python312", origin=""
)
TARBALL = Remote(url="https://files.example/far.zip", sha256="5" * 64)
REMOTE = Remote(url="https://files.example/far.zip", sha256="4" * 64, unpack=True)
ROUTES = {"liveness": "/l", "readiness": "/r", "scoring": "/s", "openapi": "/o"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"check": None},
        {
            "interpreter": TarballInterpreter(
                source=Source(path=Path("far.zip"), key="", remote=TARBALL), sha256="5" * 64
            )
        },
        {"interpreter": FLAKE},
        {"conda": (CONDA,), "channels": ("conda-forge",), "interpreter": None},
        {"server": Server(name="mlserver", options={"runtime": "xgboost"})},
        {"base": replace(BASE, image=BaseImage(name="a:1")), "server": Server(name="custom", port=1, routes=ROUTES)},
        {"links": {"/a": "@model@/a", "/b/b.pkl": "@model@/b/model.pkl", "/c": "@code@", "/d": LABELS}},
        {"base": replace(BASE, image=BaseImage(name="team/base:1", host="registry.example:5000"))},
        {"base": replace(BASE, image=BaseImage(name="team/base:1", digest=f"sha256:{'3' * 64}"))},
        {"inputs": {"far": Source(path=Path("far"), key="", remote=REMOTE)}},
        {"check": Check(requests=(), timeout=3)},
        {"models": {"elsewhere": None}},
        {"code": None, "interpreter": None, "formats": None},
        {
            "requirements": (Requirement(text="numpy", origin=""),),
            "constraints": (Requirement(text="numpy<3", origin=""),),
            "indexes": Indexes(
                default=IndexAddress(written="https://a.example/", url="https://a.example/"),
                extra=(IndexAddress(written="https://b.example/", url="https://b.example/"),),
                prereleases=True,
            ),
        },
        {"server": Server(name="azureml", version="==1.5.1"), "requirements": ()},
    ],
)
def test_every_field_comes_back(changes):
    if "models" in changes:
        changes = {"models": {"elsewhere": source("model/model.pkl")}}
    spec = replace(full(), **changes)

    assert meaning(round_trip(spec)) == meaning(spec)


def test_a_project_of_the_users_is_required_by_its_path():
    own = Requirement(text="own[a] ; python_version > '3'", origin="", source=source("project"))
    spec = replace(full(), requirements=(own,))

    (found,) = round_trip(spec).requirements
    assert (found.text, found.source.path) == (own.text, own.source.path)


def test_a_request_that_lies_in_no_file_gets_one():
    spec = replace(
        full(), check=Check(requests=(CheckRequest(name="example", request=None, response=None, body="[2]"),))
    )

    (request,) = round_trip(spec).check.requests

    assert (request.name, request.request.path.read_text()) == ("example", "[2]")


def test_no_field_is_forgotten():
    fields = {field.name for field in dataclasses.fields(Spec)} - OF_ITSELF
    assert {ELSEWHERE.get(name, name) for name in fields} == set(_KEYS)


def test_a_spec_is_not_written_into_what_it_packages():
    with pytest.raises(ModelpackError, match=r"modelpack.yaml would lie in what is packaged: .*/src"):
        write_native(full(), Path("src/modelpack.yaml"))


def test_the_command_writes_once(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MODELPACK_CACHE", str(tmp_path / "cache"))
    Path("azure.yml").write_text(azure_project.DEPLOYMENT)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["modelpack", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return caught.value.code or 0, *capsys.readouterr()

    code, out, err = run("import", "azure.yml")
    assert (code, out) == (0, "modelpack.yaml\n")
    assert "warning MP110: azure.yml:3:16: endpoint_name: has no effect in a package" in err
    code, out, err = run("import", "azure.yml")
    assert (code, out) == (1, "")
    assert "error: there already: modelpack.yaml\n\nhint: name another file with -o, or use --force\n" in err
    assert run("import", "azure.yml", "--force", "--name", "another")[0] == 0
    assert inputs.load(Path()).name == "another"
    assert run("import", "azure.yml", "-o", "folder")[0] == 1


def test_the_folder_of_a_local_flake_is_written_as_seen_from_the_spec():
    Path("flake").mkdir()
    Path("flake/flake.nix").write_text("{ outputs = _: { }; }")
    place = Path("flake").resolve()
    asked = replace(FLAKE, reference=f"{place}?dir=a", folder=place, written="./flake?dir=a#python312")
    found = round_trip(replace(full(), interpreter=asked), "modelpack.yaml").interpreter

    assert replace(found, origin="") == asked
