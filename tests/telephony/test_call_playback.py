"""What is sent for what the engine produces, and what is told when it is cut."""

import msgspec
import pytest

from agents.engine import AudioDelta, AudioFormat, DeleteItem, TextDelta, TruncateItem
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    PlaceMark,
    PlayAudio,
    Record,
    StoreAudio,
    Track,
)
from telephony.call.playback import Playback
from telephony.transcripts.entry import AgentLine, Fate, TruncationLine
from tests.telephony.script import CAPABILITIES, seconds

PCM = msgspec.structs.replace(CAPABILITIES, output_format=AudioFormat.PCM16_24K)


def steady(capabilities: object = CAPABILITIES) -> Playback:
    """A playback on a line without delay."""
    playback = Playback(msgspec.convert(capabilities, type(CAPABILITIES)))
    playback.echoed(playback.ledger.probe(0.0), 0.0)
    return playback


def delta(audio: bytes, item: str = "item_1", reply: str = "r1") -> AudioDelta:
    return AudioDelta(reply, item, 0, audio)


def words(text: str, item: str = "item_1", reply: str = "r1") -> TextDelta:
    return TextDelta(reply, item, text)


def wire(commands: list[CallCommand]) -> list[CallCommand]:
    return [c for c in commands if isinstance(c, PlayAudio | PlaceMark | ClearPlayback)]


def interrupt(playback: Playback, now: float) -> list[CallCommand]:
    """The caller cuts in, and on a line without delay the carrier says at once when it cleared."""
    commands = playback.interrupt(now)
    marks = [c.name for c in commands if isinstance(c, PlaceMark)]
    return [*commands, *(more for mark in marks for more in playback.echoed(mark, now))]


def lines(commands: list[CallCommand]) -> list[AgentLine]:
    entries = [c.entry for c in commands if isinstance(c, Record)]
    return [entry for entry in entries if isinstance(entry, AgentLine)]


def test_audio_goes_out_in_clips_with_marks_and_into_the_recording() -> None:
    playback = steady()
    commands = playback.audio(delta(seconds(0.15)), 1.0)
    assert commands == [
        PlayAudio(seconds(0.02)),
        PlaceMark("0:1:160"),
        StoreAudio(Track.SENT, 8_000, seconds(0.02)),
        PlayAudio(seconds(0.02)),
        PlaceMark("0:1:320"),
        StoreAudio(Track.SENT, 8_160, seconds(0.02)),
        PlayAudio(seconds(0.02)),
        PlaceMark("0:1:480"),
        StoreAudio(Track.SENT, 8_320, seconds(0.02)),
        PlayAudio(seconds(0.04)),
        PlaceMark("0:1:800"),
        StoreAudio(Track.SENT, 8_480, seconds(0.04)),
        PlayAudio(seconds(0.05)),
        StoreAudio(Track.SENT, 8_800, seconds(0.05)),
    ]
    assert playback.outstanding
    assert playback.open


def test_what_is_sent_in_a_burst_is_recorded_in_a_row() -> None:
    playback = steady()
    playback.audio(delta(seconds(1.0)), 1.0)
    (piece,) = [c for c in playback.audio(delta(b"\x01"), 1.1) if isinstance(c, StoreAudio)]
    assert piece.at_samples == 16_000
    (piece,) = [c for c in playback.audio(delta(b"\x01"), 9.0) if isinstance(c, StoreAudio)]
    assert piece.at_samples == 72_000


def test_an_empty_delta_sends_nothing_and_opens_its_item() -> None:
    playback = steady()
    assert playback.audio(delta(b""), 1.0) == []
    assert not playback.outstanding
    assert playback.open
    assert playback.interrupt(1.1)[0] == DeleteItem("item_1")


def test_the_end_of_an_item_is_marked_once() -> None:
    playback = steady()
    playback.audio(delta(seconds(0.15)), 1.0)
    assert wire(playback.close("item_1", 1.1)) == [PlaceMark("0:1:1200")]
    assert playback.close("item_1", 1.1) == []
    assert playback.close("unknown", 1.1) == []


def test_the_next_item_ends_the_one_before() -> None:
    playback = steady(PCM)
    playback.audio(delta(bytes(480)), 1.0)
    commands = wire(playback.audio(delta(bytes(480), "item_2"), 1.0))
    assert commands[0] == PlayAudio(b"\xff" * 24), "the tail of item_1 leaves the filter"
    assert commands[1] == PlaceMark("0:1:104")
    assert commands[2] == PlayAudio(b"\xff" * 80)


