"""Which digits a caller types for a tool, and when they are all there."""

from dataclasses import dataclass
from enum import Enum

import msgspec

from agents.engine import ToolCalled
from telephony.call.events import ToolFinished
from tools.arguments import parse
from tools.calls.digits import MAX_DIGITS, CollectDigits, digits_tool
from tools.registry import parameters_of
from tools.results import bad_arguments, invalid
from tools.spec import ToolState
from tools.validation import Problem, Schema

HIDDEN = "x"
"""A digit of which the call knows only that it was pressed."""
DIGITS = frozenset("0123456789")
_START_OVER = "*"

_PARAMETERS = parameters_of(digits_tool())
_SCHEMA = Schema(_PARAMETERS)


class Outcome(Enum):
    """How a collection ended; the value is what the model is told."""

    DONE = "done"
    TIMEOUT = "timeout"


_MESSAGES = {
    Outcome.DONE: "The caller has typed the digits.",
    Outcome.TIMEOUT: "The caller stopped typing before the end.",
}


@dataclass(slots=True)
class Collection:
    """Digits being typed for one tool call."""

    tool_call_id: str
    asked: CollectDigits
    digits: str = ""
    quiet_from_s: float | None = None
    """Since when the next key is waited for; None while the agent is heard."""

    def press(self, key: str, now: float) -> bool:
        """Take one key; True when it was the last. Keys that mean nothing here are dropped."""
        if self.quiet_from_s is not None:
            self.quiet_from_s = now
        if key == self.asked.terminator:
            return True
        if key == _START_OVER:
            self.digits = ""
        if not self._counts(key):
            return False
        self.digits += key
        return len(self.digits) >= self.most

    def _counts(self, key: str) -> bool:
        """A hidden digit in an open entry belongs to the secret one before it."""
        if key in DIGITS:
            return True
        return key == HIDDEN and self.asked.sensitive

    @property
    def most(self) -> int:
        """The digit after which there is no need to wait for more."""
        return MAX_DIGITS if self.asked.length is msgspec.UNSET else self.asked.length

    def deadline(self) -> float | None:
        return None if self.quiet_from_s is None else self.quiet_from_s + self.asked.timeout_s

    def answer(self, outcome: Outcome, digits: str) -> ToolFinished:
        """`digits`: those typed, or the reference that stands for them."""
        count = len(self.digits)
        said = {"status": outcome.value, "message": _MESSAGES[outcome], "count": count}
        return _finished(self.tool_call_id, ToolState.DONE, _json({**said, "digits": digits}))


def asked_for(called: ToolCalled) -> Collection | ToolFinished:
    """The collection a model asks for, or what it has to mend."""
    asked = parse(called.arguments, CollectDigits, _SCHEMA)
    if isinstance(asked, list):
        return _invalid(called, bad_arguments(asked, _PARAMETERS))
    assert isinstance(asked, CollectDigits)
    if asked.length is msgspec.UNSET and asked.terminator == "none":
        endless = Problem(("length",), "is missing", "Give a length, a terminator or both")
        return _invalid(called, bad_arguments([endless], _PARAMETERS))
    return Collection(called.tool_call_id, asked)


def busy(called: ToolCalled) -> ToolFinished:
    """The answer to a second collection while the first is under way."""
    return _invalid(called, invalid("Digits are being typed already. Wait for their answer."))


def _invalid(called: ToolCalled, output: str) -> ToolFinished:
    return _finished(called.tool_call_id, ToolState.INVALID, output)


def _finished(tool_call_id: str, state: ToolState, output: str) -> ToolFinished:
    return ToolFinished(tool_call_id, digits_tool().name, state.value, output)


def _json(data: dict[str, object]) -> str:
    return msgspec.json.encode(data).decode()
