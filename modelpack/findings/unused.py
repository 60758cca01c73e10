"""Requirements of which nothing in the package makes use, as far as can be told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from modelpack import injection
from modelpack.errors import Problem
from modelpack.findings.modules import DISTRIBUTIONS
from modelpack.findings.resolution import Resolution
from modelpack.python.contents import modules
from modelpack.python.metadata import MetadataStore
from modelpack.python.question import Root

_LOADED = re.compile(
    r"""azureml-.*|.*opencensus.*|opentelemetry-.*|applicationinsights|inference-schema|pip|setuptools|wheel|certifi|tzdata
    |pip-system-certs|truststore|typing-extensions|backports.*|types-.*|.*-stubs|nvidia-.*|triton|.*[-_]cu\d+|intel-.*|mkl.*
    |tbb|onnxruntime-.*|uvloop|httptools|uvicorn|gunicorn|python-multipart|orjson|ujson|psycopg.*|py(mysql|odbc|mssql)
    |mysqlclient|oracledb|cx-oracle|asyncpg|.*[-_]sqlalchemy|sqlalchemy-.*|snowflake-.*|databricks-.*|fsspec|s3fs|gcsfs|adlfs
    |pyarrow|fastparquet|openpyxl|xlrd|tables|lxml|html5lib|h5py|netcdf4|zarr|numexpr|bottleneck|numba|llvmlite|pyyaml
    |accelerate|sentencepiece|protobuf|tiktoken|tokenizers|safetensors|einops|bitsandbytes|hf-.*|sacremoses|timm|flash-attn
    |torch|torchvision|torchaudio|tensorflow.*|keras|jax.*|flax|spacy-.*|.*[a-z]{2}-core-.*|mlserver-.*|mlflow.*|gevent
    |numpy|greenlet|eventlet|debugpy|ipykernel|pillow|soundfile|ffmpeg.*|cryptography|cffi|pycryptodome|python-dotenv""",
    re.VERBOSE,
)
"""What other libraries load by name, or what works by being there."""
_TEXTS = frozenset({".py", ".yaml", ".yml", ".json", ".toml", ".cfg", ".ini", ".txt", ".md", ".sh", ".pbtxt", ".ipynb"})
_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".sav", ".dill", ".gz", ".bz2", ".xz", ".lzma", ".z", ".model"})
_BYTES = 1 << 20
"""Of a file that a person wrote."""


def problems(resolution: Resolution) -> Iterator[Problem]:
    """Tell them in one note; nothing where something may be loaded that cannot be seen."""
    spec = resolution.spec
    interpreter = resolution.lock.python.interpreter
    wheels = resolution.lock.python.wheels
    unclear = (
        spec.base.image
        or _is_unclear(resolution)
        or (interpreter and interpreter.conda)
        or any(wheel.tree for wheel in wheels)
    )
    if spec.code is None or not injection.entry_of(spec).scoring_script or unclear:
        return
    said = _said(spec.code.source.path) + " ".join(_of_weights(resolution))
    found = [item for item in _candidates(resolution) if not _mentioned(item.name, resolution, said)]
    if found:
        names = ", ".join(dict.fromkeys(item.name for item in found))
        yield Problem(
            where=resolution.shown(found[0].origin),
            message=f"nothing in the code or in the model makes use of: {names}",
            hint="leave out what you do not need: the package gets smaller and starts sooner",
            severity="note",
            code="MP315",
        )


def _is_unclear(resolution: Resolution) -> bool:
    """Say whether a model may load what cannot be seen: MLflow's, and pickles that were not looked into."""
    weights = resolution.lock.weights
    seen = {PurePosixPath(item.path).name for item in weights.files if item.imports} if weights else set()
    for source in resolution.spec.models.values():
        files = [*source.path.rglob("*")] if source.path.is_dir() else [source.path]
        if any(path.name == "MLmodel" or (path.suffix in _PICKLES and path.name not in seen) for path in files):
            return True
        if source.remote and source.remote.unpack:
            return True
    return False


def _candidates(resolution: Resolution) -> Iterator[Root]:
    """Give the user's own requirements that no other distribution needs, nor can make use of."""
    others = {
        canonicalize_name(match[0])
        for distribution in resolution.metadata.values()
        for text in distribution.requires
        if (match := re.match(r"[A-Za-z0-9._-]+", text))
    }
    injected = {item.name for item in resolution.asked if item.injected}
    for item in resolution.asked:
        wheel = resolution.wheels.get(item.name)
        if wheel and not wheel.required_by and item.name not in others | injected and not _LOADED.fullmatch(item.name):
            yield item


def _mentioned(name: str, resolution: Resolution, said: str) -> bool:
    wheel = resolution.wheels[name]
    known = modules(wheel, None, MetadataStore(resolution.cache)) or ()
    names = {name, name.replace("-", "_"), *(module for module, other in DISTRIBUTIONS.items() if other == name)}
    names |= {module.partition(".")[0] for module in known}
    return any(re.search(rf"\b{re.escape(one)}\b", said, re.IGNORECASE) for one in names)


def _said(folder: Path) -> str:
    """Give all that is written in a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.suffix in _TEXTS and path.is_file())
    return "\n".join(
        path.read_text(encoding="utf-8", errors="replace") for path in files if path.stat().st_size <= _BYTES
    )


def _of_weights(resolution: Resolution) -> Iterator[str]:
    """Give the modules and distributions that weights name, and what reads them."""
    for item in resolution.lock.weights.files if resolution.lock.weights else ():
        yield from (item.format, *item.versions, *(name.partition(":")[0].replace(".", " ") for name in item.imports))
