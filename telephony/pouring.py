"""A long answer that comes at once must not hold up the frames of all other calls.

What an engine tells goes on to the call in order, but no more than a second of audio in one turn of
the event loop, in however many pieces it comes.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from msgspec import structs

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    AudioFormat,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
)

_CALLERS = CallerSpeechStarted | CallerSpeechStopped | CallerTranscript


class Pouring:
    """What one session tells, on its way to the call."""

    def __init__(self, of: AudioFormat, tell: Callable[[AnyEngineEvent], None]) -> None:
        """`of`: the engine's `Capabilities.output_format`; `tell` may end in another `take`."""
        self._most_bytes = of.rate * of.sample_bytes
        self._tell = tell
        self._waiting: deque[AnyEngineEvent] = deque()
        self._told_bytes = 0
        """Of audio, in this turn."""
        self._resting = False

    def take(self, event: AnyEngineEvent) -> None:
        """The next event. What the caller does is told before what is left of an answer."""
        if isinstance(event, _CALLERS) or not (self._waiting or isinstance(event, AudioDelta)):
            self._tell(event)
        else:
            self._waiting.extend(self._pieces(event))
            self._pour()

    def _pieces(self, event: AnyEngineEvent) -> Iterator[AnyEngineEvent]:
        if not isinstance(event, AudioDelta) or len(event.audio) <= self._most_bytes:
            yield event
            return
        for at in range(0, len(event.audio), self._most_bytes):
            yield structs.replace(event, audio=event.audio[at : at + self._most_bytes])

    def _pour(self) -> None:
        """Until there has been enough sound for this turn."""
        while self._waiting:
            event = self._waiting[0]
            if isinstance(event, AudioDelta):
                self._rest()
                if self._told_bytes and self._told_bytes + len(event.audio) > self._most_bytes:
                    return
                self._told_bytes += len(event.audio)
            self._waiting.popleft()
            self._tell(event)

    def _rest(self) -> None:
        """The next turn begins with nothing told."""
        if not self._resting:
            self._resting = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._told_bytes, self._resting = 0, False
        self._pour()
