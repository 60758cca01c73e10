"""``builders/environment``: wheels joined by links, and what they may not do to each other."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from builder import built, run, tree
from test_elf import make_elf

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"lib/python{PYTHON}/site-packages"
TRIPLET = "x86_64-linux-gnu"


@pytest.fixture
def join(tmp_path):
    """Join wheels, given as files by path, by name; ``libraries`` are the base's objects."""

    def join(wheels, *, run=built, libraries=None, interpreter=None, conflicts=None):
        base = tmp_path / "base"
        for folder in ("usr/bin", f"usr/lib/{TRIPLET}"):
            (base / folder).mkdir(parents=True, exist_ok=True)
        program = base / f"usr/bin/python{PYTHON}"
        program.unlink(missing_ok=True)
        if interpreter is None:
            program.symlink_to(sys.executable)
        else:
            program.write_bytes(interpreter)
        for name, content in (libraries or {}).items():
            (base / f"usr/lib/{TRIPLET}" / name).write_bytes(content)
        for wheel, files in wheels.items():
            for path, content in files.items():
                place = tmp_path / wheel / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
        plan = {
            "base": str(base),
            "program": str(program),
            "interpreter": None,
            "triplet": TRIPLET,
            "python": PYTHON,
            "file_conflicts": conflicts or {},
            "wheels": [{"name": name, "path": str(tmp_path / name)} for name in wheels],
        }
        shutil.rmtree(tmp_path / "work", ignore_errors=True)
        return run("environment", plan, tmp_path / "work")

    return join


def in_site(**files):
    """Give files of the site-packages; in their names ``__`` stands for a slash, ``INIT`` for ``__init__``."""
    names = {path: path.replace("__", "/").replace("INIT", "__init__") for path in files}
    return {f"{SITE}/{names[path]}.py": content for path, content in files.items()}


def test_a_folder_of_one_wheel_is_one_link(join, tmp_path):
    out = join({"a": in_site(a__x=b"1", a__y__z=b"2"), "b": in_site(b=b"3")})
    links = tree(out / SITE)
    assert links == {"a": f"-> {tmp_path}/a/{SITE}/a", "b.py": f"-> {tmp_path}/b/{SITE}/b.py"}


def test_a_folder_of_several_wheels_is_made_and_filled(join):
    out = join({"a": in_site(google__a=b"1", google__deep__a=b"2"), "b": in_site(google__b=b"3", google__deep__b=b"4")})
    google = out / SITE / "google"
    assert not google.is_symlink()
    assert sorted(path.name for path in google.iterdir()) == ["a.py", "b.py", "deep"]
    assert sorted(path.name for path in (google / "deep").iterdir()) == ["a.py", "b.py"]


