"""Calls on which something goes wrong: echoes, silence, storms of speech, engines that halt."""

import msgspec
import pytest

from agents.engine import (
    AudioDelta,
    AudioFormat,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    Capabilities,
    DeleteItem,
    EngineFailed,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from telephony.call.commands import (
    ClearPlayback,
    EndCall,
    HangUp,
    PlayAudio,
    RunTool,
)
from telephony.call.config import Limits
from telephony.call.ending import Phase
from telephony.call.events import (
    CallerAudio,
    DtmfPressed,
    HangUpAsked,
    MarkEchoed,
    StreamLost,
    StreamStarted,
    StreamStopped,
    ToolFinished,
)
from telephony.transcripts.entry import (
    AgentLine,
    CallerLine,
    EndedReason,
    Fate,
    TruncationLine,
    TurnLine,
)
from tests.telephony.script import APOLOGY, CAPABILITIES, ONE_SECOND, Script, live, seconds

SPEAKS = CallerSpeechStarted("u1", 0)
STOPS = CallerSpeechStopped("u1", 500)
PCM = msgspec.structs.replace(CAPABILITIES, output_format=AudioFormat.PCM16_24K)
END = ToolCalled("r1", "call_9", "end_call", "{}")
ENDED = ToolFinished("call_9", "end_call", "done", "{}", ends_call=True)
REPROMPT = Say("I'm sorry, could you say that again?")
STILL_THERE = Say("Are you still there?")


def ended(script: Script) -> list[EndedReason]:
    return [command.reason for command in script.said if isinstance(command, EndCall)]


def greeted(script: Script) -> Script:
    """Its greeting was heard, at 1.1 s."""
    script.until_s(1.0).speaks(seconds(0.1), "item_0", reply="r0").finishes("item_0", "r0")
    return script.wait(0.1).echoes("0:1:800")


# ---- T16: marks -------------------------------------------------------------------------------


def test_fault_t16_marks_late_twice_and_unknown() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(1.0), text="Good morning.").finishes().wait(0.2)
    script.echoes("0:1:1600", "0:1:1600", "0:1:800", "0:7:800", "nonsense", "")
    script.wait(0.15).echoes("0:1:2400").wait(0.25)
    script.when(SPEAKS, ClearPlayback(), TruncateItem)
    (line,) = script.entries(AgentLine)
    assert line.heard_ms == pytest.approx(600, abs=15)


def test_fault_t16_marks_returned_by_a_clear_prove_nothing() -> None:
    script = live().until_s(1.0)
    script.speaks(ONE_SECOND).wait(0.4)
    script.happens(SPEAKS).echoes("0:1:4800", "0:1:8000").finishes()
    (line,) = script.entries(AgentLine)
    assert (line.fate, line.heard_ms) == (Fate.CUT, 400)


def test_fault_t16_marks_never_returned_are_made_up_for_by_the_clock() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(4.0), text="One two three four").wait(2.0)
    script.when(SPEAKS, ClearPlayback(), TruncateItem("item_1", 0, 2_000, "One two"))
    quiet = live().until_s(1.0)
    quiet.speaks(seconds(1.0), text="Bye.").happens(END, ENDED).finishes().wait(3.1)
    assert "marks_lost" in quiet.notes()
    assert HangUp() in quiet.said
    (line,) = quiet.entries(AgentLine)
    assert (line.fate, line.heard_ms) == (Fate.HEARD, line.sent_ms)


# ---- M13: replies without end ------------------------------------------------------------------

GO_ON = Say("Shall I go on?")


def lecture(capabilities: Capabilities = CAPABILITIES) -> Script:
    """From 1 s on the engine gives more and more of a reply of which 3 s are the most allowed."""
    script = live(capabilities, Limits(reply_s=3.0)).until_s(1.0)
    second = bytes(48_000) if capabilities is PCM else ONE_SECOND
    script.speaks(second, text="One two three. ")
    for text in ("Four five six. ", "Seven eight nine. "):
        script.more(second, text=text)
    assert not [c for c in script.said if isinstance(c, CancelResponse)]
    script.happens(TextDelta("r1", "item_1", "Ten eleven twelve. "))
    return script.when(AudioDelta("r1", "item_1", 0, second), CancelResponse("r1"), GO_ON)


