"""Keys that a model sends down the caller's line: when are they all heard?"""

from collections.abc import Callable

from agents.engine import ToolCalled
from telephony.call.commands import CallCommand, Record
from telephony.call.events import ToolFinished
from telephony.call.heard import TONES
from telephony.call.playback import Playback
from telephony.media import tones
from telephony.transcripts.entry import AgentLine, Fate
from tools.arguments import parse
from tools.calls.keys import SEND_DIGITS, SendDigits, keys_tool
from tools.registry import parameters_of
from tools.results import answer, bad_arguments, invalid
from tools.spec import ToolState
from tools.validation import Schema

_PARAMETERS = parameters_of(keys_tool())
_SCHEMA = Schema(_PARAMETERS)
_SENT = "The keys were sent."
_CUT = "The keys were cut off before their end. They may be sent once more."

Finish = Callable[[ToolFinished, float], list[CallCommand]]


class Dialling:
    """The keys of one call, one sequence at a time. Methods return the commands that follow."""

    def __init__(self, playback: Playback, finish: Finish) -> None:
        """`finish` gives a tool's answer to the engine and the transcript."""
        self._playback = playback
        self._finish = finish
        self._sending: ToolCalled | None = None
        self._count = 0

    def send(self, called: ToolCalled, now: float) -> list[CallCommand]:
        """The engine asks for keys: they are played behind whatever is queued."""
        asked = parse(called.arguments, SendDigits, _SCHEMA)
        if isinstance(asked, list):
            wrong = bad_arguments(asked, _PARAMETERS)
            return self._finish(_finished(called, ToolState.INVALID, wrong), now)
        if self._sending is not None:
            busy = invalid("Keys are being sent already. Wait for their answer.")
            return self._finish(_finished(called, ToolState.INVALID, busy), now)
        assert isinstance(asked, SendDigits)
        self._sending = called
        self._count += 1
        words = " ".join(asked.digits)
        return self._playback.own(self._name, words, tones.sound(asked.digits), now, TONES)

    @property
    def _name(self) -> str:
        return f"{TONES}_{self._count}"

    def check(self, commands: list[CallCommand], now: float) -> list[CallCommand]:
        """What was just written down may be the fate of the keys."""
        if self._sending is None:
            return []
        written = (command.entry for command in commands if isinstance(command, Record))
        lines = (entry for entry in written if isinstance(entry, AgentLine))
        line = next((line for line in lines if line.item_id == self._name), None)
        return self._over(self._sending, line, now) if line is not None else []

    def _over(self, called: ToolCalled, line: AgentLine, now: float) -> list[CallCommand]:
        self._sending = None
        if line.fate is Fate.HEARD:
            done = answer(ToolState.DONE, {"message": _SENT})
            return self._finish(_finished(called, ToolState.DONE, done), now)
        cut = answer(ToolState.REFUSED, {"message": _CUT}, heard=line.heard.replace(" ", ""))
        return self._finish(_finished(called, ToolState.REFUSED, cut), now)


def _finished(called: ToolCalled, state: ToolState, output: str) -> ToolFinished:
    return ToolFinished(called.tool_call_id, SEND_DIGITS, state.value, output)
