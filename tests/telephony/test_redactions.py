"""What a tool's rules keep out of a call's records, and where it is given back."""

import json

from agents.engine import CallerTranscript, ToolCalled, ToolOutput
from telephony.call.commands import RunTool
from telephony.call.events import ToolFinished
from telephony.redactions import Redactions

CALLED = ToolCalled("r1", "t1", "pay", '{"card": "4111222233334444", "amount": 5}')
CARD = "4111222233334444"
ANSWER = json.dumps({"message": f"Paid from {CARD}.", "card": CARD})
FINISHED = ToolFinished("t1", "pay", "done", ANSWER)
NAMES = ("card",)


def test_the_call_never_sees_what_is_named_and_the_tool_does() -> None:
    redactions = Redactions()
    hidden = redactions.hide(CALLED, NAMES)
    assert isinstance(hidden, ToolCalled)
    assert json.loads(hidden.arguments) == {"card": "[redacted]", "amount": 5}
    command = RunTool("t1", "pay", hidden.arguments)
    assert redactions.arguments(command) == CALLED.arguments
    assert redactions.arguments(command) == hidden.arguments, "it is let go of once it was used"


def test_the_model_gets_the_answer_and_the_record_does_not() -> None:
    redactions = Redactions()
    hidden = redactions.hide(FINISHED, NAMES)
    assert isinstance(hidden, ToolFinished)
    assert "4111222233334444" not in hidden.output
    told = redactions.output(ToolOutput("t1", hidden.output))
    assert told.output == FINISHED.output


def test_a_call_that_comes_twice_is_given_the_first_arguments() -> None:
    redactions = Redactions()
    redactions.hide(CALLED, NAMES)
    redactions.hide(ToolCalled("r1", "t1", "pay", '{"card": "9999"}'), NAMES)
    assert redactions.arguments(RunTool("t1", "pay", "{}")) == CALLED.arguments


def test_other_events_and_tools_pass_as_they_are() -> None:
    redactions = Redactions()
    assert redactions.hide(CALLED, ()) is CALLED
    words = CallerTranscript("c1", "4111")
    assert redactions.hide(words, NAMES) is words
    answer = ToolOutput("t1", "{}")
    assert redactions.output(answer) is answer
    assert redactions.arguments(RunTool("t1", "pay", "{}")) == "{}"


def test_nothing_is_kept_after_the_call() -> None:
    redactions = Redactions()
    redactions.hide(CALLED, NAMES)
    redactions.hide(FINISHED, NAMES)
    redactions.clear()
    assert redactions.arguments(RunTool("t1", "pay", "{}")) == "{}"
    assert redactions.output(ToolOutput("t1", "{}")).output == "{}"