def test_a_response_that_is_over_closes_its_items_and_no_others() -> None:
    playback = steady()
    playback.text(words("One", "item_1"), 1.0)
    playback.text(words("Two", "item_2", "r2"), 1.0)
    playback.close_response("r1", 1.0)
    assert [line.item_id for line in lines(playback.settled())] == ["item_1"]
    playback.close_response("r2", 1.0)
    assert [line.item_id for line in lines(playback.settled())] == ["item_2"]
    assert playback.settled() == []


def test_items_without_words_or_audio_leave_no_line() -> None:
    playback = steady()
    playback.text(words(""), 1.0)
    playback.close("item_1", 1.0)
    assert playback.settled() == []


def test_what_the_engine_left_unsaid_when_it_died_was_not_heard() -> None:
    playback = steady()
    playback.text(words("Your appointment is on Tuesday"), 1.0)
    playback.audio(delta(seconds(0.5)), 1.0)
    playback.close_all(1.1)
    (line,) = lines(playback.echoed("0:1:4000", 1.5))
    assert (line.fate, line.heard) == (Fate.CUT, "Your")


def test_our_own_clip_queues_behind_and_is_never_told_to_the_engine() -> None:
    playback = steady()
    playback.audio(delta(seconds(0.2)), 1.0)
    playback.close("item_1", 1.0)
    commands = wire(playback.own("apology", "Sorry.", seconds(0.15), 1.0))
    assert commands[-1] == PlaceMark("0:2:1200")
    cut = interrupt(playback, 1.24)
    assert not [c for c in cut if isinstance(c, TruncateItem | DeleteItem)]
    assert [(line.source, line.fate) for line in lines(cut)] == [
        ("engine", Fate.HEARD),
        ("own", Fate.CUT),
    ]


def test_our_own_clip_is_not_put_off_by_the_filter() -> None:
    playback = steady(PCM)
    playback.own("apology", "Sorry.", seconds(0.5), 1.0)
    (line,) = lines(playback.echoed("0:1:4000", 1.5))
    assert (line.heard_ms, line.sent_ms) == (500, 500)


def test_heard_audio_is_recorded_where_it_was_heard() -> None:
    playback = steady()
    playback.audio(delta(seconds(0.1)), 1.0)
    playback.audio(delta(seconds(0.1)), 1.0)
    playback.audio(delta(seconds(0.1)), 3.0)
    heard = [*playback.echoed("0:1:1600", 1.2), *playback.echoed("0:1:2400", 3.1)]
    places = [c.at_samples for c in heard if isinstance(c, StoreAudio) and c.track is Track.HEARD]
    opening = [0, 160, 320, 480]
    assert places == [*(8_000 + at for at in opening), 8_800, *(24_000 + at for at in opening)]


def test_when_no_echo_comes_the_clock_settles_it() -> None:
    playback = steady()
    playback.audio(delta(seconds(0.5)), 1.0)
    playback.close("item_1", 1.0)
    (line,) = lines(playback.expire(3.5))
    assert (line.fate, line.heard_ms) == (Fate.HEARD, 500)
    assert not playback.outstanding


def test_nothing_to_cut() -> None:
    playback = steady()
    assert playback.interrupt(1.0) == []
    playback.audio(delta(seconds(0.1)), 1.0)
    playback.close("item_1", 1.0)
    playback.echoed("0:1:800", 1.1)
    assert playback.interrupt(1.2) == []


def test_a_cut_clears_tells_and_writes_down() -> None:
    playback = steady()
    playback.text(words("One two three four"), 1.0)
    playback.audio(delta(seconds(2.0)), 1.0)
    commands = interrupt(playback, 1.5)
    assert commands[:2] == [ClearPlayback(), PlaceMark("1:0:1")]
    assert [c for c in commands if isinstance(c, TruncateItem | Record)] == [
        TruncateItem("item_1", 0, 500, "One"),
        Record(TruncationLine("item_1", 1, 500, 1_500, False, 500, 0, 500)),
    ]
    assert interrupt(playback, 1.6) == []
    assert not playback.open


def test_the_model_is_told_of_its_own_audio_not_of_the_filter_s_delay() -> None:
    playback = steady(PCM)
    playback.audio(delta(bytes(48 * 2_000)), 1.0)
    assert TruncateItem("item_1", 0, 497, "") in interrupt(playback, 1.5)


def test_a_cut_in_the_second_item_leaves_the_first_alone() -> None:
    playback = steady()
    playback.audio(delta(seconds(0.5)), 1.0)
    playback.close("item_1", 1.0)
    playback.audio(delta(seconds(2.0), "item_2"), 1.0)
    commands = interrupt(playback, 2.0)
    told = [c for c in commands if isinstance(c, TruncateItem | DeleteItem)]
    assert told == [TruncateItem("item_2", 0, 500, "")]


