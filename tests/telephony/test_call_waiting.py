"""What a caller hears while they wait, and what they must hear."""

import msgspec
import pytest

from agents.engine import (
    CallerSpeechStarted,
    CallerSpeechStopped,
    EngineFailed,
    EngineReady,
    Remember,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    ToolCalled,
)
from agents.persona import Persona
from telephony.call.commands import CallCommand, PlayAudio
from telephony.call.config import CallConfig, Limits, Rung
from telephony.call.events import MarkEchoed, StreamStarted, SuccessorReady, ToolFinished
from telephony.call.machine import Call
from telephony.transcripts.entry import AgentLine, Fate
from tests.telephony.script import APOLOGY, CAPABILITIES, Script, seconds
from tests.telephony.test_call_bargein import ON_REQUEST, Line, asked_of_engine, in_talk

FILLER = b"\x17" * 1_600
LAW = "You speak with an automated assistant. This call is recorded."


def waiting(disclosure: str = "", filler: bytes = FILLER) -> Script:
    """A call whose greeting has been heard."""
    script = Script()
    persona = Persona(greeting="Hello.", filler="One moment.", disclosure=disclosure)
    limits = Limits(filler_after_s=2.5)
    script.config = CallConfig("CA1", persona, CAPABILITIES, limits, APOLOGY, filler_ulaw=filler)
    script.call = Call(script.config)
    script.happens(StreamStarted("MZ1"), MarkEchoed("0:0:0"))
    return script


def greeted() -> Script:
    script = waiting().happens(EngineReady("s1")).until_s(1.0)
    return script.speaks(seconds(0.1)).finishes().wait(0.1).echoes("0:1:800")


def asks(script: Script) -> Script:
    return script.happens(CallerSpeechStarted("u1", 0), CallerSpeechStopped("u1", 100))


def played(script: Script) -> bytes:
    return b"".join(c.ulaw for c in script.last if isinstance(c, PlayAudio))


def test_an_answer_that_takes_long_is_bridged_once() -> None:
    script = asks(greeted()).wait(2.4)
    assert FILLER[:160] not in [c.ulaw for c in script.said if isinstance(c, PlayAudio)]
    script.wait(0.1)
    assert played(script) == FILLER
    script.wait(0.2).echoes("0:2:1600")
    (line,) = [each for each in script.entries(AgentLine) if each.source == "filler"]
    assert (line.text, line.fate) == ("One moment.", Fate.HEARD)
    script.wait(1.3)
    said = b"".join(c.ulaw for c in script.said if isinstance(c, PlayAudio))
    assert said.count(FILLER) == 1


def test_a_slow_tool_is_bridged_too() -> None:
    script = asks(greeted()).wait(0.5).happens(ToolCalled("r2", "c1", "look_up", "{}")).wait(2.0)
    assert played(script) == FILLER


def test_a_quick_answer_is_not() -> None:
    script = asks(greeted()).wait(2.0).speaks(seconds(3.0), "item_2", reply="r2").wait(2.0)
    assert FILLER[:160] not in [c.ulaw for c in script.said if isinstance(c, PlayAudio)]


def test_where_there_is_no_filler_there_is_silence() -> None:
    script = waiting(filler=b"").happens(EngineReady("s1")).until_s(1.0)
    script.speaks(seconds(0.1)).finishes().wait(0.1).echoes("0:1:800")
    asks(script).wait(3.0)
    assert sum(len(c.ulaw) for c in script.said if isinstance(c, PlayAudio)) == 800


def test_the_disclosure_comes_before_the_greeting() -> None:
    waiting(LAW).when(EngineReady("s1"), Say(LAW), Say("Hello."))


def test_a_disclosure_heard_in_full_is_not_repeated() -> None:
    script = waiting(LAW).happens(EngineReady("s1")).until_s(1.0)
    script.speaks(seconds(1.0), text=LAW).finishes()
    script.speaks(seconds(1.0), "item_2", reply="r2").finishes("item_2", "r2")
    script.wait(1.5).echoes("0:1:8000").happens(CallerSpeechStarted("u1", 0)).wait(5.0)
    assert script.said.count(Say(LAW)) == 1


