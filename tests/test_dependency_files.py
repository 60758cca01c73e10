"""Projects and locks of other tools: what right ones mean, and the exact report of wrong ones."""

from __future__ import annotations

import json
import os
import subprocess
from typing import ClassVar

import pytest
from local_index import isolate, make_wheel, serving, sha256

from modelpack.errors import SpecError
from modelpack.loading.dependencies import Dependencies, Selection
from modelpack.loading.dependency_files import judge_python, read_dependencies
from modelpack.loading.sources import Folder
from modelpack.loading.yamlfile import Findings

DIGEST = "sha256:" + "0123456789abcdef" * 4


def read(folder, name, content=None, *, extras=(), groups=None):
    if content is not None:
        (folder / name).write_text(content)
    found = Dependencies(folder=Folder(path=folder, shown=""), findings=Findings(first=name))
    read_dependencies(folder / name, found, Selection(extras=extras, groups=groups))
    return found


def good(*args, **options):
    found = read(*args, **options)
    found.findings.raise_any()
    return found


def report(*args, **options):
    found = read(*args, **options)
    judge_python("3.11", found)
    with pytest.raises(SpecError) as caught:
        found.findings.raise_any()
    return "".join(f"{problem}\n" for problem in caught.value.problems)


def texts(requirements):
    return [one.text for one in requirements]


PROJECT = """\
[project]
name = "demo"
version = "0.1"
requires-python = ">=3.10"
dependencies = [
    "flask>=2",
    'numpy ; python_version > "3"',
]

[project.optional-dependencies]
serve = ["uvicorn[standard]"]
all_of-it = ["demo[serve,Train]", "pandas"]
train = ["torch"]

[dependency-groups]
dev = ["pytest", {include-group = "lint"}]
lint = ["ruff"]
"""


