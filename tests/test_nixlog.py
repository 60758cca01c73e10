"""``nixlog``: what nix-build writes becomes events and one clear error."""

from __future__ import annotations

import json

import pytest

from modelpack.errors import BuildError, CheckError
from modelpack.store.nixlog import NixLog

DRV = "/nix/store/00000000000000000000000000000000-check-demo.drv"
START = {"action": "start", "id": 7, "type": 105, "fields": [DRV, "", 1, 1], "text": "building", "level": 3}
STOP = {"action": "stop", "id": 7}


def log_line(text, *, identifier=7):
    return {"action": "result", "id": identifier, "type": 101, "fields": [text]}


def message(text, *, level=0):
    return {"action": "msg", "level": level, "msg": text}


def problem(step, text, **data):
    return log_line("@modelpack-problem " + json.dumps({"step": step, "message": text, **data}))


def read(*events, sandbox=True):
    """Feed events, or bare lines, and give the events of builds and the error."""
    builds = []
    log = NixLog(lambda name, ended: builds.append((name, ended)))
    for event in events:
        log.read(event if isinstance(event, str) else f"@nix {json.dumps(event)}\n")
    return builds, log.error(sandbox)


def test_builds_are_told_by_the_derivations_name():
    builds, _ = read(START, STOP)
    assert builds == [("check-demo", False), ("check-demo", True)]


def test_other_activities_are_not_builds():
    builds, _ = read(START | {"type": 101, "fields": []}, START | {"type": 0}, STOP, {"action": "stop", "id": 8})
    assert builds == []


@pytest.mark.parametrize("line", ["@nix {", "@nix []\n", "@nix null\n", '@nix {"action": "result"}\n', "plain\n", ""])
def test_lines_of_another_shape_are_no_reason_to_fail(line):
    assert isinstance(read(line)[1], BuildError)


def test_a_builders_problem_is_the_error():
    error = read(START, problem("wheel", "demo: not a wheel", name="demo"), message("error: builder failed"))[1]
    assert (type(error), error.message, error.exit_code) == (BuildError, "demo: not a wheel", 6)


def test_the_first_problem_counts():
    error = read(START, problem("wheel", "first"), problem("wheel", "second"))[1]
    assert error.message == "first"


@pytest.mark.parametrize("step", ["start", "readiness", "status", "answer", "closure"])
def test_a_problem_of_the_check_names_its_step_and_shows_the_servers_log(step):
    error = read(START, problem(step, "it is wrong", log=["Traceback", "ImportError: x"]))[1]
    assert (type(error), error.message, error.exit_code) == (CheckError, f"check failed at {step}: it is wrong", 9)
    assert error.details == ("the server's log ends:", "  Traceback", "  ImportError: x")


def test_further_differences_are_shown():
    error = read(START, problem("answer", "$.a: found 1", differences=["$.a: found 1", "$.b: missing"]))[1]
    assert error.details == ("$.b: missing",)


def test_a_build_outside_the_sandbox_is_refused_with_the_ways_out():
    error = read(START, problem("sandbox", "Nix ran this build outside its sandbox"))[1]
    assert isinstance(error, BuildError)
    assert "--no-sandbox" in error.hint


def test_artifacts_that_are_not_there_are_named():
    text = "error: unable to download 'file:///artifact-not-in-the-store/run-modelpack-fetch/{}': Couldn't open file"
    error = read(message(text.format("b.whl")), message(text.format("a.whl")), message(text.format("a.whl")))[1]
    assert error.message == "the store lacks 2 artifacts of the lock: a.whl, b.whl"
    assert error.hint == "run: modelpack fetch"


@pytest.mark.parametrize(
    "events",
    [
        [message("error: writing to file: No space left on device")],
        [START, log_line("OSError: [Errno 28] No space left on device"), message("error: builder failed")],
        ["error (ignored): committing transaction: database or disk is full\n"],
    ],
)
def test_a_full_disk_is_called_so(events):
    assert "disk is full" in read(*events)[1].message


@pytest.mark.parametrize(
    "text",
    [
        "error: cannot set up a private mount namespace: Operation not permitted",
        "error: setting up a private mount namespace: unshare: Operation not permitted",
        "error: user namespaces are not supported",
    ],
)
def test_a_machine_without_sandboxes_is_told_what_to_do(text):
    error = read(message(text))[1]
    assert "sandbox" in error.message
    assert "modelpack doctor" in error.hint


def test_without_the_sandbox_asked_for_it_is_not_to_blame():
    assert "sandbox" not in read(message("error: unshare failed"), sandbox=False)[1].message


def test_anything_else_is_told_in_nixs_words_without_colours():
    error = read(message("\x1b[31;1merror:\x1b[0m undefined variable 'x'\n\n  at line 3"))[1]
    assert error.message == "undefined variable 'x'"
    assert error.details == ("error: undefined variable 'x'", "", "  at line 3")


def test_messages_that_only_inform_are_left_out():
    assert read(message("copying path", level=3), message("error: real"))[1].details == ("error: real",)


def test_the_end_of_a_builders_log_is_shown():
    events = [log_line(f"line {number}") for number in range(100)]
    assert read(START, *events, message("error: builder failed"))[1].details[-1] == "line 99"


def test_nothing_said_is_still_an_error():
    assert read()[1].message == "nix-build failed"


def test_a_disk_that_a_program_of_the_builder_found_full_is_the_error():
    child = log_line("OSError: [Errno 28] No space left on device")
    error = read(START, child, problem("base", "the standard library could not be compiled"))[1]
    assert (error.message.partition(":")[0], error.exit_code) == ("the disk is full", 6)


def test_what_a_server_says_of_a_disk_is_not_our_disk():
    child = log_line("OSError: [Errno 28] No space left on device")
    error = read(START, child, problem("status", "answered 500: No space left on device"))[1]
    assert isinstance(error, CheckError)


def test_what_a_builder_says_of_a_full_disk_is_the_error():
    error = read(START, problem("disk", "the disk is full: patchelf ended with signal 7"))[1]
    assert error.message.startswith("the disk is full")