@pytest.mark.parametrize("capabilities", [CAPABILITIES, PCM])
def test_fault_m13_a_reply_without_end_is_broken_off_and_the_caller_asked(
    capabilities: Capabilities,
) -> None:
    script = lecture(capabilities)
    assert "reply_too_long" in script.notes()
    sent = sum(len(c.ulaw) for c in script.said if isinstance(c, PlayAudio))
    assert sent == pytest.approx(32_000, abs=24)
    script.when(AudioDelta("r1", "item_1", 0, ONE_SECOND)).wait(4.0)
    script.happens(MarkEchoed(script.marks()[-1]))
    assert TruncateItem("item_1", 0, 4_000, script.entries(AgentLine)[0].heard) in script.last
    (line,) = script.entries(AgentLine)
    assert (line.fate, line.heard_ms, line.sent_ms) == (Fate.CUT, 4_000, 4_000)
    (told,) = script.entries(TruncationLine)
    assert (told.audio_end_ms, told.heard_ms, told.at_ms) == (4_000, 4_000, 1_000)


def test_fault_m13_once_broken_off_nothing_more_of_the_reply_is_played() -> None:
    """Nor asked about: the rest is dropped as it comes, and a later item deleted."""
    script = lecture()
    for _ in range(600):
        script.when(AudioDelta("r1", "item_1", 0, ONE_SECOND))
    assert not [c for c in script.last if isinstance(c, PlayAudio)]
    script.when(AudioDelta("r1", "item_2", 0, ONE_SECOND), DeleteItem("item_2"))
    assert script.notes().count("reply_too_long") == 1


LATE = (TextDelta("r1", "item_1", "Thirteen. "), AudioDelta("r1", "item_1", 0, ONE_SECOND))


@pytest.mark.parametrize("capabilities", [CAPABILITIES, PCM])
@pytest.mark.parametrize("done", [True, False])
def test_fault_m13_what_comes_late_of_a_settled_item_makes_no_second_one(
    capabilities: Capabilities, *, done: bool
) -> None:
    """It was broken off, heard to its end and told; the engine sends on, or its last is late."""
    script = lecture(capabilities).wait(4.0)
    script.echoes(script.marks()[-1])
    over = (ItemDone("r1", "item_1"), ResponseDone("r1", ResponseStatus.CANCELLED))
    script.happens(*(over if done else ()))
    for late in LATE:
        assert script.when(late).last == []
    script.happens(*over).wait(1.0)
    assert len(script.entries(AgentLine)) == len(script.entries(TruncationLine)) == 1


@pytest.mark.parametrize("heard", [True, False])
def test_what_an_engine_sends_of_an_item_it_has_finished_is_not_played(*, heard: bool) -> None:
    """It would belong to nothing: the reply it was part of is over."""
    script = live().until_s(1.0).speaks(ONE_SECOND, text="One two three.").finishes().wait(1.0)
    if heard:
        script.echoes(script.marks()[-1])
    for late in LATE:
        assert script.when(late).last == []
    script.echoes(script.marks()[-1])
    (line,) = script.entries(AgentLine)
    assert (line.fate, line.heard, line.sent_ms) == (Fate.HEARD, "One two three.", 1_000)


def test_what_comes_late_of_an_item_the_caller_cut_does_not_delete_it() -> None:
    """The engine was told where it was cut; a deletion would make it forget what was heard."""
    script = live().until_s(1.0).speaks(seconds(3.0), text="One two three.").wait(1.5)
    script.when(SPEAKS, ClearPlayback(), TruncateItem)
    script.happens(ItemDone("r1", "item_1"), ResponseDone("r1", ResponseStatus.CANCELLED))
    for late in LATE:
        assert script.when(late).last == []
    assert len(script.entries(AgentLine)) == 1


