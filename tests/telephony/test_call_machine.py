"""Whole calls told as scripts of events and the commands that must follow."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import (
    AppendAudio,
    AudioDelta,
    AudioFormat,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    EngineFailed,
    EngineNotice,
    EngineReady,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
    Usage,
)
from telephony.call.commands import (
    CallBack,
    CallCommand,
    ClearPlayback,
    CloseStream,
    EndCall,
    HangUp,
    PlaceMark,
    PlayAudio,
    RunTool,
    StoreAudio,
    Track,
)
from telephony.call.config import Limits
from telephony.call.ending import MOVES, Phase
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    DeadlineReached,
    DtmfPressed,
    HangUpAsked,
    HangUpFailed,
    MarkEchoed,
    PeerMisbehaved,
    StreamLost,
    StreamStarted,
    StreamStopped,
    ToolFinished,
)
from telephony.call.machine import Call
from telephony.transcripts.entry import (
    AgentLine,
    CallerLine,
    DtmfLine,
    EndedReason,
    EndLine,
    Fate,
    ToolLine,
    TruncationLine,
    TurnLine,
    UsageLine,
)
from tests.telephony.script import (
    APOLOGY,
    CAPABILITIES,
    ONE_SECOND,
    QUIET,
    Script,
    live,
    seconds,
)
from tools.spec import Evidence

SAID = "Your appointment is on Tuesday at three, is that right?"
SPEAKS = CallerSpeechStarted("u1", 0)


def ended(script: Script) -> list[EndedReason]:
    return [command.reason for command in script.said if isinstance(command, EndCall)]


# ---- the beginning ----------------------------------------------------------------------------


def test_the_greeting_waits_for_the_engine() -> None:
    script = Script()
    script.when(StreamStarted("MZ1"), PlaceMark("0:0:0"))
    script.wait(3.0)
    script.when(EngineReady("s1"), Say("Hello."))
    assert script.call.phase is Phase.LIVE


def test_caller_audio_goes_to_the_engine_and_into_the_recording() -> None:
    script = live()
    frame = bytes(range(160))
    script.until_s(0.5)
    script.when(CallerAudio(frame, 480), StoreAudio(Track.CALLER, 3_840, frame), AppendAudio(frame))


@pytest.mark.parametrize(
    ("stamps", "places"),
    [
        pytest.param((0, 20, 40), (0, 160, 320), id="in step"),
        pytest.param((0, 20, 10), (0, 160, 320), id="going back"),
        pytest.param((0, 20, 100), (0, 160, 800), id="a gap of 60 ms"),
        pytest.param((0, 20, 9_999_999), (0, 160, 12_000), id="absurd: one second ahead at most"),
    ],
)
def test_recorded_caller_audio_never_overlaps(
    stamps: tuple[int, ...], places: tuple[int, ...]
) -> None:
    script = live().until_s(0.5)
    script.happens(*(CallerAudio(b"\x00" * 160, stamp) for stamp in stamps))
    assert tuple(c.at_samples for c in script.last if isinstance(c, StoreAudio)) == places


def test_an_engine_that_never_gets_ready_ends_in_speech() -> None:
    script = Script()
    script.happens(StreamStarted("MZ1")).wait(10.0)
    assert [c for c in script.last if isinstance(c, PlayAudio)]
    assert script.notes() == ["engine_not_ready"]


# ---- speaking ---------------------------------------------------------------------------------


def test_a_delta_is_played_in_clips_with_a_mark_about_every_100_ms() -> None:
    script = live().until_s(1.0)
    script.when(ResponseStarted("r1"))
    script.when(
        AudioDelta("r1", "item_1", 0, seconds(0.25)),
        PlayAudio(b"\x55" * 160),
        PlaceMark("0:1:160"),
        PlayAudio(b"\x55" * 160),
        PlaceMark("0:1:320"),
        PlayAudio(b"\x55" * 160),
        PlaceMark("0:1:480"),
        PlayAudio(b"\x55" * 320),
        PlaceMark("0:1:800"),
        PlayAudio(b"\x55" * 800),
        PlaceMark("0:1:1600"),
        PlayAudio(b"\x55" * 400),
    )
    script.when(ItemDone("r1", "item_1"), PlaceMark("0:1:2000"))


def test_a_reply_heard_to_its_end_is_written_as_heard() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0), text="Good morning.").finishes()
    script.wait(1.0).echoes("0:1:8000")
    (line,) = script.entries(AgentLine)
    said = "Good morning."
    assert msgspec.structs.replace(line, words=()) == AgentLine(
        "item_1", 1, said, said, Fate.HEARD, 1_000, 2_000, 1_000, 1_000, "engine", 1_000, 1_000
    )
    heard = [c for c in script.said if isinstance(c, StoreAudio) and c.track is Track.HEARD]
    assert heard[0].at_samples == 8_000
    assert sum(len(piece.ulaw) for piece in heard) == 8_000


def test_two_items_of_one_reply_are_two_lines() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.2), "item_1", "One moment.").more(seconds(0.3), "item_2", "Done.")
    script.finishes("item_1").finishes("item_2")
    script.wait(0.5).echoes("0:1:1600", "0:2:2400")
    assert [(line.text, line.fate, line.sent_ms) for line in script.entries(AgentLine)] == [
        ("One moment.", Fate.HEARD, 200),
        ("Done.", Fate.HEARD, 300),
    ]


def test_pcm_is_filtered_down_and_its_tail_let_out_at_the_end() -> None:
    script = live(msgspec.structs.replace(CAPABILITIES, output_format=AudioFormat.PCM16_24K))
    script.speaks(bytes(48 * 100)).finishes()
    played = [c.ulaw for c in script.said if isinstance(c, PlayAudio)]
    assert 800 < sum(map(len, played)) <= 824


def test_turn_latency_is_told_from_the_caller_s_last_sound() -> None:
    script = live().until_s(0.02).happens(CallerAudio(b"\xff" * 160, 0)).until_s(2.0)
    script.happens(CallerSpeechStarted("u1", 300)).until_s(3.0)
    script.happens(CallerSpeechStopped("u1", 2_500)).until_s(3.4)
    script.speaks(seconds(0.5)).until_s(3.5)
    script.echoes("0:1:800")
    assert script.entries(TurnLine) == [TurnLine(2_500, 3_000, 3_400, 3_400, 3_400)]


def test_lost_echoes_are_settled_by_the_clock() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0), text="Hello there.").finishes()
    script.wait(2.9)
    assert script.entries(AgentLine) == []
    script.wait(0.2)
    assert [line.fate for line in script.entries(AgentLine)] == [Fate.HEARD]
    assert "marks_lost" in script.notes()


# ---- interruption -----------------------------------------------------------------------------


def test_barge_in_clears_and_tells_the_model_what_was_heard() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(4.0), text=SAID).wait(1.2)
    script.when(SPEAKS, ClearPlayback(), TruncateItem("item_1", 0, 1_200, "Your appointment"))
    assert script.entries(TruncationLine) == [
        TruncationLine("item_1", 1, 1_200, 2_200, False, 1_200, 0, 1_200)
    ]
    script.finishes()
    (line,) = script.entries(AgentLine)
    assert (line.fate, line.heard, line.text, line.heard_ms) == (
        Fate.CUT,
        "Your appointment",
        SAID,
        1_200,
    )


def test_barge_in_works_long_after_the_model_has_finished() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(4.0), text=SAID).finishes().wait(2.0)
    script.when(SPEAKS, ClearPlayback(), TruncateItem("item_1", 0, 2_000, "Your appointment is on"))


def test_nothing_outstanding_nothing_cleared() -> None:
    live().wait(1.0).when(SPEAKS)


def test_an_item_of_which_nothing_was_heard_is_deleted() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0), "item_1", "One.").more(seconds(1.0), "item_2", "Two.").wait(0.5)
    script.when(SPEAKS, ClearPlayback(), TruncateItem("item_1", 0, 500, ""), DeleteItem("item_2"))
    script.finishes("item_1").finishes("item_2")
    assert [line.fate for line in script.entries(AgentLine)] == [Fate.CUT, Fate.NEVER_PLAYED]


def test_a_reply_but_for_its_last_breath_counts_as_heard() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(2.0), text=SAID).finishes().wait(1.95)
    script.when(SPEAKS, ClearPlayback())
    assert [line.fate for line in script.entries(AgentLine)] == [Fate.HEARD]


def test_late_deltas_of_a_cut_reply_are_never_played() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0), text=SAID).wait(0.3)
    script.happens(SPEAKS)
    script.when(AudioDelta("r1", "item_1", 0, ONE_SECOND))
    assert not [c for c in script.last if isinstance(c, PlayAudio)]
    script.finishes()
    assert script.entries(AgentLine)[0].sent_ms == 1_000


def test_an_item_that_arrives_after_the_cut_is_deleted_at_the_model() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0)).wait(0.3)
    script.happens(SPEAKS)
    script.when(AudioDelta("r1", "item_2", 0, ONE_SECOND), DeleteItem("item_2"))
    script.when(AudioDelta("r1", "item_2", 0, ONE_SECOND))


def test_the_next_reply_is_played_after_a_cut() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0)).wait(0.3)
    script.happens(SPEAKS).finishes()
    script.speaks(seconds(0.1), "item_2", reply="r2")
    assert [c for c in script.last if isinstance(c, PlayAudio | PlaceMark)][1] == PlaceMark(
        "1:2:160"
    )


def test_marks_returned_by_a_clear_prove_nothing() -> None:
    script = live().until_s(1.0)
    script.speaks(ONE_SECOND).wait(0.5)
    script.when(SPEAKS, ClearPlayback(), TruncateItem("item_1", 0, 500, "")).finishes()
    script.speaks(ONE_SECOND, "item_2", reply="r2").echoes("0:1:4800", "0:1:8000")
    script.wait(0.3)
    script.when(CallerSpeechStarted("u2", 0), ClearPlayback(), TruncateItem("item_2", 0, 300, ""))


def test_a_reply_that_ran_dry_can_still_be_cut() -> None:
    """All that came was heard, but the model is not done: what it adds is not wanted."""
    script = live().until_s(1.0)
    script.speaks(seconds(0.5)).wait(0.5).echoes("0:1:4000").wait(1.0)
    script.when(SPEAKS, TruncateItem("item_1", 0, 500, ""))
    script.when(AudioDelta("r1", "item_1", 0, ONE_SECOND))


def test_the_model_is_never_asked_to_keep_more_than_its_margin_allows() -> None:
    script = live(msgspec.structs.replace(CAPABILITIES, truncate_margin_ms=40)).until_s(1.0)
    script.speaks(seconds(0.5)).wait(0.5).echoes("0:1:4000")
    script.when(SPEAKS, TruncateItem("item_1", 0, 460, ""))


def test_an_engine_that_does_not_cancel_by_itself_is_told_to() -> None:
    script = live(msgspec.structs.replace(CAPABILITIES, cancels_on_speech=False)).until_s(1.0)
    script.speaks(ONE_SECOND).wait(0.2)
    script.when(SPEAKS, ClearPlayback(), CancelResponse("r1"), TruncateItem)


def test_an_engine_that_owns_playback_is_told_nothing() -> None:
    script = live(msgspec.structs.replace(CAPABILITIES, truncates=False)).until_s(1.0)
    script.speaks(ONE_SECOND).wait(0.2)
    script.when(SPEAKS, ClearPlayback())
    script.when(AudioDelta("r1", "item_2", 0, ONE_SECOND))


def test_two_interruptions_of_one_reply_cut_once() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(4.0)).wait(0.5)
    script.when(SPEAKS, ClearPlayback(), TruncateItem)
    script.when(CallerSpeechStarted("u2", 0))


# ---- the caller's words -----------------------------------------------------------------------


def test_the_caller_s_words_carry_when_they_were_spoken_not_when_they_arrived() -> None:
    script = live().until_s(1.0)
    script.happens(CallerAudio(b"\xff" * 160, 40), CallerSpeechStarted("u1", 1_000))
    script.happens(CallerSpeechStopped("u1", 2_200)).wait(3.0)
    script.happens(CallerTranscript("u1", "Hello"), CallerTranscript("u1", "Hello"))
    assert script.entries(CallerLine) == [CallerLine("u1", "Hello", 1_040, 2_240)]


def test_words_never_made_out_are_still_a_line() -> None:
    script = live().until_s(5.0)
    script.happens(SPEAKS, CallerSpeechStopped("u1", 800), StreamStopped())
    assert script.entries(CallerLine) == [CallerLine("u1", "", 0, 800, transcribed=False)]


def test_keys_reach_the_call_with_their_time() -> None:
    script = live().until_s(2.5)
    script.happens(DtmfPressed("7"))
    assert script.entries(DtmfLine) == [DtmfLine("7", 2_500)]


# ---- tools ------------------------------------------------------------------------------------

CALLED = ToolCalled("r1", "call_1", "book", '{"day":"tuesday"}')
FINISHED = ToolFinished("call_1", "book", "done", '{"message":"Booked."}')


def test_a_tool_runs_and_its_answer_goes_back() -> None:
    script = live().until_s(1.0)
    script.when(CALLED, RunTool("call_1", "book", '{"day":"tuesday"}', Evidence(turn=1)))
    script.until_s(1.5).when(FINISHED, ToolOutput("call_1", '{"message":"Booked."}', respond=True))
    assert script.entries(ToolLine) == [
        ToolLine(
            "call_1",
            "book",
            CALLED.arguments,
            "done",
            FINISHED.output,
            start_ms=1_000,
            end_ms=1_500,
        )
    ]


def test_the_same_tool_call_is_not_run_twice() -> None:
    live().when(CALLED, RunTool).when(CALLED)


def test_an_answer_nobody_waits_for_is_dropped() -> None:
    script = live().when(FINISHED)
    assert script.notes() == ["tool_answer_unasked"]


def test_no_silence_prompt_and_no_reprompt_while_a_tool_runs() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.1)).finishes().wait(0.1).echoes("0:1:800")
    script.happens(SPEAKS, CallerSpeechStopped("u1", 500), CALLED)
    script.wait(60.0)
    assert not [c for c in script.said if isinstance(c, Say) and c.text != "Hello."]


def test_a_tool_that_is_running_when_the_call_ends_is_on_record() -> None:
    script = live().happens(CALLED, StreamStopped())
    assert [(line.tool_call_id, line.state) for line in script.entries(ToolLine)] == [
        ("call_1", "unfinished")
    ]


def test_usage_is_written_for_each_reply() -> None:
    usage = Usage(input_text_tokens=7)
    script = live().until_s(1.0)
    script.happens(ResponseStarted("r1"), ResponseDone("r1", ResponseStatus.CANCELLED, "", usage))
    assert script.entries(UsageLine) == [UsageLine("r1", "cancelled", usage, 1_000)]


# ---- goodbye ----------------------------------------------------------------------------------

END = ToolCalled("r1", "call_9", "end_call", "{}")
ENDED = ToolFinished("call_9", "end_call", "done", "{}", ends_call=True)


def test_hang_up_waits_for_the_goodbye_to_be_heard() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(2.0), text="Goodbye!").happens(END)
    script.when(ENDED, ToolOutput("call_9", "{}", respond=False)).finishes().wait(1.9)
    assert not [c for c in script.said if isinstance(c, HangUp)]
    script.wait(0.1).when(MarkEchoed("0:1:16000"), HangUp())
    script.when(StreamStopped(), CloseEngine(), EndCall(EndedReason.AGENT_HUNG_UP))
    (end,) = script.entries(EndLine)
    assert (end.reason, end.at_ms) == (EndedReason.AGENT_HUNG_UP, 3_000)


def test_a_call_ended_without_a_word_gets_one_first() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.1)).finishes().wait(0.2).echoes("0:1:800").happens(END)
    script.when(ENDED, ToolOutput("call_9", "{}", respond=True))
    script.speaks(seconds(1.0), "item_2", reply="r2").finishes("item_2", "r2").wait(1.0)
    script.when(MarkEchoed("0:2:8000"), HangUp())


def test_hang_up_does_not_wait_for_ever_for_an_echo_or_a_word() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0)).happens(END, ENDED).finishes().wait(4.0)
    assert [c for c in script.said if isinstance(c, HangUp)]
    silent = live().until_s(1.0)
    silent.speaks(seconds(0.1)).finishes().wait(0.2).echoes("0:1:800").happens(END, ENDED)
    silent.wait(7.9)
    assert not [c for c in silent.said if isinstance(c, HangUp)]
    silent.wait(0.2)
    assert [c for c in silent.said if isinstance(c, HangUp)]


def test_a_goodbye_without_end_is_cut_off() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(300.0)).happens(END, ENDED).wait(8.0 + 30.0)
    assert [c for c in script.said if isinstance(c, HangUp)]


def test_a_caller_who_speaks_into_the_goodbye_is_not_hung_up_on() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(2.0)).happens(END, ENDED).finishes().wait(1.0)
    script.when(SPEAKS, ClearPlayback(), TruncateItem)
    assert script.call.phase is Phase.LIVE
    script.happens(CallerSpeechStopped("u1", 500)).speaks(seconds(1.0), "item_2", reply="r2")
    script.finishes("item_2", "r2").wait(1.0).echoes("1:2:8000").wait(3.0)
    assert not [c for c in script.said if isinstance(c, HangUp)]


def test_a_hang_up_the_carrier_refuses_closes_the_socket() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.1)).happens(END, ENDED).finishes().wait(0.1).echoes("0:1:800")
    script.when(HangUpFailed("http_500"), CloseStream, CloseEngine, EndCall)
    assert ended(script) == [EndedReason.AGENT_HUNG_UP]


def test_a_hang_up_nobody_answers_closes_the_socket() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.1)).happens(END, ENDED).finishes().wait(0.1).echoes("0:1:800")
    script.wait(5.0)
    assert ended(script) == [EndedReason.AGENT_HUNG_UP]
    assert CloseStream(1000, "agent_hung_up") in script.said


def test_a_failed_hang_up_of_a_call_that_went_on_is_only_noted() -> None:
    script = live().when(HangUpFailed("late"))
    assert script.call.phase is Phase.LIVE


# ---- other endings ----------------------------------------------------------------------------


def test_the_caller_hangs_up_in_mid_sentence() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(4.0), text=SAID).wait(2.0)
    script.when(StreamStopped(), CloseEngine(), EndCall(EndedReason.CALLER_HUNG_UP))
    (line,) = script.entries(AgentLine)
    assert (line.fate, line.heard_ms, line.text) == (Fate.CUT, 2_000, SAID)


def test_caller_who_hangs_up_on_the_goodbye_hung_up() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(2.0)).happens(END, ENDED).wait(0.5).happens(StreamStopped())
    assert ended(script) == [EndedReason.CALLER_HUNG_UP]


@pytest.mark.parametrize(
    ("reason", "ends"),
    [("closed", EndedReason.STREAM_LOST), ("protocol", EndedReason.PROTOCOL)],
)
def test_a_lost_stream_ends_the_call(reason: str, ends: EndedReason) -> None:
    script = live().when(StreamLost(reason), CloseStream, CloseEngine, EndCall)
    assert ended(script) == [ends]
    assert script.entries(EndLine)[0].detail == reason


def test_a_stream_lost_while_hanging_up_is_what_was_wanted() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.1)).happens(END, ENDED).finishes().wait(0.1).echoes("0:1:800")
    script.happens(StreamLost("closed"))
    assert ended(script) == [EndedReason.AGENT_HUNG_UP]


def test_silence_is_asked_about_twice_and_then_ends() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0)).finishes().wait(1.0).echoes("0:1:8000")  # at 2 s
    script.wait(9.9)
    assert script.said.count(Say("Are you still there?")) == 0
    script.wait(0.2)
    assert script.said.count(Say("Are you still there?")) == 1
    script.speaks(seconds(1.0), "item_2", reply="r2").finishes("item_2", "r2")
    script.wait(1.0).echoes("0:2:8000").wait(10.1)
    assert script.said.count(Say(script.config.persona.second_prompt)) == 1
    script.speaks(seconds(1.0), "item_3", reply="r3").finishes("item_3", "r3")
    script.wait(1.0).echoes("0:3:8000").wait(9.9)
    goodbye = Say(script.config.persona.idle_goodbye)
    assert script.said.count(goodbye) == 0
    script.wait(0.2)
    assert script.said.count(goodbye) == 1
    script.speaks(seconds(1.0), "item_4", reply="r4").finishes("item_4", "r4").wait(1.0)
    script.when(MarkEchoed("0:4:8000"), HangUp()).happens(StreamStopped())
    assert ended(script) == [EndedReason.IDLE]


def test_a_caller_who_answers_the_last_goodbye_is_still_there() -> None:
    limits = Limits(silence_prompt_s=2.0, idle_hangup_s=6.0)
    script = live(limits=limits).until_s(1.0)
    for number in (1, 2, 3):
        item, reply = f"i{number}", f"r{number}"
        script.speaks(seconds(0.1), item, reply=reply).finishes(item, reply)
        script.wait(0.1).echoes(f"0:{number}:800").wait(2.0)
    script.speaks(seconds(1.0), "i4", reply="r4").finishes("i4", "r4").wait(0.5)
    assert script.call.phase.value == "closing"
    script.happens(SPEAKS)
    assert script.call.phase is Phase.LIVE


def test_the_longest_call_ends_with_a_sentence_and_is_not_talked_out_of_it() -> None:
    script = live(limits=Limits(max_call_s=60.0)).until_s(1.0)
    script.speaks(seconds(0.1)).finishes().wait(0.1).echoes("0:1:800").happens(SPEAKS)
    script.until_s(60.0)
    assert Say(script.config.persona.length_goodbye) in script.said
    script.speaks(seconds(1.0), "item_2", reply="r2").finishes("item_2", "r2")
    script.happens(CallerSpeechStarted("u2", 0))
    assert ClearPlayback() not in script.said
    script.wait(1.0).when(MarkEchoed("0:2:8000"), HangUp()).happens(StreamStopped())
    assert ended(script) == [EndedReason.MAX_LENGTH]


def test_a_drained_call_is_told_and_ended() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.5)).finishes().wait(0.1)
    script.when(HangUpAsked("drained"), Say(script.config.persona.drain_goodbye))
    script.when(HangUpAsked("drained"))
    script.wait(0.4).when(MarkEchoed("0:1:4000"))
    script.speaks(seconds(1.0), "item_2", reply="r2").finishes("item_2", "r2").wait(1.0)
    script.when(MarkEchoed("0:2:8000"), HangUp()).happens(StreamStopped())
    assert ended(script) == [EndedReason.DRAINED]


def test_a_call_drained_before_its_engine_is_ready_just_ends() -> None:
    script = Script()
    script.happens(StreamStarted("MZ1")).when(HangUpAsked("drained"), HangUp())
    script.when(EngineReady("s1"))
    assert script.call.phase is Phase.CLOSING


# ---- a dead engine is never a dead line --------------------------------------------------------


def test_a_failed_engine_ends_in_our_own_apology() -> None:
    script = live().until_s(5.0)
    script.happens(EngineFailed("connection_lost", fatal=False))
    assert b"".join(c.ulaw for c in script.last if isinstance(c, PlayAudio)) == APOLOGY
    script.wait(0.5).when(MarkEchoed("0:1:4000"), HangUp())
    script.happens(StreamStopped())
    assert ended(script) == [EndedReason.ENGINE_FAILED]
    (line,) = script.entries(AgentLine)
    assert (line.source, line.fate, line.text) == ("own", Fate.HEARD, script.config.persona.apology)


def test_what_was_being_said_when_the_engine_died_is_let_finish() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0), text="One two three").wait(0.2)
    script.happens(EngineFailed("connection_lost", fatal=False))
    assert ClearPlayback() not in script.said
    script.wait(1.3).echoes("0:1:8000", "0:2:4000")
    assert [(line.source, line.fate) for line in script.entries(AgentLine)] == [
        ("engine", Fate.HEARD),
        ("own", Fate.HEARD),
    ]


def test_without_a_recording_the_carrier_has_to_apologise() -> None:
    script = live(apology=b"")
    script.when(
        EngineFailed("quota", fatal=True),
        CallBack("The call broke off for a fault of ours."),
        CloseStream(1011, "engine_failed"),
        CloseEngine(),
        EndCall(EndedReason.ENGINE_FAILED),
    )


def test_an_engine_that_dies_after_its_goodbye_is_not_missed() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0)).happens(END, ENDED).finishes()
    script.when(EngineFailed("connection_lost", fatal=False))
    script.wait(1.0).when(MarkEchoed("0:1:8000"), HangUp())
    script.when(EngineFailed("connection_lost", fatal=False)).happens(StreamStopped())
    assert ended(script) == [EndedReason.AGENT_HUNG_UP]


def test_an_engine_that_dies_before_its_goodbye_is_apologised_for() -> None:
    script = live().until_s(1.0)
    script.happens(HangUpAsked("drained"), EngineFailed("connection_lost", fatal=False))
    assert [c for c in script.last if isinstance(c, PlayAudio)]
    script.wait(0.5).when(MarkEchoed("0:1:4000"), HangUp()).happens(StreamStopped())
    assert ended(script) == [EndedReason.DRAINED]


def test_an_unanswered_caller_is_asked_again_and_then_told_the_truth() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.1)).finishes().wait(0.1).echoes("0:1:800")
    script.happens(SPEAKS, CallerSpeechStopped("u1", 500)).wait(3.9)
    assert len([c for c in script.said if isinstance(c, Say)]) == 1
    script.wait(0.2)
    assert script.said.count(Say(script.config.persona.reprompt)) == 1
    script.wait(3.5)
    assert script.notes()[-2:] == ["owed_silence", "owed_silence"]
    assert b"".join(c.ulaw for c in script.last if isinstance(c, PlayAudio)) == APOLOGY


def test_an_answer_in_time_resets_the_patience() -> None:
    script = live().until_s(1.0)
    script.happens(SPEAKS, CallerSpeechStopped("u1", 500)).wait(6.1)
    script.speaks(seconds(0.1)).finishes().wait(0.1).echoes("0:1:800")
    script.happens(CallerSpeechStarted("u2", 0), CallerSpeechStopped("u2", 500)).wait(6.1)
    assert script.said.count(Say(script.config.persona.reprompt)) == 2


# ---- bookkeeping ------------------------------------------------------------------------------


def test_oddities_are_noted_and_change_nothing() -> None:
    script = live().when(PeerMisbehaved("not_json")).when(EngineNotice("unknown_event"))
    assert script.notes() == ["peer_misbehaved", "engine_notice"]


def test_no_move_leads_out_of_the_end() -> None:
    assert MOVES[Phase.ENDED] == frozenset()
    script = live().happens(StreamStopped())
    assert script.call.next_deadline() is None
    script.when(SPEAKS).when(CallerAudio(b"", 0)).when(EngineFailed("x", fatal=True))
    assert len(ended(script)) == 1


EVENTS: st.SearchStrategy[CallEvent] = st.one_of(
    st.builds(CallerAudio, st.binary(max_size=400), st.integers(0, 100_000)),
    st.builds(DtmfPressed, st.sampled_from("0123456789*#")),
    st.builds(MarkEchoed, st.from_regex(r"[0-3]:[0-4]:(0|800|1600|4000|8000)", fullmatch=True)),
    st.builds(PeerMisbehaved, st.just("x")),
    st.builds(HangUpFailed, st.just("x")),
    st.builds(DeadlineReached),
    st.builds(EngineReady, st.just("s")),
    st.builds(CallerSpeechStarted, st.sampled_from(["u1", "u2"]), st.integers(0, 9_000)),
    st.builds(CallerSpeechStopped, st.sampled_from(["u1", "u2"]), st.integers(0, 9_000)),
    st.builds(CallerTranscript, st.sampled_from(["u1", "u2"]), st.text(max_size=9)),
    st.builds(ResponseStarted, st.sampled_from(["r1", "r2"])),
    st.builds(
        AudioDelta,
        st.sampled_from(["r1", "r2"]),
        st.sampled_from(["i1", "i2", "i3"]),
        st.just(0),
        st.binary(max_size=3_000),
    ),
    st.builds(
        TextDelta, st.sampled_from(["r1", "r2"]), st.sampled_from(["i1", "i2"]), st.text(max_size=9)
    ),
    st.builds(ItemDone, st.sampled_from(["r1", "r2"]), st.sampled_from(["i1", "i2", "i3"])),
    st.builds(ResponseDone, st.sampled_from(["r1", "r2"]), st.sampled_from(ResponseStatus)),
    st.builds(
        ToolCalled, st.just("r1"), st.sampled_from(["c1", "c2"]), st.just("t"), st.just("{}")
    ),
    st.builds(
        ToolFinished,
        st.sampled_from(["c1", "c2"]),
        st.just("t"),
        st.just("done"),
        st.just("{}"),
        ends_call=st.booleans(),
    ),
)
LAST: st.SearchStrategy[CallEvent] = st.one_of(
    st.just(StreamStopped()),
    st.just(StreamLost("closed")),
    st.just(EngineFailed("gone", fatal=True)),
    st.just(HangUpAsked("drained")),
)


@given(steps=st.lists(st.tuples(EVENTS, st.floats(0, 3)), max_size=60), last=LAST)
def test_whatever_happens_a_call_ends_once_and_keeps_its_books(
    steps: list[tuple[CallEvent, float]], last: CallEvent
) -> None:
    script = Script().happens(StreamStarted("MZ1"))
    for event, pause_s in steps:
        script.happens(event).wait(pause_s)
    script.happens(last).wait(120.0)
    assert len(ended(script)) == 1
    assert isinstance(script.said[-1], EndCall)
    lines = script.entries(AgentLine)
    assert all(0 <= line.heard_ms <= line.sent_ms for line in lines)
    assert all(line.text.startswith(line.heard) for line in lines)
    heard = [c for c in script.said if isinstance(c, StoreAudio) and c.track is Track.HEARD]
    places = [(c.at_samples, c.at_samples + len(c.ulaw)) for c in heard]
    assert all(before[1] <= after[0] for before, after in pairwise(places))
    assert sum(line.heard_ms for line in lines) <= sum(len(c.ulaw) for c in heard) // 8 + len(lines)


@given(steps=st.lists(st.tuples(EVENTS, st.floats(0, 3)), max_size=30), last=LAST)
def test_the_same_events_at_the_same_times_give_the_same_commands(
    steps: list[tuple[CallEvent, float]], last: CallEvent
) -> None:
    def run() -> list[CallCommand]:
        call, now = Call(Script().config), 0.0
        commands = call.handle(StreamStarted("MZ1"), now)
        for event, pause_s in [*steps, (last, 1.0)]:
            now += pause_s
            commands += call.handle(event, now)
        return commands

    assert run() == run()
    assert QUIET
