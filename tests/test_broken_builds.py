"""Projects with one mistake each that only shows when the server runs: exactly what ``modelpack build`` says."""

from __future__ import annotations

import pytest
import small_server

pytestmark = [pytest.mark.nix, pytest.mark.network]


@pytest.fixture
def report(small_cache, tmp_path):
    """Build a project whose server runs these lines."""

    def report(app, **options):
        small_server.make(tmp_path / "small", f"from serve import serve\n\n{app}", **options)
        return small_server.report(tmp_path / "small", small_cache)

    return report


def test_healthy(report):
    assert report("serve(lambda body: body)\n") == "exit code 0\n"


def test_another_answer_than_expected(report):
    said = report('serve(lambda body: b"[3]")\n')
    expected = """\
exit code 9
error: check failed at answer: request-1: the answer is not the expected one: $[0]: found 3, expected 1
"""
    assert said == expected


def test_an_answer_that_differs_from_time_to_time(report):
    said = report("""\
numbers = iter(range(5, 99))
serve(lambda body: b"[%d]" % next(numbers))
""")
    expected = """\
exit code 9
error: check failed at answer: request-1: the answer is not the expected one: $[0]: found 5, expected 1

hint: asked again, it answers otherwise ($[0]: found 6, before 5): set the seed of what is random, or expect no response
"""
    assert said == expected


def test_a_request_that_fails(report):
    said = report("""\
import json

serve(lambda body: json.dumps(json.loads(body)["data"]).encode())
""")
    expected = """\
exit code 9
error: check failed at status: request-1: POST /score answered 500, expected 200: TypeError: list indices must be integers or slices, not str
"""
    assert said == expected


def test_a_server_that_listens_on_this_machine_alone(report):
    said = report('serve(lambda body: body, address="127.0.0.1")\n')
    expected = """\
exit code 9
error: check failed at address: the server listens on 127.0.0.1:8000 alone, which nothing outside of its container reaches

hint: let it listen on 0.0.0.0
"""
    assert said == expected


def test_a_server_that_listens_on_another_port(report):
    check = {"request": "request.json", "timeout": 3}
    said = report("serve(lambda body: body, port=9000)\n", check=check)
    expected = """\
exit code 9
error: check failed at readiness: the server was not ready within 3 s: GET /ready: it listens on 0.0.0.0:9000, not on port 8000

hint: listen on @port@ of the command, or on $MODELPACK_PORT
"""
    assert said == expected


def test_a_server_that_ends_when_it_is_asked(report):
    said = report("""\
import os

serve(lambda body: os._exit(3))
""")
    expected = """\
exit code 9
error: check failed at answer: no answer to request-1: POST /score: the server stopped with exit code 3
"""
    assert said == expected


def test_a_server_that_ends_after_its_answer(report):
    said = report("""\
import os

serve(lambda body: body, after=lambda: os._exit(0))
""")
    expected = """\
exit code 9
error: check failed at end: after the answers, GET /ready has none: the server stopped with exit code 0
"""
    assert said == expected


def test_a_server_that_writes_beside_its_code(report):
    said = report("""\
from pathlib import Path

Path(__file__).with_name("cache.json").write_text("{}")
serve(lambda body: body)
""")
    expected = """\
exit code 9
error: check failed at start: the server stopped before it was ready, with exit code 1
  the server's log ends:
    Traceback (most recent call last):
      File "/nix/store/code/app.py", line 5, in <module>
        Path(__file__).with_name("cache.json").write_text("{}")
    PermissionError: [Errno 13] Permission denied: '/nix/store/code/cache.json'

hint: /nix/store/code/cache.json cannot be written to where the package is served: write below /tmp
"""
    assert said == expected


