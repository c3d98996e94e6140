"""Keys as the caller presses them: again, a person, digits for a tool, digits nobody may see."""

import json
from typing import Any, Self

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import (
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    EngineFailed,
    EngineReady,
    ResponseStarted,
    Say,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    EndCall,
    PlayAudio,
    RunTool,
    SealDigits,
    Transfer,
)
from telephony.call.config import BargeIn, Limits, Route, TurnTaking
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    DigitsSealed,
    DtmfPressed,
    HangUpAsked,
    MarkEchoed,
    StreamStarted,
    StreamStopped,
)
from telephony.call.machine import Call
from telephony.transcripts.entry import (
    AgentLine,
    DtmfLine,
    EndedReason,
    Fate,
    ToolLine,
    TruncationLine,
)
from tests.telephony.script import CAPABILITIES, Script, live
from tools.spec import Evidence

ONE, TWO = "We close at six.", "On Sunday we are closed all day."
BOTH = f"{ONE} {TWO}"


class Desk(Script):
    """A live call of a deployment whose digits the call collects itself."""

    def __init__(self, script: Script) -> None:
        self.__dict__.update(script.__dict__)
        self.config = msgspec.structs.replace(script.config, own_tools=("collect_digits",))
        self.call = Call(self.config)
        self.said, self.last = [], []

    def asks(self, tool_call_id: str = "t1", **arguments: Any) -> Self:
        wanted = json.dumps({"purpose": "customer number", **arguments})
        return self.happens(ToolCalled("r1", tool_call_id, "collect_digits", wanted))

    def types(self, keys: str, every_s: float = 0.2) -> Self:
        """Keys as they reach the call: hidden where it says so."""
        for key in keys:
            self.wait(every_s)
            event = DtmfPressed(key)
            self.happens(DtmfPressed("x") if self.call.hides(event, self.now) else event)
        return self

    def answers(self) -> list[dict[str, Any]]:
        outputs = [c for c in self.said if isinstance(c, ToolOutput)]
        return [{"id": c.tool_call_id, **json.loads(c.output)} for c in outputs]

    def typed(self) -> list[tuple[str, str, int]]:
        return [(said["status"], said["digits"], said["count"]) for said in self.answers()]

    def hides(self, event: CallEvent, after_s: float = 0.0) -> bool:
        return self.call.hides(event, self.now + after_s)


def desk(limits: Limits = Limits()) -> Desk:  # noqa: B008, frozen
    story = Desk(Script(limits=limits))
    return story.happens(StreamStarted("MZ1"), MarkEchoed("0:0:0"), EngineReady("s1"))


def of(commands: list[CallCommand], kind: type) -> list[Any]:
    return [command for command in commands if isinstance(command, kind)]


def played(commands: list[CallCommand]) -> int:
    return sum(len(command.ulaw) for command in of(commands, PlayAudio))


def spoken(text: str = ONE, duration_s: float = 2.0) -> Script:
    """A reply the caller has heard to its end at 3 s."""
    script = live().until_s(1.0).speaks(tones(duration_s), text=text).finishes()
    script.until_s(1.0 + duration_s)
    return script.echoes(*script.marks())


def tones(duration_s: float, code: bytes = b"\x10") -> bytes:
    return code * round(8_000 * duration_s)


# ---- again ------------------------------------------------------------------------------------


def test_a_star_says_the_last_sentence_again_and_asks_no_model() -> None:
    script = spoken()
    script.happens(DtmfPressed("*"))
    assert played(script.last) == 16_000
    assert not of(script.last, Say)
    script.wait(2.0).echoes(*script.marks())
    line = script.entries(AgentLine)[-1]
    assert (line.source, line.text, line.heard, line.fate) == ("repeat", ONE, ONE, Fate.HEARD)
    assert script.entries(DtmfLine) == [DtmfLine("*", 3_000)]


def test_only_the_last_of_several_sentences_is_said_again() -> None:
    script = live().until_s(1.0)
    script.speaks(tones(2.0) + b"\xff" * 800, text=f"{ONE} ")
    script.more(tones(3.0, b"\x20"), text=TWO).finishes()
    script.until_s(6.2).echoes(*script.marks()).happens(DtmfPressed("*"))
    audio = b"".join(command.ulaw for command in of(script.last, PlayAudio))
    assert audio.count(b"\x20") == 24_000, "all of the second sentence"
    assert b"\x10" not in audio, "nothing of the first: it begins in the pause between them"
    script.wait(4.0).echoes(*script.marks())
    assert script.entries(AgentLine)[-1].text == TWO


