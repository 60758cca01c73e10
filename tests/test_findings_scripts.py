"""What is found in a scoring script without running it, beside what it imports."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import pytest

from modelpack.findings import ports, scripts, strays
from modelpack.loading.native import load_spec

HEAD = "import json\nimport os\n"
RUN = "def run(data):\n    return json.loads(data)\n"


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("model/deep/weights.json", "src/labels.json", "words.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("{}")
    return tmp_path


def found(script, *, server="azureml", more="", mount="", **modules):
    text = f"name: demo\nmodel: {{path: ./model{mount}}}\ncode: {{path: ./src, scoring_script: score.py}}\n"
    text += f"server: {server}\nrequirements: []\ninputs: {{words: ./words.txt}}\ncheck: false\n"
    Path("modelpack.yaml").write_text(text + more)
    Path("src/score.py").write_text(script)
    for name, content in modules.items():
        Path(f"src/{name}.py").write_text(content)
    return [(one.code, one.where, one.severity, one.message) for one in scripts.problems(load_spec(Path()))]


def init(*lines, head=""):
    """Give a script whose ``init`` has these lines."""
    return HEAD + head + "def init():\n" + "".join(f"    {line}\n" for line in lines) + RUN


def messages(script, **options):
    return [message for *_, message in found(script, **options)]


@pytest.mark.parametrize(
    "lines",
    [
        ['open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model", "deep/weights.json"))'],
        ['root = os.getenv("AZUREML_MODEL_DIR")', 'path = f"{root}/model"', 'open(path + "/deep/weights.json")'],
        ['open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "labels.json"))'],
        ['open("labels.json")'],
        ['open(os.environ["MODELPACK_INPUT_WORDS"])'],
        ['open("/etc/os-release")', 'open("/mnt/models/late.bin")'],
        ['open("cache.json", "w").write("{}")', 'open("cache.json")'],
        ["try:", '    open("perhaps.json")', "except OSError:", "    pass"],
        ['if os.path.exists("perhaps.json"):', '    open("perhaps.json")'],
        ['os.chdir(os.environ["AZUREML_MODEL_DIR"])', 'open("model/deep/weights.json")'],
        ['name = os.environ.get("FILE", "labels.json")', "open(name)"],
        ['open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model", name()))'],
    ],
)
def test_files_that_are_there_or_may_be_are_no_findings(lines):
    assert found(init(*lines, head="def name():\n    return 'x'\n")) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('open(os.environ["AZUREML_MODEL_DIR"])', "reads $AZUREML_MODEL_DIR, a folder, as if it were a file"),
        (
            'open(os.environ["AZUREML_MODEL_DIR"] + "/weights.json")',
            "reads $AZUREML_MODEL_DIR/weights.json, which is not in the package",
        ),
        (
            'open(os.environ["MODELPACK_INPUT_WORDS"] + "/x")',
            "reads the input words/words.txt/x, which is not in the package",
        ),
        ('open("words.txt")', "reads words.txt, which is not in the code folder"),
        ('open("D:/models/w.bin")', "reads D:/models/w.bin, a path of Windows"),
    ],
)
def test_files_that_are_not_there_are_errors(line, message):
    assert messages(init(line)) == [message]


def test_functions_that_init_calls_are_followed():
    helper = "def load(path='x'):\n    open('gone.json')\n"
    assert found(init("load()", head=helper)) == [
        ("MP312", "src/score.py:4:10", "error", "reads gone.json, which is not in the code folder")
    ]
    assert found(init("pass", head=helper)) == []


def test_a_place_that_the_package_makes_is_none_of_another_machine():
    mount = ", mount_path: /var/azureml-app/azureml-models/demo/1"
    script = init("open('/var/azureml-app/azureml-models/demo/1/{}')")
    assert messages(script.replace("{}", "deep/weights.json"), mount=mount) == []
    assert messages(script.replace("{}", "gone.json"), mount=mount) == [
        "reads $AZUREML_MODEL_DIR/model/gone.json, which is not in the package"
    ]


def test_own_modules_are_looked_into():
    script = init("pass", head="import helper\n")
    assert found(script, helper="open('/home/ada/x.json')\n") == [
        ("MP312", "src/helper.py:1:6", "error", "reads /home/ada/x.json, a path of another machine")
    ]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            HEAD + "def init():\n    model = 1\ndef run(data):\n    return model\n",
            "uses model, which init() sets for itself alone",
        ),
        (
            HEAD + "model = None\ndef init():\n    model = 1\ndef run(data):\n    return model\n",
            "uses model, which init() sets for itself alone",
        ),
        (
            HEAD + "def init():\n    pass\ndef run(data):\n    return jsn.loads(data)\n",
            "uses jsn, which nothing defines",
        ),
    ],
)
def test_names_that_nothing_defines_are_errors_where_they_are_used_for_sure(script, message):
    ((code, _, severity, said),) = found(script)
    assert (code, severity, said) == ("MP310", "error", message)


@pytest.mark.parametrize(
    "script",
    [
        HEAD + "def init():\n    global model\n    model = 1\ndef run(data):\n    return model\n",
        HEAD + "model = None\ndef init():\n    global model\n    model = 1\ndef run(data):\n    return model\n",
        HEAD + "model = None\ndef init():\n    model = 1\ndef run(data):\n    global model\n    return model\n",
        HEAD + "from x import *\ndef init(): pass\ndef run(data):\n    return model\n",
        HEAD + "def init():\n    globals()['model'] = 1\ndef run(data):\n    return model\n",
        HEAD + "def init(): pass\ndef run(data):\n    try:\n        return unicode(data)\n    except NameError: ...\n",
        HEAD + "def init(): pass\ndef run(data) -> 'Later':\n    x: Never = data\n    return [y for y in x]\n",
        HEAD + "class A:\n    z = 1\n    def f(self):\n        return __class__\ndef init(): pass\n" + RUN,
    ],
)
def test_names_that_may_be_there_are_no_findings(script):
    assert not any(code == "MP310" for code, *_ in found(script))


@pytest.mark.parametrize(
    ("server", "definition", "message"),
    [
        ("azureml", "def run(data, request_headers):\n    return 1\n", None),
        (
            "fastapi",
            "def run(data, request_headers):\n    return 1\n",
            "the server calls run(data), which does not take that",
        ),
        (
            "azureml",
            "def run(*data):\n    return 1\n",
            "the server refuses run() with *args, **kwargs or arguments that have no name",
        ),
        ("fastapi", "def run(*data):\n    return 1\n", None),
        ("azureml-batch", "def run(data):\n    yield 1\n", None),
        (
            "flask",
            "def run(data):\n    yield 1\n",
            "run() is a generator (it has yield in it), which the server does not run",
        ),
        ("flask", "async def run(data):\n    return 1\n", "the server does not await run(), which is async"),
        ("flask", "def run(data):\n    print(data)\n", "run() never returns anything, so every answer is null"),
        ("flask", "def run(data):\n    raise NotImplementedError\n", None),
        ("flask", "def run(data):\n    if data:\n        return 1\n", None),
    ],
)
def test_functions_are_judged_by_how_the_server_calls_them(server, definition, message):
    assert messages(f"def init():\n    pass\n{definition}", server=server) == ([message] if message else [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nltk.download('punkt')", "downloads NLTK's data (punkt) when it is run"),
        ("transformers.AutoModel.from_pretrained('a/b')", "downloads a/b of the Hugging Face hub when it is run"),
        ("transformers.AutoModel.from_pretrained('a/b', local_files_only=True)", None),
        ("transformers.AutoModel.from_pretrained(os.environ['AZUREML_MODEL_DIR'] + '/model')", None),
        ("torch.hub.load('a/b', 'net')", "downloads net of a/b when it is run"),
        ("torch.hub.load('here', 'net', source='local')", None),
        (
            "torchvision.models.resnet18(weights='DEFAULT')",
            "downloads the weights of torchvision.models.resnet18 when it is run",
        ),
        ("torchvision.models.resnet18(weights=None)", None),
        ("requests.get('https://x.example/a')", "asks https://x.example/a when it is started"),
        ("requests.get('http://localhost:9/a')", None),
        ("subprocess.run(['pip', 'install', 'x'])", "installs packages when it is run: pip install x"),
    ],
)
def test_downloads_are_told(line, message):
    head = "import nltk, requests, subprocess, torch, torchvision, transformers\n"
    assert messages(init(line, head=head)) == ([message] if message else [])


def test_caches_that_the_spec_names_may_have_what_is_downloaded():
    script = init("transformers.AutoModel.from_pretrained('a/b')", head="import transformers\n")
    assert messages(script, more="environment_variables: {HF_HUB_OFFLINE: 1}\n") == []


def test_variables_that_nobody_sets_are_told_once():
    lines = ['os.environ["URL"]', 'os.environ["URL"]', 'os.environ["HOME"]', 'os.environ["GIVEN"]']
    assert messages(init(*lines), more="environment_variables: {GIVEN: 1}\n") == [
        "needs the environment variable URL, which nobody sets"
    ]
    assert messages(init('os.environ["URL"] = "x"', 'os.environ["URL"]')) == []
    assert messages(init('if "URL" in os.environ:', '    os.environ["URL"]')) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('token = "hf_' + "a1B2" * 9 + '"', True),
        ('password = "correct"', False),
        ('api_key = "your-api-key-1234567"', False),
        ('secret_key = "9f8e7d6c5b4a3f2e1d0c"', True),
        ('pad_token = "[PAD]"', False),
        ('print(os.environ.get("API_KEY"))', True),
        ('print(bool(os.environ.get("API_KEY")))', False),
        ('print("API_KEY is not set")', False),
    ],
)
def test_secrets_are_told(line, told):
    assert [code for code, *_ in found(init(line))] == (["MP314"] if told else [])


def test_a_base_image_may_have_further_files_and_variables():
    base = f"base: {{image: team/base:1@sha256:{'0' * 64}}}\n"
    script = init('open("gone.json")', 'os.environ["URL"]')
    assert messages(script, more=base) == []


@pytest.mark.parametrize(
    ("server", "more", "places"),
    [
        ("{name: mlserver, port: 8082, options: {runtime: sklearn}}", "", ["modelpack.yaml:4:62: server.port"]),
        ("{name: mlserver, options: {runtime: sklearn}}", "", []),
    ],
)
def test_ports_that_are_one_and_the_same_are_errors(server, more, places):
    found(RUN + "def init(): pass\n", server=server, more=more)
    assert [one.code for one in ports.problems(load_spec(Path()))] == ["MP406"] * len(places)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.cpython-311-x86_64-linux-gnu.so", b"\x7fELF".ljust(18, b"\0") + b"\x3e\0", None),
        ("a.abi3.so", b"\x7fELF".ljust(18, b"\0") + b"\x3e\0", None),
        ("a.cpython-39-x86_64-linux-gnu.so", b"\x7fELF".ljust(18, b"\0") + b"\x3e\0", "compiled for Python 3.9"),
        ("a.so", b"\x7fELF".ljust(18, b"\0") + b"\xb7\0", "compiled for linux/arm64"),
        ("a.so", b"\xcf\xfa\xed\xfe", "compiled for macOS"),
        ("a.pyd", b"MZ", "compiled for Windows"),
    ],
)
def test_compiled_files_are_held_against_the_package(name, content, said):
    found(RUN + "def init(): pass\n", more="platform: linux/amd64\n")
    Path("src", name).write_bytes(content)
    messages = [one.message for one in strays.problems(load_spec(Path()))]
    assert [message.partition(",")[0] for message in messages] == ([said] if said else [])


def test_a_file_that_cannot_be_parsed_is_told_where_it_is_imported():
    script = init("pass", head="import helper\n")
    ((code, where, severity, _),) = found(script, helper="def x(:\n")
    assert (code, where, severity) == ("MP304", "src/helper.py:1:7", "error")
    assert found(init("pass"), helper="def x(:\n") == []


class _Tensor:
    """Is pickled as PyTorch does the content of a tensor."""

    def __init__(self, place):
        self.place = place


class _Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return ("storage", "FloatStorage", "0", value.place, 4) if isinstance(value, _Tensor) else None


@pytest.mark.parametrize(
    ("content", "call", "told"),
    [
        ({"w": _Tensor("cuda:0")}, "torch.load(path)", True),
        ({"w": _Tensor("cuda:0")}, "torch.load(path, map_location='cpu')", False),
        ({"w": _Tensor("cuda:0")}, "torch.load(path, 'cpu')", False),
        ({"w": _Tensor("cpu"), "device": "cuda:0"}, "torch.load(path)", False),
    ],
)
def test_weights_that_were_saved_on_a_gpu_are_told_where_they_are_loaded(content, call, told):
    stream = io.BytesIO()
    _Pickler(stream, protocol=2).dump(content)
    with zipfile.ZipFile("model/net.pt", "w") as archive:
        archive.writestr("net/data.pkl", stream.getvalue())
    lines = init("path = find()", call, head="import torch\nfrom glob import glob as find\n")
    assert [code for code, *_ in found(lines)] == (["MP508"] if told else [])
