"""What does a key mean: the last sentence again, a person, or a digit that a tool asked for?"""

from collections.abc import Callable

from agents.engine import CancelResponse, ToolCalled
from telephony.call.collection import (
    DIGITS,
    HIDDEN,
    Collection,
    Outcome,
    asked_for,
    busy,
)
from telephony.call.commands import CallCommand, Note, Record, SealDigits
from telephony.call.ending import Ending
from telephony.call.events import CallerAudio, CallEvent, DigitsSealed, DtmfPressed, ToolFinished
from telephony.call.limits import Patience
from telephony.call.playback import Playback
from telephony.call.turns import Floor
from telephony.transcripts.entry import DtmfLine

HIDE_KEYS_S = 5.0
"""So long after a hidden digit further ones are hidden too: a caller may type more than was
asked for, or go on after the time was over."""
HIDE_AUDIO_S = 1.0
"""So long the tone of a hidden digit may still be on the line."""

Finish = Callable[[ToolFinished, float], list[CallCommand]]
Human = Callable[[float], list[CallCommand]]


class Keypad:
    """The keys of one call. Methods return the commands that follow."""

    def __init__(
        self,
        playback: Playback,
        floor: Floor,
        patience: Patience,
        ending: Ending,
        finish: Finish,
        human: Human,
    ) -> None:
        """`finish` gives a tool's answer to the engine and the transcript, `human` goes the way
        to a person."""
        self._playback = playback
        self._floor = floor
        self._patience = patience
        self._ending = ending
        self._finish = finish
        self._human = human
        self._collection: Collection | None = None
        self._sealing: tuple[Collection, Outcome] | None = None
        self._hidden_s: float | None = None
        self._prompted = False
        """Words of ours have been heard since then."""

    # ---- keys ----------------------------------------------------------------------------------

    def pressed(
        self, key: str, now: float, answered: list[CallCommand] | None = None
    ) -> list[CallCommand]:
        """`answered`: what follows where the key answers a question of the call's own."""
        self._patience.caller_active()
        if key == HIDDEN:
            self._hide(now)
        meant = self._meant(key, now) if answered is None else answered
        return [Record(DtmfLine(key, self._playback.ledger.stream_ms(now))), *meant]

    def _meant(self, key: str, now: float) -> list[CallCommand]:
        if self._collection is not None:
            return self._typed(self._collection, key, now)
        match key:
            case "*":
                return self._again(now)
            case "0":
                return self._human(now)
            case _:
                return []

    def _typed(self, collection: Collection, key: str, now: float) -> list[CallCommand]:
        commands = self.hush(now) if self._ending.interruptible else []
        if collection.press(key, now):
            commands += self._over(collection, Outcome.DONE, now)
        return commands

    def _again(self, now: float) -> list[CallCommand]:
        if not self._playback.heard_anything or not self._ending.interruptible:
            return []
        self._ending.interrupted()
        return [*self.hush(now), *self._playback.repeat(now)]

    def hush(self, now: float) -> list[CallCommand]:
        """A key stops our audio like speech does; the engine does not hear it, so it is told."""
        if not self._playback.says_words:
            # The answer that the caller waits for is wanted as before.
            return self._playback.clear_filler(now)
        self._patience.nothing_owed()
        silenced = self._floor.silence_replies()
        return [*self._playback.interrupt(now), *map(CancelResponse, silenced)]

    # ---- digits for a tool ---------------------------------------------------------------------

    def collect(self, called: ToolCalled, now: float) -> list[CallCommand]:
        """The engine asks for digits."""
        asked = busy(called) if self._taken else asked_for(called)
        if isinstance(asked, ToolFinished):
            return self._finish(asked, now)
        self._collection = asked
        return []

    @property
    def _taken(self) -> bool:
        return self._collection is not None or self._sealing is not None

    def sealed(self, event: DigitsSealed, now: float) -> list[CallCommand]:
        if self._sealing is None or self._sealing[0].tool_call_id != event.tool_call_id:
            return [Note("digits_unasked")]
        (collection, outcome), self._sealing = self._sealing, None
        return self._finish(collection.answer(outcome, event.reference), now)

    def _over(self, collection: Collection, outcome: Outcome, now: float) -> list[CallCommand]:
        self._collection = None
        if collection.asked.sensitive:
            self._hide(now)
            if collection.digits:
                self._sealing = (collection, outcome)
                return [SealDigits(collection.tool_call_id, len(collection.digits))]
        return self._finish(collection.answer(outcome, collection.digits), now)

    # ---- time ----------------------------------------------------------------------------------

    def watch(self, now: float) -> None:
        """Wait for the next key from when the agent falls silent; give up if its engine is gone.

        Whatever the caller says meanwhile, no answer is owed to somebody who types.
        """
        self._prompted = self._prompted or self._playback.says_words
        if (collection := self._collection) is None:
            return
        self._patience.nothing_owed()
        if self._floor.deserted:
            self._collection = None
            if collection.asked.sensitive:
                self._hide(now)
        elif self._playback.outstanding:
            collection.quiet_from_s = None
        elif collection.quiet_from_s is None:
            collection.quiet_from_s = now

    def next_deadline(self) -> float | None:
        return self._collection.deadline() if self._collection else None

    def due(self, now: float) -> list[CallCommand]:
        deadline_s = self.next_deadline()
        if self._collection is None or deadline_s is None or now < deadline_s:
            return []
        return self._over(self._collection, Outcome.TIMEOUT, now)

    # ---- secrecy -------------------------------------------------------------------------------

    def hides(self, event: CallEvent, now: float) -> bool:
        """Whether nobody, this call included, may learn what the event holds."""
        match event:
            case DtmfPressed(digit):
                return digit in DIGITS and self._secret(HIDE_KEYS_S, now)
            case CallerAudio():
                return self.confidential(now)
            case _:
                return False

    def confidential(self, now: float) -> bool:
        """Nobody may hear what is on the line just now."""
        return self._secret(HIDE_AUDIO_S, now)

    def _hide(self, now: float) -> None:
        self._hidden_s, self._prompted = now, False

    def _secret(self, after_s: float, now: float) -> bool:
        collection = self._collection
        if collection is not None and collection.asked.sensitive:
            return True
        waiting = collection is not None and collection.quiet_from_s is not None
        if waiting and self._prompted:
            # They were asked for these since, and have heard it.
            return False
        return self._hidden_s is not None and now < self._hidden_s + after_s
