"""Figures all workers see, and the one limit they share."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from telephony.workers.board import Board, Column, State, monotonic_ms
from telephony.workers.crew import SILENT_MS, Crew

ROOT = Path(__file__).parents[2]
CLAIMS = """
import sys
from telephony.workers.board import Board
board, row = Board(3, int(sys.argv[1])), int(sys.argv[2])
sys.stdin.read()
held = 0
while board.claim(row, held, 500):
    held += 1
print(held)
"""
HOLDS = """
import fcntl, sys
fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def process(script: str, *arguments: int, fd: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(fd,),
        cwd=ROOT,
        text=True,
    )


def test_who_takes_places_at_the_same_time_takes_exactly_as_many_as_there_are() -> None:
    board = Board.to_share(3)
    assert board.fd is not None
    claimers = [process(CLAIMS, board.fd, row, fd=board.fd) for row in range(3)]
    for each in claimers:
        assert each.stdin is not None
        each.stdin.close()
    held = [int(each.stdout.read()) for each in claimers if each.stdout is not None]
    for each in claimers:
        each.wait()
    assert sum(held) == 500
    assert board.total(Column.HELD) == 500
    board.close()


def test_fault_p13_a_worker_frozen_with_the_lock_stops_nobody() -> None:
    board = Board.to_share(2)
    assert board.fd is not None
    with process(HOLDS, board.fd, fd=board.fd) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        assert board.claim(0, 0, 5)
        assert not board.claim(0, 5, 5)
        assert holder.stdin is not None
        holder.stdin.close()
    board.close()


def test_who_waits_for_the_lock_lets_who_has_it_run(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board.to_share(2)
    assert board.fd is not None
    yielded: list[int] = []
    with process(HOLDS, board.fd, fd=board.fd) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"

        def runs() -> None:
            assert holder.stdin is not None
            holder.stdin.close()
            yielded.append(holder.wait())

        monkeypatch.setattr(os, "sched_yield", runs)
        assert board.claim(0, 0, 5)
    assert yielded == [0]
    board.close()


def test_calls_taken_over_come_on_top_and_leave_no_place() -> None:
    board = Board(2)
    crew(0, board).counts(3, 3)
    assert not crew(1, board).claim(0, 2)
    crew(1, board).counts(1, 1)
    assert board.total(Column.HELD) == 4


def test_a_worker_that_is_gone_holds_no_places() -> None:
    board = Board(2)
    assert board.claim(0, 0, 2)
    assert board.claim(1, 0, 2)
    assert not board.claim(1, 1, 2)
    board.clear(0)
    assert board.claim(1, 1, 2)


def crew(index: int, board: Board) -> Crew:
    return Crew(index, board, name="crew")


def test_each_worker_sees_what_the_others_say() -> None:
    board = Board(2)
    first, second = crew(0, board), crew(1, board)
    assert first.claim(0, 10)
    second.counts(4, 3)
    second.says(State.TAKING, monotonic_ms(), 1_500)
    assert (first.others_held, first.others_live, first.live) == (4, 3, 3)
    assert (second.others_held, second.others_live) == (1, 0)
    assert first.another_takes
    assert not second.another_takes
    assert first.views()[1] == {"state": "taking", "live_calls": 3, "late_ms": 1.5}
    second.leaves()
    assert first.state(1) is State.AWAY
    assert first.live == 0


def test_a_worker_is_there_while_what_is_handed_to_it_is_taken() -> None:
    board = Board(2)
    own, others = socket.socketpair()
    with own, others:
        worker = Crew(0, board, own=own)
        for act, state in ((worker.opens, State.TAKING), (worker.closes, State.AWAY)):
            act()
            worker.says(State.TAKING, monotonic_ms(), 0)
            assert crew(1, board).state(0) is state


def test_a_worker_that_says_nothing_is_away() -> None:
    board = Board(2)
    crew(1, board).says(State.TAKING, monotonic_ms() - SILENT_MS - 100, 0)
    assert crew(0, board).state(1) is State.AWAY


def test_only_one_of_several_is_named() -> None:
    assert Crew().number is None
    assert crew(0, Board(2)).number == 0


@pytest.mark.parametrize("stops", [False, True])
def test_all_learn_that_all_are_to_end(stops: bool) -> None:
    board = Board(2)
    if stops:
        board.stop()
    assert crew(1, board).stops is stops
