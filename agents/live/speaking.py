"""Which stretch of the server's endless audio is which reply?

A reply begins with the first sound after a pause and ends with the next pause; its words are
those that come meanwhile. What the caller said has no part in that, except that a reply which
falls silent while they speak was broken off by the server: it heard them.
"""

import msgspec

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    AudioFormat,
    EngineNotice,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    TextDelta,
)
from agents.live.sounding import Sounding, Stretch

PAUSE_MS = 800
"""So much silence ends a reply; pauses within a sentence are shorter."""
YIELD_MS = 500
"""The same while the caller speaks."""
WORDLESS_MS = 2_000
"""The same for a reply of which no words have come: they are on their way."""
STALL_S = 4.0
"""A reply of which nothing comes any more, not even silence, is over."""
EARLY_S = 2.0
"""Words that come so long before any sound of theirs belong to none."""
_TEXTS_KEPT = 16
_EARLY_CHARS = 2_000


class _Reply(msgspec.Struct):
    response_id: str
    item_id: str
    text: str = ""
    sounded_ms: int = 0
    """Where in the stream it last sounded."""
    muted: bool = False
    """The call wants no more of it."""


class Speaking:
    """The replies of one session, one after the other."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self.prefix = ""
        """Of the ids, which must be unique within a call."""
        self._sounding = Sounding(audio_format)
        self._count = 0
        self._reply: _Reply | None = None
        self._texts: dict[str, str] = {}
        """Of the latest items."""
        self._early = ""
        self._latest_s = 0.0
        """When audio last came, or early words."""

    def next_deadline(self) -> float | None:
        if self._reply is not None:
            return self._latest_s + STALL_S
        return self._latest_s + EARLY_S if self._early else None

    def said(self, item_id: str) -> str:
        """The words of an item, as far as they came."""
        return self._texts.get(item_id, "")

    def audio(self, piece: bytes, caller_ms: int | None, now: float) -> list[AnyEngineEvent]:
        """More of the stream has come; `caller_ms`: the caller speaks, and began there."""
        self._latest_s = now
        events: list[AnyEngineEvent] = []
        for stretch in self._sounding.push(piece):
            events += self._heard(stretch)
            events += self._paused(stretch.quiet_ms, caller_ms)
        return events

    def caller_began(self, caller_ms: int) -> list[AnyEngineEvent]:
        """The caller speaks: what has been silent for a while already is over."""
        return self._paused(self._sounding.quiet_ms, caller_ms)

    def _heard(self, stretch: Stretch) -> list[AnyEngineEvent]:
        if not stretch.audio:
            return []
        began = [] if self._reply is not None else self._begin()
        reply = self._reply
        assert reply is not None, "a reply that began is there"
        if stretch.loud:
            reply.sounded_ms = stretch.end_ms
        if reply.muted:
            return began
        return [*began, AudioDelta(reply.response_id, reply.item_id, 0, stretch.audio)]

    def _begin(self) -> list[AnyEngineEvent]:
        self._count += 1
        name = f"{self.prefix}_reply_{self._count}"
        reply = self._reply = _Reply(name, f"{name}_item")
        early, self._early = self._early, ""
        return [ResponseStarted(name), *(self._worded(reply, early) if early else [])]

    def words(self, text: str, now: float) -> list[AnyEngineEvent]:
        """More of what the agent says."""
        if self._reply is not None:
            return self._worded(self._reply, text)
        self._latest_s = now
        self._early = (self._early + text)[-_EARLY_CHARS:]
        return []

    def _worded(self, reply: _Reply, text: str) -> list[AnyEngineEvent]:
        reply.text += text
        self._texts[reply.item_id] = reply.text
        while len(self._texts) > _TEXTS_KEPT:
            del self._texts[next(iter(self._texts))]
        return [] if reply.muted else [TextDelta(reply.response_id, reply.item_id, text)]

    def _paused(self, quiet_ms: int, caller_ms: int | None) -> list[AnyEngineEvent]:
        reply = self._reply
        if reply is None:
            return []
        pause_ms = PAUSE_MS if reply.text else WORDLESS_MS
        if quiet_ms < (pause_ms if caller_ms is None else YIELD_MS):
            return []
        if reply.muted:
            return self._end(ResponseStatus.CANCELLED, "client_cancelled")
        # Both sides' positions are on the one timeline of the session.
        if caller_ms is not None and caller_ms < reply.sounded_ms:
            return self._end(ResponseStatus.CANCELLED, "turn_detected")
        return self._end(ResponseStatus.COMPLETED)

    def _end(self, status: ResponseStatus, reason: str = "") -> list[AnyEngineEvent]:
        reply, self._reply = self._reply, None
        assert reply is not None, "only what began can end"
        return [
            ItemDone(reply.response_id, reply.item_id),
            ResponseDone(reply.response_id, status, reason),
        ]

    def mute(self, response_id: str) -> bool:
        """The call wants no more of a reply. True: it is being given."""
        reply = self._reply
        if reply is None or reply.response_id != response_id or reply.muted:
            return False
        reply.muted = True
        return True

    def wake(self, now: float) -> list[AnyEngineEvent]:
        """Time has passed."""
        due_s = self.next_deadline()
        if due_s is None or now < due_s:
            return []
        if self._reply is not None:
            return self._end(ResponseStatus.INCOMPLETE, "stalled")
        self._early = ""
        return [EngineNotice("words_without_sound")]