def test_code_that_downloads_when_it_starts(report):
    said = report("""\
import urllib.request

urllib.request.urlopen("http://weights.invalid/model.bin", timeout=5)
serve(lambda body: body)
""")
    expected = """\
exit code 9
error: check failed at start: the server stopped before it was ready, with exit code 1
  there is no internet in the check, and it was asked for:
    code/app.py:5: wants weights.invalid, which is not there without the internet (bring what it fetches into the package, as model or as input)
  the server's log ends:
    Traceback (most recent call last):
    socket.gaierror: [Errno -3] Temporary failure in name resolution

    During handling of the above exception, another exception occurred:

    Traceback (most recent call last):
      File "/nix/store/code/app.py", line 5, in <module>
        urllib.request.urlopen("http://weights.invalid/model.bin", timeout=5)
    urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>

hint: the server asks the network while it starts or answers, and the check has none: put what it fetches into the package, or pack it unchecked with check: false
"""
    assert said == expected


def test_native_code_that_looks_up_a_host(report):
    said = report("""\
import ctypes

answer = ctypes.c_void_p()
ctypes.CDLL("libc.so.6").getaddrinfo(b"rates.invalid", b"443", None, ctypes.byref(answer))
serve(lambda body: body)
""")
    expected = """\
exit code 0
warning MP309: server: wants rates.invalid, which is not there without the
    internet
    fix: bring what it fetches into the package, as model or as input
"""
    assert said == expected


def test_code_that_looks_up_a_host_where_a_server_is_shown_a_root_file_system(report):
    said = report(
        """\
import ctypes
import socket

answer = ctypes.c_void_p()
ctypes.CDLL("libc.so.6").getaddrinfo(b"rates.invalid", b"443", None, ctypes.byref(answer))
try:
    socket.getaddrinfo("weights.invalid", 443)
except OSError:
    pass
serve(lambda body: open("/srv/labels/labels.json", "rb").read())
""",
        inputs={"labels": {"path": "./labels.json", "mount_path": "/srv/labels/"}},
        files={"labels.json": [1]},
    )
    expected = """\
exit code 0
warning MP309: code/app.py:9: wants weights.invalid, which is not there without
    the internet
    fix: bring what it fetches into the package, as model or as input
warning MP309: server: wants rates.invalid, which is not there without the
    internet
    fix: bring what it fetches into the package, as model or as input
"""
    assert said == expected


def test_a_library_of_the_system_that_is_missing(report):
    said = report("""\
import ctypes

ctypes.CDLL("libGL.so.1")
serve(lambda body: body)
""")
    expected = """\
exit code 9
error: check failed at start: the server stopped before it was ready, with exit code 1
  the server's log ends:
    Traceback (most recent call last):
      File "/nix/store/code/app.py", line 5, in <module>
        ctypes.CDLL("libGL.so.1")
    OSError: libGL.so.1: cannot open shared object file: No such file or directory

hint: the base lacks libGL.so.1, which Debian has in libgl1 (also in primus-libs): add it to base.packages
"""
    assert said == expected


def test_a_wheel_built_for_numpy_1(report):
    said = report(
        """\
import bottleneck

serve(lambda body: body)
""",
        requirements=["bottleneck==1.3.7", "numpy==2.3.5"],
    )
    expected = """\
exit code 9
error: check failed at start: the server stopped before it was ready, with exit code 1
  the server's log ends:

    A module that was compiled using NumPy 1.x cannot be run in
    NumPy 2.3.5 as it may crash. To support both 1.x and 2.x
    versions of NumPy, modules must be compiled with NumPy 2.0.
    Some module may need to rebuild instead e.g. with 'pybind11>=2.12'.

    If you are a user of the module, the easiest solution will be to
    downgrade to 'numpy<2' or try to upgrade the affected module.
    We expect that some modules will need time to support NumPy 2.

    Traceback (most recent call last):  File "/nix/store/code/app.py", line 3, in <module>
        import bottleneck
    AttributeError: _ARRAY_API not found
    Traceback (most recent call last):
      File "/nix/store/code/app.py", line 3, in <module>
        import bottleneck
    ImportError: numpy.core.multiarray failed to import

hint: a wheel was built for NumPy 1, and NumPy 2 was resolved: require numpy<2
"""
    assert said == expected
