from __future__ import annotations

import json
import os
import pickle
from dataclasses import replace

import example_lock
import example_project
import pytest
from weight_files import external, onnx, safetensors, tensor

from modelpack import lockfile
from modelpack.errors import SpecError
from modelpack.lock import Wheel
from modelpack.locking.staleness import check_fresh
from modelpack.progress import Silent
from modelpack.settings import Settings
from modelpack.store import files
from modelpack.weights import judge
from modelpack.weights.prototext import parse
from modelpack.weights.scan import weigh


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def sklearn_like(version):
    """Give a pickle as scikit-learn's are, of a class that need not be installed."""
    words = (
        b"\x80\x04\x8c\x1esklearn.linear_model._logistic\x8c\x12LogisticRegression\x93)\x81}\x8c\x10_sklearn_version"
    )
    return words + b"\x8c" + bytes([len(version)]) + version.encode() + b"sb."


def scan(folder, contents, name="model"):
    """Write files and give what a lock says of them."""
    for path, data in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data if isinstance(data, bytes) else data.encode())
    layout = {"": folder}
    tree = files.scan(layout, cache=None, progress=Silent())
    return weigh({name: tree}, {name: layout}, None)


def wrong(folder, contents):
    with pytest.raises(SpecError) as caught:
        scan(folder, contents)
    return [str(problem) for problem in caught.value.problems]


def lock_with(found, **versions):
    lock = example_lock.lock()
    wheels = tuple(
        Wheel(name=name, version=version, filename="", sha256="", size=0, source="pypi")
        for name, version in versions.items()
    )
    return replace(lock, weights=found, python=replace(lock.python, wheels=wheels))


def problems(lock, formats=None):
    return [str(problem) for problem in judge.problems(lock, ("modelpack.yaml: formats", formats))]


def test_the_lock_says_what_weights_are_and_nothing_of_texts(tmp_path):
    found = scan(tmp_path, {"a.pkl": sklearn_like("1.2.2"), "config.json": "{}", "b.bin": b"\0\1\2"})
    a, b = found.files
    assert (a.path, a.format, a.kinds, a.versions) == ("a.pkl", "pickle", ("pickle",), {"scikit-learn": "1.2.2"})
    assert (b.path, b.kinds) == ("b.bin", ("other",))


def test_data_of_no_known_format_among_inputs_is_not_spoken_of(tmp_path):
    assert scan(tmp_path, {"b.bin": b"\0\1\2"}, name="input-data").files == ()


def test_what_a_pickle_imports_and_no_wheel_has_is_an_error(tmp_path):
    found = scan(tmp_path, {"a.pkl": sklearn_like("1.2.2")})
    assert problems(lock_with(found)) == [
        (
            "model: a.pkl: a pickle that imports sklearn.linear_model._logistic, which no locked wheel has "
            "(require scikit-learn==1.2.2)"
        )
    ]
    lock = lock_with(found, **{"scikit-learn": "1.9.1"})
    assert problems(lock) == []
    assert [str(notice) for notice in judge.notices(lock)] == [
        (
            "model: a.pkl: was saved by scikit-learn 1.2.2, the package has 1.9.1 "
            "(require scikit-learn==1.2.2, or save it again)"
        ),
        "model: a.pkl: a pickle: loading it runs code; imports sklearn",
    ]


def test_what_a_script_defined_itself_is_a_warning(tmp_path):
    found = scan(tmp_path, {"a.pkl": b"c__main__\nCleaner\n)R."})
    (warning, _) = judge.notices(lock_with(found))
    assert warning.severity == "warning"
    assert "names what the script that saved it had defined itself: Cleaner" in warning.message


def test_a_policy_refuses_by_content(tmp_path):
    contents = {"a.safetensors": safetensors({}, 0), "b.onnx": onnx(b""), "c.txt": pickle.dumps([1])}
    lock = lock_with(scan(tmp_path, contents))
    assert problems(lock, ("safetensors", "onnx")) == [
        (
            "model: c.txt: pickle is not allowed by modelpack.yaml: formats: safetensors, onnx "
            "(save it in a format that is allowed)"
        )
    ]
    assert problems(lock) == []


def test_a_pickle_that_calls_the_shell_has_to_be_allowed_by_name(tmp_path):
    lock = lock_with(scan(tmp_path, {"a.pkl": pickle.dumps(Evil())}))
    (found,) = problems(lock)
    assert "calls what no model needs while it is loaded: posix:system" in found
    assert len(problems(lock, ("pickle",))) == 1
    assert problems(lock, ("pickle", "unsafe-pickle")) == []
    allowed = (("the spec", ("pickle", "unsafe-pickle")), ("the machine", None))
    assert list(judge.problems(lock, *allowed)) == []
    assert list(judge.problems(lock, *allowed, ("the machine", ("pickle",))))


def test_the_machine_refuses_what_a_spec_allows(tmp_path):
    folder = example_project.write(tmp_path / "p", example_project.FILES | {"model/model.bin": "(lp0\nI1\na."})
    machine = replace(example_project.machine(tmp_path), settings=Settings(formats=("onnx",)))
    spec = replace(example_project.load_spec(folder), formats=("pickle",))
    lock = example_project.lock_of(spec, machine)
    lockfile.write(lock, spec.lock_path)
    with pytest.raises(SpecError, match="the spec has 1 problem") as caught:
        check_fresh(spec, lock, machine)
    assert "not allowed by weights.formats of this machine: onnx" in str(caught.value.problems[0])


