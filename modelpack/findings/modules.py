"""Modules of Python itself, and the distributions of modules that have other names than theirs."""

from __future__ import annotations

import sys

GONE = {
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), (3, 12)),
    **dict.fromkeys(
        """aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev pipes sndhdr spwd
        sunau telnetlib uu xdrlib""".split(),  # noqa: SIM905 - it is a text
        (3, 13),
    ),
    **dict.fromkeys(("formatter", "parser", "symbol"), (3, 10)),
    "binhex": (3, 11),
}
"""Modules that were part of Python, and the version from which they no longer are."""
STANDARD = frozenset(sys.stdlib_module_names) | {"__future__", "__main__"} | GONE.keys()

DISTRIBUTIONS = {
    "Crypto": "pycryptodome",
    "IPython": "ipython",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "attr": "attrs",
    # Its own modules stand for these when it runs.
    "azureml.contrib.services": "azureml-inference-server-http",
    "azureml.core": "azureml-core",
    "bs4": "beautifulsoup4",
    "category_encoders": "category-encoders",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage",
    "google.protobuf": "protobuf",
    "grpc": "grpcio",
    "imblearn": "imbalanced-learn",
    "inference_schema": "inference-schema",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "kafka": "kafka-python",
    "lightning": "lightning",
    "magic": "python-magic",
    "multipart": "python-multipart",
    "osgeo": "gdal",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "pptx": "python-pptx",
    "pythonjsonlogger": "python-json-logger",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "sksurv": "scikit-survival",
    "slugify": "python-slugify",
    "tensorflow_hub": "tensorflow-hub",
    "tensorflow_text": "tensorflow-text",
    "tflite_runtime": "tflite-runtime",
    "umap": "umap-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""Distributions by module, where a person would look for another name."""
_SAME = {
    "cv2": ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "faiss": ("faiss-gpu", "faiss-gpu-cu12"),
    "psycopg2": ("psycopg2",),
    "tensorflow": ("tensorflow-cpu", "tf-nightly", "intel-tensorflow"),
    "xgboost": ("xgboost-cpu",),
    "onnxruntime": ("onnxruntime-gpu",),
    "mlflow": ("mlflow-skinny",),
    "magic": ("python-magic-bin",),
}
"""Others that have the module."""


def distributions(module: str) -> tuple[str, ...]:
    """Give the distributions that have a module, as far as is known; the one that a person wants first."""
    parts = module.split(".")
    top = parts[0]
    longest = next((name for end in range(len(parts), 0, -1) if (name := ".".join(parts[:end])) in DISTRIBUTIONS), top)
    return (DISTRIBUTIONS.get(longest, longest.replace("_", "-").lower()), *_SAME.get(top, ()))
