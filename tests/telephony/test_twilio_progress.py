"""Calls move forward only, whatever order the callbacks come in."""

from itertools import permutations

import pytest

from telephony.twilio.admissions import Admissions, StaleRepeat
from telephony.twilio.ports import Admitted, Refused
from telephony.twilio.progress import CallProgress


def test_each_step_counts_once() -> None:
    progress = CallProgress()
    steps = ["ringing", "ringing", "in-progress", "in-progress", "completed", "completed"]
    assert [progress.advance("CA1", step) for step in steps] == [True, False] * 3


@pytest.mark.parametrize("order", list(permutations(["ringing", "in-progress", "completed"])))
def test_in_any_order_no_call_goes_back(order: tuple[str, ...]) -> None:
    progress = CallProgress()
    taken = [step for step in order if progress.advance("CA1", step)]
    ranks = [["ringing", "in-progress", "completed"].index(step) for step in taken]
    assert ranks == sorted(ranks)
    assert taken[-1] == "completed"


@pytest.mark.parametrize("first", ["completed", "busy", "no-answer", "failed", "canceled"])
def test_a_call_ends_once(first: str) -> None:
    progress = CallProgress()
    assert progress.advance("CA1", first)
    assert not progress.advance("CA1", "completed")
    assert not progress.advance("CA1", "in-progress")


def test_calls_do_not_know_each_other() -> None:
    progress = CallProgress()
    assert progress.advance("CA1", "completed")
    assert progress.advance("CA2", "ringing")


def test_the_oldest_calls_are_forgotten() -> None:
    progress = CallProgress(capacity=2)
    for call_sid in ("CA1", "CA2", "CA3"):
        progress.advance(call_sid, "ringing")
    assert not progress.advance("CA3", "ringing")
    assert progress.advance("CA1", "ringing")


def test_only_twilios_own_words_are_known() -> None:
    assert CallProgress.known("no-answer")
    assert not CallProgress.known("dancing")


def test_fault_t14_a_repeated_request_finds_the_first_answer() -> None:
    admissions = Admissions()
    assert admissions.find("CA1", 0.0) is None
    admissions.keep("CA1", Refused("Full.", "at_capacity"), 0.0)
    assert admissions.find("CA1", 59.0) == Refused("Full.", "at_capacity")
    assert admissions.find("CA2", 59.0) is None


def test_a_request_replayed_after_a_minute_is_stale_and_after_an_hour_forgotten() -> None:
    admissions = Admissions()
    admissions.keep("CA1", Admitted(), 0.0)
    with pytest.raises(StaleRepeat):
        admissions.find("CA1", 61.0)
    with pytest.raises(StaleRepeat):
        admissions.find("CA1", 3_600.0)
    assert admissions.find("CA1", 3_601.0) is None


def test_answers_are_bounded_in_number_and_time() -> None:
    admissions = Admissions(capacity=3)
    for n in range(5):
        admissions.keep(f"CA{n}", Admitted(), float(n))
    assert len(admissions) == 3
    admissions.keep("CA9", Admitted(), 4_000.0)
    assert len(admissions) == 1
    admissions.keep("CA9", Admitted(), 4_001.0)
    assert len(admissions) == 1
