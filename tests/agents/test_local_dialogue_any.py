"""Whatever a caller says, in whatever order: the promises that always hold."""

import json
from collections.abc import Sequence

from hypothesis import event, given, settings
from hypothesis import strategies as st

from agents.local.acts import Act, CallTool, Speak
from agents.local.answers import Move, move
from agents.local.expectation import plain
from agents.local.text import words
from tests.agents.talk import SALON, SALON_ANSWERS, Answers, pattern_takes, talk
from tests.agents.test_local_dialogue import (
    BOOKINGS,
    CANCEL,
    HOURS,
    MESSAGE,
    MORE,
    TAXI,
    TAXI_ANSWERS,
)
from tests.exploring import examples

PHRASE = "I'd like to book an appointment"
TOOLS = (*SALON, HOURS, BOOKINGS, CANCEL, MESSAGE, *TAXI)
ANSWERS: Answers = {
    **SALON_ANSWERS,
    **MORE,
    **TAXI_ANSWERS,
    "take_message": lambda _: {"message": "I'll pass it on."},
}
WRITES = {spec.name: spec for spec in TOOLS if spec.risk.writes}
PHRASES = [
    *(
        "yes",
        "no",
        "yes please",
        "no, Wednesday",
        "make it ten thirty",
        "the time",
        "the second one",
    ),
    *("I'd like a haircut", "a haircut on Tuesday at three thirty", "cancel my appointment"),
    *(
        "what times do you have",
        "what services do you have",
        "never mind",
        "goodbye",
        "repeat that",
    ),
    *("I need a taxi for nine people", "five", "minibus", "my name is Kim", "J O N E S", "Kim"),
    *("Tuesday", "Sunday", "tomorrow", "ten", "half past three", "555 1234 567", "", "colour"),
    *("can I talk to a person", "when are you open", "thanks", "hold on", "help", "asdf", "what"),
    *(
        "the number I'm calling from",
        "can I leave a message",
        "call me back",
        "not Tuesday",
        "that's all",
    ),
]
SAYINGS = (
    st.sampled_from(["yes", "yes please", "no", "Kim"])
    | st.sampled_from(PHRASES)
    | st.text(max_size=30)
)
BEGINNINGS = st.sampled_from(
    [
        [],
        ["a haircut on Tuesday at three thirty", "Kim"],
        ["a haircut on Tuesday at three thirty", "my name is Jane Doe"],
        ["cancel my appointment"],
        ["can I leave a message", "call me back"],
        ["I need a minibus taxi for two people", "the station", "yes", "555 1234 567", "ten pm"],
    ]
)
HEARD = st.floats(0, 1) | st.just(1.0)
REFUSALS = st.sampled_from(
    [
        {"status": "refused", "message": "Taken.", "field": "time", "choices": ["11:00"]},
        {"status": "refused", "message": "No."},
        {"status": "invalid", "message": "x", "field": "name"},
        {"status": "failed", "message": "Broken."},
        {"status": "unknown"},
        {"choices": [1, None, {"value": 3}], "message": 5},
        [],
    ]
)


class Watched:
    """A conversation of which every act is checked against what the caller could hear."""

    def __init__(self, outcomes: Sequence[object]) -> None:
        self.dialogue = talk(TOOLS, ANSWERS).dialogue
        self.outcomes = outcomes
        self.heard = ""
        self.calls = 0
        self.writes: list[str] = []

    def turn(self, said: str, share: float, constrained: bool) -> None:
        acts = self.dialogue.heard(said, constrained)
        assert acts, f"nothing answers {said!r}"
        spoken = self._carry_out(list(acts))
        words = spoken.split(" ")
        heard = " ".join(words[: round(share * len(words))])
        if heard != spoken:
            self.dialogue.cut(spoken, heard)
        self.heard = heard if spoken else self.heard
        _listens(self.dialogue.expectation().pattern)

    def _carry_out(self, waiting: list[Act]) -> str:
        spoken = ""
        for _ in range(20):
            if not waiting:
                return spoken
            match waiting.pop(0):
                case Speak(text):
                    assert text.strip()
                    spoken = text
                case CallTool(call_id, name, arguments):
                    output = json.dumps(self._answer(name, arguments))
                    waiting += self.dialogue.tool_answered(call_id, output)
        raise AssertionError("tools are called for ever")

    def _answer(self, name: str, arguments: str) -> object:
        if name in WRITES:
            _was_read_back(arguments, self.heard)
            self.writes.append(name)
        self.calls += 1
        outcome = self.outcomes[self.calls % len(self.outcomes)]
        return outcome or ANSWERS[name](json.loads(arguments))


@settings(max_examples=examples(200))
@given(
    BEGINNINGS,
    st.lists(st.tuples(SAYINGS, HEARD, st.booleans()), max_size=10),
    st.lists(st.none() | REFUSALS, min_size=1, max_size=6),
)
def test_no_write_without_a_read_back_that_was_heard(
    beginning: Sequence[str],
    turns: Sequence[tuple[str, float, bool]],
    outcomes: Sequence[object],
) -> None:
    watched = Watched([None] * 3 + list(outcomes))
    for said in beginning:
        watched.turn(said, 1.0, constrained=False)
    for turn in turns:
        before = len(watched.writes)
        watched.turn(*turn)
        if len(watched.writes) > before:
            assert move(words(turn[0])) is Move.YES, turn
    event(f"writes: {len(watched.writes)}")


def _was_read_back(arguments: str, heard: str) -> None:
    """Every value of the write was heard in the words of a read-back."""
    assert "Let me check." in heard
    for value in json.loads(arguments).values():
        if isinstance(value, str) and value.replace(" ", "").isalpha():
            assert value.lower() in heard.lower(), (value, heard)


def _listens(pattern: str | None) -> None:
    if pattern is not None:
        assert pattern_takes(pattern, "no") or pattern_takes(pattern, plain(PHRASE))


@given(st.text(max_size=40), st.text(max_size=40))
def test_answers_of_tools_and_cuts_of_any_text_break_nothing(output: str, heard: str) -> None:
    asked = talk(slow=("list_services",)).says("I'd like a haircut")
    asked.dialogue.cut(output, heard)
    answered: list[Act] = asked.dialogue.tool_answered(asked.waiting[0].tool_call_id, output)
    assert answered