def test_fault_m13_a_caller_who_cuts_in_is_told_of_as_ever() -> None:
    """What was sent of it still plays: the cut falls where the caller spoke."""
    script = lecture().wait(1.5)
    script.when(SPEAKS, ClearPlayback(), TruncateItem)
    (line,) = script.entries(AgentLine)
    assert (line.fate, line.heard_ms) == (Fate.CUT, 1_500)


def test_fault_m13_replies_are_measured_one_by_one() -> None:
    script = live(limits=Limits(reply_s=3.0)).until_s(1.0)
    for number in range(5):
        item, reply = f"item_{number}", f"r{number}"
        script.speaks(seconds(2.9), item, "Some words.", reply).finishes(item, reply)
    assert "reply_too_long" not in script.notes()


def test_fault_m13_a_goodbye_without_end_is_broken_off_and_nothing_is_asked() -> None:
    script = live(limits=Limits(reply_s=3.0)).until_s(1.0)
    script.happens(END, ENDED).speaks(seconds(3.0))
    script.when(AudioDelta("r1", "item_1", 0, ONE_SECOND), CancelResponse("r1"))
    script.happens(ResponseDone("r1", ResponseStatus.CANCELLED)).wait(4.0)
    script.happens(*(MarkEchoed(name) for name in script.marks()))
    assert HangUp() in script.said


# ---- T21: nobody there ------------------------------------------------------------------------


def answering_machine(script: Script, duration_s: float, reply_s: float = 1.0) -> Script:
    """The engine says whatever it is asked to say, and nobody ever answers."""
    asked = len([c for c in script.said if isinstance(c, Say)]) - 1
    marks = len(script.marks())
    for number in range(int(duration_s)):
        script.wait(1.0)
        says = [c for c in script.said if isinstance(c, Say)]
        if len(says) > 1 + asked:
            asked += 1
            item, reply = f"item_s{number}", f"rs{number}"
            script.speaks(seconds(reply_s), item, says[-1].text, reply).finishes(item, reply)
            script.wait(reply_s).echoes(*script.marks()[marks:])
            marks = len(script.marks())
    return script


def test_fault_t21_a_silent_caller_is_prompted_then_hung_up_on() -> None:
    script = answering_machine(greeted(live()), 60.0)
    assert HangUp() in script.said
    script.happens(StreamStopped())
    assert ended(script) == [EndedReason.IDLE]
    said = [c.text for c in script.said if isinstance(c, Say)]
    persona = script.config.persona
    assert said == ["Hello.", STILL_THERE.text, persona.second_prompt, persona.idle_goodbye]


def test_fault_t21_hold_music_is_ended_by_the_longest_call() -> None:
    """Something speaks all the time, and the agent always answers."""
    script = greeted(live(limits=Limits(max_call_s=120.0)))
    for number in range(40):
        script.happens(CallerSpeechStarted(f"u{number}", 0)).wait(2.0)
        script.happens(CallerSpeechStopped(f"u{number}", 0))
        script.speaks(seconds(0.5), f"item_{number}", "Sorry?", f"r_{number}")
        script.finishes(f"item_{number}", f"r_{number}").wait(1.0).echoes(*script.marks()[-5:])
    script.until_s(170.0)
    assert Say(script.config.persona.length_goodbye) in script.said
    script.happens(StreamStopped())
    assert ended(script) == [EndedReason.MAX_LENGTH]


def test_fault_t21_two_tools_answered_by_one_reply_leave_no_reply_owed() -> None:
    """The engine answers all outputs of a response at once; then the caller says nothing more."""
    script = greeted(live())
    script.happens(ResponseStarted("r1"))
    script.when(ToolCalled("r1", "a", "t", "{}"), RunTool).when(
        ToolCalled("r1", "b", "t", "{}"), RunTool
    )
    script.happens(ResponseDone("r1", ResponseStatus.COMPLETED))
    script.happens(ToolFinished("a", "t", "done", "{}"), ToolFinished("b", "t", "done", "{}"))
    script.speaks(seconds(0.1), "item_2", reply="r2").finishes("item_2", "r2")
    script.wait(0.1).echoes("0:2:800").wait(10.1)
    assert script.said.count(STILL_THERE) == 1


