"""What is said while the caller waits: in its time, over nobody, and never for an answer."""

import msgspec
import pytest

from agents.engine import (
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CancelResponse,
    DeleteItem,
    EngineFailed,
    EngineReady,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    TextDelta,
    ToolCalled,
    ToolOutput,
)
from agents.persona import Persona
from telephony.call.commands import PlayAudio
from telephony.call.config import CallConfig, Limits, Route, Rung, ToolFiller
from telephony.call.events import (
    DtmfPressed,
    MarkEchoed,
    StreamStarted,
    SuccessorReady,
    ToolFinished,
)
from telephony.call.machine import Call
from telephony.transcripts.entry import AgentLine, Fate
from tests.telephony.script import APOLOGY, CAPABILITIES, Script, seconds
from tests.telephony.test_call_bargein import ON_REQUEST, Line, asked_of_engine, in_talk, played

FILLER, DIARY, TILL = b"\x17" * 1_600, b"\x21" * 800, b"\x33" * 800
OWN = (ToolFiller("look_up", "I look in the diary.", DIARY), ToolFiller("pay", "The till.", TILL))
LOOK, PAY = ToolCalled("r2", "c1", "look_up", "{}"), ToolCalled("r2", "c2", "pay", "{}")
PLAIN = ToolCalled("r2", "c3", "plain", "{}")
FOUND = ToolFinished("c1", "look_up", "done", "{}")


RUNGS = (Rung("realtime", ON_REQUEST, 2), Rung("local", ON_REQUEST, 1))


def asked(filler: bytes = FILLER) -> Script:
    """A call whose greeting has been heard, and whose caller has asked for something."""
    script = Script()
    persona = Persona(greeting="Hello.", filler="One moment.")
    limits = Limits(filler_after_s=2.5)
    script.config = CallConfig(
        "CA1", persona, CAPABILITIES, limits, APOLOGY, filler_ulaw=filler, tool_fillers=OWN
    )
    script.call = Call(script.config)
    script.happens(StreamStarted("MZ1"), MarkEchoed("0:0:0"), EngineReady("s1")).until_s(1.0)
    script.speaks(seconds(0.1)).finishes().wait(0.1).echoes("0:1:800")
    return script.happens(CallerSpeechStarted("u1", 0), CallerSpeechStopped("u1", 100))


def said(script: Script) -> bytes:
    """What was played after the greeting."""
    return b"".join(c.ulaw for c in script.said if isinstance(c, PlayAudio))[800:]


def own_lines(script: Script) -> list[AgentLine]:
    return [line for line in script.entries(AgentLine) if line.source == "filler"]


def test_a_tool_is_bridged_with_its_own_words() -> None:
    script = asked().wait(0.5).happens(LOOK).wait(1.9)
    assert said(script) == b""
    script.wait(0.1)
    assert said(script) == DIARY
    script.wait(0.2).echoes("0:2:800")
    (line,) = own_lines(script)
    assert (line.text, line.fate) == ("I look in the diary.", Fate.HEARD)


def test_a_tool_without_words_of_its_own_gets_the_persona_s() -> None:
    assert said(asked().wait(0.5).happens(PLAIN).wait(2.0)) == FILLER


def test_a_tool_s_words_do_not_need_any_of_the_persona_s() -> None:
    assert said(asked(filler=b"").wait(0.5).happens(LOOK).wait(2.0)) == DIARY
    assert said(asked(filler=b"").wait(0.5).happens(PLAIN).wait(2.0)) == b""


def test_of_several_tools_the_last_one_speaks() -> None:
    assert said(asked().wait(0.5).happens(LOOK, PAY, PLAIN).wait(2.0)) == TILL


def test_a_tool_that_has_ended_says_nothing() -> None:
    assert said(asked().wait(0.5).happens(LOOK).wait(1.0).happens(FOUND).wait(1.0)) == FILLER


def test_a_tool_is_bridged_after_the_persona_s_filler_was_said() -> None:
    script = asked().wait(2.5)
    assert said(script) == FILLER
    script.wait(0.3).echoes(*script.marks()).happens(LOOK).wait(2.1)
    assert said(script) == FILLER
    script.wait(0.2)
    assert said(script) == FILLER + DIARY


def test_a_tool_that_outlasts_what_the_agent_says_of_it_is_bridged_after_that() -> None:
    script = asked().wait(0.5).speaks(seconds(3.0), "item_2", "Let me look.", "r2")
    script.happens(LOOK).finishes("item_2", "r2").wait(3.0)
    script.echoes(*script.marks()[-40:]).wait(2.4)
    words = said(script)
    assert not words.endswith(DIARY)
    script.wait(0.2)
    assert said(script) == words + DIARY


def test_who_has_heard_three_is_told_more_seldom() -> None:
    script = asked().wait(0.5).happens(PLAIN)
    for _ in range(60):
        script.wait(0.5).echoes(*script.marks()[-20:])
    fillers = [line for line in own_lines(script) if line.text]
    assert 5 <= len(fillers) <= 7, "three in the first ten seconds, then every nine"


def test_an_agent_that_still_speaks_is_let_speak() -> None:
    script = asked().wait(2.4).speaks(seconds(3.0), "item_2", reply="r2")
    script.happens(PLAIN).wait(2.6)
    assert FILLER not in said(script)


