"""Binds what the scoring script offers to the Triton inside PyTriton's wheel, and serves it.

The script has ``bind(triton)``, which calls ``triton.bind`` as often as it has models.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import modelpack_user_module


def _writable(copytree: Callable[..., str]) -> Callable[..., str]:
    """Make ``shutil.copytree`` give folders that can be written, which those that it copies from the store are not."""

    def copy(*arguments: object, **options: object) -> str:
        copied = copytree(*arguments, **options)
        Path(copied).chmod(0o700)
        return copied

    return copy


if __name__ == "__main__":
    # It ends in good order at SIGINT; the first process of a container would not even end by SIGTERM.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Triton is copied there, and adds its back end to the copy.
    os.environ.setdefault("PYTRITON_HOME", tempfile.mkdtemp(prefix="pytriton-"))
    setattr(shutil, "copytree", _writable(shutil.copytree))  # noqa: B010 - its type is another one
    from pytriton.triton import Triton, TritonConfig

    port = int(sys.argv[1])
    config = TritonConfig(
        http_port=port, allow_grpc=False, allow_metrics=False, exit_on_error=True, exit_timeout_secs=10
    )
    script = modelpack_user_module.load()
    with Triton(config=config) as triton:
        script.bind(triton)
        triton.serve()
