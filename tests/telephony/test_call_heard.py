"""The last sentence: where it begins, how much of it is kept."""

import pytest

from telephony.call.heard import KEPT_SAMPLES, REPEAT, LastHeard, Sentence
from telephony.call.ledger import Item
from telephony.call.speech import Arrival, SpokenItem

LOUD, SOFT = b"\x10", b"\xff"


def item(
    text: str, samples: int, number: int = 1, heard: int | None = None, **given: object
) -> SpokenItem:
    """An item of evenly spread words of which so much was heard."""
    heard = samples if heard is None else heard
    played = Item("item", number, sent=samples, heard=heard)
    spoken = SpokenItem("item", "r1", text=text, received_bytes=samples, played=played)
    for name, value in given.items():
        setattr(spoken, name, value)
    spoken.end(Arrival.COMPLETE)
    if heard < samples:
        spoken.cut()
    return spoken


def after(*heard: tuple[SpokenItem, bytes]) -> LastHeard:
    last = LastHeard()
    for spoken, ulaw in heard:
        last.played(spoken.played.number if spoken.played else 0, ulaw)
        last.settled(spoken)
    return last


def test_nothing_heard_is_nothing() -> None:
    assert LastHeard().sentence() is None
    assert LastHeard().sentence(item("Hello there.", 8_000, heard=0)) is None
    assert after((SpokenItem("i", "r"), b"")).sentence() is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("We close at six.", "We close at six."),
        ("We close at six. Is that all right for you?", "Is that all right for you?"),
        ("Really?! Yes, I am quite sure of it!", "Yes, I am quite sure of it!"),
        ('He said "no." And that was the end of it.', "And that was the end of it."),
        ("At 3.30 there is room for you then.", "At 3.30 there is room for you then."),
        ("There is a slot on Tuesday at noon. OK?", "There is a slot on Tuesday at noon. OK?"),
        ("", ""),
        ("no end and no beginning", "no end and no beginning"),
    ],
)
def test_the_last_sentence_of_which_a_second_was_heard(text: str, said: str) -> None:
    spoken = item(text, 32_000)
    found = after((spoken, LOUD * 32_000)).sentence()
    assert found is not None
    assert found.text == said
    share = len(said) / len(text) if text else 1.0
    assert abs(len(found.ulaw) - 32_000 * share) < 1_600, "on an even voice the estimate counts"


def test_a_sentence_begins_in_the_pause_before_it() -> None:
    ulaw = LOUD * 13_500 + SOFT * 800 + LOUD * 17_700
    found = after((item("One two three. Four five six.", 32_000), ulaw)).sentence()
    assert found is not None
    assert found.ulaw.startswith(SOFT * 160), "though by its words it begins 140 ms later"
    assert found.ulaw.count(LOUD) == 17_700


def test_only_what_was_heard_is_said_again() -> None:
    spoken = item("One two three. Four five six seven.", 32_000, heard=24_000)
    found = after((spoken, LOUD * 24_000)).sentence()
    assert found is not None
    assert found.text == "Four five"
    assert len(found.ulaw) < 12_500


def test_the_last_item_heard_counts_wherever_it_is_kept() -> None:
    first, second = item("First one here.", 16_000), item("Second one here.", 16_000, 2)
    last = after((first, LOUD * 16_000), (second, SOFT * 16_000))
    assert last.sentence() == Sentence("Second one here.", SOFT * 16_000)
    third = item("Third one here.", 8_000, 3)
    last.played(3, LOUD * 8_000)
    assert last.sentence(first, third) == Sentence("Third one here.", LOUD * 8_000)


def test_a_repeat_is_the_same_again_however_little_of_it_was_heard() -> None:
    last = after((item("One two three. Four five six.", 32_000), LOUD * 32_000))
    said = last.sentence()
    last.played(2, LOUD * 100)
    assert last.sentence(item("Four five six.", 15_000, 2, heard=100, source=REPEAT)) == said


def test_of_a_long_speech_the_last_half_minute_is_kept() -> None:
    samples = KEPT_SAMPLES + 80_000
    last = after((item("word " * 400, samples), LOUD * samples))
    found = last.sentence()
    assert found is not None
    assert len(found.ulaw) == KEPT_SAMPLES
    short = after((item(f"{'word ' * 100}end. Four more words here now.", samples), LOUD * samples))
    found = short.sentence()
    assert found is not None
    assert found.text == "Four more words here now."


def test_of_an_item_nobody_can_ask_for_nothing_is_kept() -> None:
    last = LastHeard()
    for number in range(1, 40):
        for _ in range(300):
            last.played(number, LOUD * 800)
    assert sum(map(len, last._pieces)) <= KEPT_SAMPLES + 800
    last.played(40, SOFT * 160)
    assert b"".join(last._pieces) == SOFT * 160


def test_the_filter_s_delay_is_no_speech() -> None:
    spoken = item("One two three.", 16_000, delay=24)
    assert spoken.heard == 16_000 - 24
    found = after((spoken, LOUD * 16_000)).sentence()
    assert found is not None
    assert len(found.ulaw) == 16_000