def test_unchanged_trees_are_not_looked_into_again(tmp_path, monkeypatch):
    layout = {"": tmp_path / "m"}
    found = scan(tmp_path / "m", {"a.pkl": sklearn_like("1.2.2")})
    tree = files.scan(layout, cache=None, progress=Silent())
    lock = replace(lock_with(found), trees={"model": tree})
    monkeypatch.setattr("modelpack.weights.formats.inspect", None)
    assert weigh({"model": tree}, {"model": layout}, lock) == found


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        ("a.onnx", "<!DOCTYPE html><html>Not found</html>", "a web page in place of the weights"),
        ("a.bin", "<?xml version='1.0'?><Error><Code>AccessDenied", "a web page in place of the weights"),
        ("a.pkl", "", "is empty"),
        ("a.safetensors", pickle.dumps([1]), "its name says .safetensors, its content is pickle"),
        ("a.gguf", b"\0\0\0", "its name says .gguf, its content is data of no known format"),
        ("a.pkl", "hello", "its name says .pkl, its content is text"),
        ("a.pkl", pickle.dumps(["x" * 1000])[:500], "pickle, and it is cut off"),
    ],
)
def test_what_stands_in_place_of_weights_is_told(tmp_path, name, data, said):
    (found,) = wrong(tmp_path, {name: data})
    assert found.startswith(f"model: {name}: {said}")


def test_data_beside_an_onnx_model_is_checked(tmp_path):
    model = onnx(tensor(external("w.data", 0, 8)))
    found = scan(tmp_path / "a", {"m.onnx": model, "w.data": b"\0" * 8})
    assert [item.path for item in found.files] == ["m.onnx"]
    assert wrong(tmp_path / "b", {"m.onnx": model}) == [
        "model: m.onnx: its data is missing: w.data (copy it beside the model)"
    ]
    assert "w.data: is cut off: m.onnx needs 8 bytes" in wrong(tmp_path / "c", {"m.onnx": model, "w.data": b"\0"})[0]
    out = onnx(tensor(external("../w.data", 0, 8)))
    assert "its data lies outside of its folder: ../w.data" in wrong(tmp_path / "d", {"m/m.onnx": out})[0]


SAVED = b"\x08\x01\x12\x02\x0a\x00"


def test_saved_models_have_all_their_variables(tmp_path):
    whole = {
        "m/1/saved_model.pb": SAVED,
        "m/1/variables/variables.index": b"\0",
        "m/1/variables/variables.data-00000-of-00001": b"\0",
        "m/1/fingerprint.pb": b"\0",
    }
    found = scan(tmp_path / "a", whole)
    assert [(item.path, item.format) for item in found.files] == [("m/1/saved_model.pb", "savedmodel")]
    part = {path: data for path, data in whole.items() if "data" not in path}
    assert "variables.data-... is missing" in wrong(tmp_path / "b", part)[0]
    two = part | {"m/1/variables/variables.data-00001-of-00002": b"\0"}
    assert "variables.data-00000-of-00002 is missing" in wrong(tmp_path / "c", two)[0]
    assert "is not a TensorFlow SavedModel" in wrong(tmp_path / "d", {"saved_model.pb": b"\0"})[0]


def test_repositories_of_triton_have_what_their_configuration_says(tmp_path):
    config = 'name: "simple"\nplatform: "onnxruntime_onnx" # comment\ninput [ { name: "a" dims: [ 1, 2 ] } ]\n'
    good = {"simple/config.pbtxt": config, "simple/1/model.onnx": onnx(b"")}
    assert [item.format for item in scan(tmp_path / "a", good).files] == ["onnx"]
    assert (
        "has no model.onnx" in wrong(tmp_path / "b", {"simple/config.pbtxt": config, "simple/1/x.onnx": onnx(b"")})[0]
    )
    assert "names the model simple, its folder is other" in wrong(tmp_path / "c", {"other/config.pbtxt": config})[0]
    assert "has no version" in wrong(tmp_path / "d", {"simple/config.pbtxt": config})[0]
    assert "line 1: expected a value" in wrong(tmp_path / "e", {"simple/config.pbtxt": "name: }"})[0]
    ensemble = 'platform: "ensemble" ensemble_scheduling { step [ { model_name: "gone" } ] }'
    assert "a model that is not there: gone" in wrong(tmp_path / "f", good | {"e/config.pbtxt": ensemble})[0]


def test_shards_are_what_their_index_says(tmp_path):
    index = json.dumps({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})
    one = safetensors({"a": ("F32", [1], 0, 4)}, 4)
    name = "model.safetensors.index.json"
    assert "a shard is missing: 2.safetensors" in wrong(tmp_path / "a", {name: index, "1.safetensors": one})[0]
    found = wrong(tmp_path / "b", {name: index, "1.safetensors": one, "2.safetensors": one})
    assert f"2.safetensors: lacks a tensor that {name} names: b" in found[0]
    assert "no weight_map" in wrong(tmp_path / "c", {name: "[1]"})[0]


def test_the_text_form_of_protobuf_is_read():
    text = "a: 1 a: 2, b < c: 'x' \"y\\n\" > d [ { e: -1.5e3 }, { } ]; f: [TRUE]"
    assert parse(text) == {"a": ["1", "2"], "b": [{"c": ["xy\n"]}], "d": [{"e": ["-1.5e3"]}, {}], "f": ["TRUE"]}
