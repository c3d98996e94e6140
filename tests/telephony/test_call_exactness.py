"""The bugs other bridges have had with "what did the caller hear?", and cuts that stay open."""

import msgspec
import pytest

from agents.engine import (
    AudioDelta,
    AudioFormat,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    DeleteItem,
    EngineFailed,
    TextDelta,
    TruncateItem,
)
from telephony.call.commands import (
    ClearPlayback,
    CloseStream,
    EndCall,
    PlaceMark,
    PlayAudio,
    Record,
    StoreAudio,
    Track,
)
from telephony.call.events import CallerAudio, MarkEchoed, StreamLost, StreamStarted, StreamStopped
from telephony.transcripts.entry import (
    AgentLine,
    CallerLine,
    EndedReason,
    Fate,
    TruncationLine,
)
from telephony.transcripts.text import in_order
from tests.telephony.script import CAPABILITIES, ONE_SECOND, Script, live, seconds

SPEAKS = CallerSpeechStarted("u1", 0)
AGAIN = CallerSpeechStarted("u2", 0)


def waiting() -> Script:
    """A call on a line without delay whose carrier says only when told to what it cleared."""
    script = live().until_s(1.0)
    script.prompt = False
    return script


def told(script: Script) -> list[tuple[str, int]]:
    """What the model was told was heard of which item."""
    cuts = [c for c in script.said if isinstance(c, TruncateItem | DeleteItem)]
    return [(c.item_id, c.audio_end_ms if isinstance(c, TruncateItem) else 0) for c in cuts]


def behind_clears(script: Script) -> list[str]:
    """Names of the marks placed right behind each `clear`."""
    said = list(script.said)
    places = [at for at, command in enumerate(said) if isinstance(command, ClearPlayback)]
    return [mark.name for at in places if isinstance(mark := said[at + 1], PlaceMark)]


def heard_samples(script: Script) -> int:
    stored = [c for c in script.said if isinstance(c, StoreAudio) and c.track is Track.HEARD]
    return sum(len(piece.ulaw) for piece in stored)


def played(script: Script) -> bytes:
    return b"".join(c.ulaw for c in script.last if isinstance(c, PlayAudio))


# ---- eight bugs of eight projects -------------------------------------------------------------


def test_family_1_the_position_starts_anew_with_each_item() -> None:
    """Asked to truncate at 57,340 ms of a 9,250 ms item: the start stamp was the first item's."""
    script = live().until_s(1.0)
    for number in range(1, 6):
        item, reply = f"item_{number}", f"r{number}"
        script.speaks(seconds(9.0), item, reply=reply).finishes(item, reply).wait(9.0)
        script.echoes(*script.marks())
    script.speaks(seconds(9.25), "item_6", reply="r6").wait(0.5).happens(SPEAKS)
    assert told(script) == [("item_6", 500)]


def test_family_2_neither_the_wall_clock_nor_what_was_sent_is_what_was_heard() -> None:
    """10 s sent at once, 700 ms of it played; and later 1 s sent of which 9 s have passed."""
    script = live().until_s(1.0)
    script.speaks(seconds(10.0)).wait(0.7).happens(SPEAKS).finishes()
    script.wait(1.0).speaks(seconds(1.0), "item_2", reply="r2").wait(9.0).happens(AGAIN)
    assert told(script) == [("item_1", 700), ("item_2", 1_000)]


def test_family_3_what_is_only_queued_was_not_heard() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(2.0), "item_1", "One moment please.").more(
        seconds(2.0), "item_2", "Your appointment is booked."
    )
    script.wait(0.5).happens(SPEAKS).finishes("item_1").finishes("item_2")
    assert told(script) == [("item_1", 500), ("item_2", 0)]
    assert [line.fate for line in script.entries(AgentLine)] == [Fate.CUT, Fate.NEVER_PLAYED]


