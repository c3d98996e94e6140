"""The agent's voice on its way to the caller: what to send, what of it counts as heard."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.engine import (
    AnyEngineCommand,
    AudioDelta,
    Capabilities,
    DeleteItem,
    TextDelta,
    TruncateItem,
)
from telephony.call.carrierclock import RATE
from telephony.call.commands import (
    CallCommand,
    ClearPlayback,
    PlaceMark,
    PlayAudio,
    Record,
    StoreAudio,
    Track,
)
from telephony.call.heard import FILLER, REPEAT, LastHeard
from telephony.call.ledger import Cut, Ledger, Played
from telephony.call.speech import Arrival, SpokenItem
from telephony.media.transcode import Downlink
from telephony.transcripts.entry import Fate, TruncationLine


@dataclass(slots=True)
class Held:
    """Our speech while it is open whether the caller interrupts it."""

    items: list[SpokenItem]
    """Those that were being heard or waiting to be."""
    unheard: list[tuple[SpokenItem, bytes]] | None = None
    """What the carrier threw away of them, in order; None until that is settled."""
    later: list[tuple[SpokenItem, bytes]] = field(default_factory=list)
    """What the engine has produced since."""


class Playback:
    """Spoken items, the ledger that counts them and the filter they go through.

    Methods return the commands that follow. After `audio`, `close` or `own` something is
    outstanding until the carrier's echoes, a cut or the clock settle it.
    """

    def __init__(self, capabilities: Capabilities) -> None:
        self.ledger = Ledger()
        self.seat(capabilities)
        self._items: dict[str, SpokenItem] = {}
        self._settled: set[str] = set()
        """Items that were written down: nothing more is known of them."""
        self._speaking: SpokenItem | None = None
        self._held: Held | None = None
        self._unsettled: deque[Held] = deque()
        """Cleared, in the order of their clears; how much was heard is not known yet."""
        self._sent_samples = 0
        self._heard_samples = 0
        self._last_heard = LastHeard()
        self._repeats = 0

    # ---- what the engine produces ------------------------------------------------------------

    def over(self, item_id: str) -> bool:
        """All of the item has come, or its fate is written down: what still comes of it is late.

        One that was curtailed or withheld is settled before the engine knows of it. A late piece
        must not make a second item of it, which nobody heard and the engine would have to delete.
        """
        item = self._items.get(item_id)
        complete = item is not None and item.arrival is Arrival.COMPLETE
        return complete or item_id in self._settled

    def text(self, delta: TextDelta, now: float) -> None:
        self._item(delta.item_id, delta.response_id, now).add_text(delta.text)

    def audio(self, delta: AudioDelta, now: float) -> list[CallCommand]:
        """Audio to be played, unless its item has been cut meanwhile."""
        item = self._item(delta.item_id, delta.response_id, now)
        item.content_index = delta.content_index
        item.received_bytes += len(delta.audio)
        if item.refused:
            return []
        commands = self._close_previous(item, now)
        return [*commands, *self._send(item, self._downlink.push(delta.audio), now)]

    def unwanted(self, delta: AudioDelta | TextDelta, now: float) -> list[CallCommand]:
        """A piece of a reply the caller spoke over: counted, never played.

        An item of which nothing had been sent when the caller cut in turns up only now, so only
        now can the engine be told that nobody heard it.
        """
        item = self._item(delta.item_id, delta.response_id, now)
        if isinstance(delta, AudioDelta):
            item.received_bytes += len(delta.audio)
        else:
            item.add_text(delta.text)
        if item.played is not None or item.refused:
            return []
        item.give_up(now)
        item.cut()
        return [DeleteItem(item.item_id)] if self._capabilities.truncates else []

    def close(
        self, item_id: str, now: float, arrival: Arrival = Arrival.COMPLETE
    ) -> list[CallCommand]:
        """All of an item has come: let its tail out of the filter, and mark its end."""
        if (item := self._items.get(item_id)) is None:
            return []
        item.end(arrival)
        if item is not self._speaking:
            return []
        self._speaking = None
        return self._finish(item, now)

    def close_response(self, response_id: str, now: float) -> list[CallCommand]:
        """A response is over, so none of its items will grow any more."""
        open_items = [
            item.item_id
            for item in self._items.values()
            if item.response_id == response_id and not item.done
        ]
        return [command for item_id in open_items for command in self.close(item_id, now)]

    def curtail(self, item_id: str, now: float) -> list[CallCommand]:
        """Enough of an item: let what was sent be heard, refuse the rest, and tell the engine of
        it then."""
        self._items[item_id].curtailed_s = now
        return self.close(item_id, now, Arrival.BROKEN_OFF)

    def words(self, item_id: str) -> str:
        """All words of an item that have come; empty for one that is settled."""
        item = self._items.get(item_id)
        return item.text if item is not None else ""

    def withhold(self, item_id: str, chars: int, now: float) -> list[CallCommand]:
        """Let nothing be heard of an item from its letter `chars` on, nor what still comes of it.

        What of it waits at the carrier is cleared, and what stood before it is sent again. The
        engine is told once it is settled what was heard.
        """
        item = self._items[item_id]
        at = item.earliest(chars)
        item.limit = at + item.delay if at else 0
        if item.played is None and not item.limit:
            item.give_up(now)
            return self._tell(item)
        item.curtailed_s = now
        beyond = item.played is not None and item.played.sent > item.limit
        cleared: list[CallCommand] = []
        if beyond and self._held is None and self.ledger.outstanding:
            cleared = [*self.hold(now), *self.resume(now)]
        return [*cleared, *self.close(item_id, now, Arrival.BROKEN_OFF), *self.settled()]

    def samples(self, delta: AudioDelta) -> int:
        """Its length as the caller hears it, in samples of 8,000 a second."""
        return len(delta.audio) // self._sample_bytes

    def close_all(self, now: float) -> list[CallCommand]:
        """The engine is gone: whatever it was saying is as complete as it will ever be."""
        open_items = [item.item_id for item in self._items.values() if not item.done]
        return [
            command
            for item_id in open_items
            for command in self.close(item_id, now, Arrival.BROKEN_OFF)
        ]

    def disown(self) -> tuple[str, ...]:
        """The session that spoke these items is gone, so no engine is told of them any more.

        They must be closed. Returns those whose fate is not known yet."""
        for item in self._items.values():
            item.orphan = True
        return tuple(
            item.item_id for item in self._items.values() if item.source == "engine" and item.text
        )

    def seat(self, capabilities: Capabilities) -> None:
        """Another session speaks from now on."""
        self._capabilities = capabilities
        self._downlink = Downlink(capabilities.output_format)
        of = capabilities.output_format
        self._sample_bytes = of.sample_bytes * of.rate // RATE

    def own(
        self, name: str, text: str, ulaw: bytes, now: float, source: str = "own"
    ) -> list[CallCommand]:
        """Speak a clip of ours, behind whatever is queued."""
        item = SpokenItem(name, "", source=source, text=text, received_bytes=len(ulaw))
        item.opened_ms = self.ledger.stream_ms(now)
        item.end(Arrival.COMPLETE)
        self._items[name] = item
        return [*self._send(item, ulaw, now), *self._end_mark(item)]

    def repeat(self, now: float) -> list[CallCommand]:
        """Say the last sentence that was heard once more; nothing heard, nothing said."""
        settled = self._settle(self.ledger.settle(now))
        if (said := self._last_heard.sentence(*self._items.values())) is None:
            return settled
        self._repeats += 1
        name = f"{REPEAT}_{self._repeats}"
        return [*settled, *self.own(name, said.text, said.ulaw, now, REPEAT)]

    def _item(self, item_id: str, response_id: str, now: float) -> SpokenItem:
        if (item := self._items.get(item_id)) is None:
            item = self._items[item_id] = SpokenItem(
                item_id,
                response_id,
                sample_bytes=self._sample_bytes,
                delay=self._downlink.delay_samples,
                opened_ms=self.ledger.stream_ms(now),
            )
        return item

    def _close_previous(self, item: SpokenItem, now: float) -> list[CallCommand]:
        previous, self._speaking = self._speaking, item
        return [] if previous is None or previous is item else self._finish(previous, now)

    def _finish(self, item: SpokenItem, now: float) -> list[CallCommand]:
        return [*self._send(item, self._downlink.flush(), now), *self._end_mark(item)]

    def _send(self, item: SpokenItem, ulaw: bytes, now: float) -> list[CallCommand]:
        """Play in clips of the mark grid at most, so that a long burst is marked all the way."""
        if self._held is not None:
            self._held.later.append((item, ulaw))
            return []
        if item.limit is not None:
            sent = item.played.sent if item.played is not None else 0
            ulaw = ulaw[: max(0, item.limit - sent)]
        if ulaw and item.played is None:
            item.played = self.ledger.open(item.item_id)
            if item.source == FILLER:
                self._last_heard.leave_out(item.played.number)
        commands: list[CallCommand] = []
        while ulaw:
            assert item.played is not None
            samples = self.ledger.clip_samples(item.played, now)
            commands += self._send_clip(item, ulaw[:samples], now)
            ulaw = ulaw[samples:]
        return commands

    def _send_clip(self, item: SpokenItem, clip: bytes, now: float) -> list[CallCommand]:
        assert item.played is not None
        mark = self.ledger.sent(item.played, clip, now)
        self._sent_samples = max(self._sent_samples, self.ledger.stream_samples(now))
        stored = StoreAudio(Track.SENT, self._sent_samples, clip)
        self._sent_samples += len(clip)
        return [PlayAudio(clip), *([PlaceMark(mark)] if mark else []), stored]

    def _end_mark(self, item: SpokenItem) -> list[CallCommand]:
        mark = self.ledger.close(item.played) if item.played else None
        return [PlaceMark(mark)] if mark else []

    # ---- what became of it -------------------------------------------------------------------

    def echoed(self, name: str, now: float) -> list[CallCommand]:
        played = self.ledger.echoed(name, now)
        return [*self.settle(now), *self._store(played), *self.settled()]

    def expire(self, now: float) -> list[CallCommand]:
        """No echo came in time: count by the clock, and expect none of those marks any more."""
        return [*self._store(self.ledger.expire(now)), *self.settled()]

    def interrupt(self, now: float) -> list[CallCommand]:
        """The caller took the floor: clear the line and tell the engine what was heard.

        Nothing to clear, nothing done, however busy the engine is: what decides is what may
        still be playing (an engine finishes long before the caller has heard it).
        """
        return [*self.hold(now), *self.give_up(now)]

    def hold(self, now: float) -> list[CallCommand]:
        """Fall silent at once, but keep what was not heard: `resume` or `give_up` must follow."""
        if self._held is not None:
            return []
        if (clearing := self.ledger.clear(now)) is None:
            self._held = Held([], [])
            return []
        self._held = Held([self._items[item.item_id] for item in clearing.items])
        self._unsettled.append(self._held)
        return [ClearPlayback(), PlaceMark(clearing.mark)]

    def settle(self, now: float) -> list[CallCommand]:
        """How much was heard of what was cleared, where that is known by now; ask at any time."""
        return self._settle(self.ledger.settled(now))

    def _settle(self, cuts: Sequence[Cut]) -> list[CallCommand]:
        commands: list[CallCommand] = []
        for cut in cuts:
            held = self._unsettled.popleft()
            held.unheard = [(self._items[item.item_id], ulaw) for item, ulaw in cut.unheard]
            commands += self._store(cut.played)
            if held is not self._held:
                commands += [command for item in held.items for command in self._tell(item)]
        return [*commands, *self.settled()] if cuts else []

    @property
    def holding(self) -> bool:
        return self._held is not None

    def resume(self, now: float) -> list[CallCommand]:
        """It was nothing: go on where the caller stopped hearing us, with what came meanwhile."""
        if self._held is None:
            return []
        commands = self._settle(self.ledger.settle(now))
        held, self._held = self._held, None
        unheard = held.unheard or []
        for item, ulaw in unheard:
            if item.played is not None:
                self.ledger.take_back(item.played, len(ulaw))
        for item, ulaw in [*unheard, *held.later]:
            commands += self._send(item, ulaw, now)
            if item is not self._speaking and item.done:
                commands += self._end_mark(item)
        return commands

    def give_up(self, now: float) -> list[CallCommand]:
        """The caller has the floor: what was held is not said, and the engine is told so.

        Of what was being heard it is told once that is settled.
        """
        held, self._held = self._held, None
        # What turned out to be heard whole of them is settled, and told where it had to be.
        open_items = (item for item in _items_of(held) if item.item_id not in self._settled)
        items = list({item.item_id: item for item in open_items}.values())
        items += [item for item in self._unfinished() if item not in items]
        if not items:
            return []
        self._downlink.reset()
        self._speaking = None
        for item in items:
            item.give_up(now)
        unsettled = held.items if held is not None and held.unheard is None else []
        told = [item for item in items if item not in unsettled]
        return [*(command for item in told for command in self._tell(item)), *self.settled()]

    def clear_filler(self, now: float) -> list[CallCommand]:
        """A filler at most is heard: fall silent, and let come what is on its way."""
        commands = self.hold(now)
        held, self._held = self._held, None
        for item in _items_of(held):
            item.give_up(now)
        return [*commands, *self.settled()]

    def _unfinished(self) -> list[SpokenItem]:
        """The item that ran dry before all of it had come, and those of which only words came."""
        return [
            item
            for item in self._items.values()
            if not item.done
            and not item.given_up
            and (item is self._speaking or item.played is None)
        ]

    def hung_up(self, now: float) -> list[CallCommand]:
        """The carrier says that the line is gone: credit what was heard by then, no more."""
        cut = self.ledger.ended(now)
        return [*self.settle(now), *self._stop(cut)]

    def stop(self, now: float) -> list[CallCommand]:
        """We end the line now: credit what is heard until then and give up the rest."""
        return [*self._settle(self.ledger.settle(now)), *self._stop(self.ledger.cut(now))]

    def _stop(self, cut: Cut) -> list[CallCommand]:
        self._downlink.reset()
        self._speaking = None
        for item in self._items.values():
            item.end(Arrival.BROKEN_OFF)
        held, self._held = self._held, None
        for item in [self._items[played.item_id] for played in cut.items] + _items_of(held):
            item.cut()
        return [*self._store(cut.played), *self.settled()]

    def _tell(self, item: SpokenItem) -> list[CallCommand]:
        item.cut()
        told = self._capabilities.truncates and item.source == "engine" and not item.orphan
        if not told or item.fate is Fate.HEARD:
            return []
        margin = self._capabilities.truncate_margin_ms * RATE // 1000
        audio_end_ms = max(0, min(item.heard, item.received - margin)) * 1000 // RATE
        command: AnyEngineCommand = (
            TruncateItem(item.item_id, item.content_index, audio_end_ms, item.cut_heard)
            if audio_end_ms > 0
            else DeleteItem(item.item_id)
        )
        return [command, Record(self._truncation(item, audio_end_ms))]

    def _truncation(self, item: SpokenItem, audio_end_ms: int) -> TruncationLine:
        least_ms, most_ms = item.bounds_ms
        return TruncationLine(
            item_id=item.item_id,
            mark_item=item.played.number if item.played else 0,
            audio_end_ms=audio_end_ms,
            at_ms=self.ledger.stream_ms(item.given_up_s or item.curtailed_s or 0.0),
            deleted=audio_end_ms == 0,
            heard_ms=item.heard * 1000 // RATE,
            heard_at_least_ms=least_ms,
            heard_at_most_ms=most_ms,
        )

    def _store(self, played: tuple[Played, ...]) -> list[CallCommand]:
        commands: list[CallCommand] = []
        for piece in played:
            if not piece.follows:
                self._heard_samples = max(self._heard_samples, round(piece.at_s * RATE))
            commands.append(StoreAudio(Track.HEARD, self._heard_samples, piece.ulaw))
            self._heard_samples += len(piece.ulaw)
            self._last_heard.played(piece.number, piece.ulaw)
        return commands

    def settled(self) -> list[CallCommand]:
        """Lines for the items nothing more can happen to; each is written once."""
        held = self._held.later if self._held is not None else []
        kept = {item.item_id for item, _ in held}
        ready = [item for item in self._items.values() if item.settled and item.item_id not in kept]
        told: list[CallCommand] = []
        for item in ready:
            if item.curtailed_s is not None and item.fate is None:
                told += self._tell(item)
            self._last_heard.settled(item)
            del self._items[item.item_id]
            self._settled.add(item.item_id)
        return [*told, *(Record(item.line()) for item in ready if item.text or item.received)]

    def being_heard(self) -> list[tuple[int, str, bool]]:
        """Of each item that is not settled when it began, in ms, the words heard of it so far,
        and whether those are all of it."""
        return [
            (round(item.played.began_s * 1000), item.heard_words, item.heard_whole)
            for item in self._items.values()
            if item.played is not None and item.played.began_s is not None and item.heard_words
        ]

    # ---- questions ----------------------------------------------------------------------------

    @property
    def outstanding(self) -> bool:
        """There is something the caller has not been proved to have heard."""
        return self.ledger.outstanding or self._held is not None

    @property
    def says_words(self) -> bool:
        """More than a filler is being heard, or waits for it."""
        waiting = [item for item, _ in self._held.later] if self._held is not None else []
        sent = (item for item in self._items.values() if item.played is not None)
        return self.outstanding and any(item.source != FILLER for item in (*sent, *waiting))

    @property
    def speaks(self) -> bool:
        """More than a filler is being heard, or is arriving."""
        return self.says_words or self.arriving

    @property
    def heard_anything(self) -> bool:
        return self._last_heard.sentence(*self._items.values()) is not None

    @property
    def arriving(self) -> bool:
        """An item is being spoken of which more may come."""
        return self._speaking is not None

    @property
    def open(self) -> bool:
        """Audio is outstanding or held, or an item is still arriving."""
        return self.outstanding or self.arriving


def _items_of(held: Held | None) -> list[SpokenItem]:
    if held is None:
        return []
    return [*held.items, *(item for item, _ in held.later)]