class TestProjects:
    def test_main_dependencies_are_required_and_nothing_else(self, tmp_path):
        found = good(tmp_path, "pyproject.toml", PROJECT)

        assert [(one.text, one.origin) for one in found.requirements] == [
            ("flask>=2", "pyproject.toml:6"),
            ('numpy ; python_version > "3"', "pyproject.toml:7"),
        ]
        assert [text for _, text in found.requires_python] == [">=3.10"]

    def test_extras_and_groups_that_are_asked_for_come_with_what_they_include(self, tmp_path):
        found = good(tmp_path, "pyproject.toml", PROJECT, extras=("All.of_it",), groups=("dev",))

        assert texts(found.requirements)[2:] == ["pandas", "uvicorn[standard]", "torch", "pytest", "ruff"]

    def test_everything_wrong_is_reported_at_once(self, tmp_path):
        content = PROJECT.replace('"flask>=2"', '"flask=2", 5, "git+https://h.invalid/x"').replace(">=3.10", ">=3.12")

        assert (
            report(tmp_path, "pyproject.toml", content, extras=("serv",), groups=("nope", "dev"))
            == """\
pyproject.toml:1:1: pyproject.toml has no extra named serv (did you mean serve?)
pyproject.toml:1:1: pyproject.toml has no dependency group named nope (it has: dev, lint)
pyproject.toml:4:1: needs Python >=3.12, the package has 3.11 (write python: and a version that meets both)
pyproject.toml:6:5: project.dependencies[0]: not a requirement: "flask=2" (did you mean flask==2?)
pyproject.toml:6:16: project.dependencies[1]: expected a requirement, found the number 5
pyproject.toml:6:19: project.dependencies[2]: names a repository, of which no digest is known: \
"git+https://h.invalid/x" (clone it beside the spec and require its folder)
"""
        )

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("a = \n", "1:5: not TOML: invalid value"),
            ("[tool.x]\n", "1:1: has neither a table project nor one of Poetry's (see PEP 621)"),
            (
                '[project]\nname = "x"\ndynamic = ["dependencies"]\n',
                "3:1: project.dynamic: the dependencies are known only when built (require the folder instead: [.])",
            ),
            (
                "[project]\ndependencies = 'x'\n",
                '2:1: project.dependencies: expected a list of requirements, found the text "x"',
            ),
            ("project = 5\n", "1:1: project: expected a table, found the number 5"),
            (
                "[dependency-groups]\nx = []\n",
                "1:1: has dependency groups alone (name those that are wanted: groups: [x])",
            ),
            ("[build-system]\nrequires = []\n", "1:1: does not say what the project needs (require its folder: [.])"),
        ],
    )
    def test_what_is_no_project_is_refused(self, tmp_path, content, message):
        assert report(tmp_path, "pyproject.toml", content) == f"pyproject.toml:{message}\n"

    def test_uvs_sources_are_followed_or_refused(self, tmp_path):
        (tmp_path / "lib").mkdir()
        (tmp_path / "lib/pyproject.toml").write_text('[project]\nname = "lib"\n')
        project = '[project]\nname = "x"\ndependencies = ["lib[a]>=1 ; python_version > \'3\'", "other"]\n'

        found = good(
            tmp_path, "pyproject.toml", f"{project}[tool.uv.sources]\nlib = {{path = './lib', editable = true}}\n"
        )
        refused = report(tmp_path, "pyproject.toml", f"{project}[tool.uv.sources]\nother = {{git = 'ssh://h/x'}}\n")

        assert [(one.text, one.source and one.source.path) for one in found.requirements] == [
            ("other", None),
            ("lib[a] ; python_version > '3'", tmp_path / "lib"),
        ]
        assert refused.startswith(
            "pyproject.toml:5:1: tool.uv.sources.other: names a repository, of which no digest is known: "
        )

    def test_the_source_that_holds_here_is_taken(self, tmp_path):
        for name in ("lib", "packages/seeds", "packages/gone"):
            (tmp_path / name).mkdir(parents=True)
            (tmp_path / name / "pyproject.toml").write_text(f'[project]\nname = "{name.rpartition("/")[2]}"\n')
        content = """\
[project]
name = "x"
dependencies = ["torch", "lib", "seeds>=1"]
optional-dependencies = {gpu = []}
[tool.uv]
constraint-dependencies = ["attrs<25"]
[tool.uv.workspace]
members = ["packages/*"]
exclude = ["packages/gone"]
[tool.uv.sources]
torch = [{index = "cpu", marker = "sys_platform == 'linux'"}, {index = "none", marker = "sys_platform == 'darwin'"}]
lib = [{git = "https://h.invalid/x", extra = "gpu"}, {path = "lib"}]
seeds = {workspace = true}
[[tool.uv.index]]
name = "cpu"
url = "https://ada:s3cret@cpu.invalid/simple"
explicit = true
[[tool.uv.index]]
name = "ours"
url = "https://ours.invalid/simple"
"""
        found = good(tmp_path, "pyproject.toml", content)

        assert [(one.text, one.source and one.source.path) for one in found.requirements] == [
            ("torch", None),
            ("lib", tmp_path / "lib"),
            ("seeds", tmp_path / "packages/seeds"),
        ]
        assert [(one.text, one.origin) for one in found.constraints] == [("attrs<25", "pyproject.toml:6")]
        assert {name: one.written for name, one in found.pins.items()} == {"torch": "https://***@cpu.invalid/simple"}
        assert [one.url for one in found.indexes.extra] == ["https://ours.invalid/simple"]
        assert report(tmp_path, "pyproject.toml", content.replace('"packages/*"', "")) == (
            "pyproject.toml:13:1: tool.uv.sources.seeds: no member of the workspace has this name: seeds "
            "(write its folder: {path = ...})\n"
        )

    def test_requirements_that_are_read_from_files_when_it_is_built_are_read(self, tmp_path):
        (tmp_path / "base.txt").write_text("numpy\n")
        (tmp_path / "more.txt").write_text("pandas\n")
        content = """\
[project]
name = "x"
dynamic = ["dependencies", "optional-dependencies"]
[tool.setuptools.dynamic]
dependencies = {file = ["base.txt"]}
optional-dependencies.more = {file = "more.txt"}
"""
        hatch = (
            '[project]\ndynamic = ["dependencies"]\n'
            '[tool.hatch.metadata.hooks.requirements_txt]\nfiles = ["base.txt"]\n'
        )

        assert [
            (one.text, one.origin) for one in good(tmp_path, "pyproject.toml", content, extras=("more",)).requirements
        ] == [
            ("numpy", "base.txt:1"),
            ("pandas", "more.txt:1"),
        ]
        assert texts(good(tmp_path, "pyproject.toml", hatch).requirements) == ["numpy"]

    @pytest.mark.parametrize("said", ["file:///${PROJECT_ROOT}/../lib", "{root:uri}/../lib"])
    def test_paths_from_the_projects_folder_are_followed(self, tmp_path, said):
        for name in ("app", "lib"):
            (tmp_path / name).mkdir()
        (tmp_path / "lib/pyproject.toml").write_text('[project]\nname = "lib"\n')

        found = good(tmp_path / "app", "pyproject.toml", f'[project]\nname = "x"\ndependencies = ["lib @ {said}"]\n')

        assert [one.source.path for one in found.requirements] == [tmp_path / "lib"]


