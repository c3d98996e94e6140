"""When does the caller speak, and what do they say? The server sends fragments and no turns.

Fragments of the transcript come in order, a little behind the voice, each with its place on the
session's timeline; nothing says where a turn begins or ends (OpenAI API reference, Live,
session.input_transcript.delta).
"""

from collections.abc import Callable

import msgspec

from agents.engine import AnyEngineEvent, CallerSpeechStarted, CallerSpeechStopped, CallerTranscript

GAP_S = 0.8
"""No fragment for so long: the turn is over. They come every 200 ms while somebody speaks."""


class _Turn(msgspec.Struct):
    item_id: str
    start_ms: int
    end_ms: int
    """Where its last fragment ended."""
    latest_s: float
    """When that came."""
    text: str = ""
    stopped_ms: int | None = None
    """Taken to be over from there on, though words of it may still come."""


class CallerTurns:
    """The turns of one session. Positions are ms on the session's timeline."""

    def __init__(self, place: Callable[[int], int]) -> None:
        """`place` gives a position in the audio the call has appended, for the events."""
        self.prefix = ""
        """Of the ids, which must be unique within a call."""
        self._place = place
        self._count = 0
        self._turn: _Turn | None = None

    @property
    def open_since_ms(self) -> int | None:
        """The caller speaks, and began there."""
        turn = self._turn
        return turn.start_ms if turn is not None and turn.stopped_ms is None else None

    def next_deadline(self) -> float | None:
        return self._turn.latest_s + GAP_S if self._turn else None

    def fragment(self, text: str, start_ms: int, end_ms: int, now: float) -> list[AnyEngineEvent]:
        """More of what the caller said."""
        events: list[AnyEngineEvent] = []
        turn = self._turn
        if turn is not None and turn.stopped_ms is not None and start_ms > turn.stopped_ms:
            events += self._over(turn)
            turn = None
        if turn is None:
            if not text.strip():
                return events
            turn = self._begun(start_ms, end_ms, now)
            events.append(CallerSpeechStarted(turn.item_id, self._place(start_ms)))
        turn.text += text
        turn.end_ms = max(turn.end_ms, end_ms)
        turn.latest_s = now
        return events

    def _begun(self, start_ms: int, end_ms: int, now: float) -> _Turn:
        self._count += 1
        name = f"{self.prefix}_caller_{self._count}"
        turn = self._turn = _Turn(name, start_ms, end_ms, now)
        return turn

    def answered(self, at_ms: int) -> list[AnyEngineEvent]:
        """The agent acts on what was said: the turn is over, though its last words may still be
        on their way."""
        turn = self._turn
        if turn is None or turn.stopped_ms is not None:
            return []
        turn.stopped_ms = max(at_ms, turn.end_ms)
        return [CallerSpeechStopped(turn.item_id, self._place(turn.end_ms))]

    def wake(self, now: float) -> list[AnyEngineEvent]:
        """Time has passed."""
        turn = self._turn
        if turn is None or now < turn.latest_s + GAP_S:
            return []
        return self._over(turn)

    def _over(self, turn: _Turn) -> list[AnyEngineEvent]:
        self._turn = None
        stopped: list[AnyEngineEvent] = []
        if turn.stopped_ms is None:
            stopped = [CallerSpeechStopped(turn.item_id, self._place(turn.end_ms))]
        return [*stopped, CallerTranscript(turn.item_id, turn.text.strip())]
