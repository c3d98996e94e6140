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


HESITATIONS = [
    "Okay, let me think about it",
    "Okay, let me check my calendar",
    "OK, I need to ask my husband",
    "Great, let me ask my wife first",
    "Sure, give me a moment",
    "Sure, give me a second.",
    "Fine, I'll call back later",
    "yes once I have asked my boss",
    "yes, as soon as I am paid",
    "okay if it is cheap",
    "exactly the other way around",
    "It is too expensive",
    "It is expensive",
    "I would have to see",
    "Please call me back",
    "Please hurry up",
    "okay, one sec",
    "Okay, forget it",
    "okay, leave it",
    "okay I doubt it",
    "okay, in a bit",
    "okay, bear with me",
    "ok I'll sleep on it",
    "okay, I'd prefer Anna",
    "ok provided it's cheap",
    "sure, in case it works",
    "yes, assuming it's still free",
    "yes, depending on the price",
    "yes, pending approval",
    "yes so long as it is cheap",
    "fine, I must speak to my wife",
    "fine, I'll see",
    "okay, we will see",
    "yes, I need it cheaper",
    "yes let me have it cheaper",
    "yes, what I asked for was Anna",
    "okay, tell me all the other details",
    "yes, and for my wife too",
    "yes, that's too expensive",
    "yes, everything else is too expensive",
    "I'll take it up with my wife",
]


@pytest.mark.parametrize("text", HESITATIONS)
def test_who_wants_time_or_names_a_condition_has_not_said_yes(text: str) -> None:
    assert reply([text], "A haircut on Friday for 500 euros, is that right?") is Reply.OTHER


@pytest.mark.parametrize(
    "text",
    [
        "yes, can I bring my dog",
        "yes, Friday, is it far",
        "yes what does it cost",
        "yes, how much",
        "yes Friday where do I park",
        "yes, do you take cards",
        "okay, will my dog be allowed in",
        "yes, what if",
        "yes and when",
    ],
)
def test_a_question_after_a_yes_makes_it_none(text: str) -> None:
    assert reply([text], "A haircut on Friday, is that right?") is Reply.OTHER


@pytest.mark.parametrize(
    "text",
    [
        "Yes, that's what I asked for",
        "yes, thanks for asking",
        "yes please, I need it badly",
        "yes, everything else is fine",
        "yes, all the other details are right",
        "yes, I'd like that too",
        "yes let me have it",
        "yes let me have it, please, thank you",
        "yes, that is it",
        "yes, I'll see you on Tuesday",
        "perfect, talk to you then",
        "yes, no doubt",
        "yes, I'm sure I can come",
        "yes, do it please",
        "uh huh",
        "I'll take it",
        "I think so",
        "works for me",
        "yeah go ahead",
        "perfect thanks",
        "lovely, book it",
        "ok great sure",
        "yes, that's fine",
        "okay perfect go ahead",
        "yes please do that",
        "yes, let's do that",
        "Yes, I think so.",
        "Perfect, see you later!",
        "yes, that's all I need",
        "Please.",
        "It is, thank you.",
        "I would, please.",
        "Please, on Tuesday.",
        "please book it",
    ],
)
def test_a_yes_may_have_several_words(text: str) -> None:
    assert reply([text], READ_BACK) is Reply.YES


@pytest.mark.parametrize(
    ("read_back", "text"),
    [
        ("Any time after three on the 1st of March?", "Yes, after three on the first."),
        ("A check-up on March 1, right?", "Yes, the check-up on March first."),
        ("We call you back on Tuesday, right?", "Yes, call me back."),
        ("We call you back on Tuesday, right?", "Please call me back."),
    ],
)
def test_what_was_read_back_is_no_condition(read_back: str, text: str) -> None:
    assert reply([text], read_back) is Reply.YES


def test_a_condition_is_seen_in_words_that_were_not_read_back() -> None:
    assert reply(["Yes, after three"], "At three?") is Reply.OTHER
    assert reply(["Yes, after three"], "After three?") is Reply.YES
    assert reply(["Yes, talk to my wife"], "Shall somebody talk to Ann?") is Reply.OTHER
    assert reply(["Yes, talk to Ann"], "Shall somebody talk to Ann?") is Reply.YES
    assert reply(["Yes, leave a note"], "Shall I leave a note?") is Reply.YES


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


@given(
    st.sampled_from(["yes", "that's right", "okay", "perfect", "sure"]),
    st.sampled_from(["if", "let", "think", "ask", "once", "until", "later", "need", "check"]),
    st.booleans(),
)
def test_no_yes_survives_a_word_that_puts_off(yes: str, word: str, before: bool) -> None:
    text = f"{word} {yes}" if before else f"{yes} {word}"
    assert reply([text], "At three for three people?") is Reply.OTHER
