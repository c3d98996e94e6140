"""Blocking work in a bounded set of threads."""

import subprocess
import sys
import threading

import pytest

from tools.threads import Threads


def test_work_comes_back_with_its_result() -> None:
    assert Threads("t", 2).submit(lambda: threading.current_thread().name).result(5) == "t-1"


def test_no_more_than_so_many_run_at_once() -> None:
    threads, gate, running = Threads("t", 2), threading.Event(), threading.Semaphore(0)

    def work() -> None:
        running.release()
        gate.wait(10)

    futures = [threads.submit(work) for _ in range(3)]
    assert running.acquire(timeout=5)
    assert running.acquire(timeout=5)
    assert not running.acquire(timeout=0.05)
    gate.set()
    for future in futures:
        future.result(5)
    assert running.acquire(timeout=5)


def test_what_has_not_begun_can_be_taken_back() -> None:
    threads, gate, begun = Threads("t", 1), threading.Event(), threading.Event()
    ran: list[int] = []

    def hold() -> None:
        begun.set()
        gate.wait(10)

    first = threads.submit(hold)
    assert begun.wait(5)
    second = threads.submit(lambda: ran.append(2))
    assert not first.cancel()
    assert second.cancel()
    gate.set()
    threads.submit(lambda: ran.append(3)).result(5)
    assert ran == [3]


def test_a_thread_that_is_busy_is_never_taken_for_an_idle_one() -> None:
    for _ in range(50):
        threads, gate = Threads("t", 2), threading.Event()
        held = threads.submit(lambda gate=gate: gate.wait(10))  # type: ignore[misc]
        assert threads.submit(lambda: 7).result(5) == 7
        gate.set()
        assert held.result(5)


def test_an_idle_thread_is_used_before_another_is_started() -> None:
    threads = Threads("t", 8)
    names = {threads.submit(lambda: threading.current_thread().name).result(5)}
    while not threads._idle._value:
        pass
    names.add(threads.submit(lambda: threading.current_thread().name).result(5))
    assert names == {"t-1"}


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_whatever_is_raised_comes_back_and_the_thread_goes_on(error: type[BaseException]) -> None:
    threads = Threads("t", 1)

    def fail() -> None:
        raise error

    with pytest.raises(error):
        threads.submit(fail).result(5)
    assert threads.submit(lambda: 7).result(5) == 7


def test_where_no_thread_can_be_started_the_work_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads, ran = Threads("t", 2), list[int]()

    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", none_left)
        with pytest.raises(RuntimeError):
            threads.submit(lambda: ran.append(1))
    threads.submit(lambda: ran.append(2)).result(5)
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", none_left)
        threads.submit(lambda: ran.append(3)).result(5)
    assert ran == [2, 3]


def test_work_that_never_ends_does_not_keep_the_process() -> None:
    program = (
        "import threading\n"
        "from tools.threads import Threads\n"
        "begun = threading.Event()\n"
        "Threads('t', 1).submit(lambda: (begun.set(), threading.Event().wait()))\n"
        "begun.wait()\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=20, check=False).returncode == 0
