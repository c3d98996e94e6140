"""One claim on the floor, from the first sound to its verdict; times in seconds."""

import pytest

from telephony.call.claim import Claim, Verdict
from telephony.call.config import TurnTaking

RULES = TurnTaking(confirm_s=0.45, words_s=0.8, shortest_word_s=0.2)


def test_an_open_claim_is_looked_at_every_tenth_of_a_second() -> None:
    claim = Claim("u1", 2.0, RULES)
    assert claim.next_deadline() == pytest.approx(2.1)
    assert claim.judge(2.05, 9.0) is Verdict.OPEN
    assert claim.judge(2.1, 0.1) is Verdict.OPEN
    assert claim.next_deadline() == pytest.approx(2.2)


def test_enough_sound_takes_the_floor() -> None:
    claim = Claim("u1", 2.0, RULES)
    assert claim.judge(2.4, 0.4) is Verdict.OPEN
    assert claim.judge(2.5, 0.45) is Verdict.TAKEN
    assert claim.next_deadline() is None


def test_a_short_sound_waits_for_its_words() -> None:
    claim = Claim("u1", 2.0, RULES)
    claim.stopped(2.7)
    assert claim.over
    assert claim.next_deadline() == pytest.approx(3.5)
    assert claim.words("Wednesday") is Verdict.TAKEN


@pytest.mark.parametrize(
    ("speech_s", "verdict"), [(0.0, Verdict.DROPPED), (0.15, Verdict.DROPPED), (0.2, Verdict.TAKEN)]
)
def test_without_words_its_length_decides(speech_s: float, verdict: Verdict) -> None:
    claim = Claim("u1", 2.0, RULES)
    claim.stopped(2.7)
    assert claim.judge(3.4, speech_s) is Verdict.OPEN
    assert claim.judge(3.5, speech_s) is verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("uh-huh", Verdict.DROPPED),
        ("Uh-huh.", Verdict.DROPPED),
        ("MM-HMM", Verdict.DROPPED),
        ("I see...", Verdict.DROPPED),
        ("", Verdict.DROPPED),
        ("...", Verdict.TAKEN),
        ("no", Verdict.TAKEN),
        ("okay, but Tuesday", Verdict.TAKEN),
    ],
)
def test_words_that_only_say_go_on_claim_nothing(text: str, verdict: Verdict) -> None:
    assert Claim("u1", 0.0, RULES).words(text) is verdict


def test_a_verdict_stands() -> None:
    claim = Claim("u1", 0.0, RULES)
    claim.words("uh-huh")
    assert claim.words("Wednesday") is Verdict.DROPPED
    assert claim.judge(9.0, 9.0) is Verdict.DROPPED
