"""Is it worth asking this backend now?"""

from hypothesis import given
from hypothesis import strategies as st

from tools.breaker import Breaker


def opened(failures: int = 3, rest_s: float = 10.0) -> Breaker:
    breaker = Breaker(failures, rest_s)
    for _ in range(failures):
        assert breaker.allows(0.0)
        breaker.failed(0.0)
    return breaker


def test_failures_in_a_row_open_it_for_a_while() -> None:
    breaker = opened()
    assert breaker.failures == 3
    assert not breaker.allows(0.0)
    assert not breaker.allows(9.9)
    assert breaker.allows(10.0)


def test_a_success_in_between_starts_the_count_again() -> None:
    breaker = Breaker(2)
    for _ in range(5):
        breaker.failed(0.0)
        breaker.succeeded()
    assert breaker.allows(0.0)
    assert breaker.failures == 0


def test_one_attempt_decides_for_all() -> None:
    breaker = opened()
    assert breaker.allows(10.0)
    assert not breaker.allows(10.1)
    breaker.failed(11.0)
    assert not breaker.allows(20.9)
    assert breaker.allows(21.0)
    breaker.succeeded()
    assert breaker.allows(21.0)
    assert breaker.allows(21.0)


def test_each_attempt_in_vain_may_double_the_rest_up_to_the_longest() -> None:
    breaker, now_s, rests_s = Breaker(3, 10.0, 35.0), 0.0, []
    for _ in range(2):
        breaker.failed(now_s)
    for _ in range(4):
        breaker.failed(now_s)
        rests_s.append(next(s for s in range(1, 100) if breaker.allows(now_s + s)))
        now_s += rests_s[-1]
    assert rests_s == [10, 20, 35, 35]
    breaker.succeeded()
    assert breaker.allows(now_s)


def test_an_attempt_that_never_reports_does_not_keep_it_shut_for_ever() -> None:
    breaker = opened()
    assert breaker.allows(10.0)
    assert not breaker.allows(19.9)
    assert breaker.allows(20.0)


@given(st.lists(st.sampled_from(["ask", "fail", "succeed", "wait"]), max_size=60))
def test_it_never_shuts_out_for_longer_than_its_rest(acts: list[str]) -> None:
    breaker, now, shut_s = Breaker(3, 10.0), 0.0, 0.0
    for act in acts:
        match act:
            case "ask":
                shut_s = 0.0 if breaker.allows(now) else shut_s
            case "fail":
                breaker.failed(now)
                shut_s = 0.0
            case "succeed":
                breaker.succeeded()
                shut_s = 0.0
            case _:
                now += 5.0
                shut_s += 5.0
    assert breaker.allows(now + 10.0)


def test_an_attempt_that_says_nothing_makes_room_for_another() -> None:
    breaker = opened()
    assert not breaker.resting(10.0)
    assert breaker.allows(10.0)
    assert breaker.resting(10.0)
    breaker.withdrawn()
    assert not breaker.resting(10.0)
    assert breaker.allows(10.0)


def test_fault_m24_failures_of_attempts_made_before_it_was_closed_make_no_longer_rest() -> None:
    breaker = Breaker(5, 10.0, 60.0)
    for late in range(50):
        breaker.failed(late / 1_000)
    assert breaker.resting(10.0)
    assert not breaker.resting(10.1)
    assert breaker.allows(10.1)
    breaker.failed(10.2)
    assert breaker.resting(30.1), "the one that found out doubles it"
    assert not breaker.resting(30.3)