POETRY = """\
[tool.poetry]
name = "demo"

[tool.poetry.dependencies]
python = "^3.9 || ^4"
numpy = "^2.1"
Flask = "~2.3"
exact = "1.2.3"
any = {version = "*", source = "other"}
"dotted.name" = {version = ">=1,<2", extras = ["b", "a"], markers = "sys_platform == 'linux'"}
old = [{version = "<1", python = "<3.10"}, {version = ">=1", python = ">=3.10"}]
uvicorn = {version = "^0.30", optional = true}

[tool.poetry.extras]
serve = ["uvicorn"]

[tool.poetry.group.dev.dependencies]
pytest = "^8"

[[tool.poetry.source]]
name = "own"
url = "https://ada:s3cret@own.invalid/simple"

[[tool.poetry.source]]
name = "other"
url = "https://other.invalid/simple"
priority = "explicit"
"""


class TestPoetry:
    def test_its_constraints_become_requirements(self, tmp_path):
        found = good(tmp_path, "pyproject.toml", POETRY, extras=("serve",), groups=("dev",))

        assert [(one.text, one.origin.rpartition(":")[2]) for one in found.requirements] == [
            ("numpy>=2.1,<3.0", "6"),
            ("Flask>=2.3,<2.4", "7"),
            ("exact==1.2.3", "8"),
            ("any", "9"),
            ('dotted.name[a,b]>=1,<2 ; sys_platform == "linux"', "10"),
            ('old<1 ; python_version < "3.10"', "11"),
            ('old>=1 ; python_version >= "3.10"', "11"),
            ("uvicorn>=0.30,<0.31", "12"),
            ("pytest>=8,<9", "18"),
        ]
        assert [one.written for one in found.indexes.extra] == ["https://***@own.invalid/simple"]
        assert [(name, one.written) for name, one in found.indexes.pins] == [("any", "https://other.invalid/simple")]
        judge_python("3.11", found)
        found.findings.raise_any()

    def test_optional_ones_need_their_extra(self, tmp_path):
        assert "uvicorn>=0.30,<0.31" not in texts(good(tmp_path, "pyproject.toml", POETRY).requirements)

    def test_what_cannot_be_said_is_refused(self, tmp_path):
        content = """\
[tool.poetry.dependencies]
python = "nonsense"
numpy = "^1 || ^3"
scipy = "nonsense"
mine = {git = "https://host.invalid/mine.git"}
gone = {path = "./gone"}
odd = 5
"""
        assert (
            report(tmp_path, "pyproject.toml", content)
            == """\
pyproject.toml:2:1: tool.poetry.dependencies.python: not a constraint of Poetry's: "nonsense"
pyproject.toml:3:1: tool.poetry.dependencies.numpy: alternatives cannot be said in a requirement: \
numpy>=1,<2 || >=3,<4 (allow one range of versions, or put a python or markers beside each)
pyproject.toml:4:1: tool.poetry.dependencies.scipy: not a dependency of Poetry's: \
scipy: could not parse version constraint: nonsense
pyproject.toml:5:1: tool.poetry.dependencies.mine: names a repository, of which no digest is known: \
"mine @ git+https://host.invalid/mine.git" (clone it beside the spec and require its folder)
pyproject.toml:6:1: tool.poetry.dependencies.gone: no such file or folder: ./gone
pyproject.toml:7:1: tool.poetry.dependencies.odd: expected a version or a table, found the number 5
"""
        )

    def test_its_lock_limits_the_versions(self, tmp_path):
        (tmp_path / "pyproject.toml").write_text(POETRY)
        lock = f"""\
[[package]]
name = "numpy"
version = "2.1.3"
optional = false
groups = ["main"]
files = [{{file = "numpy-2.1.3.whl", hash = "{DIGEST}"}}]

[[package]]
name = "old"
version = "0.9"
markers = "python_version < '3.10'"
files = []

[metadata]
lock-version = "2.1"
"""
        found = good(tmp_path, "poetry.lock", lock)

        assert texts(found.requirements)[0] == "numpy>=2.1,<3.0"
        assert [(one.text, one.origin, one.hashes) for one in found.constraints] == [
            ("numpy==2.1.3", "poetry.lock:2", (DIGEST,)),
            ("old==0.9 ; python_version < '3.10'", "poetry.lock:9", ()),
        ]


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    isolate(monkeypatch, tmp_path)
    folder = tmp_path / "wheels"
    folder.mkdir()
    make_wheel(folder, "top", "1.0", requires=["base"])
    make_wheel(folder, "base", "1.0")
    make_wheel(folder, "base", "2.0", python=">=3.11")
    make_wheel(folder, "server", "3.0", extras=["fast"], requires=["base ; extra == 'fast'"])
    with serving(folder) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        yield folder