def test_an_item_replaced_before_its_end_was_reported_is_not_cut_with_the_next() -> None:
    """Its audio has all been heard; only its ItemDone is late."""
    playback = steady()
    playback.audio(delta(seconds(0.1)), 1.0)
    playback.audio(delta(seconds(2.0), "item_2"), 1.0)
    playback.echoed("0:1:800", 1.1)
    told = [c for c in interrupt(playback, 1.6) if isinstance(c, TruncateItem | DeleteItem)]
    assert told == [TruncateItem("item_2", 0, 500, "")]


def test_after_a_cut_the_filter_is_empty() -> None:
    playback = steady(PCM)
    playback.audio(delta(b"\x00\x40" * 2_400), 1.0)
    playback.interrupt(1.05)
    clips = wire(playback.audio(delta(bytes(480), "item_2", "r2"), 1.2))
    assert clips[0] == PlayAudio(b"\xff" * 80)


@pytest.mark.parametrize(("margin_ms", "kept"), [(0, 500), (40, 460), (500, None), (900, None)])
def test_the_margin_is_kept_off_what_was_received(margin_ms: int, kept: int | None) -> None:
    playback = steady(msgspec.structs.replace(CAPABILITIES, truncate_margin_ms=margin_ms))
    playback.audio(delta(seconds(0.5)), 1.0)
    playback.echoed("0:1:4000", 1.5)
    told = playback.interrupt(2.0)[0]
    assert told == (DeleteItem("item_1") if kept is None else TruncateItem("item_1", 0, kept, ""))


def test_unwanted_audio_is_counted_and_deleted_at_the_engine_once() -> None:
    playback = steady()
    assert playback.unwanted(delta(seconds(1.0)), 1.0) == [DeleteItem("item_1")]
    assert playback.unwanted(delta(seconds(1.0)), 1.0) == []
    playback.close("item_1", 1.0)
    (line,) = lines(playback.settled())
    assert (line.fate, line.sent_ms) == (Fate.NEVER_PLAYED, 0)


def test_unwanted_words_are_kept_and_deleted_at_the_engine() -> None:
    playback = steady()
    assert playback.unwanted(words("One two"), 1.0) == [DeleteItem("item_1")]
    playback.close("item_1", 1.0)
    (line,) = lines(playback.settled())
    assert (line.fate, line.text, line.heard) == (Fate.NEVER_PLAYED, "One two", "")


def test_unwanted_audio_of_an_item_that_was_played_is_only_counted() -> None:
    playback = steady()
    playback.audio(delta(seconds(0.5)), 1.0)
    playback.interrupt(1.2)
    assert playback.unwanted(delta(seconds(1.0)), 1.3) == []
    assert playback.audio(delta(seconds(1.0)), 1.3) == []


def test_an_engine_that_owns_playback_is_not_told_of_unwanted_items() -> None:
    playback = steady(msgspec.structs.replace(CAPABILITIES, truncates=False))
    assert playback.unwanted(delta(seconds(1.0)), 1.0) == []


def test_a_line_that_ends_leaves_no_item_open() -> None:
    playback = steady()
    playback.text(words("One two three four"), 1.0)
    playback.audio(delta(seconds(2.0)), 1.0)
    playback.text(words("Later", "item_2"), 1.0)
    cut, later = lines(playback.stop(2.0))
    assert (cut.fate, cut.heard_ms) == (Fate.CUT, 1_000)
    assert later.fate is Fate.NEVER_PLAYED
    assert not playback.outstanding


def test_a_hang_up_is_heard_of_one_way_late_and_ours_takes_one_way() -> None:
    far = []
    for ending in (Playback.hung_up, Playback.stop):
        playback = Playback(CAPABILITIES)
        playback.echoed(playback.ledger.probe(0.0), 0.2)
        playback.audio(delta(seconds(2.0)), 1.0)
        far += [line.heard_ms for line in lines(ending(playback, 2.0))]
    assert far == [800, 1_000]


def test_an_item_is_over_once_all_of_it_has_come_or_its_fate_is_known() -> None:
    playback = steady()
    assert not playback.over("item_1")
    playback.audio(delta(seconds(1.0)), 1.0)
    assert not playback.over("item_1")
    playback.curtail("item_1", 1.1)
    assert not playback.over("item_1"), "what still comes is counted, for its text is kept"
    playback.echoed("0:1:8000", 2.0)
    assert playback.over("item_1")
    playback.audio(delta(seconds(1.0), "item_2"), 2.0)
    playback.close("item_2", 2.1)
    assert playback.over("item_2")