def test_a_tool_still_running_owes_no_answer_to_the_one_that_is_done() -> None:
    script = greeted(live())
    script.happens(ToolCalled("r1", "a", "t", "{}"), ToolCalled("r1", "b", "t", "{}"))
    script.happens(ToolFinished("a", "t", "done", "{}")).wait(9.0)
    assert REPROMPT not in script.said
    script.happens(ToolFinished("b", "t", "done", "{}")).wait(6.1)
    assert REPROMPT in script.said


def test_a_caller_who_types_is_there_and_still_waits_for_the_answer() -> None:
    script = greeted(live())
    for _ in range(4):
        script.wait(8.0).happens(DtmfPressed("1"))
    assert STILL_THERE not in script.said
    script.happens(SPEAKS, STOPS).wait(3.0).happens(DtmfPressed("#")).wait(3.1)
    assert script.said.count(REPROMPT) == 1


def test_an_utterance_whose_end_was_never_reported_ends_with_its_words() -> None:
    script = greeted(live())
    script.happens(SPEAKS).wait(2.0).happens(CallerTranscript("u1", "Hello?"))
    assert script.entries(CallerLine) == [CallerLine("u1", "Hello?", 0, 3_100)]
    script.happens(STOPS).wait(0.1).happens(CallerTranscript("u1", "Hello?"))
    assert len(script.entries(CallerLine)) == 1
    silent = greeted(live()).happens(SPEAKS, CallerTranscript("u1", "Hello?")).wait(10.1)
    assert STILL_THERE in silent.said


def test_words_of_an_utterance_never_announced_are_not_lost() -> None:
    script = greeted(live()).happens(CallerTranscript("u7", "By the way"))
    assert script.entries(CallerLine) == [CallerLine("u7", "By the way", 1_100, 1_100)]


# ---- T25: storms ------------------------------------------------------------------------------


def test_fault_t25_a_storm_of_speech_cuts_once() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(4.0), text="One two three four").wait(1.0)
    for number in range(20):
        script.happens(CallerSpeechStarted(f"u{number}", 0)).wait(0.05)
    cuts = [c for c in script.said if isinstance(c, ClearPlayback | TruncateItem | DeleteItem)]
    assert [type(cut) for cut in cuts] == [ClearPlayback, TruncateItem]
    assert len(script.entries(TruncationLine)) == 1


def test_fault_t25_the_same_utterance_begun_twice_is_one_line() -> None:
    script = greeted(live())
    script.happens(CallerAudio(b"\xff" * 160, 0))
    script.happens(CallerSpeechStarted("u1", 300), CallerSpeechStarted("u1", 700))
    script.happens(CallerSpeechStopped("u1", 900), StreamStopped())
    assert script.entries(CallerLine) == [CallerLine("u1", "", 300, 900, transcribed=False)]


# ---- barge-in ---------------------------------------------------------------------------------


def test_words_that_came_before_their_audio_are_deleted_with_it() -> None:
    script = live().until_s(1.0)
    script.happens(ResponseStarted("r1"), TextDelta("r1", "item_1", "Your appointment"))
    script.when(SPEAKS, DeleteItem("item_1"))
    script.when(AudioDelta("r1", "item_1", 0, ONE_SECOND))
    script.happens(ItemDone("r1", "item_1"))
    (line,) = script.entries(AgentLine)
    assert (line.fate, line.heard, line.text) == (Fate.NEVER_PLAYED, "", "Your appointment")


def test_audio_of_an_item_that_was_cut_is_dropped_even_under_another_reply() -> None:
    script = live().until_s(1.0)
    script.speaks(ONE_SECOND).wait(0.3).happens(SPEAKS)
    script.when(ResponseStarted("r2")).when(AudioDelta("r2", "item_1", 0, ONE_SECOND))
    assert not [c for c in script.last if isinstance(c, PlayAudio)]