def uv(folder, *words):
    import uv as package  # noqa: PLC0415 - the program alone

    program = package.find_uv_bin()
    subprocess.run([program, *words], cwd=folder, check=True, capture_output=True, env={**os.environ})


class TestUvLock:
    PROJECT = """\
[project]
name = "demo"
version = "0.1"
requires-python = ">=3.10"
dependencies = ["top"]
[project.optional-dependencies]
serve = ["server[fast]"]
[dependency-groups]
test = ["base"]
[tool.uv]
package = false
"""

    @pytest.fixture
    def project(self, wheels):
        folder = wheels.parent / "project"
        folder.mkdir()
        (folder / "pyproject.toml").write_text(self.PROJECT)
        uv(folder, "lock")
        return folder

    def test_a_real_one_gives_direct_requirements_and_all_versions_as_constraints(self, project, wheels):
        found = good(project, "uv.lock", extras=("serve",), groups=("test",))

        assert [one.partition("==")[0] for one in texts(found.requirements)] == ["top", "server[fast]", "base", "base"]
        pins = {one.text: one.hashes for one in found.constraints}
        assert pins["top==1.0"] == (f"sha256:{sha256(wheels / 'top-1.0-py3-none-any.whl')}",)
        assert sorted(text for text in pins if text.startswith("base")) == [
            "base==1.0 ; (python_full_version < '3.11')",
            "base==2.0 ; (python_full_version >= '3.11')",
        ]
        assert [text for _, text in found.requires_python] == [">=3.10"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("version = 7\n", "a lock of version 7, version 1 is known"),
            ("version = 1\n", "has no packages: package is missing"),
            ("version = 1\n[[package]]\nname = 'x'\nversion = '1'\n", "locks no project (name one: uv export"),
            ("version = 1\n[[package]]\nname = 5\n", "has a package without a name"),
            ("version = 1\n[[package]]\nname = 'x'\nsource = 5\n", "locks no project"),
        ],
    )
    def test_what_is_none_is_refused(self, tmp_path, content, message):
        assert f"uv.lock:1:1: {message}" in report(tmp_path, "uv.lock", content)

    @pytest.mark.parametrize(("extra", "version"), [("new", "2.0"), ("old", "1.0")])
    def test_of_extras_that_exclude_each_other_the_chosen_one_decides(self, wheels, extra, version):
        folder = wheels.parent / "project"
        folder.mkdir()
        (folder / "pyproject.toml").write_text("""\
[project]
name = "demo"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["top", "server ; sys_platform == 'win32'"]
optional-dependencies = {new = ["base>=2"], old = ["base<2"]}
[tool.uv]
conflicts = [[{extra = "new"}, {extra = "old"}]]
package = false
""")
        uv(folder, "lock")

        found = good(folder, "uv.lock", extras=(extra,))

        assert texts(found.requirements) == ["top", f"base=={version}"]
        assert texts(found.constraints) == [f"base=={version}", "top==1.0"]


