"""``command``: what stands on the command line is taken without loading what would convert it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("arguments", [[], ["."], ["demo/modelpack.yaml", "-o", "link"]])
def test_a_build_is_called_without_pydantic(tmp_path, arguments):
    probe = (
        "import sys\n"
        "from modelpack import cli\n"
        "try:\n    cli.main()\n"
        "finally:\n    print('pydantic' in sys.modules, 'modelpack.loading.native' in sys.modules)\n"
    )
    command = [sys.executable, "-c", probe, "build", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "False True\n"), done.stderr
