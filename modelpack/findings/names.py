"""Names of distributions that are a slip of the pen away from what nearly everybody means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from modelpack.errors import Problem
from modelpack.findings.resolution import Resolution
from modelpack.python.index import IndexFile
from modelpack.python.releases import releases

_POPULAR = frozenset(
    """
    accelerate aiohttp attrs azureml-core bentoml boto3 catboost certifi cffi click cloudpickle cryptography datasets
    diffusers django dill evaluate fastapi flask gensim gunicorn h5py httpx huggingface-hub imbalanced-learn jax jinja2
    joblib keras kserve lightgbm litserve llvmlite loguru lxml markupsafe matplotlib mlflow mlflow-skinny mlserver
    networkx nltk numba numpy onnx onnxruntime openai opencv-python opencv-python-headless opentelemetry-api
    opentelemetry-sdk optuna orjson pandas paramiko peft pillow plotly polars prophet protobuf psutil psycopg2
    pyarrow pydantic pymysql pytest python-dateutil python-dotenv pytorch-lightning pytz pyyaml ray redis requests
    safetensors scikit-image scikit-learn scipy seaborn selenium sentence-transformers sentencepiece setuptools shap
    skops spacy sqlalchemy starlette statsmodels sympy tensorboard tensorflow tensorflow-cpu tiktoken tokenizers
    torch torchaudio torchvision tqdm transformers typing-extensions urllib3 uvicorn werkzeug xgboost
    """.split()  # noqa: SIM905 - it is a text
)
_YOUNG = timedelta(days=365)
_FEW = 6
"""Releases of a distribution that hardly anybody works on."""


def problems(resolution: Resolution, files: Mapping[str, Sequence[IndexFile]]) -> Iterator[Problem]:
    """Find such names among those that are required, when they are young or have few releases."""
    for name, asked in {item.name: item for item in resolution.asked if not item.injected}.items():
        near = None if name in _POPULAR else next((other for other in sorted(_POPULAR) if _one_slip(name, other)), None)
        if near is None or name not in files:
            continue
        known = [release for release in releases(name, files[name]).values() if release.day]
        if not known:
            continue
        first = date.fromisoformat(min(release.day for release in known))
        last = date.fromisoformat(max(release.day for release in known))
        if len(known) < _FEW or last - first < _YOUNG:
            yield Problem(
                where=resolution.shown(asked.origin),
                message=f"{name} is one slip of the pen away from {near}, and hardly known: "
                f"{len(known)} release{'s' if len(known) != 1 else ''}, the first of {first}",
                hint=f"did you mean {near}? if not, silence this with the reason",
                severity="warning",
                code="MP211",
            )


def _one_slip(one: str, other: str) -> bool:
    """Say whether one letter was left out, added, changed, or two changed places; short names say nothing."""
    if min(len(one), len(other)) < 5 or abs(len(one) - len(other)) > 1:
        return False
    begin = next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if begin is None:
        return True
    rest, rest_of_other = one[begin:], other[begin:]
    return (
        rest[1:] == rest_of_other[1:]
        or rest[1:] == rest_of_other
        or rest == rest_of_other[1:]
        or (rest[1::-1] == rest_of_other[:2] and rest[2:] == rest_of_other[2:])
    )
