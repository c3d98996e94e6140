"""Who may wait at the door, and who makes room."""

from telephony.doorstep import LEAST, MOST, Doorstep, most_waiting


def waiting(doorstep: Doorstep[str], *crowd: str) -> Doorstep[str]:
    """Each named by its address and a number; they came a millisecond apart."""
    for number, who in enumerate(crowd):
        assert doorstep.came(who[0], who, number / 1000) is None
    return doorstep


def test_as_many_as_there_is_room_for_wait_side_by_side() -> None:
    doorstep = waiting(Doorstep(most=3, most_each=2), "a1", "a2", "b3")
    assert doorstep.silent(9.0) == []
    assert len(doorstep) == 3


def test_the_longest_waiting_of_an_address_makes_room_for_its_next() -> None:
    doorstep = waiting(Doorstep(most=9, most_each=2), "a1", "a2", "a3", "b1")
    assert doorstep.silent(9.0) == ["a1"]
    doorstep.gone("a", "a1")
    assert len(doorstep) == 3
    doorstep.came("a", "a4", 9.0)
    assert doorstep.silent(9.0) == ["a2"]


def test_when_it_is_full_who_is_alone_is_spared() -> None:
    doorstep = waiting(Doorstep(most=3, most_each=9), "b1", "a1", "a2", "a3", "c1")
    assert doorstep.silent(9.0) == ["a1", "a2"]
    waiting(doorstep, "a4")
    assert doorstep.silent(9.0) == ["a1", "a2", "a3"]


def test_those_who_have_just_come_may_have_spoken_unheard() -> None:
    doorstep = waiting(Doorstep(most=2, most_each=2), *(f"a{number}" for number in range(8)))
    assert doorstep.crowded
    assert doorstep.silent(0.199) == []
    assert doorstep.silent(0.2035) == ["a0", "a1", "a2", "a3"]
    assert doorstep.came("a", "a8", 0.1) == "a0", "four times as many are too many at any time"


def test_who_left_twice_or_was_never_there_changes_nothing() -> None:
    doorstep: Doorstep[str] = Doorstep(most=1)
    doorstep.gone("a", "1")
    doorstep.came("a", "1", 0.0)
    doorstep.gone("a", "1")
    doorstep.gone("a", "1")
    doorstep.gone("a", "2")
    assert len(doorstep) == 0
    assert doorstep.came("a", "3", 0.0) is None


def test_a_twentieth_of_the_descriptors_waits_within_bounds() -> None:
    assert most_waiting(1_024) == LEAST
    assert most_waiting(4_000) == 200
    assert most_waiting(1_048_576) == MOST
