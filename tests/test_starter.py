"""Starter projects, and how they become the user's own."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from modelpack import starter
from modelpack.errors import ModelpackError
from modelpack.resources import root

URL = "git+file:///srv/modelpack"
NAMES = [one.name for one in starter.starters()]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A copy of the starters that a test may spoil."""
    copy = shutil.copytree(root("templates"), tmp_path / "templates", ignore=shutil.ignore_patterns("model.onnx"))
    monkeypatch.setattr(starter, "root", lambda name: copy.parent / name)
    return copy


def files_below(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def spec_of(folder):
    return yaml.safe_load((folder / "modelpack.yaml").read_text(encoding="utf-8"))


def test_starters_are_listed_by_name_with_one_line_each():
    assert sorted(NAMES) == NAMES
    assert {"custom-flask", "minilm-onnx", "sklearn-azureml"} <= set(NAMES)
    for one in starter.starters():
        assert one.description
        assert "\n" not in one.description
        assert not one.description.startswith("#")


@pytest.mark.parametrize("name", NAMES)
def test_a_starter_is_valid_as_it_lies_here(name):
    folder = root("templates") / name
    spec = spec_of(folder)
    paths = [
        spec["check"]["request"],
        spec["check"]["response"],
        *([spec["code"]["path"]] if "code" in spec else []),
        *spec.get("inputs", {}).values(),
    ]
    assert all((folder / path).exists() for path in paths)
    assert starter.project_name(Path(spec["name"])) == spec["name"]
    response = folder / spec["check"]["response"]
    assert response.is_dir() or json.loads(response.read_text(encoding="utf-8")) is not None


@pytest.mark.parametrize("name", NAMES)
def test_a_starter_is_small(name):
    ours = starter._own_files(root("templates") / name)
    assert sum(path.stat().st_size for path in ours) < 200_000


@pytest.mark.parametrize("name", NAMES)
def test_create_makes_the_project_the_users_own(name, tmp_path):
    folder = tmp_path / "My Wine"
    written = starter.create(name, folder, modelpack_url=URL)
    assert {str(path.relative_to(folder)) for path in written} == set(files_below(folder))
    assert spec_of(folder)["name"] == "my-wine"
    assert f'inputs.modelpack.url = "{URL}";' in (folder / "flake.nix").read_text(encoding="utf-8")
    assert not any(b"# init:" in content or b"{{" in content for content in files_below(folder / "src").values())
    assert b"# init:" not in b"".join((folder / part).read_bytes() for part in ("modelpack.yaml", "flake.nix"))


def test_create_changes_only_the_marked_lines(tmp_path):
    starter.create("sklearn-azureml", tmp_path / "wine", modelpack_url=URL)
    source = root("templates") / "sklearn-azureml"
    changed = {
        path for path, content in files_below(tmp_path / "wine").items() if (source / path).read_bytes() != content
    }
    assert changed == {"modelpack.yaml", "flake.nix"}
    before = (source / "modelpack.yaml").read_text(encoding="utf-8").splitlines()
    after = (tmp_path / "wine" / "modelpack.yaml").read_text(encoding="utf-8").splitlines()
    assert before[1:] == after[1:]


def test_create_leaves_out_caches_fetched_models_and_the_lock(mine, tmp_path):
    source = mine / "minilm-onnx"
    for path in (
        "model/model.onnx",
        "src/__pycache__/score.cpython-311.pyc",
        ".venv/bin/python",
        "modelpack.lock.json",
    ):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(b"not for the user")
    written = starter.create("minilm-onnx", tmp_path / "mine", modelpack_url=URL)
    assert written
    assert b"not for the user" not in files_below(tmp_path / "mine").values()


def test_create_keeps_the_model_that_a_starter_carries(tmp_path):
    starter.create("sklearn-azureml", tmp_path / "wine", modelpack_url=URL)
    assert (tmp_path / "wine" / "model" / "model.joblib").stat().st_size > 10_000


def test_create_overwrites_nothing_and_lists_the_clashes(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "score.py").write_text("mine", encoding="utf-8")
    (tmp_path / "README.md").symlink_to("nowhere")
    with pytest.raises(ModelpackError) as caught:
        starter.create("sklearn-azureml", tmp_path, modelpack_url=URL)
    assert caught.value.details == ("README.md", "src/score.py")
    assert files_below(tmp_path) == {"src/score.py": b"mine"}


def test_create_adds_to_a_folder_with_other_files(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    starter.create("custom-flask", tmp_path, modelpack_url=URL)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "src" / "app.py").is_file()


def test_create_leaves_nothing_half_made_when_it_cannot_write(tmp_path):
    (tmp_path / "src").write_text("a file where a folder should come", encoding="utf-8")
    with pytest.raises(ModelpackError, match=r"cannot write the project: .*src"):
        starter.create("sklearn-azureml", tmp_path, modelpack_url=URL)
    assert set(files_below(tmp_path)) == {"src"}


def test_an_unknown_starter_is_named_with_a_near_miss(tmp_path):
    with pytest.raises(ModelpackError, match="unknown starter: sklearn-azure") as caught:
        starter.create("sklearn-azure", tmp_path, modelpack_url=URL)
    assert caught.value.hint == "did you mean sklearn-azureml?"


def test_an_unknown_starter_far_from_all_gets_the_list(tmp_path):
    with pytest.raises(ModelpackError) as caught:
        starter.create("zzz", tmp_path, modelpack_url=URL)
    assert all(name in caught.value.hint for name in NAMES)


def test_the_flake_reference_is_quoted_for_nix(tmp_path):
    starter.create("custom-flask", tmp_path, modelpack_url='a"${b}\\')
    assert 'inputs.modelpack.url = "a\\"\\${b}\\\\";' in (tmp_path / "flake.nix").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("wine", "wine"),
        ("My Wine_2", "my-wine-2"),
        ("-x--y-", "x-y"),
        ("Größe", "groe"),
        ("2024", "model-2024"),
        ("東京", "model"),
        ("a" * 62 + "-b", "a" * 62),
    ],
)
def test_a_folders_name_becomes_a_package_name(folder, name):
    assert starter.project_name(Path("/srv") / folder) == name


def test_the_resources_are_folders_of_ours():
    assert (root("nix") / "default.nix").is_file()
    with pytest.raises(ModelpackError, match="missing"):
        root("nothing")


def run_in_venv(folder, requirements, *command):
    """Run a Python command in ``folder`` with just these requirements."""
    subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    python = folder / ".venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True, stderr=subprocess.DEVNULL)
    subprocess.run([python, *command], cwd=folder, check=True, env={**os.environ, "PYTHONHASHSEED": "7"})


@pytest.mark.network
@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the model was pickled by Python 3.11")
def test_training_again_gives_the_committed_bytes(tmp_path):
    starter.create("sklearn-azureml", tmp_path, modelpack_url=URL)
    before = files_below(tmp_path)
    run_in_venv(tmp_path, spec_of(tmp_path)["requirements"], "train.py")
    changed = [path for path, content in before.items() if (tmp_path / path).read_bytes() != content]
    assert changed == []


@pytest.mark.network
def test_the_embedding_model_is_fetched_and_verified(tmp_path):
    starter.create("minilm-onnx", tmp_path, modelpack_url=URL)
    run_in_venv(tmp_path, ["onnx==1.23.2", "numpy==2.4.6"], "fetch_model.py")
    with (tmp_path / "model" / "model.onnx").open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    assert digest in (tmp_path / "fetch_model.py").read_text(encoding="utf-8")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["model.onnx", "tokenizer.json"]
