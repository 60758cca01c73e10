"""``load_spec``: what right specs mean, and the exact report of wrong ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from modelpack.errors import SpecError
from modelpack.load import load_spec, this_platform
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
    "requirements.txt": "# what the model needs\nnumpy>=1.26 # arrays\n\nscikit-learn \\\n  ==1.5.2 ; python_version > '3'\n",
    "with-options.txt": "-r other.txt\n--index-url=x\nnumpy==1.26.4 --hash=sha256:00\n  scipy=1.0\n-e .\n-c limits.txt\n",
    "conda.yaml": "dependencies: [numpy]\n",
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
