"""Wheels for GPUs, where there is none or nothing that drives it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from modelpack.console import size
from modelpack.errors import Problem
from modelpack.findings.resolution import Resolution

_LIBRARIES = re.compile(r"nvidia-(?!ml-py|pytriton|modelopt).*|cuda-(bindings|pathfinder|python|toolkit)|triton")
"""Libraries that are only loaded where there is a GPU; NVIDIA's other distributions are programs and tools."""
_BYTES = 100 << 20
"""From which they are worth a word."""
_NEED = {
    "cupy": None,
    "onnxruntime-gpu": "onnxruntime",
    "tensorrt": None,
    "tensorflow-gpu": "tensorflow-cpu",
    "faiss-gpu": "faiss-cpu",
    "faiss-gpu-cu12": "faiss-cpu",
    "paddlepaddle-gpu": "paddlepaddle",
    "pycuda": None,
    "flash-attn": None,
    "dgl-cu12": "dgl",
}
"""Distributions that load nothing without a GPU's driver or CUDA's libraries, and what does without."""
_OF_CPU = {"torch": "a build for the CPU (torch==VERSION+cpu, of the index of CPU builds)", "xgboost": "xgboost-cpu"}


def problems(resolution: Resolution) -> Iterator[Problem]:
    """Find them; a base image is taken to be there for its GPU libraries."""
    if resolution.spec.base.image is not None:
        return
    for name in resolution.wheels:
        bare = re.sub(r"-cuda\d+x?$|-cu\d+$", "", name)
        if bare in _NEED or re.fullmatch(r"(cupy|tensorrt|jax-cuda\d+)-?.*", name):
            other = _NEED.get(bare)
            yield Problem(
                where=resolution.where(name),
                message=f"{name} needs NVIDIA's driver and CUDA's libraries, which a base of Debian does not have",
                hint=f"require {other}" if other else "take a base image that has them (base: {image: ...})",
                severity="warning",
                code="MP213",
            )
    libraries = [wheel for name, wheel in resolution.wheels.items() if _LIBRARIES.fullmatch(name)]
    total = sum(wheel.size for wheel in libraries)
    if total >= _BYTES:
        owners = [name for name in (*_OF_CPU, "tensorflow", "jax") if name in resolution.wheels]
        owner = owners[0] if owners else libraries[0].name
        yield Problem(
            where=resolution.where(owner),
            message=f"{owner} brings {size(total)} of NVIDIA's libraries for GPUs, which nothing loads on a CPU",
            hint=f"for a CPU alone, require {_OF_CPU.get(owner, 'a build for the CPU')}",
            severity="warning",
            code="MP207",
        )