class TestPylock:
    def test_one_that_uv_exports_gives_every_package_with_its_digests(self, tmp_path, wheels):
        (tmp_path / "requirements.in").write_text("top\n")
        options = ("--python-version", "3.11")
        uv(tmp_path, "pip", "compile", "requirements.in", "-o", "pylock.toml", "--format", "pylock.toml", *options)

        found = good(tmp_path, "pylock.toml")

        assert {one.text: one.hashes for one in found.requirements} == {
            "base==2.0": (f"sha256:{sha256(wheels / 'base-2.0-py3-none-any.whl')}",),
            "top==1.0": (f"sha256:{sha256(wheels / 'top-1.0-py3-none-any.whl')}",),
        }

    def test_wheels_beside_it_are_found_there(self, tmp_path):
        (tmp_path / "wheels").mkdir()
        lock = 'lock-version = "1.0"\n[[packages]]\nname = "x"\nversion = "1"\nwheels = [{path = "wheels/x.whl"}]\n'

        found = good(tmp_path, "pylock.toml", lock)

        assert [one.url for one in found.indexes.links] == [str(tmp_path / "wheels")]

    def test_extras_and_groups_decide_about_its_markers(self, tmp_path):
        lock = """\
lock-version = "1.0"
created-by = "test"
requires-python = ">=3.9"
extras = ["serve"]
dependency-groups = ["dev", "base"]
default-groups = ["base"]
[[packages]]
name = "a"
version = "1"
marker = "'serve' in extras and python_version > '3'"
[[packages]]
name = "b"
version = "2"
marker = "'base' in dependency_groups"
[[packages]]
name = "c"
version = "3"
marker = "'dev' not in dependency_groups"
"""
        always, never = "python_version >= '3'", "python_version < '3'"

        assert texts(good(tmp_path, "pylock.toml", lock).requirements) == [
            f"a==1 ; {never} and python_version > '3'",
            f"b==2 ; {always}",
            f"c==3 ; {always}",
        ]
        assert texts(good(tmp_path, "pylock.toml", lock, extras=("serve",), groups=("dev",)).requirements) == [
            f"a==1 ; {always} and python_version > '3'",
            f"b==2 ; {never}",
            f"c==3 ; {never}",
        ]

    def test_what_is_not_on_an_index_is_refused_and_so_is_another_version(self, tmp_path):
        lock = 'lock-version = "1.0"\n[[packages]]\nname = "x"\nvcs = {type = "git", url = "https://h.invalid/x"}\n'

        assert report(tmp_path, "pylock.toml", 'lock-version = "2.0"\n') == (
            "pylock.toml:1:1: a lock of version 2.0, version 1.0 is known\n"
        )
        assert report(tmp_path, "pylock.toml", lock).startswith(
            "pylock.toml:3:1: packages[0]: names a repository, of which"
        )


