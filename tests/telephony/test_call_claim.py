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
    claim.stopped(2.7, 0.2)
    assert claim.over
    assert claim.next_deadline() == pytest.approx(3.5)
    assert claim.words("u1", "Wednesday") is Verdict.TAKEN


@pytest.mark.parametrize(
    ("speech_s", "verdict"), [(0.0, Verdict.DROPPED), (0.15, Verdict.DROPPED), (0.2, Verdict.TAKEN)]
)
def test_without_words_its_length_decides(speech_s: float, verdict: Verdict) -> None:
    claim = Claim("u1", 2.0, RULES)
    claim.stopped(2.7, 0.2)
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
    assert Claim("u1", 0.0, RULES).words("u1", text) is verdict


def test_a_verdict_stands() -> None:
    claim = Claim("u1", 0.0, RULES)
    claim.words("u1", "uh-huh")
    assert claim.words("u1", "Wednesday") is Verdict.DROPPED
    assert claim.judge(9.0, 9.0) is Verdict.DROPPED


def of_two_sounds(first_s: float) -> Claim:
    """The second begins before the first, with so much speech in it, is decided."""
    claim = Claim("u1", 2.0, RULES)
    claim.stopped(2.5, first_s)
    claim.again("u2", 9.0, 2.8)
    assert not claim.over
    assert claim.items == ["u1", "u2"]
    return claim


@pytest.mark.parametrize("item", ["u1", "u2"])
def test_words_in_either_of_two_sounds_take_the_floor(item: str) -> None:
    assert of_two_sounds(0.1).words(item, "No, stop.") is Verdict.TAKEN


def test_two_murmurs_claim_nothing_once_both_are_known() -> None:
    claim = of_two_sounds(0.3)
    assert claim.words("u2", "mhm") is Verdict.OPEN
    assert claim.words("u1", "uh-huh") is Verdict.DROPPED


@pytest.mark.parametrize(
    ("first_s", "murmured", "verdict"),
    [(0.3, False, Verdict.TAKEN), (0.3, True, Verdict.DROPPED), (0.1, False, Verdict.DROPPED)],
)
def test_without_words_of_the_second_the_length_of_the_first_decides(
    first_s: float, verdict: Verdict, *, murmured: bool
) -> None:
    claim = of_two_sounds(first_s)
    if murmured:
        claim.words("u1", "mhm")
    claim.stopped(3.0, 0.1)
    assert claim.next_deadline() == pytest.approx(3.8)
    assert claim.judge(3.8, 0.1) is verdict


def test_one_sound_after_the_other_is_not_waited_for_without_end() -> None:
    claim = of_two_sounds(0.1)
    claim.stopped(4.6, 0.1)
    assert claim.next_deadline() == pytest.approx(5.0)
    claim.again("u3", 9.0, 4.9)
    claim.stopped(5.2, 0.1)
    assert claim.next_deadline() == pytest.approx(5.2)
    assert claim.judge(5.2, 0.1) is Verdict.DROPPED


def test_a_sound_the_engine_never_ended_counts_with_what_it_was() -> None:
    claim = Claim("u1", 2.0, RULES)
    claim.again("u2", 0.3, 2.4)
    claim.stopped(2.9, 0.0)
    assert claim.judge(3.7, 0.0) is Verdict.TAKEN


def test_our_own_echo_in_a_claim_decides_nothing_of_it() -> None:
    claim = of_two_sounds(0.1)
    claim.echoes("u2")
    assert claim.judge(2.9, 9.0) is Verdict.OPEN
    claim.stopped(3.0, 9.0)
    assert claim.judge(3.8, 9.0) is Verdict.DROPPED
