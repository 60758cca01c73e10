"""``servers/shared/batch.py``: mini batches, retries, thresholds and rows, as Azure ML has them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from modelpack.catalogue import SERVERS, chosen, read_entry

PROGRAM = SERVERS / "shared/batch.py"
COUNT = """
import os
calls = 0
def init():
    print("init", os.getpid())
def run(mini_batch):
    global calls
    calls += 1
    return [f"{os.path.basename(path)} {len(mini_batch)} {calls}" for path in mini_batch]
"""


@pytest.fixture
def job(tmp_path):
    """Run the program on files a, b, c and so on; give its exit code, its rows and its log."""
    output = tmp_path / "out"

    def run(script, *names, options=None):
        prepare(tmp_path, script, *names)
        done = execute(tmp_path, options)
        files = {path.name: path.read_text() for path in output.iterdir()} if output.is_dir() else {}
        return done.returncode, files, done.stderr + done.stdout

    return run


def prepare(folder, script, *names):
    (folder / "score.py").write_text(script)
    (folder / "in/inner").mkdir(parents=True)
    for name in names:
        (folder / "in" / name).write_text(name)


def command(folder):
    return [sys.executable, PROGRAM, folder / "in", folder / "out"]


def execute(folder, options=None):
    own = variables(folder, options)
    return subprocess.run(command(folder), check=False, env=own, capture_output=True, text=True)


def variables(folder, options=None):
    entry = chosen(read_entry("azureml-batch"), {name: str(value) for name, value in (options or {}).items()})
    own = {name: text for name, text in entry.environment.items() if name.startswith("MODELPACK_")}
    return os.environ | own | {"AZUREML_ENTRY_SCRIPT": str(folder / "score.py"), "PYTHONDONTWRITEBYTECODE": "1"}


def test_files_are_handed_over_in_mini_batches_and_rows_appended_in_their_order(job):
    code, files, log = job(COUNT, "b", "a", "inner/c", options={"mini_batch_size": 2})

    assert code == 0
    assert files == {"predictions.csv": "a 2 1\nb 2 1\nc 1 2\n"}
    assert log.count("init") == 1
    assert "3 files scored, 0 failed, 3 rows" in log


def test_several_processes_give_rows_in_the_order_of_the_files(job):
    slow = COUNT.replace("    calls += 1\n", "    calls += 1\n    import time; time.sleep('a' in mini_batch[0][-1:])\n")
    options = {"mini_batch_size": 1, "max_concurrency_per_instance": 2, "output_file_name": "rows.txt"}
    code, files, log = job(slow, "a", "b", "c", options=options)

    assert (code, files) == (0, {"rows.txt": "a 1 1\nb 1 1\nc 1 2\n"})
    assert log.count("init") == 2


def test_a_mini_batch_that_fails_is_tried_again(job):
    script = "n = 0\ndef init(): ...\ndef run(batch):\n    global n\n    n += 1\n    assert n > 2\n    return batch\n"
    code, files, log = job(script, "a", options={"error_threshold": 0})

    assert code == 0
    assert files["predictions.csv"].endswith("/in/a\n")
    assert log.count("mini batch 0 failed") == 2
    assert "AssertionError" in log


@pytest.mark.parametrize(("threshold", "code"), [(-1, 0), (2, 0), (1, 1), (0, 1)])
def test_more_failed_files_than_may_fail_the_job_and_leave_no_output(job, threshold, code):
    script = "def init(): ...\ndef run(batch):\n    return [x for x in map(str, batch) if x[-1] == 'a']\n"
    found, files, log = job(script, "a", "b", "c", options={"error_threshold": threshold})

    assert found == code
    assert set(files) == ({"predictions.csv"} if code == 0 else set())
    assert code == 0 or f"2 of 3 files failed, error_threshold allows {threshold}" in log


def test_a_run_that_takes_too_long_or_kills_its_process_counts_as_failed(job):
    script = (
        "import os, time\ndef init(): ...\ndef run(batch):\n    name = batch[0][-1]\n"
        "    if name == 'a': time.sleep(60)\n    if name == 'b': os._exit(9)\n    return batch\n"
    )
    options = {"mini_batch_size": 1, "timeout": 1, "max_retries": 0}
    code, files, log = job(script, "a", "b", "c", options=options)

    assert code == 0
    assert files["predictions.csv"].endswith("/in/c\n")
    assert files["predictions.csv"].count("\n") == 1
    assert "run() had not ended after 1 s" in log
    assert "the process ended by itself, with 9" in log
    assert "1 files scored, 2 failed" in log


def test_a_script_may_write_its_own_output(job):
    script = (
        "import os, pathlib\ndef init(): ...\ndef run(batch):\n"
        "    pathlib.Path(os.environ['AZUREML_BI_OUTPUT_PATH'], 'mine').write_text('x')\n    return batch\n"
    )
    assert job(script, "a", options={"output_action": "summary_only"})[:2] == (0, {"mine": "x"})


def test_a_data_frame_is_written_as_azure_writes_it(job):
    script = (
        "class Frame:\n    def to_csv(self, header, index, sep, lineterminator):\n"
        "        return f'a{sep}1{lineterminator}b{sep}2{lineterminator}'\n"
        "def init(): ...\ndef run(batch):\n    return Frame()\n"
    )
    assert job(script, "a", "b")[:2] == (0, {"predictions.csv": "a 1\nb 2\n"})


@pytest.mark.parametrize("result", ["'text'", "None", "{}", "5"])
def test_what_is_neither_list_nor_frame_is_an_error(job, result):
    code, _, log = job(f"def init(): ...\ndef run(batch): return {result}\n", "a", options={"error_threshold": 0})

    assert code == 1
    assert "neither a list nor a data frame" in log


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("def init(): raise ValueError('no model')\ndef run(b): ...\n", "ValueError: no model"),
        ("import os\ndef init(): os._exit(7)\ndef run(b): ...\n", "the process ended in init(), with 7"),
        ("import nothing_of_that_name\n", "nothing_of_that_name"),
    ],
)
def test_a_script_that_does_not_start_fails_the_job(job, script, message):
    code, files, log = job(script, "a")

    assert (code, files) == (1, {})
    assert message in log


def test_nothing_to_score_and_nowhere_to_write_are_said(job, tmp_path):
    code, _, log = job(COUNT)
    assert code == 2
    assert "there are no files to score" in log

    (tmp_path / "in/a").touch()
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_text("a file")
    done = execute(tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_sigterm_ends_the_job_and_its_processes(tmp_path):
    pid = tmp_path / "pid"
    script = (
        f"import os, pathlib, time\ndef init(): pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n"
        "def run(batch): time.sleep(60)\n"
    )
    prepare(tmp_path, script, "a")
    process = subprocess.Popen(command(tmp_path), env=variables(tmp_path))
    while not (pid.exists() and pid.read_text()):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)

    assert process.wait(20) == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert list((tmp_path / "out").iterdir()) == []