def test_a_sentence_can_be_asked_for_again_and_again() -> None:
    script = spoken(BOTH, 4.0)
    lengths = []
    for _ in range(3):
        script.happens(DtmfPressed("*"))
        lengths.append(played(script.last))
        script.wait(5.0).echoes(*script.marks())
    assert lengths[0] == lengths[1] == lengths[2] > 8_000
    assert [line.text for line in script.entries(AgentLine)] == [BOTH, TWO, TWO, TWO]


def test_a_star_in_the_middle_of_a_repeat_begins_it_anew() -> None:
    script = spoken()
    script.happens(DtmfPressed("*")).wait(1.0)
    script.echoes(*script.marks()[-20:-10]).happens(DtmfPressed("*"))
    assert of(script.last, ClearPlayback)
    assert played(script.last) == 16_000
    assert not script.entries(TruncationLine), "the model never said it"


def test_before_anything_was_heard_a_star_means_nothing() -> None:
    script = live().until_s(1.0).speaks(tones(2.0), text=ONE)
    script.when(DtmfPressed("*"))
    assert not played(script.last)


def test_a_star_while_the_agent_speaks_stops_it_and_repeats_what_was_heard() -> None:
    script = live().until_s(1.0).speaks(tones(4.0), text=BOTH).until_s(3.0)
    script.echoes(*script.marks()[1:24])
    script.happens(DtmfPressed("*"))
    (cut,) = of(script.last, TruncateItem)
    assert cut.audio_end_ms == 2_000
    assert of(script.last, CancelResponse) == [CancelResponse("r1")], "no engine hears a key"
    assert script.last.index(of(script.last, ClearPlayback)[0]) < script.last.index(
        of(script.last, PlayAudio)[0]
    )
    assert played(script.last) == 16_000, "a sentence of which too little was heard takes two"
    assert not of(script.last, Say)


def test_a_star_does_not_cut_off_an_answer_that_has_not_begun() -> None:
    script = spoken()
    script.happens(CallerSpeechStarted("u1", 3_000)).wait(1.0)
    script.happens(CallerSpeechStopped("u1", 4_000), ResponseStarted("r2"), DtmfPressed("*"))
    assert not of(script.last, CancelResponse)
    script.more(tones(1.0), "item_2", "Yes.", "r2")
    assert played(script.last) == 8_000


def test_a_star_calls_an_idle_goodbye_off_and_no_other() -> None:
    idle = spoken()
    for number in (2, 3):
        item, reply = f"item_{number}", f"r{number}"
        idle.wait(10.0).speaks(tones(0.1), item, "Hello?", reply).finishes(item, reply)
        idle.wait(0.1).echoes(*idle.marks())
    idle.wait(10.0)
    assert idle.call.phase.value == "closing"
    idle.happens(DtmfPressed("*"))
    assert played(idle.last)
    assert idle.call.phase.value == "live"
    drained = spoken()
    drained.happens(HangUpAsked(EndedReason.DRAINED.value)).when(DtmfPressed("*"))
    assert not played(drained.last)


def test_a_star_while_we_hold_our_breath_repeats_and_resumes_nothing() -> None:
    story = Desk(Script(msgspec.structs.replace(CAPABILITIES, answers_on_request=True)))
    rules = TurnTaking(barge_in=BargeIn.CONFIRMED)
    story.call = Call(msgspec.structs.replace(story.config, turn_taking=rules))
    story.happens(StreamStarted("MZ1"), MarkEchoed("0:0:0"), EngineReady("s1")).until_s(1.0)
    story.speaks(tones(4.0), text=BOTH).finishes().until_s(3.0).echoes(*story.marks()[1:24])
    story.happens(CallerSpeechStarted("u1", 3_000))
    assert of(story.last, ClearPlayback)
    assert not of(story.last, TruncateItem), "it may have been a cough"
    story.happens(DtmfPressed("*"))
    assert [cut.audio_end_ms for cut in of(story.last, TruncateItem)] == [2_000]
    assert played(story.last) == 16_000
    story.happens(CallerSpeechStopped("u1", 3_100), CallerTranscript("u1", ""))
    assert played(story.last) == 0, "what was held is over"