def test_a_breath_nobody_heard_is_deleted_although_it_is_short() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(2.0), "item_1", "A sentence.").finishes("item_1")
    script.speaks(seconds(0.08), "item_2", "Hm.", "r2").finishes("item_2", "r2").wait(1.0)
    script.when(
        SPEAKS, ClearPlayback(), TruncateItem("item_1", 0, 1_000, "A"), DeleteItem("item_2")
    )


def test_an_item_without_words_is_cut_like_any_other() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(4.0)).finishes().wait(1.0)
    script.when(SPEAKS, ClearPlayback(), TruncateItem("item_1", 0, 1_000, ""))
    assert [line.fate for line in script.entries(AgentLine)] == [Fate.CUT]


def test_replies_are_cancelled_in_the_order_they_began() -> None:
    """Not in the order of a set, which differs from run to run: a journal must replay."""
    script = live(msgspec.structs.replace(CAPABILITIES, cancels_on_speech=False)).until_s(1.0)
    replies = [f"reply_{number}" for number in range(12)]
    script.happens(*(ResponseStarted(reply) for reply in replies))
    script.when(SPEAKS, *(CancelResponse(reply) for reply in replies))


def test_the_delay_of_the_filter_is_nobody_s_audio() -> None:
    """Of 1,000 ms at the carrier the first 3 belong to the filter."""
    script = live(PCM).until_s(1.0)
    script.speaks(bytes(48 * 4_000), text="One two three four").wait(1.0)
    script.when(SPEAKS, ClearPlayback(), TruncateItem("item_1", 0, 997, "One"))
    script.finishes()
    (line,) = script.entries(AgentLine)
    assert (line.heard_ms, line.fate) == (997, Fate.CUT)
    whole = live(PCM).until_s(1.0)
    whole.speaks(bytes(48 * 1_000), text="One.").finishes().wait(1.1).echoes(whole.marks()[-1])
    (line,) = whole.entries(AgentLine)
    assert (line.heard_ms, line.sent_ms, line.fate) == (1_000, 1_000, Fate.HEARD)


def test_a_blink_of_the_filter_is_nothing_heard() -> None:
    script = live(PCM).until_s(1.0)
    script.speaks(bytes(48 * 4_000), text="One two").wait(0.003)
    script.when(SPEAKS, ClearPlayback(), DeleteItem("item_1"))


def test_deltas_of_odd_sizes_are_counted_to_the_byte() -> None:
    """100 deltas of 333.33 samples: rounded down one by one, 4 ms would be missing."""
    script = live(msgspec.structs.replace(PCM, truncate_margin_ms=100)).until_s(1.0)
    script.happens(ResponseStarted("r1"))
    for _ in range(100):
        script.more(bytes(2_000))
    script.wait(4.2).echoes(script.marks()[-1])
    script.when(SPEAKS, ClearPlayback(), TruncateItem("item_1", 0, 4_066, ""))


# ---- the line ends ----------------------------------------------------------------------------


def far(round_trip_s: float) -> Script:
    script = Script()
    script.happens(StreamStarted("MZ1")).wait(round_trip_s).echoes("0:0:0")
    return script


@pytest.mark.parametrize("ending", [StreamStopped(), StreamLost("closed")])
def test_what_was_still_to_come_when_the_caller_hung_up_was_not_heard(
    ending: StreamStopped | StreamLost,
) -> None:
    """Sent at 1.0 s, begun at 1.1 s; the hang-up we learn of at 3.1 s was at 3.0 s."""
    script = far(round_trip_s=0.2).until_s(1.0)
    script.speaks(seconds(4.0), text="One two three four").until_s(3.1).happens(ending)
    (line,) = script.entries(AgentLine)
    assert (line.heard_ms, line.end_ms, line.fate) == (1_900, 3_000, Fate.CUT)


