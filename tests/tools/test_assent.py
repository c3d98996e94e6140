"""Was that a yes?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.assent import Reply, reply, takes_back

READ_BACK = "A haircut on Tuesday, November 24th at three thirty for Ann, three people. Right?"


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "Yes, please.",
        "Yeah.",
        "That's right.",
        "that is correct",
        "go ahead",
        "Um, yeah, sure.",
        "OK",
        "Perfect, thank you.",
        "no problem",
        "Yes, no worries.",
        "sounds good",
        "Yes, Tuesday at three thirty is perfect",
        "Tuesday the 24th, yes",
        "yes that's what I want",
        "yep, that one",
        "book it",
        "mm-hmm",
        "of course",
        "Yes. Thanks!",
        "Do it.",
        "yes, a hundred percent",
    ],
)
def test_a_yes(text: str) -> None:
    assert reply([text], READ_BACK) is Reply.YES


@pytest.mark.parametrize("text", ["no", "Nope.", "no, that's wrong", "not quite", "don't do that"])
def test_a_no(text: str) -> None:
    assert reply([text], READ_BACK) is Reply.NO


@pytest.mark.parametrize(
    "text",
    [
        "yes but make it four",
        "yes, make it four",
        "Yes, at four thirty.",
        "yes, 4:30",
        "yes, on Wednesday",
        "yes, for the 25th",
        "yes, wait",
        "actually, yes, another day instead",
        "yes... no",
        "what was the time again?",
        "okay, what time?",
        "right, say that again",
        "my name is Ann",
        "thanks",
        "hello?",
        "maybe",
        "yes or Thursday",
        "what exactly is that?",
        "can you do that for my wife too?",
        "is that correct",
    ],
)
def test_neither(text: str) -> None:
    assert reply([text], READ_BACK) is Reply.OTHER


def test_who_is_asked_whether_to_cancel_may_say_so() -> None:
    assert reply(["Yes, cancel it."], "Shall I cancel Tuesday at ten?") is Reply.YES
    assert reply(["Yes, cancel it."], "Shall I book Tuesday at ten?") is Reply.OTHER
    assert reply(["Don't cancel it."], "Shall I cancel Tuesday at ten?") is Reply.NO


def test_times_may_be_said_back_in_another_form() -> None:
    assert reply(["Yes, three thirty."], "At 15:30, is that right?") is Reply.YES
    assert reply(["Yes, the twenty fourth."], "On November 24?") is Reply.YES
    assert reply(["Yes, 3:30."], "At half past three?") is Reply.OTHER, "asked once more, no harm"


def test_words_of_several_utterances_count_together() -> None:
    assert reply(["yes", "but at four"], READ_BACK) is Reply.OTHER
    assert reply(["that's right", "thanks"], READ_BACK) is Reply.YES


def test_nothing_intelligible_is_unknown() -> None:
    assert reply([]) is Reply.UNKNOWN
    assert reply(["..."]) is Reply.UNKNOWN


@pytest.mark.parametrize("text", ["actually, wait", "no, cancel that", "make it four instead"])
def test_later_words_can_call_it_off(text: str) -> None:
    assert takes_back([text])


@pytest.mark.parametrize("text", ["no", "no, that's all", "nothing else", "no problem", "Ann", ""])
def test_other_words_leave_it_as_it_is(text: str) -> None:
    assert not takes_back([text])


@given(st.lists(st.text(max_size=30), max_size=3), st.text(max_size=60))
def test_nothing_breaks_it(texts: list[str], read_back: str) -> None:
    assert reply(texts, read_back) in Reply


@given(st.sampled_from(["yes", "that's right", "go ahead", "perfect"]), st.integers(4, 29))
def test_a_number_that_was_not_read_back_is_a_correction(yes: str, number: int) -> None:
    assert reply([f"{yes}, {number}"], "At three for three people?") is Reply.OTHER