def test_family_4_marks_returned_by_a_clear_are_no_proof() -> None:
    script = waiting().speaks(seconds(4.0)).wait(0.5).happens(SPEAKS)
    script.echoes(*script.marks()[1:]).finishes()
    assert told(script) == [("item_1", 500)]
    (line,) = script.entries(AgentLine)
    assert (line.heard_ms, line.heard_at_least_ms, line.heard_at_most_ms) == (500, 0, 500)


def test_family_5_a_clear_sets_the_clock_of_what_follows_back() -> None:
    """Later marks came late by all that was thrown away, again and again."""
    script = live().until_s(1.0)
    for number in range(1, 5):
        script.speaks(seconds(9.0), f"item_{number}", reply=f"r{number}").wait(0.3)
        script.happens(CallerSpeechStarted(f"u{number}", 0)).finishes(f"item_{number}")
    assert told(script) == [(f"item_{number}", 300) for number in range(1, 5)]


def test_family_6_the_resampler_keeps_nothing_of_a_cut_reply() -> None:
    pcm = msgspec.structs.replace(CAPABILITIES, output_format=AudioFormat.PCM16_24K)
    script = live(pcm).until_s(1.0)
    script.speaks(b"\x00\x40" * 2_400).wait(0.05).happens(SPEAKS).finishes()
    script.speaks(bytes(480), "item_2", reply="r2")
    assert played(script) == b"\xff" * 80


def test_family_7_a_model_long_finished_can_still_be_interrupted() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(6.0)).finishes().wait(2.0)
    script.when(SPEAKS, ClearPlayback(), TruncateItem("item_1", 0, 2_000, ""))


def test_family_8_whoever_clears_the_line_tells_the_model() -> None:
    script = live().until_s(1.0).speaks(ONE_SECOND).wait(0.4).happens(SPEAKS)
    cleared = sum(isinstance(command, ClearPlayback) for command in script.said)
    assert (cleared, told(script)) == (1, [("item_1", 400)])


# ---- a cut that is not settled yet ------------------------------------------------------------


def test_the_clear_goes_out_at_once_and_the_figure_when_the_carrier_has_acted() -> None:
    script = waiting().speaks(seconds(4.0), text="One two three four").wait(1.0)
    script.when(SPEAKS, ClearPlayback(), PlaceMark("1:0:1"))
    assert told(script) == []
    script.wait(0.1).when(MarkEchoed("1:0:1"), TruncateItem)
    (cut,) = script.entries(TruncationLine)
    assert cut.at_ms == 2_000
    assert cut.audio_end_ms == cut.heard_ms
    assert cut.heard_at_least_ms <= cut.heard_ms <= cut.heard_at_most_ms


def test_deltas_that_come_meanwhile_are_not_played() -> None:
    script = waiting().speaks(seconds(1.0)).wait(0.5).happens(SPEAKS)
    script.when(AudioDelta("r1", "item_1", 0, ONE_SECOND))
    assert played(script) == b""
    script.happens(TextDelta("r1", "item_1", "late words"), *map(MarkEchoed, ["1:0:1"])).finishes()
    (line,) = script.entries(AgentLine)
    assert (line.text, line.heard, line.heard_ms) == ("late words", "", 500)


def test_the_next_reply_is_played_at_once_and_the_first_keeps_its_account() -> None:
    script = waiting().speaks(seconds(4.0)).wait(0.5).happens(SPEAKS).finishes()
    script.speaks(seconds(0.5), "item_2", "Yes?", "r2")
    assert len(played(script)) == 4_000
    script.finishes("item_2", "r2").wait(0.05).echoes("1:0:1").wait(0.45)
    script.echoes(*[mark for mark in script.marks() if mark.startswith("1:2:")])
    first, second = script.entries(AgentLine)
    assert (first.item_id, first.fate, first.heard_ms) == ("item_1", Fate.CUT, 500)
    assert (second.item_id, second.fate, second.heard_ms) == ("item_2", Fate.HEARD, 500)