def test_words_that_ran_ahead_of_their_audio_when_the_line_ended_were_not_heard() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.5), text="Your appointment is on Tuesday").wait(0.5).echoes("0:1:4000")
    script.happens(StreamStopped())
    (line,) = script.entries(AgentLine)
    assert (line.heard, line.fate) == ("Your", Fate.CUT)


def test_words_that_ran_ahead_of_their_audio_when_the_engine_died_were_not_heard() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.5), text="Your appointment is on Tuesday")
    script.happens(EngineFailed("gone", fatal=False)).wait(1.0).echoes("0:1:4000", "0:2:4000")
    broken, apology = script.entries(AgentLine)
    assert (broken.heard, broken.fate) == ("Your", Fate.CUT)
    assert (apology.source, apology.fate) == ("own", Fate.HEARD)


# ---- engines that halt ------------------------------------------------------------------------


def test_an_engine_that_halts_in_mid_reply_is_asked_again_and_then_given_up() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.5), text="Your appointment is").wait(0.5).echoes("0:1:4000")
    script.wait(3.9)
    assert REPROMPT not in script.said
    script.wait(0.2)
    assert script.said.count(REPROMPT) == 1
    script.wait(3.5)
    assert b"".join(c.ulaw for c in script.last if isinstance(c, PlayAudio)) == APOLOGY


def test_a_reply_that_goes_on_in_time_was_not_halted() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.5)).wait(5.0).more(seconds(0.5)).wait(5.0).more(seconds(0.5))
    script.wait(0.6).echoes(script.marks()[-1]).finishes().wait(9.0)
    assert REPROMPT not in script.said
    assert "owed_silence" not in script.notes()


def test_a_reply_waiting_for_its_tool_has_not_halted() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(0.5)).happens(ToolCalled("r1", "a", "t", "{}")).wait(30.0)
    assert REPROMPT not in script.said


def test_an_engine_given_up_does_not_speak_into_the_apology() -> None:
    script = greeted(live()).happens(SPEAKS, STOPS).wait(7.6)
    assert b"".join(c.ulaw for c in script.last if isinstance(c, PlayAudio)) == APOLOGY
    script.speaks(seconds(1.0), "item_2", "Here I am.", "r2")
    assert not [c for c in script.last if isinstance(c, PlayAudio)]
    script.wait(0.5).when(MarkEchoed("0:2:4000"), HangUp())


def test_an_engine_given_up_that_then_fails_is_apologised_for_once() -> None:
    script = greeted(live()).happens(SPEAKS, STOPS).wait(7.6)
    script.when(EngineFailed("connection_lost", fatal=False))
    assert not [c for c in script.last if isinstance(c, PlayAudio)]


def test_the_apology_does_not_wait_for_a_tool_nobody_can_tell_of() -> None:
    script = greeted(live()).happens(SPEAKS, STOPS).happens(ToolCalled("r1", "a", "t", "{}"))
    script.happens(EngineFailed("gone", fatal=True)).wait(0.5)
    script.when(MarkEchoed("0:2:4000"), HangUp())


def test_words_of_a_reply_spoken_over_before_its_audio_are_deleted() -> None:
    script = live().until_s(1.0)
    script.speaks(ONE_SECOND).wait(0.3).happens(SPEAKS)
    script.when(TextDelta("r1", "item_2", "And another thing"), DeleteItem("item_2"))


# ---- goodbyes ---------------------------------------------------------------------------------


def test_a_call_the_caller_talks_on_in_is_not_ended_under_them() -> None:
    """They spoke up while the model was still deciding to hang up."""
    script = live().until_s(1.0)
    script.speaks(seconds(2.0), text="Goodbye!").happens(END).wait(0.5).happens(SPEAKS)
    script.when(ENDED, ToolOutput("call_9", "{}", respond=True))
    assert script.call.phase is Phase.LIVE
    script.finishes().happens(STOPS).wait(1.0)
    assert HangUp() not in script.said


