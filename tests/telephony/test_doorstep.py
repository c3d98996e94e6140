"""Who may wait at the door, and who makes room."""

from telephony.doorstep import LEAST, MOST, Doorstep, most_waiting


def test_as_many_as_there_is_room_for_wait_side_by_side() -> None:
    doorstep: Doorstep[str] = Doorstep(most=3, most_each=2)
    assert [doorstep.came("a", "1"), doorstep.came("a", "2"), doorstep.came("b", "3")] == [None] * 3
    assert len(doorstep) == 3


def test_the_longest_waiting_of_an_address_makes_room_for_its_next() -> None:
    doorstep: Doorstep[str] = Doorstep(most=9, most_each=2)
    doorstep.came("a", "1")
    doorstep.came("a", "2")
    assert doorstep.came("a", "3") == "1"
    doorstep.gone("a", "1")
    assert len(doorstep) == 2
    assert doorstep.came("a", "4") == "2"


def test_when_it_is_full_who_is_alone_is_spared() -> None:
    doorstep: Doorstep[str] = Doorstep(most=4, most_each=9)
    doorstep.came("alone", "0")
    for number in "123":
        doorstep.came("crowd", number)
    assert doorstep.came("crowd", "4") == "1"
    doorstep.gone("crowd", "1")
    assert doorstep.came("another", "5") == "2"


def test_who_left_twice_or_was_never_there_changes_nothing() -> None:
    doorstep: Doorstep[str] = Doorstep(most=1)
    doorstep.gone("a", "1")
    doorstep.came("a", "1")
    doorstep.gone("a", "1")
    doorstep.gone("a", "1")
    doorstep.gone("a", "2")
    assert len(doorstep) == 0
    assert doorstep.came("a", "3") is None


def test_a_twentieth_of_the_descriptors_waits_within_bounds() -> None:
    assert most_waiting(1_024) == LEAST
    assert most_waiting(4_000) == 200
    assert most_waiting(1_048_576) == MOST
