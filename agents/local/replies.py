"""Giving replies out: words and audio about five times as fast as they are spoken.

As with a cloud session, an item's audio comes faster than it is played but not at once, so a
caller who speaks up finds a reply that is still being generated.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from agents.engine import (
    AnyEngineEvent,
    AudioDelta,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    TextDelta,
    ToolCalled,
)
from agents.local.acts import Act, CallTool, Consult, Speak
from agents.local.chat.client import Answered, Phrase
from agents.local.chat.stream import Call
from agents.local.reply import SAMPLE_BYTES, Reply, SpokenItem, pieces
from agents.local.speakable import sentences

SAMPLES_PER_S = 24_000 * 5
_REMEMBERED = 50
"""Spoken items a truncation may still speak of."""


class Pace:
    """When the next samples are due, without drift."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun_s = clock()
        self._samples = 0

    async def next(self, samples: int) -> None:
        """Wait until these are due."""
        due_s = self._begun_s + self._samples / SAMPLES_PER_S
        self._samples += samples
        if (wait_s := due_s - self._clock()) > 0:
            await asyncio.sleep(wait_s)


class Thought(Protocol):
    """An answer of a language model under way; see `agents.local.chat.client`."""

    async def next(self) -> Phrase | Answered | None: ...

    def stop(self) -> None: ...


class Model(Protocol):
    """Who answers what the dialogue does not."""

    def think(self, body: bytes) -> Thought: ...

    def spoke(self, text: str, calls: Sequence[Call]) -> list[CallTool]:
        """These words were given out as one item, and these tools are wanted."""


class Consulted(msgspec.Struct):
    """An answer being given out."""

    thought: Thought
    item: SpokenItem | None = None


