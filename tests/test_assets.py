from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import zipfile

import example_project
import jsonschema
import pytest

from modelpack import lockfile
from modelpack.errors import FetchError, SpecError
from modelpack.loading.native import load_spec
from modelpack.loading.schema import schema
from modelpack.locking.staleness import check_fresh
from modelpack.locking.trees import bring

LABELS = b'["cat", "dog"]'


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def served(tmp_path):
    """Give what puts a file where an address leads, and gives the address."""

    def serve(name, data):
        path = tmp_path / "served" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path.as_uri()

    return serve


def project(tmp_path, inputs, model="./model"):
    text = example_project.SPEC.replace("{labels: ./labels.json}", inputs).replace("model: ./model", f"model: {model}")
    return example_project.write(tmp_path / "p", example_project.FILES | {"modelpack.yaml": text})


def lock(tmp_path, folder):
    machine = example_project.machine(tmp_path)
    spec = load_spec(folder)
    return spec, machine, example_project.lock_of(spec, machine)


def wrong(folder):
    with pytest.raises(SpecError) as caught:
        load_spec(folder)
    return [str(problem).partition("modelpack.yaml:")[2] for problem in caught.value.problems]


def test_an_input_by_address_is_downloaded_and_the_lock_names_no_address(tmp_path, served):
    url = served("labels.json", LABELS)
    spec, _machine, made = lock(tmp_path, project(tmp_path, f"{{labels: {{url: '{url}', sha256: {sha256(LABELS)}}}}}"))
    (entry,) = made.trees["input-labels"].files
    assert (entry.path, entry.sha256, entry.size) == ("labels.json", sha256(LABELS), len(LABELS))
    lockfile.write(made, spec.lock_path)
    assert "served" not in spec.lock_path.read_text(encoding="utf-8")


def test_what_is_locked_need_not_be_downloaded_again(tmp_path, served):
    url = served("labels.json", LABELS)
    spec, machine, made = lock(tmp_path, project(tmp_path, f"{{labels: {{url: '{url}', sha256: {sha256(LABELS)}}}}}"))
    shutil.rmtree(tmp_path / "served")
    shutil.rmtree(machine.cache)
    assert check_fresh(spec, made, machine) == made
    with pytest.raises(FetchError, match=r"inputs.labels: labels.json could not be had"):
        bring(spec, machine)


def test_other_bytes_than_the_digest_says_are_refused(tmp_path, served):
    url = served("labels.json", b"other")
    folder = project(tmp_path, f"{{labels: {{url: '{url}', sha256: {sha256(LABELS)}}}}}")
    with pytest.raises(FetchError, match="could not be had"):
        lock(tmp_path, folder)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_archives_are_unpacked(tmp_path, served, kind):
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("deep/labels.json", LABELS)
    else:
        with tarfile.open(fileobj=out, mode="w:gz") as archive:
            info = tarfile.TarInfo("deep/labels.json")
            info.size = len(LABELS)
            archive.addfile(info, io.BytesIO(LABELS))
    url = served(f"data.{kind}", out.getvalue())
    text = f"{{data: {{url: '{url}', sha256: {sha256(out.getvalue())}, unpack: true}}}}"
    _, _, made = lock(tmp_path, project(tmp_path, text))
    assert [entry.path for entry in made.trees["input-data"].files] == ["data/deep/labels.json"]


def test_an_archive_that_leads_out_is_refused(tmp_path, served):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../labels.json", LABELS)
    url = served("data.zip", out.getvalue())
    folder = project(tmp_path, f"{{data: {{url: '{url}', sha256: {sha256(out.getvalue())}, unpack: true}}}}")
    with pytest.raises(FetchError, match=r"cannot be unpacked: \.\./labels.json would lie outside"):
        lock(tmp_path, folder)


def test_a_model_by_address_lies_where_a_file_would(tmp_path, served):
    data = b"\x80\x04N."
    url = served("wine.pkl", data)
    _, _, made = lock(tmp_path, project(tmp_path, "{}", f"{{url: '{url}', sha256: {sha256(data)}}}"))
    assert [entry.path for entry in made.trees["model"].files] == ["wine.pkl"]
    assert [item.format for item in made.weights.files] == ["pickle"]


def test_an_address_without_digest_says_how_to_get_it(tmp_path):
    (found,) = wrong(project(tmp_path, "{labels: {url: 'https://host.example/labels.json'}}"))
    assert "inputs.labels.sha256: missing" in found
    assert "sha256sum" in found


def test_a_path_and_an_address_cannot_stand_together(tmp_path):
    found = wrong(project(tmp_path, "{labels: {path: ./labels.json, url: 'https://host.example/labels.json'}}"))
    assert found == ["6:40: inputs.labels.url: cannot stand beside inputs.labels.path"]


def test_assets_are_shown_at_their_mount_paths(tmp_path):
    inputs = (
        "{labels: {path: ./labels.json, mount_path: /mnt/data/}, more: {path: ./labels.json, mount_path: /mnt/l.json}}"
    )
    spec = load_spec(project(tmp_path, inputs, "{path: ./model, mount_path: /mnt/models}"))
    assert spec.links == {
        "/mnt/models": "@model@/model",
        "/mnt/data/labels.json": "@input-labels@/labels.json",
        "/mnt/l.json": "@input-more@/labels.json",
    }
    spec = load_spec(project(tmp_path, "{}", "{one: {path: ./model/model.bin, mount_path: /opt/w.bin}}"))
    assert spec.links == {"/opt/w.bin": "@model@/one/model.bin"}


def test_mount_paths_that_cannot_be_are_told_at_once(tmp_path):
    inputs = "{a: {path: ./labels.json, mount_path: /usr/x}, b: {path: ./labels.json, mount_path: /m/x/y}}"
    found = wrong(project(tmp_path, inputs, "{path: ./model, mount_path: /m/x}"))
    assert len(found) == 2
    assert "inputs.a.mount_path: /usr is not for files of a package: /usr/x" in found[0]
    assert "inputs.b.mount_path: /m/x/y is the place of another one, above it or below it: /m/x" in found[1]


def test_the_schema_takes_what_is_taken():
    address = {"url": "https://host.example/a.zip", "sha256": "0" * 64}
    good = {"name": "a", "model": {"m": address | {"unpack": True}}, "inputs": {"l": {"path": "l", "mount_path": "/l"}}}
    validator = jsonschema.Draft202012Validator(schema())
    assert list(validator.iter_errors(good)) == []
    assert list(validator.iter_errors(good | {"model": {"url": "https://host.example/a.zip"}}))
