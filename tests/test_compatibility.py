"""Published examples: how they are found and completed, and that the page of results still holds."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PUBLISHED = ROOT / "tests/published"
PAGE = ROOT / "docs/compatibility.md"


@pytest.fixture
def module(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "compatibility"))
    return importlib.import_module


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("inferencing_server: {type: custom}", "model package"),
        ("{endpoint_name: e, instance_type: t, model: {path: m}}", "online deployment"),
        ("{$schema: https://x/kubernetesOnlineDeployment.schema.json, model: m}", "online deployment"),
        ("{$schema: https://x/batchDeployment.schema.json, instance_type: t, model: m}", "batch deployment"),
        ("{$schema: https://x/model.schema.json, path: m}", "model"),
    ],
)
def test_what_could_be_packaged_is_told_by_its_keys(module, tmp_path, text, kind):
    (tmp_path / "file.yml").write_text(text)
    (found,) = module("examples").find(tmp_path)
    assert (found.path, found.kind, found.why_not) == ("file.yml", kind, None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("auth_mode: key", "endpoint"),
        ("{name: env, dependencies: [python]}", "environment"),
        ("{$schema: https://x/environment.schema.json, image: i}", "environment"),
    ],
)
def test_what_could_not_be_has_a_reason(module, tmp_path, text, kind):
    (tmp_path / "file.yml").write_text(text)
    (found,) = module("examples").find(tmp_path)
    assert found.kind == kind
    assert found.why_not


def test_files_of_no_interest_and_parts_of_models_are_no_examples(module, tmp_path):
    (tmp_path / "model").mkdir()
    for name, text in {
        "model/MLmodel": "flavors: {}",
        "model/conda.yaml": "dependencies: []",
        "a.yml": "{type: uri_file, path: x}",
        "b.yaml": "{{TEMPLATE",
        "c.yaml": "auth_mode: key\n---\nauth_mode: key\n",
        "d.yaml": "- a list",
    }.items():
        (tmp_path / name).write_text(text)
    assert [(item.path, item.kind) for item in module("examples").find(tmp_path)] == [("model", "MLflow model")]


def test_recipes_name_programs_that_are_there(module):
    recipes = module("recipes")
    known = recipes.read()
    programs = [name for item in known.files for name in (item.copy, item.train) if name]
    assert programs
    assert all((ROOT / "compatibility" / name).is_file() for name in programs)
    ways = [[item.copy, item.take, item.text, item.train] for item in known.files]
    assert all(sum(way is not None for way in several) == 1 for several in ways)


def test_what_is_missing_is_filled_in_once_and_what_is_there_stays(module, tmp_path):
    recipes = module("recipes")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "two/a.txt").write_text("own")
    (tmp_path / "one/x.yml").write_text("name: {{NAME}}")
    known = recipes.Recipes(
        placeholders={"{{NAME}}": "demo"}, files=(recipes.Missing(below="*", file="a.txt", text="ours"),)
    )
    recipes.replace_placeholders(tmp_path, known)
    assert list(recipes.fill(tmp_path, known)) == ["one/a.txt: written"]
    assert list(recipes.fill(tmp_path, known)) == []
    assert (tmp_path / "two/a.txt").read_text() == "own"
    assert (tmp_path / "one/x.yml").read_text() == "name: demo"


def test_the_page_is_read_as_it_was_written(module, tmp_path):
    page = module("page")
    outcome = page.Outcome(path="a/b.yml", kind="model", verdict="refused", seconds=3, said="error: a | b\n  c")
    page.write(tmp_path / "page.md", [outcome], {"endpoint: no model": ["c.yml"]}, ["a/x: written"])
    read = page.read(tmp_path / "page.md")
    assert read == {"a/b.yml": outcome}


def test_the_page_knows_only_verdicts_that_it_explains(module):
    verdicts = {outcome.verdict for outcome in module("page").read(PAGE).values()}
    assert verdicts <= {"builds and answers", "builds and is ready", "builds unchecked", "refused"}
    assert "builds and answers" in verdicts


@pytest.mark.nix
@pytest.mark.network
def test_the_page_says_what_becomes_of_examples(module, tmp_path, monkeypatch):
    """Runs those that need no other Python than the suites have."""
    monkeypatch.setenv("MODELPACK_CACHE", str(tmp_path / "cache"))
    expected = module("page").read(PAGE)
    run = module("run")
    found, _ = run.prepare(PUBLISHED, tmp_path / "examples")
    tried = [example for example in found if example.path in CHEAP]
    assert [example.path for example in tried] == CHEAP

    outcomes = [run.attempt(example, tmp_path) for example in tried]

    assert [(item.path, item.verdict) for item in outcomes] == [(path, expected[path].verdict) for path in CHEAP]
    refused = [item for item in outcomes if item.verdict == "refused"]
    assert [item.said for item in refused] == [expected[item.path].said for item in refused]


CHEAP = [
    "azure/azureml-examples-2023-10-legacy/cli/endpoints/online/deploy-with-packages/registry-model/package.yml",
    "peers/generated-mlflow-3.17.2/sklearn_linear",
]
