"""Which words were heard: text spread over audio, and what becomes of an item."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.call.carrierclock import RATE
from telephony.call.ledger import Item
from telephony.call.speech import TAIL_SAMPLES, Arrival, SpokenItem
from telephony.transcripts.entry import AgentLine, Fate, Word, WordFate

WORDS = "Your appointment is on Tuesday at three."


def spoken(text: str = WORDS, duration_s: float = 4.0) -> SpokenItem:
    """Text first, then all of its audio."""
    item = SpokenItem("item_1", "r1")
    item.add_text(text)
    item.received_bytes = round(duration_s * RATE)
    return item


def without_words(line: AgentLine) -> AgentLine:
    return msgspec.structs.replace(line, words=())


def heard(item: SpokenItem, samples: int, sent: int | None = None) -> SpokenItem:
    item.played = Item("item_1", 1, sent=item.received if sent is None else sent, heard=samples)
    item.played.proven = item.played.possible = samples
    item.played.stretches = [(0, 1.0)]
    item.played.began_s, item.played.ended_s = 1.0, 1.0 + samples / RATE
    return item


# ---- words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heard_ms", "words"),
    [
        (1, ""),
        (300, ""),
        (400, "Your"),
        (1_000, "Your"),
        (1_900, "Your appointment is"),
        (3_900, "Your appointment is on Tuesday at"),
        (4_000, WORDS),
        (9_000, WORDS),
    ],
)
def test_words_are_spread_over_their_audio_and_only_whole_ones_count(
    heard_ms: int, words: str
) -> None:
    item = spoken()
    item.end(Arrival.COMPLETE)
    assert item.heard_text(heard_ms * 8) == words


def test_words_are_not_spoken_before_the_audio_that_came_after_them() -> None:
    """`One two` has a long silence behind it; `three` came with the audio after that."""
    item = spoken("One two ", 3.0)
    item.add_text("three four")
    item.received_bytes += RATE
    item.end(Arrival.COMPLETE)
    assert item.heard_text(round(2.9 * RATE)) == "One two"
    assert item.heard_text(round(3.6 * RATE)) == "One two three"
    assert item.heard_text(4 * RATE) == "One two three four"


def test_text_that_comes_in_a_bunch_before_any_audio_shares_one_anchor() -> None:
    item = SpokenItem("item_1", "r1")
    for word in ("One ", "two ", "three ", "four"):
        item.add_text(word)
    item.received_bytes = 4 * RATE
    item.end(Arrival.COMPLETE)
    assert item.heard_text(2 * RATE) == "One two"


def test_text_behind_its_audio_is_spread_evenly() -> None:
    """A server that sends the transcript only when the audio is complete."""
    item = SpokenItem("item_1", "r1", received_bytes=4 * RATE)
    item.add_text("One two three four")
    item.end(Arrival.COMPLETE)
    assert item.heard_text(2 * RATE) == "One two"


def test_words_of_an_item_still_arriving_are_spoken_at_the_pace_of_speech() -> None:
    """0.5 s of audio came for 30 letters, which take 2 s: only 7 of them can have been heard."""
    item = spoken("Tuesday at three or at half past", 0.5)
    assert item.heard_text(item.received) == "Tuesday"


def test_an_item_without_words_has_none_to_be_heard() -> None:
    item = spoken("", 1.0)
    assert item.heard_text(RATE) == ""


@given(
    pieces=st.lists(st.tuples(st.text(max_size=12), st.integers(0, 9_000)), max_size=12),
    arrival=st.sampled_from(Arrival),
    samples=st.tuples(st.integers(1, 50_000), st.integers(0, 50_000)),
)
def test_more_audio_never_makes_fewer_words(
    pieces: list[tuple[str, int]], arrival: Arrival, samples: tuple[int, int]
) -> None:
    item = SpokenItem("item_1", "r1")
    for text, audio in pieces:
        item.add_text(text)
        item.received_bytes += audio
    item.end(arrival)
    less, more = (item.heard_text(n) for n in (samples[0], sum(samples)))
    assert item.text.startswith(more)
    assert more.startswith(less)


# ---- counting ---------------------------------------------------------------------------------


def test_bytes_are_kept_and_divided_once() -> None:
    item = SpokenItem("item_1", "r1", sample_bytes=6)
    for _ in range(3):
        item.received_bytes += 2_000
    assert item.received == 1_000


def test_positions_are_in_the_item_s_own_audio() -> None:
    item = SpokenItem("item_1", "r1", delay=24, received_bytes=8_000)
    assert (item.heard, item.sent) == (0, 0)
    heard(item, 20, sent=8_024)
    assert (item.heard, item.sent) == (0, 8_000)
    heard(item, 824, sent=8_024)
    assert item.heard == 800


# ---- what becomes of it -----------------------------------------------------------------------


def cut(item: SpokenItem) -> tuple[Fate | None, str]:
    item.cut()
    return item.fate, item.cut_heard


def test_cut_in_the_middle() -> None:
    assert cut(heard(spoken(), 2 * RATE)) == (Fate.CUT, "Your appointment is")


def test_never_played() -> None:
    assert cut(spoken()) == (Fate.NEVER_PLAYED, "")
    short = heard(spoken("Hm.", 0.05), 0)
    short.end(Arrival.COMPLETE)
    assert cut(short) == (Fate.NEVER_PLAYED, "")


def test_the_last_breath_of_a_complete_item_need_not_be_heard() -> None:
    item = heard(spoken(), 4 * RATE - TAIL_SAMPLES)
    item.end(Arrival.COMPLETE)
    assert cut(item) == (Fate.HEARD, WORDS)
    item = heard(spoken(), 4 * RATE - TAIL_SAMPLES - 1)
    item.end(Arrival.COMPLETE)
    assert cut(item) == (Fate.CUT, "Your appointment is on Tuesday at")


def test_an_item_still_arriving_is_cut_even_where_all_that_came_was_heard() -> None:
    """More would have come, and the model is told where it was cut."""
    assert cut(heard(spoken(), 4 * RATE)) == (Fate.CUT, WORDS)


def test_a_broken_off_item_is_heard_as_far_as_its_audio_goes() -> None:
    whole = heard(spoken(), 4 * RATE)
    whole.end(Arrival.BROKEN_OFF)
    assert cut(whole) == (Fate.HEARD, WORDS)
    ahead = heard(spoken(WORDS, 0.5), RATE // 2)
    ahead.end(Arrival.BROKEN_OFF)
    assert cut(ahead) == (Fate.CUT, "Your")


def test_the_first_end_counts() -> None:
    item = spoken()
    item.end(Arrival.COMPLETE)
    item.end(Arrival.BROKEN_OFF)
    assert item.arrival is Arrival.COMPLETE


def test_an_item_is_settled_when_nothing_can_change_any_more() -> None:
    arriving, complete = heard(spoken(), RATE), heard(spoken(), RATE)
    complete.end(Arrival.COMPLETE)
    assert (arriving.settled, complete.settled) == (False, False)
    assert heard(complete, complete.received).settled
    cut_while_arriving, cut_when_complete = heard(spoken(), RATE), heard(spoken(), RATE)
    cut_when_complete.end(Arrival.COMPLETE)
    for item in (cut_while_arriving, cut_when_complete):
        item.cut()
    assert (cut_while_arriving.settled, cut_when_complete.settled) == (False, True)
    words_only = SpokenItem("item_1", "r1", text="Hm")
    words_only.end(Arrival.COMPLETE)
    assert words_only.settled


# ---- its line ---------------------------------------------------------------------------------


def test_the_line_of_an_item_heard_to_its_end() -> None:
    item = heard(spoken(), 4 * RATE)
    item.end(Arrival.COMPLETE)
    assert without_words(item.line()) == AgentLine(
        "item_1", 1, WORDS, WORDS, Fate.HEARD, 1_000, 5_000, 4_000, 4_000, "engine", 4_000, 4_000
    )


def test_the_line_of_an_item_cut_keeps_what_was_heard_then() -> None:
    item = heard(spoken(), 2 * RATE)
    item.cut()
    item.add_text(" Or at four.")
    item.end(Arrival.COMPLETE)
    assert without_words(item.line()) == AgentLine(
        "item_1",
        1,
        WORDS + " Or at four.",
        "Your appointment is",
        Fate.CUT,
        1_000,
        3_000,
        2_000,
        4_000,
        heard_at_least_ms=2_000,
        heard_at_most_ms=2_000,
    )


def test_the_line_of_an_item_never_played_lies_where_it_came() -> None:
    item = SpokenItem("item_1", "r1", text="Hm", source="own", opened_ms=700)
    assert item.line() == AgentLine(
        item_id="item_1",
        mark_item=0,
        text="Hm",
        heard="",
        fate=Fate.NEVER_PLAYED,
        start_ms=700,
        end_ms=700,
        heard_ms=0,
        sent_ms=0,
        source="own",
        heard_at_least_ms=0,
        heard_at_most_ms=0,
        words=(Word("Hm", 700, 700, WordFate.UNHEARD),),
    )


# ---- its words --------------------------------------------------------------------------------


def fates(line: AgentLine) -> list[tuple[str, str]]:
    return [(word.text, word.fate.value) for word in line.words]


def test_each_word_has_its_time_and_its_fate() -> None:
    """4 s for 40 letters; the caller cut in at 2.1 s, in the middle of `on`."""
    item = heard(spoken(), 21 * RATE // 10)
    item.cut()
    item.end(Arrival.COMPLETE)
    line = item.line()
    assert fates(line) == [
        ("Your", "heard"),
        ("appointment", "heard"),
        ("is", "heard"),
        ("on", "cut"),
        ("Tuesday", "unheard"),
        ("at", "unheard"),
        ("three.", "unheard"),
    ]
    assert [(word.start_ms, word.end_ms) for word in line.words[:3]] == [
        (1_000, 1_400),
        (1_500, 2_600),
        (2_700, 2_900),
    ]
    assert " ".join(word.text for word in line.words if word.fate is WordFate.HEARD) == line.heard


def test_a_cut_between_two_words_cuts_neither() -> None:
    item = heard(spoken("One two", 1.4), 640 * 8)
    item.cut()
    item.end(Arrival.COMPLETE)
    assert fates(item.line()) == [("One", "heard"), ("two", "unheard")]


def test_words_behind_a_gap_in_the_playing_are_as_much_later() -> None:
    """The line ran dry for 3 s after the first second."""
    item = spoken("One two ", 1.0)
    item.add_text("three")
    item.received_bytes += RATE
    item.end(Arrival.COMPLETE)
    heard(item, 2 * RATE)
    assert item.played is not None
    item.played.stretches = [(0, 1.0), (RATE, 5.0)]
    assert item.line().words[-1] == Word("three", 5_000, 6_000, WordFate.HEARD)


@given(
    pieces=st.lists(st.tuples(st.text("ab \n", max_size=9), st.integers(0, 9_000)), max_size=9),
    samples=st.integers(0, 50_000),
    later=st.text("ab ", max_size=9),
)
def test_words_are_in_order_and_those_heard_are_the_heard_text(
    pieces: list[tuple[str, int]], samples: int, later: str
) -> None:
    item = SpokenItem("item_1", "r1")
    for text, audio in pieces:
        item.add_text(text)
        item.received_bytes += audio
    heard(item, min(samples, item.received))
    item.cut()
    item.add_text(later)
    item.end(Arrival.COMPLETE)
    line = item.line()
    assert [word.text for word in line.words] == line.text.split()
    said = [word.text for word in line.words if word.fate is WordFate.HEARD]
    assert said == line.text[: len(line.heard)].split()[: len(said)]
    assert len(line.heard.split()) - len(said) in (0, 1), "a word may have grown since"
    times = [ms for word in line.words for ms in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