def test_nothing_is_said_into_a_caller_who_speaks() -> None:
    script = asked().wait(0.5).happens(CallerSpeechStarted("u2", 600), LOOK).wait(6.0)
    assert own_lines(script) == []
    assert said(script) == b""
    script.happens(CallerSpeechStopped("u2", 6000)).wait(2.5)
    assert said(script) == DIARY


def test_before_the_engine_is_ready_nobody_waits_for_a_tool() -> None:
    script = Script()
    script.config = msgspec.structs.replace(asked().config)
    script.call = Call(script.config)
    script.happens(StreamStarted("MZ1"), MarkEchoed("0:0:0"), LOOK).wait(3.0)
    assert own_lines(script) == []


def test_what_has_to_be_told_first_is_heard_first() -> None:
    script = asked()
    persona = msgspec.structs.replace(script.config.persona, disclosure="I am a machine.")
    for config, heard in (
        (script.config, FILLER),
        (msgspec.structs.replace(script.config, persona=persona), b""),
    ):
        script.call, script.now, script.said = Call(config), 0.0, []
        script.happens(StreamStarted("MZ1"), MarkEchoed("0:0:0")).wait(2.3)
        assert b"".join(c.ulaw for c in script.said if isinstance(c, PlayAudio)) == heard


def test_a_cough_into_a_filler_leaves_the_answer_owed() -> None:
    story = in_talk().asks().is_quiet(1.4).coughs()
    assert asked_of_engine(story.passes(5.0)), "four seconds after the question"


def test_a_question_with_a_cough_behind_it_is_answered_by_the_next_session() -> None:
    story = in_talk(rungs=RUNGS).asks().is_quiet(1.4).coughs()
    story.happens(EngineFailed("connection_lost", fatal=False)).is_quiet(0.3)
    story.happens(SuccessorReady(1))
    assert asked_of_engine([*story.last, *story.passes(3.0)])


def test_a_cough_while_a_tool_runs_asks_for_nothing_before_its_answer() -> None:
    story = in_talk().asks()
    story.happens(ResponseStarted("r2"), PLAIN, ResponseDone("r2", ResponseStatus.COMPLETED))
    story.is_quiet(1.4).coughs()
    assert not asked_of_engine(story.passes(8.0))
    story.happens(ToolFinished("c3", "plain", "done", "{}"))
    assert asked_of_engine(story.passes(5.0))


def test_the_key_for_again_says_what_was_heard_before_a_filler() -> None:
    story = in_talk().asks().is_quiet(1.4).happens(ResponseStarted("r1"), DtmfPressed("*"))
    assert played(story.last) == seconds(0.2), "the greeting"
    story.happens(ResponseDone("r1", ResponseStatus.CANCELLED))
    assert asked_of_engine(story.passes(8.0)), "the question still wants its answer"


def test_a_filler_heard_to_its_end_is_not_said_again() -> None:
    story = in_talk().asks()
    story.passes(2.8)
    assert own_lines(story), "it was heard"
    assert played(story.happens(DtmfPressed("*")).last) == seconds(0.2)


def test_a_key_during_a_filler_leaves_the_reply_that_is_on_its_way() -> None:
    story = in_talk().asks().is_quiet(1.4)
    story.happens(ResponseStarted("r1"), TextDelta("r1", "i1", "At nine."), DtmfPressed("*"))
    told = [each for each in story.last if isinstance(each, CancelResponse | DeleteItem)]
    assert told == []
    story.happens(AudioDelta("r1", "i1", 0, seconds(1.0)))
    assert played(story.last) == seconds(1.0)


def test_a_key_into_a_filler_that_is_held_back_for_a_sound_calls_no_reply_off() -> None:
    story = in_talk().asks().is_quiet(1.4).happens(ResponseStarted("r1"))
    story.happens(CallerSpeechStarted("u2", round(story.now * 1000)), DtmfPressed("*"))
    assert CancelResponse("r1") not in story.last
    story.is_quiet(0.1).happens(CallerSpeechStopped("u2", round(story.now * 1000)))
    story.happens(ResponseDone("r1", ResponseStatus.CANCELLED))
    assert asked_of_engine(story.passes(8.0))


def ends(story: Line, how: str) -> ToolOutput:
    """The model calls a tool that ends the call, or sends it on, while a filler is heard."""
    story.is_quiet(1.5).happens(ResponseStarted("r1"), ToolCalled("r1", "c1", "end", "{}"))
    leaves, to = how == "end", "" if how == "end" else "shop"
    story.happens(ToolFinished("c1", "end", "done", "{}", ends_call=leaves, transfer_to=to))
    (answer,) = [each for each in story.last if isinstance(each, ToolOutput)]
    return answer


@pytest.mark.parametrize("how", ["end", "transfer"])
def test_a_filler_is_neither_the_goodbye_nor_the_announcement(how: str) -> None:
    story = in_talk(routes=(Route("shop", "I put you through.", 10.0),)).asks("Goodbye.")
    assert ends(story, how).respond


def test_words_that_are_arriving_are_the_goodbye() -> None:
    story = in_talk().asks("Goodbye.").is_quiet(1.4)
    story.happens(ResponseStarted("r1"), AudioDelta("r1", "i1", 0, b""))
    assert not ends(story, "end").respond
