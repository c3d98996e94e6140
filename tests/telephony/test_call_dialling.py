"""Keys sent down the caller's line: heard to the end, cut short, or refused."""

import json

import pytest

from agents.engine import CallerSpeechStarted, ToolCalled, ToolOutput
from telephony.call.commands import PlayAudio, RunTool
from telephony.call.events import DtmfPressed, StreamStopped
from telephony.call.machine import Call
from telephony.media import tones
from telephony.transcripts.entry import AgentLine, Fate, ToolLine
from tests.telephony.script import Script, seconds


class Line(Script):
    """A live call whose engine may send keys."""

    def __init__(self) -> None:
        super().__init__()
        self.config = type(self.config)(
            "CA1", self.config.persona, self.config.capabilities, own_tools=("send_digits",)
        )
        self.call = Call(self.config)
        self.begins()
        self.speaks(seconds(0.1), "hello", "Hello.", "r0").finishes("hello", "r0")
        self.echoes(*self.marks()).wait(0.5)

    def sends(self, digits: object, tool_call_id: str = "t1") -> "Line":
        arguments = json.dumps({"digits": digits})
        self.happens(ToolCalled("r1", tool_call_id, "send_digits", arguments))
        return self

    def played(self) -> bytes:
        return b"".join(c.ulaw for c in self.last if isinstance(c, PlayAudio))

    def answers(self) -> list[dict[str, object]]:
        return [json.loads(c.output) for c in self.said if isinstance(c, ToolOutput)]


def test_keys_are_played_and_answered_once_they_were_heard() -> None:
    line = Line().sends("12w#")
    assert line.played() == tones.sound("12w#")
    assert line.answers() == []
    line.wait(len(tones.sound("12w#")) / 8_000).echoes(*line.marks())
    assert line.answers() == [{"status": "done", "message": "The keys were sent."}]
    (tool,) = line.entries(ToolLine)
    assert (tool.name, tool.state) == ("send_digits", "done")
    sent = line.entries(AgentLine)[-1]
    assert (sent.source, sent.text, sent.fate) == ("tones", "1 2 w #", Fate.HEARD)
    assert not [c for c in line.said if isinstance(c, RunTool)], "the dispatcher is not asked"


def test_keys_wait_behind_what_is_being_said() -> None:
    line = Line()
    line.speaks(seconds(1.0), "i1", "I'll open the door.", "r1")
    line.sends("5")
    assert line.played() == tones.sound("5")
    line.finishes("i1", "r1").wait(1.0).echoes(*line.marks()[:-1])
    assert line.answers() == []
    line.wait(1.0).echoes(*line.marks())
    assert [each["status"] for each in line.answers()] == ["done"]


def test_keys_the_caller_spoke_over_were_not_sent() -> None:
    line = Line().sends("123456")
    line.wait(0.65)
    line.happens(CallerSpeechStarted("u1", 1_000))
    (answer,) = line.answers()
    assert answer["status"] == "refused"
    assert answer["heard"] == "123"
    line.sends("456", "t2").wait(2.0).echoes(*line.marks())
    assert [each["status"] for each in line.answers()] == ["refused", "done"]


def test_echoes_that_never_come_leave_nobody_waiting() -> None:
    line = Line().sends("1")
    line.wait(5.0)
    assert [each["status"] for each in line.answers()] == ["done"]


def test_a_second_sequence_waits_for_the_first() -> None:
    line = Line().sends("1").sends("2", "t2")
    assert [each["status"] for each in line.answers()] == ["invalid"]
    assert line.played() == b""
    line.wait(1.0).echoes(*line.marks())
    line.sends("2", "t3")
    assert line.played() == tones.sound("2")


@pytest.mark.parametrize("digits", ["", "w", "1x", "1 2", "a", "1" * 33, 5, None])
def test_what_is_no_key_is_refused_with_the_cure(digits: object) -> None:
    line = Line().sends(digits)
    (answer,) = line.answers()
    assert answer["status"] == "invalid"
    assert line.played() == b""


def test_keys_are_not_sent_again_by_the_star_key() -> None:
    line = Line().sends("1").wait(1.0)
    line.echoes(*line.marks())
    line.happens(DtmfPressed("*"))
    assert line.played() == b""


def test_a_call_that_ends_meanwhile_leaves_the_tool_unfinished() -> None:
    line = Line().sends("123")
    line.happens(StreamStopped())
    (tool,) = line.entries(ToolLine)
    assert tool.state == "unfinished"
