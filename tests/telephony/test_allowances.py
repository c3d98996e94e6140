"""One more call only where its provider's limits would carry it beside those that are on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import (
    EngineAllowance,
    EngineFailed,
    EngineNotice,
    ResponseDone,
    ResponseStatus,
    Usage,
)
from telephony.allowances import ENDED_KEPT, REQUESTS, TOKENS, Allowances

COMPLETED = ResponseStatus.COMPLETED


def busy(calls: int, *, began_s: float = 0.0, provider: str = "realtime") -> Allowances:
    allowances = Allowances()
    for number in range(calls):
        allowances.begin(provider, f"CA{number}", began_s)
    return allowances


def told(
    allowances: Allowances,
    remaining: int,
    reset_s: float,
    limit: int = 200_000,
    now: float = 0.0,
    name: str = TOKENS,
) -> Allowances:
    event = EngineAllowance(name, limit, remaining, reset_s)
    allowances.observe("realtime", "CA0", event, now)
    return allowances


def measured(calls: int) -> Allowances:
    """Seen for a minute, to use 24,000 tokens in 6 requests each; it is 60 now."""
    allowances = busy(calls)
    for number in range(calls):
        for response in range(6):
            used = Usage(input_audio_tokens=3_500, output_audio_tokens=500)
            done = ResponseDone(f"r{response}", COMPLETED, usage=used)
            allowances.observe("realtime", f"CA{number}", done, 10.0 * response)
    return allowances


def test_a_provider_that_has_told_nothing_has_room() -> None:
    assert Allowances().has_room("realtime", 0.0)
    assert busy(100).has_room("realtime", 0.0)


def test_fault_m4_calls_are_admitted_as_far_as_the_limit_carries_them() -> None:
    """200,000 tokens a minute carry eight conversations of 24,000."""
    assert told(measured(7), 199_000, 0.3, now=60.0).has_room("realtime", 60.0)
    assert not told(measured(8), 199_000, 0.3, now=60.0).has_room("realtime", 60.0)


@pytest.mark.parametrize("name", [TOKENS, REQUESTS])
@pytest.mark.parametrize("reset_s", [0.3, 59.0])
def test_a_guess_refuses_no_call_while_most_of_the_limit_is_left(name: str, reset_s: float) -> None:
    assert told(busy(40), 101, reset_s, limit=200, name=name).has_room("realtime", 0.0)
    assert not told(busy(40), 99, 59.0, limit=200, name=name).has_room("realtime", 0.0)


def test_what_is_left_must_last_until_it_is_whole_again() -> None:
    assert told(busy(5), 150_000, 15.0).has_room("realtime", 0.0)
    assert not told(busy(5), 10_000, 57.0).has_room("realtime", 0.0)


def test_it_grows_whole_again_with_time() -> None:
    allowances = told(busy(5), 10_000, 57.0)
    assert not allowances.has_room("realtime", 10.0)
    assert allowances.has_room("realtime", 45.0)
    assert allowances.has_room("realtime", 500.0)


def test_requests_are_limited_like_tokens() -> None:
    for calls, room in ((9, True), (10, False)):
        allowances = told(measured(calls), 59, 1.0, limit=60, now=60.0, name=REQUESTS)
        assert allowances.has_room("realtime", 60.0) is room


def test_a_small_account_carries_one_call_when_it_is_whole() -> None:
    assert told(busy(0), 10_000, 0.0, limit=10_000).has_room("realtime", 0.0)
    assert told(measured(0), 10_000, 0.0, limit=10_000, now=60.0).has_room("realtime", 60.0)
    assert not told(measured(1), 10_000, 0.0, limit=10_000, now=60.0).has_room("realtime", 60.0)
    assert not told(busy(0), 0, 60.0, limit=10_000).has_room("realtime", 0.0)


def test_what_calls_were_seen_to_use_goes_before_the_guess() -> None:
    thrifty, costly = busy(8), busy(2)
    for minute in range(4):
        for number in range(8):
            used = Usage(input_text_tokens=900, output_audio_tokens=100)
            done = ResponseDone(f"r{minute}", COMPLETED, usage=used)
            thrifty.observe("realtime", f"CA{number}", done, minute * 60.0)
        for number in range(2):
            used = Usage(input_audio_tokens=90_000, output_audio_tokens=10_000)
            done = ResponseDone(f"r{minute}", COMPLETED, usage=used)
            costly.observe("realtime", f"CA{number}", done, minute * 60.0)
    assert told(thrifty, 199_000, 0.3, now=240.0).has_room("realtime", 240.0)
    assert not told(costly, 199_000, 0.3, now=240.0).has_room("realtime", 240.0)


def test_calls_that_ended_lately_still_tell_what_a_call_uses() -> None:
    allowances = busy(1)
    used = Usage(output_audio_tokens=150_000)
    allowances.observe("realtime", "CA0", ResponseDone("r1", COMPLETED, usage=used), 50.0)
    allowances.end("realtime", "CA0", 60.0)
    allowances.end("realtime", "CA0", 90.0)
    allowances.begin("realtime", "CA1", 60.0)
    assert not told(allowances, 200_000, 0.0, now=61.0).has_room("realtime", 61.0)
    for number in range(ENDED_KEPT):
        allowances.begin("realtime", f"CB{number}", 61.0)
        allowances.end("realtime", f"CB{number}", 121.0)
    assert told(allowances, 200_000, 0.0, now=121.0).has_room("realtime", 121.0)


@pytest.mark.parametrize("reason", ["rate_limited", "rate_limit_exceeded"])
def test_fault_m4_a_provider_that_refused_a_call_gets_no_new_one_for_a_while(reason: str) -> None:
    for event in (
        EngineFailed(reason, fatal=False),
        ResponseDone("r1", ResponseStatus.FAILED, reason),
    ):
        allowances = busy(1)
        allowances.observe("realtime", "CA0", event, 100.0)
        assert not allowances.has_room("realtime", 119.0)
        assert allowances.has_room("realtime", 120.0)
        assert allowances.has_room("turns", 100.0)


def test_other_failures_say_nothing_of_limits() -> None:
    allowances = busy(1)
    for event in (EngineFailed("connect_refused", fatal=False), EngineNotice("odd")):
        allowances.observe("realtime", "CA0", event, 0.0)
    assert allowances.has_room("realtime", 0.0)


@pytest.mark.parametrize(
    "event",
    [
        EngineAllowance("images", 10, 0, 60.0),
        EngineAllowance(TOKENS, 0, 0, 60.0),
        EngineAllowance(TOKENS, -5, 0, 60.0),
        EngineAllowance(TOKENS, 100, 0, -1.0),
        EngineAllowance(TOKENS, 100, 0, float("nan")),
        EngineAllowance(TOKENS, 100, 0, float("inf")),
    ],
)
def test_what_makes_no_sense_is_not_heeded(event: EngineAllowance) -> None:
    allowances = busy(50)
    allowances.observe("realtime", "CA0", event, 0.0)
    assert allowances.has_room("realtime", 0.0)


def test_a_response_of_a_call_nobody_announced_is_not_counted() -> None:
    allowances = told(busy(1), 200_000, 0.0)
    used = Usage(output_audio_tokens=10**9)
    allowances.observe("realtime", "CX", ResponseDone("r1", COMPLETED, usage=used), 100.0)
    assert allowances.has_room("realtime", 100.0)


@given(
    st.integers(0, 30),
    st.integers(-1_000, 300_000),
    st.floats(0, 600),
    st.integers(1, 300_000),
    st.floats(0, 700),
)
def test_where_there_is_no_room_more_calls_find_none_and_time_does_not_take_it_away(
    calls: int, remaining: int, reset_s: float, limit: int, later_s: float
) -> None:
    def has_room(live: int, now: float) -> bool:
        # As if they had just begun, so that only the guess and what is left count.
        allowances = told(busy(live, began_s=now), remaining, reset_s, limit)
        return allowances.has_room("realtime", now)

    if has_room(calls, 0.0):
        assert has_room(calls, later_s)
    if calls and not has_room(calls, later_s):
        assert not has_room(calls + 1, later_s)
    assert has_room(calls, reset_s + 0.001)


def test_calls_of_other_workers_are_within_the_same_limit() -> None:
    elsewhere = 0
    allowances = Allowances(lambda: elsewhere)
    told = EngineAllowance(TOKENS, limit=200_000, remaining=90_000, reset_s=60.0)
    allowances.observe("realtime", "CA1", told, 0.0)
    # Of 24,000 tokens a minute each, until calls have shown it.
    assert allowances.has_room("realtime", 0.0)
    elsewhere = 5
    assert not allowances.has_room("realtime", 0.0)