def test_no_more_than_the_last_half_minute_is_kept() -> None:
    script = spoken("No end to this sentence", 40.0)
    script.happens(DtmfPressed("*"))
    assert played(script.last) == 30 * 8_000


# ---- a person ---------------------------------------------------------------------------------


def test_a_zero_asks_for_a_person_without_the_model_s_consent() -> None:
    script = live().until_s(1.0).speaks(tones(4.0), text=BOTH).until_s(2.0)
    script.echoes(*script.marks()[1:14]).happens(DtmfPressed("0"))
    assert of(script.last, ClearPlayback)
    assert of(script.last, CancelResponse) == [CancelResponse("r1")]
    assert of(script.last, Say) == [Say(script.config.persona.nobody_free)]


FRONT = Route("front desk", "One moment, I'll get somebody.", 20.0)
STAFFED: dict[str, Any] = {"routes": (FRONT,), "human": "front desk"}
"""A line with somebody to put callers through to."""


def staffed(**fields: Any) -> Desk:
    story = Desk(Script())
    story.config = msgspec.structs.replace(story.config, **{**STAFFED, **fields})
    story.call = Call(story.config)
    return story.happens(StreamStarted("MZ1"), MarkEchoed("0:0:0"))


def test_a_zero_puts_the_caller_through_in_our_own_words() -> None:
    story = staffed(human_ulaw=tones(1.0)).happens(EngineReady("s1")).until_s(1.0)
    story.speaks(tones(4.0), text=BOTH).until_s(2.0).echoes(*story.marks()[1:14])
    story.happens(DtmfPressed("0"))
    assert of(story.last, CancelResponse) == [CancelResponse("r1")]
    assert not of(story.last, Say)
    assert played(story.last) == 8_000, "the announcement, behind a cleared line"
    story.happens(DtmfPressed("0"))
    assert not of(story.last, ClearPlayback), "pressed again it does not cut itself off"
    story.wait(1.0).echoes(*story.marks())
    assert of(story.last, Transfer) == [Transfer("front desk")]


def test_a_zero_works_before_the_engine_is_ready() -> None:
    story = staffed().until_s(0.5).happens(DtmfPressed("0"))
    assert of(story.last, Transfer) == [Transfer("front desk", FRONT.say)]


def test_a_zero_works_when_the_engine_is_dead() -> None:
    story = staffed(apology_ulaw=tones(6.0), human="", message_s=0.0)
    story.happens(EngineReady("s1"), EngineFailed("stalled", fatal=False))
    assert played(story.last) == 48_000, "the apology: there is nobody to go to"
    story.when(DtmfPressed("0"))
    tried = staffed(apology_ulaw=tones(6.0)).happens(EngineReady("s1"))
    tried.happens(HangUpAsked(EndedReason.DRAINED.value), EngineFailed("stalled", fatal=False))
    assert played(tried.last) == 48_000
    tried.wait(1.0).happens(DtmfPressed("0"))
    assert of(tried.last, ClearPlayback)
    assert of(tried.last, Transfer) == [Transfer("front desk", FRONT.say)]


def test_a_zero_typed_in_confidence_puts_nobody_through() -> None:
    story = staffed().happens(EngineReady("s1"))
    story.call = Call(msgspec.structs.replace(story.config, own_tools=("collect_digits",)))
    story.happens(StreamStarted("MZ1"), EngineReady("s1"))
    story.asks(length=4, sensitive=True).types("0000")
    assert not of(story.said, Transfer)
    story.happens(DigitsSealed("t1", "digits:1")).types("0", every_s=6.0)
    assert of(story.last, Transfer)


@pytest.mark.parametrize("key", "123456789#ABCDx")
def test_other_keys_are_only_written_down(key: str) -> None:
    script = spoken()
    script.when(DtmfPressed(key))
    assert script.entries(DtmfLine) == [DtmfLine(key, 3_000)]


def test_a_zero_that_is_typed_for_a_tool_is_a_digit() -> None:
    story = desk().asks(length=3).types("0*007")
    assert of(story.said, Say) == [Say("Hello.")]
    assert story.typed() == [("done", "007", 3)]


