"""One more call, or not: by all calls of the machine, and by how it fares."""

from telephony.room import Room
from telephony.workers.board import Board, Column
from telephony.workers.crew import Crew


def test_calls_of_other_workers_count() -> None:
    board = Board(2)
    here, there = (Room(3, Crew(index, board)) for index in range(2))
    assert here.take(0) is None
    here.counts(1, 0)
    assert there.take(0) is None
    assert there.take(1) is None
    assert here.take(1) == "at_capacity"
    assert here.why_not(1) == "at_capacity"
    there.counts(1, 1)
    assert here.why_not(1) is None
    assert here.take(1) is None


def test_a_place_is_kept_as_soon_as_it_is_taken() -> None:
    board = Board(2)
    assert Room(1, Crew(0, board)).take(0) is None
    assert board.get(0, Column.HELD) == 1
    assert Room(1, Crew(1, board)).take(0) == "at_capacity"


def test_asking_why_not_keeps_no_place() -> None:
    room = Room(1)
    for _ in range(3):
        assert room.why_not(0) is None
    assert room.take(0) is None


def test_a_machine_that_is_not_well_takes_nobody() -> None:
    strained = Room(9, strain=lambda: "overloaded")
    assert (strained.take(0), strained.why_not(0)) == ("overloaded", "overloaded")