def test_a_second_interruption_settles_after_the_first() -> None:
    script = waiting().speaks(seconds(4.0)).wait(0.5).happens(SPEAKS).finishes()
    script.speaks(seconds(4.0), "item_2", reply="r2").wait(0.2).happens(AGAIN)
    assert told(script) == []
    script.echoes(*behind_clears(script))
    assert told(script) == [("item_1", 500), ("item_2", 200)]


def test_a_second_interruption_of_the_same_reply_clears_nothing_more() -> None:
    script = waiting().speaks(seconds(4.0)).wait(0.5).happens(SPEAKS).wait(0.1).when(AGAIN)
    script.wait(1.0)
    assert told(script) == [("item_1", 500)]


@pytest.mark.parametrize("ending", [StreamStopped(), StreamLost("closed")])
def test_a_hang_up_meanwhile_is_settled_by_what_is_known(
    ending: StreamStopped | StreamLost,
) -> None:
    script = waiting().speaks(seconds(4.0)).wait(0.5).happens(SPEAKS).wait(0.1).happens(ending)
    assert told(script) == [("item_1", 500)]
    (line,) = script.entries(AgentLine)
    assert (line.heard_ms, line.heard_at_most_ms) == (500, 600)
    assert heard_samples(script) == 4_000
    assert isinstance(script.last[-1], EndCall)


def test_an_engine_that_fails_meanwhile_leaves_the_figure_right() -> None:
    script = waiting().speaks(seconds(4.0)).wait(0.5).happens(SPEAKS)
    script.happens(EngineFailed("gone", fatal=False)).echoes("1:0:1").wait(0.5)
    script.echoes(*[mark for mark in script.marks() if mark.startswith("1:2:")])
    cut, apology = script.entries(AgentLine)
    assert (cut.fate, cut.heard_ms) == (Fate.CUT, 500)
    assert (apology.source, apology.fate) == ("own", Fate.HEARD)


def test_a_carrier_that_never_answers_a_clear_is_waited_for_half_a_second() -> None:
    script = waiting().speaks(seconds(4.0)).wait(0.5).happens(SPEAKS).wait(0.49)
    assert told(script) == []
    script.wait(0.02)
    assert told(script) == [("item_1", 500)]
    (cut,) = script.entries(TruncationLine)
    assert cut.heard_at_most_ms == 4_000, "when it took the clear nobody knows"


# ---- one figure -------------------------------------------------------------------------------


def test_model_transcript_and_recording_hold_the_same_figure() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(4.0), text="One two three four").wait(1.234).happens(SPEAKS).finishes()
    (cut,) = script.entries(TruncationLine)
    (line,) = script.entries(AgentLine)
    assert told(script) == [("item_1", 1_234)]
    assert (cut.audio_end_ms, cut.heard_ms, line.heard_ms) == (1_234, 1_234, 1_234)
    assert heard_samples(script) == 1_234 * 8


def test_where_the_engine_wants_a_margin_both_figures_are_written_down() -> None:
    script = live(msgspec.structs.replace(CAPABILITIES, truncate_margin_ms=100)).until_s(1.0)
    script.speaks(seconds(0.5)).wait(0.45).happens(SPEAKS).finishes()
    (cut,) = script.entries(TruncationLine)
    assert (cut.audio_end_ms, cut.heard_ms) == (400, 450)
    assert script.entries(AgentLine)[0].heard_ms == 450


# ---- faults -----------------------------------------------------------------------------------


def test_fault_t7_frames_doubled_and_stamped_backwards_move_no_cut() -> None:
    script = live()
    for number in range(75):
        stamp_ms = number * 20 if number % 10 else max(0, number * 20 - 400)
        script.until_s((number + 1) * 0.02).happens(CallerAudio(b"\xff" * 160, stamp_ms))
        if number == 49:
            script.speaks(seconds(4.0))
    script.happens(SPEAKS)
    ((_, heard_ms),) = told(script)
    assert heard_ms == pytest.approx(500, abs=20)


