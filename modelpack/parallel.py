"""Work in a few threads that never keep the program from ending."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Stopped(Exception):  # noqa: N818 - not an error: work that was given up
    """Raised in a worker whose result nobody waits for any more."""


class Stop:
    """Tells workers that their results are no longer wanted."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Have every worker end at its next ``check``."""
        self._event.set()

    def check(self) -> None:
        """Give up when nobody waits; long work calls it often.

        Raises:
            Stopped: nobody does.
        """
        if self._event.is_set():
            raise Stopped


def run(work: Callable[[T], R], items: Iterable[T], *, workers: int, stop: Stop) -> Iterator[R]:
    """Yield the results of ``work`` for all items, as they come; what it raises is raised here.

    When the caller leaves early, by an error or Ctrl-C, ``stop`` is set, no item is begun any more and no thread is
    waited for: an executor of the standard library would wait for all of them.
    """
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    results: queue.SimpleQueue[tuple[R | None, BaseException | None]] = queue.SimpleQueue()
    count = 0
    for item in items:
        waiting.put(item)
        count += 1

    def worker() -> None:
        while True:
            try:
                stop.check()
                results.put((work(waiting.get_nowait()), None))
            except (queue.Empty, Stopped):
                return
            except BaseException as error:  # noqa: BLE001 - raised again where the results are taken
                results.put((None, error))

    for _ in range(min(workers, count)):
        threading.Thread(target=worker, daemon=True).start()
    try:
        for _ in range(count):
            result, error = results.get()
            if error is not None:
                raise error
            yield result  # type: ignore[misc] # no error, so it is a result
    finally:
        stop.set()


def run_all(work: Callable[[T], R], items: Iterable[T], *, workers: int) -> list[R]:
    """Give the results of ``work`` for all items, in their order; otherwise as ``run``."""
    numbered = run(lambda item: (item[0], work(item[1])), enumerate(items), workers=workers, stop=Stop())
    return [result for _, result in sorted(numbered, key=lambda pair: pair[0])]
