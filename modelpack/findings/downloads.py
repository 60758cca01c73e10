"""Downloads that code makes when it serves, as far as they can be told without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from modelpack.errors import Problem
from modelpack.findings.walk import Module, Spot

_ALWAYS = {
    "nltk.download": "NLTK's data",
    "spacy.cli.download": "a model of spaCy",
    "torch.hub.load_state_dict_from_url": "weights",
    "torch.utils.model_zoo.load_url": "weights",
    "torch.hub.download_url_to_file": "a file",
    "huggingface_hub.hf_hub_download": "a file of the Hugging Face hub",
    "huggingface_hub.snapshot_download": "a model of the Hugging Face hub",
    "gdown.download": "a file",
    "wget.download": "a file",
    "tensorflow.keras.utils.get_file": "a file",
    "keras.utils.get_file": "a file",
    "urllib.request.urlretrieve": "a file",
    "gensim.downloader.load": "a model of gensim",
    "stanza.download": "a model of Stanza",
    "kagglehub.model_download": "a model",
    "kagglehub.dataset_download": "a data set",
    "sklearn.datasets.fetch_openml": "a data set",
    "sklearn.datasets.fetch_california_housing": "a data set",
    "easyocr.Reader": "models of EasyOCR",
}
"""Functions that download whatever they are given."""
_ASK = re.compile(r"(requests|httpx)\.(get|post|put|request)|urllib\.request\.urlopen")
_LOCAL = re.compile(r"https?://(localhost|127\.|\[::1\]|0\.0\.0\.0|metadata\.|169\.254\.)")
_HUB = re.compile(r"(?![./~])[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_TRANSFORMERS = re.compile(r"(transformers|sentence_transformers|diffusers|peft|timm|open_clip)\..+")
_OFFLINE = frozenset({"HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_CACHE", "TRANSFORMERS_OFFLINE"})
_CACHES = _OFFLINE | {"TORCH_HOME", "SENTENCE_TRANSFORMERS_HOME", "XDG_CACHE_HOME", "HOME"}
_INSTALL = re.compile(r"(pip3?|conda|apt|apt-get) install ")
_HINT = "download it now, and make it a model or an input of the spec"


class Downloads:
    """Finds them.

    Args:
        folder: of the code, in which servers are started.
        variables: of the package.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._variables = variables

    def problems(self, module: Module) -> Iterator[Problem]:
        """Find those of one module, with where they are in it (``LINE:COLUMN``)."""
        kept = _CACHES & self._variables.keys() or any(
            isinstance(spot.node, ast.Constant) and spot.node.value in _CACHES for spot in module.spots
        )
        for spot, call, name in module.calls:
            said = _plain(spot, call, name) or ("" if kept else self._cached(call, name))
            if said:
                hint = "list it in requirements or base.packages" if said.startswith("installs") else _HINT
                yield Problem(
                    where=f"{call.lineno}:{call.col_offset + 1}",
                    message=said,
                    hint=hint,
                    severity="warning",
                    code="MP309",
                )

    def _cached(self, call: ast.Call, name: str) -> str:
        """Tell what a call downloads that may also be found in a cache, which the package does not have."""
        if any(one.arg in ("cache_dir", "cache_folder", "local_files_only", None) for one in call.keywords):
            return ""
        if name == "torch.hub.load" and _text(call, 0) and not _has(call, "source", "local"):
            return f"downloads {_text(call, 1) or 'a model'} of {_text(call, 0)} when it is run"
        if name == "tensorflow_hub.load" and (_text(call, 0) or "").startswith("http"):
            return f"downloads {_text(call, 0)} when it is run"
        if re.fullmatch(r"torchvision\.models\..+", name) and (
            _has(call, "pretrained", value=True) or _weights(call) in ("DEFAULT", "IMAGENET1K_V1", "IMAGENET1K_V2")
        ):
            return f"downloads the weights of {name} when it is run"
        if re.fullmatch(r"(tensorflow\.)?keras\.applications\.(\w+\.)?[A-Z]\w+", name) and _imagenet(call):
            return f"downloads the weights of {name} when it is run"
        return self._of_hub(call, name)

    def _of_hub(self, call: ast.Call, name: str) -> str:
        if not _TRANSFORMERS.fullmatch(name):
            return ""
        if name == "transformers.pipeline":
            given = [*call.args[1:2], *(one.value for one in call.keywords if one.arg == "model")]
            if not given and call.args:
                return "downloads a model of the Hugging Face hub when it is run: pipeline() is not given one"
            model = given[0] if given else None
            text = model.value if isinstance(model, ast.Constant) and isinstance(model.value, str) else None
        elif name.endswith((".from_pretrained", ".SentenceTransformer", ".CrossEncoder")):
            text = _text(call, 0)
        else:
            return ""
        if text is None or not _HUB.fullmatch(text) or (self._folder / text).exists():
            return ""
        return f"downloads {text} of the Hugging Face hub when it is run"


def _plain(spot: Spot, call: ast.Call, name: str) -> str:
    """Tell what a call asks the internet for, whatever is cached."""
    if name in _ALWAYS:
        text = _text(call, 0)
        return f"downloads {_ALWAYS[name]}{f' ({text})' if text else ''} when it is run"
    if _ASK.fullmatch(name) and spot.sure and spot.function != "run":
        text = _text(call, 0)
        if text and re.match("https?://", text) and not _LOCAL.match(text):
            return f"asks {text} when it is started"
    if name in ("os.system", "subprocess.run", "subprocess.check_call", "subprocess.call", "subprocess.check_output"):
        command = _command(call)
        if _INSTALL.search(command):
            return f"installs packages when it is run: {command}"
    return ""


def _text(call: ast.Call, index: int) -> str | None:
    node = call.args[index] if len(call.args) > index else None
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _has(call: ast.Call, name: str, value: object) -> bool:
    return any(
        one.arg == name and isinstance(one.value, ast.Constant) and one.value.value == value for one in call.keywords
    )


def _weights(call: ast.Call) -> str:
    node = next((one.value for one in call.keywords if one.arg == "weights"), None)
    return str(node.value) if isinstance(node, ast.Constant) else node.attr if isinstance(node, ast.Attribute) else ""


def _imagenet(call: ast.Call) -> bool:
    given = [one for one in call.keywords if one.arg == "weights"]
    return not call.args and (not given or _has(call, "weights", "imagenet"))


def _command(call: ast.Call) -> str:
    """Give the words of a command, as far as they are written out."""
    node = call.args[0] if call.args else None
    if isinstance(node, ast.List | ast.Tuple):
        words = [one.value if isinstance(one, ast.Constant) else ast.unparse(one) for one in node.elts]
        return " ".join(map(str, words))
    return _text(call, 0) or ""
