"""What the stamps of the caller's audio tell of when an echo was sent."""

import pytest

from telephony.call.carrierclock import CarrierClock, Moment


def ticking(frames: int = 50, way_s: float = 0.05, late_s: float = 0.0) -> CarrierClock:
    """Frames come regularly; every second one is late."""
    clock = CarrierClock()
    for number in range(1, frames + 1):
        clock.frame(number * 0.02, number * 0.02 + way_s + (late_s if number % 2 else 0.0))
    return clock


def test_before_the_first_frame_an_echo_is_as_old_as_it_is() -> None:
    assert CarrierClock().arrival(3.0) == Moment(3.0, 3.0)


def test_an_echo_was_sent_between_two_frames_however_late_it_comes() -> None:
    """The last frame ended at 1.0 s; undelayed it comes at 1.05, the next at 1.07."""
    arrival = ticking(late_s=0.04).arrival(1.2)
    assert [arrival.earliest_s, arrival.latest_s] == pytest.approx([1.05, 1.07])
    assert arrival.stamped
    assert arrival.at_s == pytest.approx(1.06)


def test_on_a_line_that_delays_nothing_an_echo_comes_when_it_comes() -> None:
    arrival = ticking().arrival(1.062)
    assert arrival.latest_s == 1.062
    assert arrival.at_s == pytest.approx(1.062)


def test_frames_that_stay_away_tell_nothing() -> None:
    assert ticking().arrival(1.36) == Moment(1.36, 1.36)


def test_a_stamp_that_is_absurd_is_outlived() -> None:
    """One stamp an hour ahead makes later ones look old; nothing is believed until it is gone."""
    clock = ticking()
    clock.frame(3_600.0, 1.07)
    clock.frame(1.04, 1.09)
    assert not clock.arrival(1.1).stamped
    for number in range(53, 700):
        clock.frame(number * 0.02, number * 0.02 + 0.05)
    assert clock.arrival(699 * 0.02 + 0.06).stamped


def test_a_way_that_grows_longer_is_followed() -> None:
    """From 50 to 80 ms: after ten seconds at most, that is the way nothing delays."""
    clock = ticking()
    for number in range(51, 600):
        clock.frame(number * 0.02, number * 0.02 + 0.08)
    assert clock.arrival(12.08).earliest_s == pytest.approx(599 * 0.02 + 0.08)