def test_fault_t18_a_carrier_that_stops_reading_ends_the_call_with_what_was_heard() -> None:
    """Nothing is echoed any more, and the leg gives up: only what was echoed is sure."""
    script = live().until_s(1.0).speaks(seconds(60.0), text="A long story").wait(0.2)
    script.echoes("0:1:800", "0:1:1600").wait(5.0).happens(StreamLost("backpressure"))
    (line,) = script.entries(AgentLine)
    assert (line.heard_at_least_ms, line.fate) == (200, Fate.CUT)
    assert line.heard_at_least_ms <= line.heard_ms <= line.heard_at_most_ms
    assert [c.reason for c in script.last if isinstance(c, EndCall)] == [EndedReason.STREAM_LOST]
    assert [c.reason for c in script.last if isinstance(c, CloseStream)] == ["backpressure"]


def test_a_carrier_that_stalled_beyond_patience_is_still_cleared() -> None:
    """Its marks were given up and counted by the clock; it may be talking all the same."""
    script = live().until_s(1.0).speaks(seconds(1.0)).finishes().wait(4.0)
    assert "marks_lost" in script.notes()
    script.when(SPEAKS, ClearPlayback())
    script.when(AGAIN)


def test_fault_m8_of_a_reply_broken_off_what_was_played_stays_heard() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0), text="Your appointment is on Tuesday at three")
    script.happens(EngineFailed("socket", fatal=False)).wait(1.0).echoes("0:1:8000")
    (line,) = script.entries(AgentLine)
    assert (line.fate, line.heard_ms, line.heard_at_least_ms) == (Fate.CUT, 1_000, 1_000)
    assert line.text.startswith(line.heard)
    assert line.heard != line.text


@pytest.mark.parametrize("margin_ms", [0, 100])
def test_fault_m16_no_truncation_is_of_more_than_was_received(margin_ms: int) -> None:
    for wait_s in (0.0, 0.001, 0.3, 0.999, 1.0, 1.5, 9.0):
        script = live(msgspec.structs.replace(CAPABILITIES, truncate_margin_ms=margin_ms))
        script.until_s(1.0).speaks(seconds(1.0)).wait(wait_s).happens(SPEAKS)
        assert all(heard_ms <= 1_000 - margin_ms for _, heard_ms in told(script))


def test_fault_m20_words_late_doubled_and_before_their_audio_keep_the_order_of_speaking() -> None:
    script = live().until_s(1.0)
    script.happens(CallerSpeechStarted("u1", 1_000)).wait(0.5)
    script.happens(CallerSpeechStopped("u1", 1_400))
    script.happens(TextDelta("r1", "item_1", "At three.")).speaks(seconds(0.5)).finishes()
    script.wait(0.5).echoes(*script.marks())
    script.happens(CallerTranscript("u1", "When?"), CallerTranscript("u1", "When?"))
    written = [c.entry for c in script.said if isinstance(c, Record)]
    spoken = [e.text for e in in_order(written) if isinstance(e, CallerLine | AgentLine)]
    assert spoken == ["When?", "At three."]
    silent = live().until_s(1.0).happens(CallerSpeechStarted("u2", 1_000)).wait(0.4)
    silent.happens(CallerSpeechStopped("u2", 1_400), StreamStopped())
    assert silent.entries(CallerLine) == [CallerLine("u2", "", 1_000, 1_400, transcribed=False)]


def test_a_second_stream_begins_a_clock_of_its_own() -> None:
    """Frames before it say nothing of echoes behind it."""
    script = live()
    for number in range(50):
        script.until_s((number + 1) * 0.02).happens(CallerAudio(b"\xff" * 160, number * 20))
    script.happens(StreamStarted("MZ2")).speaks(seconds(2.0)).wait(0.5).happens(SPEAKS)
    assert told(script) == [("item_1", 500)]