def test_a_disclosure_that_was_cut_is_said_again_until_it_is_heard() -> None:
    script = waiting(LAW).happens(EngineReady("s1")).until_s(1.0)
    for number in (1, 2):
        item, reply = f"item_{number}", f"r{number}"
        script.speaks(seconds(2.0), item, LAW, reply).wait(0.5)
        asks(script).finishes(item, reply)
        assert script.said.count(Say(LAW)) == number + 1
    script.speaks(seconds(2.0), "item_3", LAW, "r3").finishes("item_3", "r3")
    script.wait(2.0).echoes(*script.marks()[-20:])
    assert script.said.count(Say(LAW)) == 3
    fates = [line.fate for line in script.entries(AgentLine)]
    assert fates == [Fate.CUT, Fate.CUT, Fate.HEARD]


@pytest.mark.parametrize("times", [4, 7])
def test_a_caller_who_never_listens_is_told_four_times(times: int) -> None:
    script = waiting(LAW).happens(EngineReady("s1")).until_s(1.0)
    for number in range(times):
        item, reply = f"item_{number}", f"r{number}"
        script.speaks(seconds(2.0), item, LAW, reply).wait(0.2)
        asks(script).finishes(item, reply)
    assert script.said.count(Say(LAW)) == 4


def test_a_greeting_that_is_cut_is_not_repeated() -> None:
    script = waiting(LAW).happens(EngineReady("s1")).until_s(1.0)
    script.speaks(seconds(1.0), text=LAW).finishes()
    script.speaks(seconds(2.0), "item_2", "Hello.", "r2").wait(1.5).echoes("0:1:8000")
    asks(script).finishes("item_2", "r2")
    assert script.said.count(Say(LAW)) == 1


def test_the_configuration_of_a_call_survives_its_journal() -> None:
    config = waiting(LAW).config
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(config), type=CallConfig) == config


def test_nothing_is_said_into_a_caller_who_speaks_while_a_tool_ends() -> None:
    script = asks(greeted()).wait(0.5).happens(ToolCalled("r2", "c1", "look_up", "{}"))
    script.happens(CallerSpeechStarted("u2", 0)).wait(0.5)
    script.happens(ToolFinished("c1", "look_up", "done", "{}"))
    begun = len(script.said)
    script.wait(9.0)
    assert not [c for c in script.said[begun:] if isinstance(c, PlayAudio | Say)]


def test_the_wait_is_counted_from_the_caller_s_last_words() -> None:
    script = asks(greeted()).wait(2.0)
    script.happens(CallerSpeechStarted("u2", 0)).wait(1.0).happens(CallerSpeechStopped("u2", 0))
    begun = len(script.said)
    script.wait(2.4)
    assert not [c for c in script.said[begun:] if isinstance(c, PlayAudio)]
    script.wait(0.2)
    assert [c for c in script.said[begun:] if isinstance(c, PlayAudio)]


def test_an_answer_that_comes_before_the_disclosure_is_not_taken_for_it() -> None:
    """A server with its own turn detection answers the caller first."""
    script = waiting(LAW).happens(EngineReady("s1")).until_s(1.0)
    asks(script).speaks(seconds(1.0), "item_1", "We open at nine.", "r1").finishes("item_1", "r1")
    script.speaks(seconds(2.0), "item_2", LAW, "r2").finishes("item_2", "r2")
    script.wait(1.0).echoes("0:1:8000").wait(0.5)
    asks(script)
    assert script.said.count(Say(LAW)) >= 2
    fates = {line.text: line.fate for line in script.entries(AgentLine)}
    assert fates == {"We open at nine.": Fate.HEARD, LAW: Fate.CUT}