# ---- digits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "keys", "expected"),
    [
        pytest.param({"length": 4}, "1234", ("done", "1234", 4), id="by length"),
        pytest.param({}, "12345#", ("done", "12345", 5), id="by hash"),
        pytest.param({"length": 6}, "123#", ("done", "123", 3), id="hash before the length"),
        pytest.param({"length": 2, "terminator": "none"}, "1#2", ("done", "12", 2), id="no hash"),
        pytest.param({}, "#", ("done", "", 0), id="nothing"),
        pytest.param({"length": 2}, "AB1CD2", ("done", "12", 2), id="odd keys"),
        pytest.param({}, "99*12#", ("done", "12", 2), id="started over"),
        pytest.param({}, "1" * 40, ("done", "1" * 32, 32), id="32 at most"),
        pytest.param({"length": 1}, "5", ("done", "5", 1), id="one"),
    ],
)
def test_digits_are_collected(
    arguments: dict[str, Any], keys: str, expected: tuple[str, str, int]
) -> None:
    story = desk().asks(**arguments).types(keys)
    assert story.typed() == [expected]
    assert not of(story.said, RunTool), "no dispatcher is asked"
    (line,) = story.entries(ToolLine)
    assert (line.name, line.state) == ("collect_digits", "done")
    assert json.loads(line.output)["digits"] == expected[1]


def test_fault_t20_a_burst_of_keys_is_taken_once_and_in_order() -> None:
    story = desk().asks(length=16).types("4111111111111111", every_s=0.0)
    assert story.typed() == [("done", "4111111111111111", 16)]
    assert [line.digit for line in story.entries(DtmfLine)] == list("4111111111111111")
    story.types("99", every_s=0.0)
    assert len(story.answers()) == 1


def test_the_next_key_is_waited_for_so_long_and_no_longer() -> None:
    story = desk().asks(length=4, timeout_s=3).types("12", every_s=2.9)
    story.wait(2.9)
    assert story.answers() == []
    story.wait(0.2)
    assert story.typed() == [("timeout", "12", 2)]
    assert story.now == pytest.approx(8.9)


def test_the_wait_begins_when_the_agent_has_been_heard() -> None:
    story = desk().speaks(tones(6.0), text=ONE).asks(length=4, timeout_s=3)
    story.wait(5.9).echoes(*story.marks()[1:60]).wait(0.1)
    assert story.answers() == []
    story.echoes(*story.marks()).wait(2.9)
    assert story.answers() == []
    story.wait(0.2)
    assert story.typed() == [("timeout", "", 0)]


def test_a_key_stops_the_agent_like_speech_does() -> None:
    story = desk().until_s(1.0).speaks(tones(6.0), text=BOTH).asks(length=2).wait(1.0)
    story.echoes(*story.marks()[1:14]).happens(DtmfPressed("1"))
    assert of(story.last, ClearPlayback)
    assert [c.audio_end_ms for c in of(story.last, TruncateItem)] == [1_000]
    assert of(story.last, CancelResponse) == [CancelResponse("r1")]
    story.happens(DtmfPressed("2"))
    assert not of(story.last, ClearPlayback)
    assert story.typed() == [("done", "12", 2)]


def test_a_digit_does_not_cut_off_a_goodbye_that_nothing_calls_off() -> None:
    story = desk().asks(length=4).happens(HangUpAsked(EndedReason.DRAINED.value))
    story.speaks(tones(4.0), "bye", "Goodbye.", "r9").types("1")
    assert not of(story.last, ClearPlayback)


def test_nobody_asks_whether_the_caller_is_there_while_digits_are_typed() -> None:
    story = desk(Limits(silence_prompt_s=4.0, idle_hangup_s=12.0, answer_s=2.0))
    story.speaks(tones(0.1)).finishes().wait(0.1)
    story.echoes(*story.marks()).asks(length=3, timeout_s=9).types("12", every_s=8.0)
    assert of(story.said, Say) == [Say("Hello.")]
    assert not story.notes()
    story.types("3")
    assert story.typed() == [("done", "123", 3)]
    story.wait(2.1)
    assert story.notes() == ["owed_silence"], "from here on the agent owes an answer"


def test_what_the_caller_says_while_typing_neither_ends_nor_spoils_it() -> None:
    story = desk(Limits(answer_s=2.0)).asks(length=3).types("12", every_s=1.0)
    story.happens(CallerSpeechStarted("u1", 0), CallerSpeechStopped("u1", 500)).wait(5.0)
    assert not story.notes(), "no answer is owed to somebody who types"
    story.types("3")
    assert story.typed() == [("done", "123", 3)]