def test_a_namespace_package_of_two_wheels_imports(join):
    out = join({"a": in_site(space__a=b"x = 1"), "b": in_site(space__b=b"x = 2")})
    code = "import space.a, space.b, sys; print(space.a.x + space.b.x, sys.prefix)"
    command = [out / "bin/python", "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={}, timeout=60)
    assert done.stdout == f"3 {out}\n"


def test_a_file_of_two_wheels_with_the_same_bytes_is_one(join):
    out = join({"a": in_site(shared__init=b""), "b": in_site(shared__init=b"", shared__b=b"")})
    assert (out / SITE / "shared/init.py").read_bytes() == b""


def test_a_file_of_two_wheels_with_other_bytes_is_an_error_that_names_both(join):
    done = join({"a": in_site(shared__x=b"1"), "c": {}, "b": in_site(shared__x=b"2")}, run=run)
    assert done.problem["message"] == "a and b both install shared/x.py, with different contents"
    assert done.problem["wheels"] == ["a", "b"]
    assert done.problem["file"] == "shared/x.py"


def test_what_is_a_file_in_one_wheel_and_a_folder_in_another_is_an_error(join):
    done = join({"a": {f"{SITE}/x": b"1"}, "b": {f"{SITE}/x/y": b"2"}}, run=run)
    assert done.problem["message"] == "a and b both install x, with different contents"


def test_bytecode_of_a_file_that_two_wheels_share_is_no_quarrel(join):
    pyc = f"{SITE}/shared/__pycache__/x.pyc"
    out = join({"a": {pyc: b"1"} | in_site(shared__x=b""), "b": {pyc: b"1"} | in_site(shared__x=b"")})
    assert (out / pyc).read_bytes() == b"1"


def settled(out):
    return json.loads((out / "share/modelpack/file-conflicts.json").read_text())


def test_what_nothing_imports_may_differ_and_the_first_wheel_s_is_taken(join):
    wheels = {name: {f"{SITE}/LICENSE": name.encode(), "data/README.md": name.encode()} for name in ("a", "b", "c")}
    out = join(wheels | {"d": {f"{SITE}/LICENSE": b"a"}})
    assert (out / SITE / "LICENSE").read_bytes() == b"a"
    assert settled(out) == {"LICENSE": ["a", "b", "c", "d"], "README.md": ["a", "b", "c"]}


def test_top_level_tests_of_several_wheels_are_mixed_and_said_once(join):
    pyc = f"{SITE}/tests/__pycache__/x.cpython-311.pyc"
    first = in_site(tests__INIT=b"1", tests__x=b"1")
    second = in_site(tests__INIT=b"2", tests__x=b"2", tests__y=b"2") | {pyc: b"2"}
    out = join({"a": first, "b": second, "c": in_site(c=b"")})
    assert sorted(path.name for path in (out / SITE / "tests").iterdir()) == [
        "__init__.py",
        "__pycache__",
        "x.py",
        "y.py",
    ]
    assert (out / SITE / "tests/x.py").read_bytes() == b"1"
    assert not (out / pyc).exists(), "bytecode of a module that was not taken"
    assert settled(out) == {"tests": ["a", "b"]}


@pytest.mark.parametrize("path", ["tool.py", "tool.so", "libtool.so.1", "inner/LICENSE", "tests.pth"])
def test_what_may_be_imported_or_read_may_not_differ(join, path):
    done = join({name: {f"{SITE}/{path}": name.encode()} for name in ("a", "b")}, run=run)
    assert done.problem["message"] == f"a and b both install {path}, with different contents"


def test_declarations_of_one_namespace_need_not_have_the_same_words(join):
    words = [
        b"__import__('pkg_resources').declare_namespace(__name__)\n",
        b'"""Shared."""\nfrom pkgutil import extend_path\n\n__path__ = extend_path(__path__, __name__)\n',
        b"try:\n    import pkg_resources\nexcept ImportError:\n    from pkgutil import *\n",
        b"# nothing\n",
    ]
    wheels = {
        f"w{index}": in_site(**{"space__INIT": text, f"space__m{index}": b""}) for index, text in enumerate(words)
    }
    out = join(wheels)
    code = "import space.m0, space.m1, space.m2, space.m3"
    subprocess.run([out / "bin/python", "-c", code], check=True, env={}, timeout=60)
    assert settled(out) == {}


def test_the_spec_chooses_whose_package_is_taken_whole(join, tmp_path):
    wheels = {
        "full": in_site(cv2__INIT=b"1", cv2__gui=b"1") | {"data/bin/tool": b"1", "scripts/other": b"1"},
        "headless": in_site(cv2__INIT=b"2") | {"data/bin/tool": b"2", "scripts/other": b"2"},
    }
    done = join(wheels, run=run)
    assert done.problem["hint"].endswith("choose in the spec: file_conflicts: {bin/tool: headless}")

    conflicts = {"cv2": "headless", "bin": "headless"}
    out = join(wheels, conflicts=conflicts)

    assert (out / SITE / "cv2").readlink() == tmp_path / "headless" / SITE / "cv2"
    assert (out / "bin/tool").read_bytes() + (out / "bin/other").read_bytes() == b"22"
    assert settled(out) == {}


def test_a_choice_is_proposed_for_the_package_and_no_namespace(join):
    namespace = b"__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
    wheels = {
        name: in_site(space__INIT=namespace, space__part__INIT=b"", space__part__deep__x=name.encode())
        | in_site(space__part__deep__INIT=b"")
        for name in ("a", "b")
    }
    done = join(wheels, run=run)
    assert done.problem["file"] == "space/part/deep/x.py"
    assert done.problem["hint"].endswith("file_conflicts: {space/part: b}")


def test_bytecode_follows_the_module_that_was_chosen(join):
    pyc = f"{SITE}/p/__pycache__/x.cpython-311.pyc"
    wheels = {"a": in_site(p__x=b"1") | {pyc: b"1"}, "b": in_site(p__x=b"2", p__y=b"") | {pyc: b"2"}}
    out = join(wheels, conflicts={"p/x.py": "b"})
    assert ((out / SITE / "p/x.py").read_bytes(), (out / pyc).read_bytes()) == (b"2", b"2")


def test_data_of_one_wheel_goes_to_the_root_too(join, tmp_path):
    out = join({"a": {"data/share/man/a.1": b"a", "data/etc/a": b""}})
    assert (out / "share/man").readlink() == tmp_path / "a/data/share/man"
    assert (out / "etc").readlink() == tmp_path / "a/data/etc"


def test_data_of_several_wheels_goes_to_the_root(join):
    out = join({"a": {"data/share/man/a.1": b"a", "data/etc/a": b""}, "b": {"data/share/man/b.1": b"b"}})
    assert (out / "share/man/a.1").read_bytes() + (out / "share/man/b.1").read_bytes() == b"ab"


def test_data_may_add_to_the_site_packages(join):
    out = join({"a": in_site(a__x=b"1"), "b": {f"data/{SITE}/a/y.py": b"2", "data/lib/other": b""}})
    assert (out / SITE / "a/x.py").read_bytes() + (out / SITE / "a/y.py").read_bytes() == b"12"


@pytest.mark.parametrize("path", [f"data/{SITE}/a/x.py", "data/bin/python3", "data/pyvenv.cfg", "data/bin/tool"])
def test_data_may_not_replace_what_is_there(join, path):
    entry = f"{SITE}/a-1.dist-info/entry_points.txt"
    wheels = {"a": in_site(a__x=b"1") | {entry: b"[console_scripts]\ntool = a.x:f\n"}, "b": {path: b"2"}}
    done = join(wheels, run=run)
    assert done.problem["step"] == "environment"
    assert f"{path.removeprefix('data/').removeprefix(f'{SITE}/')}, w" in done.problem["message"]
    assert "b" in done.problem["wheels"]


def test_a_wheel_may_install_the_same_script_twice(join):
    entry = f"{SITE}/a-1.dist-info/entry_points.txt"
    out = join({"a": {entry: b"[console_scripts]\ntool = a.x:f\n", "data/bin/tool": b"its own"}})
    assert (out / "bin/tool").read_bytes() == b"its own"


def test_an_entry_point_becomes_a_script_of_the_environments_interpreter(join):
    points = b"[console_scripts]\ntool = a.main:App.run [extra]\nbad/name = a:f\nnothing = a\n"
    module = b"class App:\n    @staticmethod\n    def run():\n        print('it runs')\n        return 3\n"
    out = join({"a": {f"{SITE}/a-1.dist-info/entry_points.txt": points} | in_site(a__main=module)})
    done = subprocess.run([out / "bin/tool"], check=False, capture_output=True, text=True, env={}, timeout=60)
    assert (done.stdout, done.returncode) == ("it runs\n", 3), done.stderr
    assert sorted(path.name for path in (out / "bin").iterdir()) == ["python", "python3", f"python{PYTHON}", "tool"]


def test_graphical_entry_points_become_scripts_too(join):
    points = b"[gui_scripts]\nwindow = a:f\nboth = a:f\n[console_scripts]\nboth = a:g\n"
    out = join({"a": {f"{SITE}/a-1.dist-info/entry_points.txt": points} | in_site(a=b"def f():\n    return 4\n")})
    done = subprocess.run([out / "bin/window"], check=False, env={}, timeout=60)
    assert done.returncode == 4
    assert "from a import g\n" in (out / "bin/both").read_text()


@pytest.mark.parametrize("first", [b"#!python", b"#!pythonw", b"#!python\r"])
def test_a_wheels_own_script_gets_the_interpreter(join, first):
    out = join({"a": {"scripts/tool": first + b"\nprint('it runs')\n"}})
    done = subprocess.run([out / "bin/tool"], check=True, capture_output=True, text=True, env={}, timeout=60)
    assert done.stdout == "it runs\n"


def test_a_script_for_another_interpreter_and_a_program_stay_as_they_are(join):
    program = make_elf(["libc.so.6"])
    script = b"#!/bin/sh\r\necho \xff\r\n"
    out = join({"a": {"scripts/tool": script, "scripts/program": program}}, libraries={"libc.so.6": b""})
    assert (out / "bin/tool").read_bytes() == script
    assert (out / "bin/program").read_bytes() == program
    assert (out / "bin/program").stat().st_mode & 0o777 == 0o755


def test_two_scripts_of_one_name_are_an_error_unless_they_are_the_same(join):
    point = b"[console_scripts]\ntool = a:f\n"
    wheels = {name: {f"{SITE}/{name}-1.dist-info/entry_points.txt": point} for name in ("a", "b")}
    assert (join(wheels) / "bin/tool").exists()


def test_two_different_scripts_of_one_name_are_an_error(join):
    wheels = {
        name: {f"{SITE}/{name}-1.dist-info/entry_points.txt": f"[console_scripts]\ntool = {name}:f\n".encode()}
        for name in ("a", "b")
    }
    done = join(wheels, run=run)
    assert done.problem["message"] == "a and b both install bin/tool, with different contents"
    assert done.problem["wheels"] == ["a", "b"]


@pytest.mark.parametrize("text", [b"nonsense", b"[console_scripts\n", b"\xff\xfe[console_scripts]", b"= a:f\n"])
def test_entry_points_that_cannot_be_read_name_their_wheel(join, text):
    done = join({"a": {f"{SITE}/a-1.dist-info/entry_points.txt": text}}, run=run)
    assert done.problem["message"].startswith("a: its entry_points.txt cannot be read: ")


def missing(out):
    return json.loads((out / "share/modelpack/missing-libraries.json").read_text())


def test_a_library_that_nothing_provides_is_told_with_who_wants_it(join):
    objects = {
        "a": {f"{SITE}/a.so": make_elf(["libGL.so.1", "libc.so.6"])},
        "b": {f"{SITE}/b/b.cpython.so": make_elf(["libGL.so.1"])},
    }
    assert missing(join(objects, libraries={"libc.so.6": b""})) == {"libGL.so.1": ["a", "b"]}


def test_libraries_that_wheels_bring_and_drivers_of_the_machine_are_not_missing(join):
    objects = {
        "a": {f"{SITE}/a.so": make_elf(["libown-1234.so.5", "libcuda.so.1"])},
        "b": {f"{SITE}/b.libs/libown-1234.so.5": make_elf()},
    }
    assert missing(join(objects)) == {}


@pytest.mark.parametrize(
    ("has", "needed", "path"),
    [
        ({"runpath": "$ORIGIN"}, "libgomp.so.1", True),
        ({"runpath": "$ORIGIN"}, "libstdc++.so.6", False),
        ({"runpath": "$ORIGIN"}, "libm.so.6", False),
        ({"rpath": "$ORIGIN"}, "libgomp.so.1", False),
    ],
)
def test_a_library_path_is_set_only_for_objects_that_would_not_find_the_bases(join, has, needed, path):
    libraries = {"libstdc++.so.6": make_elf(["libm.so.6"]), "libm.so.6": make_elf(), "libgomp.so.1": make_elf()}
    wheels = {"a": {f"{SITE}/a.so": make_elf([needed], **has)}}
    out = join(wheels, libraries=libraries, interpreter=make_elf(["libstdc++.so.6"]))
    assert missing(out) == {}
    assert (out / "share/modelpack/library-path").exists() == path
