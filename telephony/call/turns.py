"""Who has the floor: whether the caller speaks, which replies are wanted and which are dead."""

from collections.abc import Iterable
from dataclasses import dataclass

from telephony.transcripts.entry import CallerLine, TurnLine

_ROUNDING_MS = 2
"""Times are kept in samples and in seconds; the same moment may differ by so much."""


@dataclass(slots=True)
class _Turn:
    """From the end of the caller's speech until its answer is heard."""

    stopped_ms: int
    noticed_ms: int
    model_ms: int = -1
    audio_ms: int = -1


class Floor:
    """What is said by whom. Times are seconds, `*_ms` count from the start of the stream."""

    def __init__(self) -> None:
        self.caller_item: str | None = None
        """The item the caller is speaking, while they speak."""
        # A dict, as the order of a set differs from run to run and commands follow from it.
        self._live: dict[str, int] = {}
        self._dead: set[str] = set()
        self.deserted = False
        """The engine is gone, or was given up: whatever still comes of it is not wanted."""
        self._utterances: dict[str, tuple[int, int | None]] = {}
        self._written: set[str] = set()
        self._turn: _Turn | None = None

    # ---- the caller ---------------------------------------------------------------------------

    def caller_began(self, item_id: str, at_ms: int) -> None:
        self.caller_item = item_id
        self._utterances.setdefault(item_id, (at_ms, None))
        self._turn = None

    def caller_ended(self, item_id: str, at_ms: int, now_ms: int) -> None:
        self.caller_item = None
        if item_id not in self._written:
            began_ms, _ = self._utterances.get(item_id, (at_ms, None))
            self._utterances[item_id] = (began_ms, at_ms)
        self._turn = _Turn(at_ms, now_ms)

    def forget_turn(self) -> None:
        """What the caller said wants no answer, so nobody waits for one."""
        self._turn = None

    def caller_words(self, item_id: str, text: str, now_ms: int) -> CallerLine | None:
        """The line for an utterance; None for one already written."""
        if item_id in self._written:
            return None
        self._written.add(item_id)
        if self.caller_item == item_id:
            # Only what has been said is transcribed, so the end of it was never reported.
            self.caller_item = None
        began_ms, ended_ms = self._utterances.pop(item_id, (now_ms, now_ms))
        end_ms = now_ms if ended_ms is None else ended_ms
        return CallerLine(item_id, text, min(began_ms, end_ms), end_ms, transcribed=bool(text))

    def unwritten(self, now_ms: int) -> list[CallerLine]:
        """Lines for what was said but never transcribed, when the call ends."""
        lines = (self.caller_words(item_id, "", now_ms) for item_id in tuple(self._utterances))
        return [line for line in lines if line is not None]

    def engine_left(self) -> None:
        """Nothing more comes of the session: neither the rest of its replies, nor the end of what
        the caller is saying."""
        self._dead.update(self._live)
        self._live.clear()
        self.caller_item = None

    def heard_again(self, item_ids: Iterable[str]) -> None:
        """The next session hears these utterances from the start, and numbers them anew."""
        for item_id in item_ids:
            self._utterances.pop(item_id, None)

    # ---- the agent's replies ------------------------------------------------------------------

    @property
    def replying(self) -> bool:
        """The engine is producing a reply that can still be heard."""
        return bool(self._live) and not self.deserted

    @property
    def replies(self) -> frozenset[str]:
        """Those the engine is producing."""
        return frozenset(self._live)

    def reply_began(self, response_id: str) -> None:
        self._live[response_id] = 0

    def reply_goes_on(self, response_id: str, samples: int) -> int:
        """So much more audio of a reply in progress has come; how much it is in all."""
        if response_id not in self._live:
            return 0
        self._live[response_id] += samples
        return self._live[response_id]

    def reply_ended(self, response_id: str) -> None:
        self._live.pop(response_id, None)

    def wants(self, response_id: str) -> bool:
        """False for a reply the caller spoke over: what still comes of it must not be played."""
        return response_id not in self._dead and not self.deserted

    def silence(self, response_id: str) -> None:
        """Nothing of this reply is wanted."""
        self._dead.add(response_id)

    def silence_replies(self) -> list[str]:
        """The caller took the floor: nothing more of the replies in progress is wanted."""
        silenced = [response_id for response_id in self._live if response_id not in self._dead]
        self._dead.update(silenced)
        return silenced

    # ---- how long the caller waits ------------------------------------------------------------

    def answer_made(self, now_ms: int) -> None:
        """The engine has produced the first of its answer."""
        if self._turn is not None and self._turn.model_ms < 0:
            self._turn.model_ms = now_ms

    def answer_sent(self, now_ms: int) -> None:
        if self._turn is not None and self._turn.audio_ms < 0:
            self._turn.audio_ms = now_ms

    def answer_heard(self, at_ms: int) -> TurnLine | None:
        """The first of the answer is known to have been played: the turn's figures, once."""
        turn = self._turn
        if turn is None or turn.audio_ms < 0 or at_ms < turn.audio_ms - _ROUNDING_MS:
            # Nothing was sent yet, or this is the end of what was said before.
            return None
        self._turn = None
        return TurnLine(
            turn.stopped_ms, turn.noticed_ms, turn.audio_ms, at_ms, model_ms=turn.model_ms
        )