def test_one_collection_at_a_time() -> None:
    story = desk().asks("t1", length=2).asks("t2", length=4)
    assert [(said["id"], said["status"]) for said in story.answers()] == [("t2", "invalid")]
    story.types("12").asks("t3", length=1).types("3")
    assert [said.get("digits") for said in story.answers()] == [None, "12", "3"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"length": 0}, "length"),
        ({"length": 33}, "length"),
        ({"terminator": "*"}, "terminator"),
        ({"timeout_s": 1}, "timeout_s"),
        ({"timeout_s": 61}, "timeout_s"),
        ({"purpose": ""}, "purpose"),
        ({"terminator": "none"}, "length"),
        ({"secret": True}, "secret"),
    ],
)
def test_what_cannot_be_collected_is_mended_by_the_model(
    arguments: dict[str, Any], field: str
) -> None:
    story = desk().asks(**arguments)
    (answer,) = story.answers()
    assert (answer["status"], answer["field"]) == ("invalid", field)
    assert story.entries(ToolLine)[0].state == "invalid"
    story.types("1")
    assert len(story.answers()) == 1


def test_a_deployment_without_the_tool_leaves_it_to_the_dispatcher() -> None:
    called = ToolCalled("r1", "t1", "collect_digits", "{}")
    live().when(called, RunTool("t1", "collect_digits", "{}", Evidence(turn=1)))


def test_a_caller_who_hangs_up_while_typing_leaves_the_call_unfinished() -> None:
    story = desk().asks(length=4).types("12").happens(StreamStopped())
    assert [line.state for line in story.entries(ToolLine)] == ["unfinished"]
    assert [c.reason for c in of(story.last, EndCall)] == [EndedReason.CALLER_HUNG_UP]
    assert story.answers() == []


def test_when_the_engine_dies_nobody_waits_for_digits_any_more() -> None:
    story = desk().asks(length=4, timeout_s=2).types("1")
    story.happens(EngineFailed("stalled", fatal=False)).wait(3.0)
    assert story.answers() == []
    assert not of(story.said, SealDigits)


KEYS = st.text("0123456789*#ABCD", max_size=60)


@given(keys=KEYS, length=st.none() | st.integers(1, 32), hash_ends=st.booleans())
def test_digits_come_in_order_and_within_bounds(
    keys: str, length: int | None, hash_ends: bool
) -> None:
    arguments: dict[str, Any] = {"terminator": "#" if hash_ends or length is None else "none"}
    if length is not None:
        arguments["length"] = length
    story = desk().asks(**arguments).types(keys, every_s=0.01).wait(10.1)
    status, digits, count = story.typed()[0]
    expected, ended = "", False
    for key in keys:
        if key == arguments["terminator"]:
            ended = True
        elif key == "*":
            expected = ""
        elif key.isdigit():
            expected += key
            ended = len(expected) == (length or 32)
        if ended:
            break
    assert (status, digits, count) == ("done" if ended else "timeout", expected, len(expected))
    assert len(story.answers()) == 1


# ---- digits nobody may see --------------------------------------------------------------------

AUDIO = CallerAudio(b"\x10" * 160, 0)


def test_fault_t20_a_sensitive_entry_is_a_reference_for_everybody() -> None:
    story = desk().asks(length=16, sensitive=True).types("4111111111111111")
    assert of(story.last, SealDigits) == [SealDigits("t1", 16)]
    assert story.answers() == []
    story.happens(DigitsSealed("t1", "digits:00ff"))
    assert story.typed() == [("done", "digits:00ff", 16)]
    assert "4111" not in repr(story.said)
    assert {line.digit for line in story.entries(DtmfLine)} == {"x"}


def test_a_sensitive_entry_may_end_early_be_begun_again_or_run_out() -> None:
    story = desk().asks(sensitive=True).types("123*45#")
    assert of(story.last, SealDigits) == [SealDigits("t1", 2)]
    story.happens(DigitsSealed("t1", "digits:1")).asks("t2", sensitive=True).types("9").wait(10.1)
    assert of(story.last, SealDigits) == [SealDigits("t2", 1)]
    story.happens(DigitsSealed("t2", "digits:2")).asks("t3", sensitive=True).wait(10.1)
    assert story.typed() == [
        ("done", "digits:1", 2),
        ("timeout", "digits:2", 1),
        ("timeout", "", 0),
    ]