def test_half_a_disclosure_is_none() -> None:
    script = waiting(LAW).happens(EngineReady("s1")).until_s(1.0)
    half = "You speak with an automated"
    script.speaks(seconds(1.0), text=half).finishes().wait(1.0).echoes("0:1:8000")
    assert script.said.count(Say(LAW)) == 2


def test_almost_the_same_words_are_the_disclosure() -> None:
    script = waiting(LAW).happens(EngineReady("s1")).until_s(1.0)
    close = "You speak with an automated assistant, and this call is recorded."
    script.speaks(seconds(1.0), text=close.replace("and ", "")).finishes()
    script.wait(1.0).echoes("0:1:8000").wait(3.0)
    assert script.said.count(Say(LAW)) == 1


# ---- a reply that ends before its end ----------------------------------------------------------


def half(story: Line, status: ResponseStatus, reason: str = "", length_s: float = 1.0) -> Line:
    """The caller's question is answered in part, and some of that is heard by now."""
    story.asks().is_quiet(0.5).speaks(seconds(length_s), "i1", "We are open from", "r1")
    return story.is_quiet(0.3).happens(ResponseDone("r1", status, reason))


def fillers(commands: list[CallCommand]) -> list[CallCommand]:
    sent = [each for each in commands if isinstance(each, PlayAudio)]
    return [each for each in sent if each.ulaw[:1] == b"\x31"]


def test_the_rest_of_a_reply_that_failed_is_asked_of_the_next_session() -> None:
    story = half(in_talk(rungs=(Rung("realtime", ON_REQUEST, 2),)), ResponseStatus.FAILED)
    story.happens(EngineFailed("server_error", fatal=False)).is_quiet(0.4)
    story.happens(SuccessorReady(1))
    told = [*story.last, *story.passes(3.0)]
    assert [each for each in told if isinstance(each, Remember) and each.answer]


def test_the_pause_before_a_failed_reply_is_tried_again_is_bridged() -> None:
    story = half(in_talk(), ResponseStatus.FAILED)
    meanwhile = story.passes(3.0)
    assert fillers(meanwhile)
    assert not asked_of_engine(meanwhile), "the engine asks again by itself"
    story.speaks(seconds(1.0), "i2", "nine to five.", "r2").finishes("i2", "r2")
    assert not asked_of_engine(story.passes(6.0))


@pytest.mark.parametrize("reason", ["content_filter", "stalled"])
def test_a_reply_that_was_stopped_half_way_is_waited_for(reason: str) -> None:
    story = half(in_talk(), ResponseStatus.INCOMPLETE, reason)
    assert asked_of_engine(story.passes(5.5))


def test_a_reply_the_model_cut_for_its_length_ends_in_a_question() -> None:
    story = half(in_talk(), ResponseStatus.INCOMPLETE, "max_output_tokens")
    assert Say("Shall I go on?") in story.last


def test_what_is_heard_of_a_broken_reply_is_heard_before_the_rest_is_waited_for() -> None:
    story = half(in_talk(), ResponseStatus.FAILED, length_s=6.0)
    assert not asked_of_engine(story.passes(9.0))
    assert Say(story.config.persona.reprompt) in story.passes(1.5)


def test_a_reply_that_failed_while_a_tool_runs_is_not_waited_for_before_its_answer() -> None:
    story = in_talk().asks().is_quiet(0.5).speaks(seconds(1.0), "i1", "I look.", "r1")
    story.happens(ToolCalled("r1", "c1", "look", "{}"), ResponseDone("r1", ResponseStatus.FAILED))
    assert not asked_of_engine(story.passes(8.0))


def test_a_reply_the_caller_spoke_over_is_not_waited_for() -> None:
    story = in_talk().asks().is_quiet(0.5).happens(ResponseStarted("r1"))
    story.happens(CallerSpeechStarted("u2", round(story.now * 1000))).sounds(0.6)
    story.happens(ResponseDone("r1", ResponseStatus.FAILED))
    assert not asked_of_engine(story.passes(6.0))
