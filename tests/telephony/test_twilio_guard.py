"""Caps that let a telephone call through and hold back what is none."""

from hypothesis import given
from hypothesis import strategies as st

from telephony.twilio.guard import RateCap, Sampler, Strikes


def test_a_burst_passes_and_then_the_rate() -> None:
    cap = RateCap(75, 150, now=0.0)
    assert sum(cap.take(0.0) for _ in range(500)) == 150
    assert sum(cap.take(1.0) for _ in range(500)) == 75


def test_fifty_frames_a_second_pass_for_an_hour() -> None:
    cap = RateCap(75, 150, now=0.0)
    assert all(cap.take(n / 50) for n in range(50 * 3600))


def test_three_seconds_of_a_stalled_network_at_once_still_pass() -> None:
    cap = RateCap(75, 150, now=0.0)
    assert all(cap.take(3.0) for _ in range(150))


@given(st.lists(st.floats(0, 5), max_size=200))
def test_what_is_refused_changes_nothing(pauses: list[float]) -> None:
    once, twice, now = RateCap(1, 3, now=0.0), RateCap(1, 3, now=0.0), 0.0
    for pause in pauses:
        now += pause
        allowed = once.take(now)
        assert twice.take(now) is allowed
        assert allowed or not twice.take(now)


@given(st.lists(st.floats(0, 5), max_size=200))
def test_no_more_than_burst_and_rate_together_ever_pass(pauses: list[float]) -> None:
    cap, now, passed = RateCap(10, 5, now=0.0), 0.0, 0
    for pause in pauses:
        now += pause
        passed += cap.take(now)
    assert passed <= 5 + 10 * now + 1e-6


def test_the_twenty_first_within_ten_seconds_is_one_too_many() -> None:
    strikes = Strikes(20, 10.0)
    assert not any(strikes.strike(n * 0.1) for n in range(20))
    assert strikes.strike(2.0)


def test_two_a_second_are_one_too_many_but_slower_ones_are_not() -> None:
    slow = Strikes(20, 10.0)
    assert not any(slow.strike(n * 0.5) for n in range(1_000))
    fast = Strikes(20, 10.0)
    assert [fast.strike(n * 0.49) for n in range(21)] == [False] * 20 + [True]


def test_one_log_line_for_each_code_and_period_says_how_many_it_stands_for() -> None:
    sampler = Sampler(period_s=10.0)
    assert sampler.due("a", 0.0) == 1
    assert [sampler.due("a", n / 10) for n in range(50)] == [None] * 50
    assert sampler.due("b", 5.0) == 1
    assert sampler.due("a", 10.0) == 51
    assert sampler.due("a", 19.9) is None


def test_codes_without_end_do_not_fill_the_memory() -> None:
    sampler = Sampler(codes=2)
    assert [sampler.due(code, 0.0) for code in "abc"] == [1, 1, None]
    assert sampler.due("c", 99.0) is None
    assert sampler.due("a", 99.0) == 1