def test_a_goodbye_not_yet_begun_is_still_said_to_a_caller_who_speaks() -> None:
    script = greeted(live()).happens(HangUpAsked("drained"))
    script.wait(0.2).when(SPEAKS).wait(0.2).when(STOPS)
    script.speaks(seconds(1.0), "item_2", reply="r2").finishes("item_2", "r2").wait(1.0)
    script.when(MarkEchoed("0:2:8000"), HangUp())


def test_a_caller_who_says_goodbye_too_is_not_waited_for() -> None:
    script = greeted(live()).happens(HangUpAsked("drained"))
    script.speaks(seconds(1.0), "item_2", reply="r2").wait(0.2).happens(SPEAKS, STOPS)
    script.finishes("item_2", "r2").wait(0.8).when(MarkEchoed("0:2:8000"), HangUp())


def test_a_caller_who_answers_the_goodbye_of_a_drained_call_does_not_keep_it() -> None:
    script = live().until_s(1.0)
    script.speaks(seconds(2.0)).happens(END, ENDED).finishes().wait(0.5)
    script.when(HangUpAsked("drained"))
    script.when(SPEAKS)
    assert script.call.phase is Phase.CLOSING
    script.wait(1.5).when(MarkEchoed("0:1:16000"), HangUp())


def test_a_goodbye_asked_for_outlasts_a_reply_that_was_under_way() -> None:
    """The answer to the caller began before; its end is not the goodbye's."""
    script = greeted(live()).happens(SPEAKS, STOPS, ResponseStarted("r1"), HangUpAsked("drained"))
    script.happens(ResponseDone("r1", ResponseStatus.FAILED)).wait(1.0)
    assert HangUp() not in script.said
    script.speaks(seconds(1.0), "item_2", reply="r2").finishes("item_2", "r2").wait(1.0)
    script.when(MarkEchoed("0:2:8000"), HangUp())


def test_a_goodbye_asked_for_in_mid_reply_is_not_that_reply() -> None:
    """The reply's audio goes on coming, is over and heard before the goodbye begins."""
    script = live().until_s(1.0)
    script.speaks(seconds(0.3)).happens(HangUpAsked("drained")).more(seconds(0.3)).finishes()
    script.wait(0.6).when(MarkEchoed("0:1:4800")).wait(0.4)
    script.speaks(seconds(1.0), "item_2", reply="r2").finishes("item_2", "r2").wait(1.0)
    script.when(MarkEchoed("0:2:8000"), HangUp())


def test_a_goodbye_begun_late_is_still_heard_to_its_end() -> None:
    """It begins 7 s after it was asked for, lasts 5, and takes 2 to come: past its 8 s."""
    script = greeted(live()).happens(HangUpAsked("drained")).wait(7.0)
    script.speaks(seconds(5.0), "item_2", reply="r2").wait(2.0).finishes("item_2", "r2").wait(2.9)
    assert HangUp() not in script.said
    script.wait(0.1).when(MarkEchoed("0:2:40000"), HangUp())


# ---- times ------------------------------------------------------------------------------------


def test_a_gap_in_the_caller_s_audio_does_not_shift_when_they_spoke() -> None:
    """The engine was given 200 ms less than the call has lasted."""
    script = live().until_s(2.0)
    script.happens(CallerAudio(b"\xff" * 8_000, 0), CallerAudio(b"\xff" * 1_600, 1_200))
    script.happens(CallerSpeechStarted("u1", 1_050), CallerSpeechStopped("u1", 1_150))
    script.happens(CallerTranscript("u1", "Yes"))
    assert script.entries(CallerLine) == [CallerLine("u1", "Yes", 1_250, 1_350)]


def test_an_answer_interrupted_before_it_was_heard_has_no_turn_latency() -> None:
    script = greeted(live()).happens(SPEAKS, STOPS).speaks(seconds(1.0), "item_2", reply="r2")
    script.happens(CallerSpeechStarted("u2", 0)).echoes("0:2:800")
    assert script.entries(TurnLine) == []
