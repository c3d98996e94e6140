"""An event loop that is late again and again is told apart from one that stalled once."""

from telephony.lateness import TICKS, Lateness


def ticked(lateness: Lateness, late_s: float, ticks: int = TICKS) -> Lateness:
    for _ in range(ticks):
        lateness.tick(late_s)
    return lateness


def test_a_loop_nobody_has_looked_at_for_a_second_is_in_time() -> None:
    lateness = ticked(Lateness(0.1), 5.0, TICKS - 1)
    assert (lateness.late_s, lateness.too_late) == (0.0, False)


def test_one_long_stall_refuses_nobody() -> None:
    lateness = ticked(Lateness(0.1), 0.001)
    ticked(lateness, 2.0, 4)
    assert not lateness.too_late
    assert lateness.late_s == 0.001


def test_a_loop_that_is_late_all_the_time_is_too_late() -> None:
    lateness = ticked(Lateness(0.1), 0.11)
    assert (lateness.late_s, lateness.too_late) == (0.11, True)


def test_it_is_in_time_again_only_when_it_is_well_below_the_bound() -> None:
    lateness = ticked(Lateness(0.1), 0.2)
    assert ticked(lateness, 0.08).too_late
    assert not ticked(lateness, 0.04).too_late
    assert not ticked(lateness, 0.09).too_late