class TestPipfileLock:
    LOCK: ClassVar = {
        "_meta": {"requires": {"python_version": "3.11"}, "sources": [{"url": "https://one.invalid/simple"}]},
        "default": {
            "numpy": {"version": "==2.1.3", "hashes": [DIGEST], "markers": "python_version >= '3.9'", "index": "one"},
            "six": {"version": "==1.0"},
        },
        "develop": {"pytest": {"version": "==8.0"}},
    }

    def test_without_a_pipfile_all_of_it_is_required(self, tmp_path):
        found = good(tmp_path, "Pipfile.lock", json.dumps(self.LOCK, indent=4))

        assert [(one.text, one.origin) for one in found.requirements] == [
            ("numpy==2.1.3 ; python_version >= '3.9'", "Pipfile.lock:13"),
            ("six==1.0", "Pipfile.lock:21"),
        ]
        assert (found.requirements[0].hashes, found.python) == ((DIGEST,), "3.11")

    def test_with_a_pipfile_the_rest_are_constraints(self, tmp_path):
        (tmp_path / "Pipfile").write_text('[packages]\nNumPy = "*"\n[dev-packages]\npytest = "*"\n')

        found = good(tmp_path, "Pipfile.lock", json.dumps(self.LOCK, indent=4), groups=("develop",))

        assert texts(found.requirements) == ["numpy==2.1.3 ; python_version >= '3.9'", "pytest==8.0"]
        assert texts(found.constraints) == ["six==1.0"]

    def test_a_pipfile_by_itself_says_what_is_required(self, tmp_path):
        content = """\
[[source]]
url = "https://one.invalid/simple"
[[source]]
url = "https://two.invalid/simple"
name = "two"
[packages]
numpy = {version = "*", index = "two"}
flask = {version = ">=2", extras = ["async"], sys_platform = "== 'linux'"}
mine = {path = "./mine", editable = true}
[dev-packages]
pytest = "~=8.0"
[requires]
python_full_version = "3.12.1"
"""
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine/setup.py").touch()
        found = good(tmp_path, "Pipfile", content, groups=("dev-packages",))

        assert texts(found.requirements) == [
            "numpy",
            "flask[async]>=2 ; (sys_platform == 'linux')",
            "mine",
            "pytest~=8.0",
        ]
        assert (found.python, found.indexes.extra) == ("3.12", ())
        assert [(name, one.url) for name, one in found.indexes.pins] == [("numpy", "https://two.invalid/simple")]

    @pytest.mark.parametrize("content", ["{", "[]", "{}", '{"_meta": 5, "default": {}}'])
    def test_what_is_none_is_refused(self, tmp_path, content):
        assert report(tmp_path, "Pipfile.lock", content).startswith("Pipfile.lock:1:1: not ")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("setup.py", "", "a script of setuptools, which is not read (require the project's folder: [.])"),
        ("pixi.toml", "[dependencies]\n", "a manifest of pixi, which is not read (require what this writes: pixi"),
        ("my.lock.yml", "version: 6\nenvironments:\n", "a lock of pixi, which is not read (require what this writes"),
        ("locked.yml", "# x\nversion: 1\nmetadata:\n", "a lock of conda-lock, which is not read (require the "),
        (
            "requirements.txt",
            "# x\r\n@EXPLICIT\r\nhttps://h.invalid/x.conda\r\n",
            "an explicit list of conda's packages",
        ),
        ("Cargo.toml", "", 'not a form of dependencies that is known: "Cargo.toml" (take pyproject.toml or '),
        ("a.yml", "apiVersion: v1\nkind: Pod\n", "a manifest of Kubernetes, which says nothing of dependencies"),
        ("a.yml", "services: {}\n", "a file of Docker Compose, which says nothing of dependencies"),
        ("a.yml", "image: x\nconda_file: ./c.yaml\n", "an environment of Azure ML's (require the file that it names"),
        ("a.yml", "flavors: {}\n", "the MLmodel of a model of MLflow (build its folder"),
    ],
)
def test_other_files_are_refused_by_what_they_are_with_what_to_do(tmp_path, name, content, message):
    said = report(tmp_path, name, content)

    assert said.startswith(f"{name}:1:1: {message}")
    assert said.count("\n") == 1


def test_a_requirements_file_has_no_extras(tmp_path):
    assert report(tmp_path, "requirements.txt", "numpy\n", extras=("a",)) == (
        "requirements.txt:1:1: requirements.txt has neither extras nor groups\n"
    )


UV_LOCK = f"""
version = 1
[[package]]
name = "mine"
version = "1"
source = {{virtual = "."}}
dependencies = [{{name = "far"}}]
[[package]]
name = "far"
version = "1.0"
source = {{url = "https://host.invalid/far-1.0-py3-none-any.whl"}}
wheels = [{{url = "https://host.invalid/far-1.0-py3-none-any.whl", hash = "{DIGEST}"}}]
"""
PYLOCK = f"""
lock-version = "1.0"
[[packages]]
name = "far"
archive = {{url = "https://host.invalid/far-1.0.tar.gz", hashes = {{sha256 = "{DIGEST[7:]}"}}}}
"""
ADDRESSED = f"""
[project]
name = "mine"
dependencies = ["far @ https://host.invalid/far-1.0.zip#sha256={DIGEST[7:]}"]
"""


@pytest.mark.parametrize(
    ("name", "text"), [("uv.lock", UV_LOCK), ("pylock.toml", PYLOCK), ("pyproject.toml", ADDRESSED)]
)
def test_what_stands_at_an_address_is_taken_by_its_digest(tmp_path, name, text):
    found = good(tmp_path, name, text)

    (remote,) = [item.source.remote for item in found.requirements if item.source]
    assert (remote.url.startswith("https://host.invalid/far-1.0"), f"sha256:{remote.sha256}") == (True, DIGEST)