def test_a_seal_nobody_waits_for_is_noted() -> None:
    story = desk().asks(length=1, sensitive=True).happens(DigitsSealed("t1", "digits:1"))
    story.types("1").happens(DigitsSealed("t2", "digits:2"))
    assert story.notes() == ["digits_unasked"] * 2
    assert story.answers() == []
    story.asks("t4", length=1)
    assert [said["status"] for said in story.answers()] == ["invalid"], "the first is not over"


def test_keys_and_audio_are_hidden_from_the_first_key_to_a_while_after_the_last() -> None:
    story = desk()
    assert not story.hides(DtmfPressed("1"))
    assert not story.hides(AUDIO)
    story.asks(length=2, sensitive=True)
    assert story.hides(DtmfPressed("1"))
    assert story.hides(AUDIO)
    for key in "*#ABCD":
        assert not story.hides(DtmfPressed(key))
    assert not story.hides(MarkEchoed("0:1:2"))
    story.types("12").happens(DigitsSealed("t1", "digits:1"))
    assert story.hides(AUDIO, 0.9)
    assert not story.hides(AUDIO, 1.0)
    assert story.hides(DtmfPressed("1"), 4.9)
    assert not story.hides(DtmfPressed("1"), 5.0)
    story.types("3", every_s=4.0)
    assert story.hides(AUDIO, 0.9), "one digit too many has its tone hidden, too"
    assert story.hides(DtmfPressed("1"), 4.9)
    assert len(story.answers()) == 1


def test_digits_typed_after_the_time_was_over_stay_hidden() -> None:
    story = desk().asks(length=4, timeout_s=2, sensitive=True).types("12").wait(2.1)
    story.happens(DigitsSealed("t1", "digits:1")).types("34", every_s=3.0)
    assert [line.digit for line in story.entries(DtmfLine)] == ["x"] * 4


def asked_twice() -> Desk:
    """A card number was typed, and its expiry date is asked for in the open."""
    story = desk().asks(length=4, terminator="none", sensitive=True).types("1234")
    story.happens(DigitsSealed("t1", "digits:abc")).wait(0.5)
    story.happens(ResponseStarted("r1"), AudioDelta("r1", "i1", 0, tones(1.0)))
    return story.asks("t2", length=4, terminator="none", purpose="expiry date")


def test_digits_that_are_asked_for_openly_after_secret_ones_are_known() -> None:
    story = asked_twice().wait(1.0)
    story.echoes(*story.marks()).types("0129")
    assert story.typed()[1:] == [("done", "0129", 4)]


def test_digits_typed_before_the_open_question_was_heard_count_for_nothing() -> None:
    story = asked_twice().types("5678").wait(14.0)
    assert story.typed()[1:] == [("timeout", "", 0)]


def test_surplus_secret_digits_are_not_those_of_an_entry_that_was_not_announced() -> None:
    story = desk().asks(length=4, terminator="none", sensitive=True).types("1234")
    story.happens(DigitsSealed("t1", "digits:abc")).asks("t2", length=2, terminator="none")
    story.types("56").wait(14.0)
    assert story.typed()[1:] == [("timeout", "", 0)]


def test_a_plain_entry_hides_nothing() -> None:
    story = desk().asks(length=2).types("1")
    assert not story.hides(DtmfPressed("1"))
    assert not story.hides(AUDIO)
    story.types("2")
    assert not story.hides(DtmfPressed("1"))


def test_a_dead_engine_s_sensitive_entry_stays_hidden_a_while_and_then_zero_counts() -> None:
    story = desk().asks(length=16, sensitive=True).types("41").wait(6.0)
    story.happens(EngineFailed("stalled", fatal=False))
    assert story.hides(DtmfPressed("0"), 4.9)
    assert not story.hides(DtmfPressed("0"), 5.0)
    assert not story.hides(AUDIO, 1.0)


def test_a_key_typed_for_a_tool_does_not_cut_a_goodbye_that_must_be_heard() -> None:
    story = Desk(live()).until_s(1.0)
    story.happens(ToolCalled("r0", "c1", "collect_digits", '{"purpose":"x","length":4}'))
    story.happens(HangUpAsked(EndedReason.DRAINED.value)).speaks(tones(4.0), text="Goodbye.")
    story.wait(1.0).happens(DtmfPressed("1"))
    assert not of(story.said, ClearPlayback)
