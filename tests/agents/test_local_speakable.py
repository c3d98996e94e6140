"""Texts made ready for the voice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.speakable import sentences, speakable


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Hello. How are you?", ["Hello.", "How are you?"]),
        ("One moment", ["One moment"]),
        ("At 3 p.m. on Tuesday? Fine.", ["At 3 p.m. on Tuesday?", "Fine."]),
        ("We close at 6 p.m. See you then.", ["We close at 6 p.m. See you then."]),
        ("Ask for Dr. Smith. Thanks!", ["Ask for Dr. Smith.", "Thanks!"]),
        ("It costs 4.50. OK?", ["It costs 4.50.", "OK?"]),
        ("  Two\n lines.  ", ["Two lines."]),
        ("", []),
        (" ", []),
    ],
)
def test_a_text_is_cut_after_its_sentences(text: str, cut: list[str]) -> None:
    assert sentences(text) == cut


@given(st.text())
def test_cutting_loses_nothing_but_spaces(text: str) -> None:
    assert " ".join(sentences(text)) == " ".join(text.split())


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        (
            "Call +12025550147 now.",
            "Call plus one, two zero two, five five five, zero one four seven now.",
        ),
        ("Call 202-555-0147.", "Call two zero two, five five five, zero one four seven."),
        ("Call (202) 555-0147.", "Call two zero two, five five five, zero one four seven."),
        ("On 2026-11-24 at 15:30.", "On 2026-11-24 at 15:30."),
        ("I have 9:00, 9:30 and 10:15.", "I have 9:00, 9:30 and 10:15."),
        ("Booking A7K2 is on Tue, Nov 24.", "Booking A 7 K 2 is on Tuesday, Nov 24."),
        ("It takes 45 minutes and costs $1250.", "It takes 45 minutes and costs $1250."),
        ("The Sun is out.", "The Sun is out."),
        ("NASA and USB.", "NASA and USB."),
    ],
)
def test_what_the_voice_would_misread_is_respelled(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


@given(st.text("0123456789+-(). ABT:,", max_size=40))
def test_anything_can_be_respelled(text: str) -> None:
    speakable(text)
