"""The files of a server's folder: what goes into a package beside the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_project import SPEC, lock_of, machine, write

from modelpack import injection
from modelpack.errors import ModelpackError
from modelpack.loading.native import load_spec
from modelpack.locking.trees import layouts
from modelpack.server_files import server_files
from modelpack.store import files

TEMPLATE = "{% for name in spec.models %}\nmodel {{ name }}\n{% endfor %}\nport {{ port }}\n"


@pytest.fixture
def project(tmp_path):
    return write(tmp_path / "project")


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "servers/echo"
    write(folder, {"server.yaml": "", "start.py": "x", "echo/inner.py": "y", "echo/conf.yaml.j2": TEMPLATE})
    write(folder, {"echo/__pycache__/inner.cpython-311.pyc": "left behind by an installer"})
    return folder


def test_all_but_the_description_is_the_servers_tree(project, server, tmp_path):
    found = server_files(load_spec(project), 80, server, tmp_path / "made", {})

    assert {name: path.read_text() for name, path in found.items()} == {
        "start.py": "x",
        "echo/inner.py": "y",
        "echo/conf.yaml": "model model\nport 80\n",
    }
    assert found["start.py"] == server / "start.py"


def test_what_a_template_gives_is_the_same_file_every_time(project, server, tmp_path):
    spec = load_spec(project)
    first = server_files(spec, 80, server, tmp_path / "made", {})["echo/conf.yaml"]
    before = first.stat()

    assert server_files(spec, 80, server, tmp_path / "made", {})["echo/conf.yaml"] == first
    assert first.stat().st_mtime_ns == before.st_mtime_ns
    assert server_files(spec, 81, server, tmp_path / "made", {})["echo/conf.yaml"] != first


def test_a_template_that_asks_for_what_there_is_not_says_so(project, server, tmp_path):
    (server / "echo/conf.yaml.j2").write_text("{{ spec.modle }}")

    with pytest.raises(ModelpackError, match=r"conf.yaml.j2: .* has no attribute 'modle'"):
        server_files(load_spec(project), 80, server, tmp_path / "made", {})


def test_a_server_without_files_has_no_tree(project):
    assert "server" not in layouts(load_spec(project), project)


def test_the_tree_is_locked(project):
    (project / "modelpack.yaml").write_text(
        SPEC.replace("code: {path: ./src, scoring_script: score.py}", "server: mlflow")
    )
    place = machine(project)
    lock = lock_of(load_spec(project), place)

    assert "start.py" in {entry.path for entry in lock.trees["server"].files}
    assert "@server@/start.py" in lock.server.command
    assert lock.server.environment["MLFLOW_MODEL_FOLDER"] == "model"
    assert files.locate(layouts(load_spec(project), place.cache)["server"], "start.py").is_file()


MODEL = "name: demo\nmodel: ./model\nserver: mlflow\ncheck: false\n"


def injected(project, requirements, version=""):
    text = MODEL.replace("server: mlflow", f"server: {{name: mlflow, version: '{version}'}}") if version else MODEL
    Path(project / "modelpack.yaml").write_text(f"{text}requirements: {requirements}\n")
    return {item.requirement for item in injection.server_requirements(load_spec(project))}


def test_what_a_server_needs_depends_on_its_version(project):
    old, new = injected(project, [], "1.30.1"), injected(project, [], "3.17.2")

    assert {"mlflow-skinny==1.30.1", "gunicorn", "flask<3", "pandas<2", "numpy<2"} <= old
    assert {"mlflow-skinny==3.17.2", "pandas", "numpy"} == new
    assert injected(project, []) == {"mlflow-skinny", "pandas", "numpy"}  # the newest
    assert "gunicorn" in injected(project, ["mlflow-skinny==2.20.0"])


def test_what_the_user_requires_takes_the_place_of_what_is_injected(project):
    assert injected(project, ["MLflow[extras]"], "==2.20.0") == {
        "mlflow==2.20.0",
        "pandas",
        "numpy",
        "flask",
        "gunicorn",
    }
