"""A long answer that comes at once must not hold up the frames of all other calls.

What an engine tells goes on to the call in order, but no more than a second of audio in one turn of
the event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from msgspec import structs

from agents.engine import AnyEngineEvent, AudioDelta, AudioFormat, CallerSpeechStarted


class Pouring:
    """What one session tells, on its way to the call."""

    def __init__(self, of: AudioFormat, tell: Callable[[AnyEngineEvent], None]) -> None:
        """`of`: the engine's `Capabilities.output_format`; `tell` may end in another `take`."""
        self._most_bytes = of.rate * of.sample_bytes
        self._tell = tell
        self._waiting: deque[AnyEngineEvent] = deque()

    def take(self, event: AnyEngineEvent) -> None:
        """The next event. Whoever speaks up is heard before what is left of an answer."""
        if self._waiting and not isinstance(event, CallerSpeechStarted):
            self._waiting.append(event)
        elif isinstance(event, AudioDelta) and len(event.audio) > self._most_bytes:
            self._waiting.extend(self._pieces(event))
            self._pour()
        else:
            self._tell(event)

    def _pieces(self, event: AudioDelta) -> Iterator[AudioDelta]:
        for at in range(0, len(event.audio), self._most_bytes):
            yield structs.replace(event, audio=event.audio[at : at + self._most_bytes])

    def _pour(self) -> None:
        """One long piece, and all short ones before the next."""
        poured = False
        while self._waiting:
            event = self._waiting[0]
            if poured and isinstance(event, AudioDelta):
                asyncio.get_running_loop().call_soon(self._pour)
                return
            self._waiting.popleft()
            poured = poured or isinstance(event, AudioDelta)
            self._tell(event)
