from __future__ import annotations

import threading
import time

import pytest

from modelpack.parallel import Stop, Stopped, run


def test_results_of_all_items_come():
    assert sorted(run(lambda n: n * n, range(20), workers=4, stop=Stop())) == [n * n for n in range(20)]
    assert list(run(str, [], workers=4, stop=Stop())) == []


def test_items_are_worked_on_at_once():
    barrier = threading.Barrier(3, timeout=10)
    assert len(list(run(lambda _: barrier.wait(), range(3), workers=3, stop=Stop()))) == 3


def test_an_error_is_raised_and_ends_the_work():
    begun = []

    def work(n):
        begun.append(n)
        time.sleep(0.01)
        if n == 1:
            raise KeyError(n)

    with pytest.raises(KeyError):
        list(run(work, range(1000), workers=2, stop=Stop()))
    time.sleep(0.05)
    assert len(begun) < 20


def test_long_work_is_given_up_when_nobody_waits():
    stop, ended = Stop(), threading.Event()

    def work(_):
        try:
            while True:
                stop.check()
                time.sleep(0.005)
        except Stopped:
            ended.set()
            raise

    results = run(lambda n: work(n) if n else n, range(2), workers=2, stop=stop)
    assert next(results) == 0
    results.close()
    assert ended.wait(5)
