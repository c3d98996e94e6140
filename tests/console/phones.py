"""Calls of another process, for tests of the console: they do what a story says."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from telephony.call.events import StreamStopped
from telephony.live.presence import Presence
from telephony.transcripts.entry import EndedReason
from tests.telephony.live_calls import OnCall


class Phones:
    """A call process of its own thread, with calls that do what a story says."""

    def __init__(self, data_dir: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.presence = Presence(data_dir, lambda _code: None)
        self.calls: dict[str, OnCall] = {}
        self._wait(self.presence.open())

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def does(self, act: Callable[[], Any]) -> Any:
        """On the loop of the calls, as they would."""

        async def acted() -> Any:
            return act()

        return self._wait(acted())

    def call(self, call_id: str) -> OnCall:
        def begun() -> OnCall:
            call = OnCall(self.presence.hub, call_id)
            call.begins()
            return call

        self.calls[call_id] = self.does(begun)
        return self.calls[call_id]

    def happens(self, call_id: str, *events: Any) -> None:
        self.does(lambda: self.calls[call_id].happens(*events))

    def ends(self, call_id: str) -> None:
        self.happens(call_id, StreamStopped())
        self.does(lambda: self.presence.hub.over(call_id))
        del self.calls[call_id]

    def hands_on(self, call_id: str) -> None:
        """Another process is to go on with it, and has not begun yet."""
        self.does(lambda: self.presence.hub.over(call_id, EndedReason.MIGRATED))
        del self.calls[call_id]

    def close(self) -> None:
        self._wait(self.presence.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextlib.contextmanager
def phones(data_dir: Path) -> Iterator[Phones]:
    made = Phones(data_dir)
    try:
        yield made
    finally:
        made.close()