class Replies:
    """The replies of one call; one is given at a time."""

    def __init__(
        self,
        deliver: Callable[[AnyEngineEvent], None],
        render: Callable[[str], Awaitable[bytes]],
        cut: Callable[[str, str], None],
        ids: str = "",
        model: Model | None = None,
    ) -> None:
        """`render`: a sentence as PCM16 at 24 kHz. `cut`: told (item text, heard text). `ids`:
        what ids begin with. `model`: answers what the dialogue wants to consult it about."""
        self._ids = ids
        self._model = model
        self._consulted: Consulted | None = None
        self._deliver = deliver
        self._render = render
        self._cut = cut
        self._current: Reply | None = None
        self._spoken: dict[str, SpokenItem] = {}
        self._broken_off: list[SpokenItem] = []
        self._recent: deque[SpokenItem] = deque(maxlen=_REMEMBERED)
        self._opened = self._items = self._chunks = 0
        self.begun = 0
        """Spoken items of which audio was given out."""

    async def give(self, acts: Sequence[Act]) -> None:
        """One response; returns when it is over, given out in full or stopped.

        Tool calls follow the first of the words, or come alone. They are decided already: a
        caller who speaks over "one moment" does not undo them.
        """
        reply = self._open(acts)
        pace = Pace(asyncio.get_running_loop().time)
        for item in list(reply.items):
            for sentence in sentences(item.text):
                await self._say(reply, item, sentence, pace)
            self._finish(reply, item)
        for act in acts:
            if isinstance(act, Consult) and not reply.over:
                await self._consult(reply, act, pace)
        if not reply.over:
            self._close(reply, reply.status, reply.reason)

    def _open(self, acts: Sequence[Act]) -> Reply:
        self._opened += 1
        items = [self._item(act.text) for act in acts if isinstance(act, Speak)]
        calls = [act for act in acts if isinstance(act, CallTool)]
        reply = self._current = Reply(f"{self._ids}resp_{self._opened}", items, calls)
        self._deliver(ResponseStarted(reply.response_id))
        return reply

    def _item(self, text: str) -> SpokenItem:
        self._items += 1
        return SpokenItem(f"{self._ids}item_{self._items}", text)

    async def _say(self, reply: Reply, item: SpokenItem, sentence: str, pace: Pace) -> None:
        pcm = b"" if reply.over else await self._render(sentence)
        for text, audio in pieces(sentence, pcm, self._chunks):
            await pace.next(len(audio) // SAMPLE_BYTES)
            if reply.over:
                return
            self._put_out(reply, item, text, audio)

    def _finish(self, reply: Reply, item: SpokenItem) -> None:
        if not reply.over:
            item.done = True
            self._deliver(ItemDone(reply.response_id, item.item_id))

    async def _consult(self, reply: Reply, act: Consult, pace: Pace) -> None:
        """One item, spoken as it is written; then the tools. Raises what the thought does."""
        assert self._model is not None, "a dialogue without a model consults none"
        consulted = self._consulted = Consulted(self._model.think(act.body))
        try:
            while isinstance(piece := await consulted.thought.next(), Phrase):
                item = consulted.item = consulted.item or self._grown(reply)
                item.text = f"{item.text} {piece.text}".strip()
                await self._say(reply, item, piece.text, pace)
            if piece is not None and not reply.over:
                self._answered(reply, consulted.item, piece)
        finally:
            consulted.thought.stop()
            self._consulted = None

    def _grown(self, reply: Reply) -> SpokenItem:
        item = self._item("")
        reply.items.append(item)
        return item

    def _answered(self, reply: Reply, item: SpokenItem | None, end: Answered) -> None:
        if item is not None:
            self._finish(reply, item)
        reply.calls = self._spoke(item, end.calls)
        reply.status, reply.reason, reply.usage = end.status, end.reason, end.usage

    def _put_out(self, reply: Reply, item: SpokenItem, text: str, audio: bytes) -> None:
        if not item.given:
            self._remember(item)
        elif text and not item.text.startswith(item.given + text):
            text = f" {text}"
        item.given += text
        self._chunks += 1
        if text:
            self._deliver(TextDelta(reply.response_id, item.item_id, text))
        self._deliver(AudioDelta(reply.response_id, item.item_id, 0, audio))
        self._call_tools(reply)

    def _remember(self, item: SpokenItem) -> None:
        self.begun += 1
        self._recent.append(item)
        self._spoken[item.item_id] = item
        if len(self._spoken) > _REMEMBERED:
            del self._spoken[next(iter(self._spoken))]

    def _call_tools(self, reply: Reply) -> None:
        calls, reply.calls = reply.calls, []
        for call in calls:
            arguments = call.arguments_json
            self._deliver(ToolCalled(reply.response_id, call.tool_call_id, call.name, arguments))

    def _close(self, reply: Reply, status: ResponseStatus, reason: str = "") -> None:
        self._call_tools(reply)
        reply.over = True
        self._current = None
        self._deliver(ResponseDone(reply.response_id, status, reason, reply.usage))

    # ---- what the caller or the call puts a stop to --------------------------------------------

    def interrupt(self) -> None:
        """The caller speaks: what is not given out yet will not be."""
        self._stop("turn_detected")

    def cancel(self, response_id: str) -> None:
        """The call wants no more of this response; one that is over stays as it is."""
        if self._current is not None and self._current.response_id == response_id:
            self._stop("client_cancelled")

    def _stop(self, reason: str) -> None:
        if (reply := self._current) is None:
            return
        self._break_off_thought()
        for item in reply.items:
            if item.given and not item.done:
                self._broken_off.append(item)
                self._deliver(ItemDone(reply.response_id, item.item_id))
            elif not item.given:
                self._cut(item.text, "")
        self._close(reply, ResponseStatus.CANCELLED, reason)

    def _break_off_thought(self) -> None:
        """The model's words as far as they came; how much of them was heard is told later."""
        consulted, self._consulted = self._consulted, None
        if consulted is not None:
            consulted.thought.stop()
            if consulted.item is not None and not consulted.item.done:
                self._spoke(consulted.item, ())

    def _spoke(self, item: SpokenItem | None, calls: Sequence[Call]) -> list[CallTool]:
        assert self._model is not None, "somebody wrote it"
        found = self._model.spoke(item.text if item else "", calls)
        if item is not None and item.cut_to is not None:
            self._cut(item.text, item.cut_to)
        return found

    def truncated(self, item_id: str, heard: str) -> None:
        """Of this item the caller heard only so much; an unknown item is ignored."""
        if (item := self._spoken.pop(item_id, None)) is None:
            return
        self._broken_off = [other for other in self._broken_off if other is not item]
        if self._consulted is not None and self._consulted.item is item and not item.done:
            item.cut_to = heard
            return
        self._cut(item.text, heard)

    def settle(self) -> None:
        """Before the caller's words are understood: what was broken off and not truncated was
        heard as far as it was given out."""
        broken_off, self._broken_off = self._broken_off, []
        for item in broken_off:
            self._spoken.pop(item.item_id, None)
            self._cut(item.text, item.given)

    def unheard_since(self, begun: int) -> None:
        """Of all but the first so many items the caller about to be understood heard nothing:
        they were not begun when the caller began to speak."""
        later = max(0, self.begun - begun)
        for item in list(self._recent)[-later:] if later else ():
            self._cut(item.text, "")
