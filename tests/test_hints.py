"""``hints``: what is made of a server's log."""

from __future__ import annotations

import pytest

from modelpack.errors import CheckError
from modelpack.hints import explain


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("ModuleNotFoundError: No module named 'sklearn'", "no locked distribution has the module sklearn"),
        (
            "ImportError: cannot import name 'f' from 'mlflow.x' (/nix/x.py)",
            "the version of mlflow that was resolved has no f",
        ),
        ("ValueError: numpy.dtype size changed, may indicate binary incompatibility", "require numpy<2"),
        ("A module that was compiled using NumPy 1.x cannot be run in", "require numpy<2"),
        ("ModuleNotFoundError: No module named 'yaml'", "add pyyaml to requirements"),
        ("PermissionError: [Errno 13] Permission denied: '/nix/x/cache'", "/nix/x/cache cannot be written to"),
        ("OSError: [Errno 30] Read-only file system: '/opt/x'", "/opt/x cannot be written to"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/bin/sh'", "start programs without a shell"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "the check has none"),
        ("azure.core.exceptions.ServiceRequestError: [Errno -2] Name or service not known", "the check has none"),
    ],
)
def test_a_log_tells_what_to_do(line, hint):
    error = explain(CheckError("it stopped", details=("Traceback", line)), None, None)
    assert hint in error.hint
    assert error.details == ("Traceback", line)


def test_other_logs_give_no_hint():
    assert explain(CheckError("it stopped", details=("KeyError: 'x'",)), None, None).hint is None
