"""How fast somebody may ask and try: the arithmetic, with time as an argument."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.cli.serve import greet
from telephony.console.access.throttle import (
    LONGEST_PAUSE,
    Bucket,
    Buckets,
    Rate,
    pause_after,
)

LINK = "http://127.0.0.1:8080/console/welcome/abc"


def test_pauses_double_after_the_free_tries_and_end_at_a_quarter_of_an_hour() -> None:
    told = [pause_after(failures, 5).total_seconds() for failures in range(4, 18)]
    assert told == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert pause_after(10**9, 5) == LONGEST_PAUSE == dt.timedelta(minutes=15)


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.integers(1, 5))
def test_no_bucket_lets_more_through_than_its_rate(pauses: list[float], most: int) -> None:
    bucket, now_s, through = Bucket(most, 2.0, 0.0), 0.0, 0
    for pause in pauses:
        now_s += pause
        wait_s = bucket.wait_s(now_s)
        through += wait_s == 0
        assert through <= most + 2.0 * now_s + 1e-6
        assert wait_s in (0, 1), "half a second is enough for one"


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = Bucket(1, 1.0, 100.0)
    assert [bucket.wait_s(100.0), bucket.wait_s(50.0), bucket.wait_s(50.5)] == [0, 1, 1]


def test_clients_do_not_hold_up_each_other_and_are_forgotten() -> None:
    buckets = Buckets(Rate(2, 1.0), clients=3)
    assert [buckets.wait_s("a", 0.0) for _ in range(3)] == [0, 0, 1]
    assert [buckets.wait_s(each, 0.0) for each in "bc"] == [0, 0]
    assert [buckets.wait_s("d", 0.0) for _ in range(3)] == [0, 0, 1], "more than are known"
    assert buckets.wait_s("e", 0.0) == 1, "share one"
    assert [buckets.wait_s(each, 10.0) for each in "de"] == [0, 0], "those who left are forgotten"


def test_the_first_link_is_for_a_terminal_and_not_for_a_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    greet(LINK)
    shown = capsys.readouterr()
    assert LINK not in shown.out + shown.err
    assert "frontdesk console users reset-link admin" in shown.out + shown.err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    greet(LINK)
    assert LINK in capsys.readouterr().err
