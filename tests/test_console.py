"""``console``: what people see, and what they do not see when nobody watches."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from modelpack.console import Console, print_error, print_json, seconds, size, table
from modelpack.errors import ModelpackError

WORK = """
from modelpack.console import Console
console = Console(quiet={quiet})
console.start("reading [model]", total=2_000_000)
console.advance("reading [model]", 1_000_000)
console.note("a note")
console.start("resolving", unit="")
console.finish("reading [model]")
console.close()
print("the result")
"""


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (123_456, "123.5 kB"),
        (5_000_000, "5.0 MB"),
        (3_221_225_472, "3.2 GB"),
        (7_000_000_000_000, "7000.0 GB"),
    ],
)
def test_bytes_are_counted_as_disks_count_them(count, text):
    assert size(count) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0 ms"), (0.0214, "21 ms"), (1, "1.0 s"), (75.25, "75.2 s")])
def test_times_are_short(value, text):
    assert seconds(value) == text


def test_columns_are_aligned_and_lines_have_no_trailing_space():
    rows = [("name", "1", "x"), ("n", "100", "")]
    assert table(rows, right=frozenset({1})) == "  name    1  x\n  n     100"


def test_a_table_without_rows_is_empty():
    assert table([]) == ""


def test_nothing_but_notes_goes_into_a_pipe(capsys):
    console = Console()
    console.start("reading", total=10)
    console.advance("reading", 5)
    console.note("a note")
    console.finish("reading")
    console.finish("never begun")
    console.close()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "a note\n")


def test_quiet_says_nothing(capsys):
    console = Console(quiet=True)
    console.start("reading")
    console.note("a note")
    console.close()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def on_terminal(script, **environment):
    """Run a script with a terminal as its standard error; give what it printed and what the terminal got."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
        env=os.environ | {"TERM": "xterm"} | environment,
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            data = os.read(controller, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(controller)
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 0, shown
    return out, shown.decode()


def test_a_terminal_sees_bars_and_they_are_gone_in_the_end():
    out, shown = on_terminal(WORK.format(quiet=False))
    assert out == "the result\n"
    assert "reading [model]" in shown
    assert "1.0 MB/2.0 MB" in shown
    assert "a note" in shown
    assert shown.rindex("\x1b[2K") > shown.rindex("resolving")
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


@pytest.mark.parametrize(("quiet", "environment"), [(True, {}), (False, {"TERM": "dumb"})])
def test_a_terminal_that_wants_none_sees_no_bars(quiet, environment):
    out, shown = on_terminal(WORK.format(quiet=quiet), **environment)
    assert out == "the result\n"
    assert shown == ("" if quiet else "a note\r\n")


def test_json_keeps_letters_as_they_are(capsys):
    print_json({"name": "Prüfung"})
    assert capsys.readouterr().out == '{\n  "name": "Prüfung"\n}\n'


def test_an_error_shows_what_the_details_and_what_to_do(capsys):
    print_error(ModelpackError("it is wrong", hint="do this", details=("line 1", "line 2")))
    captured = capsys.readouterr()
    assert captured.err == "error: it is wrong\n  line 1\n  line 2\n\nhint: do this\n"
    assert captured.out == ""


def test_letters_that_the_terminal_does_not_have_are_no_reason_to_fail():
    script = (
        "from modelpack.console import print_error\nfrom modelpack.errors import ModelpackError\n"
        r"print_error(ModelpackError('Pr\xfcfung \u2713 \udcff'))"
    )
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, env=environment, timeout=60)
    assert done.stderr == b"error: Pr\\xfcfung \\u2713 \\udcff\n"
