"""What do people want of a call that is on? The caller: a person. The staff: what is in `Act`.

Whatever the staff does, or would do and cannot, is a line of the transcript.
"""

from collections.abc import Callable, Iterable

from agents.engine import EngineReady, Inform
from telephony.call.commands import CallCommand, Record
from telephony.call.config import CallConfig
from telephony.call.ending import Ending, Phase
from telephony.call.events import Act, CallEvent, HumanWanted, OperatorActs
from telephony.call.playback import Playback
from telephony.transcripts.entry import AnyEntry, EndedReason, OperatorLine, SeatLine


class Operator:
    """Of one call. Methods return the commands that follow."""

    def __init__(
        self,
        config: CallConfig,
        playback: Playback,
        ending: Ending,
        hush: Callable[[float], list[CallCommand]],
    ) -> None:
        """`hush(now)` stops what the agent is saying."""
        self._config = config
        self._playback = playback
        self._ending = ending
        self._hush = hush
        self._whispered = [*filter(_whispered, _operators(config.before))]

    def human(self, now: float) -> list[CallCommand]:
        """The caller is to reach a person, without the model's help."""
        ending = self._ending
        return self._onward("", now) if ending.interruptible or ending.leaves else []

    def _onward(self, target: str, now: float) -> list[CallCommand]:
        if self._ending.interruptible:
            self._ending.interrupted()
        return [*self._hush(now), *self._ending.human(now, target)]

    def wanted(self, event: HumanWanted | OperatorActs, now: float) -> list[CallCommand]:
        if isinstance(event, HumanWanted):
            return self.human(now)
        done = self._possible(event)
        at_ms = self._playback.ledger.stream_ms(now)
        line = OperatorLine(event.act.value, event.by, event.words, at_ms, done)
        return [Record(line), *(self._done(event, line, now) if done else [])]

    def _possible(self, event: OperatorActs) -> bool:
        ending = self._ending
        match event.act:
            case Act.HANG_UP:
                return True
            case Act.TRANSFER:
                known = any(each.name == event.words for each in self._config.routes)
                return known and ending.free and ending.phase is not Phase.TRANSFERRING
            case Act.TAKE_OVER:
                return ending.leaves and ending.phase is not Phase.TRANSFERRING
            case Act.WHISPER:
                return bool(event.words.strip()) and not (ending.beyond and not ending.broken_off)

    def _done(self, event: OperatorActs, line: OperatorLine, now: float) -> list[CallCommand]:
        match event.act:
            case Act.HANG_UP:
                return self._goodbye(now)
            case Act.TRANSFER:
                return self._onward(event.words, now)
            case Act.TAKE_OVER:
                return self._onward("", now)
            case Act.WHISPER:
                self._whispered.append(line)
                # A session takes nothing before it is ready; it is told by `again` then.
                return [] if self._ending.phase is Phase.STARTING else [_told(line)]

    def _goodbye(self, now: float) -> list[CallCommand]:
        ending = self._ending
        if ending.under_way or ending.phase is Phase.STARTING:
            return ending.asked(EndedReason.OPERATOR, now)
        words = self._config.persona.staff_goodbye
        return ending.with_words(words, EndedReason.OPERATOR, now)

    def again(self, event: CallEvent, commands: list[CallCommand]) -> list[CallCommand]:
        """A session that is ready, or was seated, just now knows nothing of what was whispered."""
        seated = any(isinstance(each, Record) and _is_seat(each.entry) for each in commands)
        if not (isinstance(event, EngineReady) or seated) or self._ending.phase is Phase.STARTING:
            return []
        told = map(_told, self._whispered)
        return [each for each in told if each not in commands]


def _is_seat(entry: AnyEntry) -> bool:
    return isinstance(entry, SeatLine)


def _operators(entries: Iterable[AnyEntry]) -> list[OperatorLine]:
    return [entry for entry in entries if isinstance(entry, OperatorLine)]


def _whispered(line: OperatorLine) -> bool:
    """What is told again; the words of calls that may not be recorded are not handed on."""
    return line.act == Act.WHISPER.value and line.done and bool(line.words)


def _told(line: OperatorLine) -> Inform:
    return Inform(
        "The staff listens in and tells you, unheard by the caller, what to heed from now on."
        f" Do not say that you were told. {line.words.strip()}"
    )
