"""What has the caller heard of the agent, and what would they hear if nobody stopped it?

Audio goes to the carrier much faster than it is played. The carrier plays pieces in order and
echoes a mark when playback gets to it, but it also returns all marks at once when the queue is
cleared (Twilio, Media Streams WebSocket messages). So an echo is proof only in the generation in
which its mark was placed, and between echoes the clock has to tell.

All times are the caller's side of the carrier as seen on our clock: a piece sent at `t` cannot
begin before `t` plus one way; an echo that arrives at `t` tells of an end at `t` minus one way.
One way is half the round trip, which is measured on marks whose playing time is known. That the
ways there and back are not alike does no harm: what is too much in the one is too little in the
other, and only their sum counts. When echoes truly left the carrier is read off the caller's
audio (telephony/call/carrierclock.py), so what a network does to single messages hardly counts.

A cut has two steps. `clear` gives up the audio at once and names a mark to be placed right
behind the carrier's `clear`, on the then empty queue: its echo says when the clear took effect,
and only then is it reckoned what was heard (`settled`). Nothing is lost by waiting, as nothing
that follows from the figure is urgent.

Every figure has bounds. They rest on two things only: a message is never there before it was
sent, and a mark is never echoed before playback gets to it unless a `clear` was sent before.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from telephony.call.carrierclock import FRAME_S, RATE, CarrierClock, Moment
from telephony.call.roundtrip import RoundTrip
from telephony.call.run import STALL_S, Run

GRID_SAMPLES = 800
"""A mark every 100 ms: often enough to anchor the clock, rare enough to cost nothing. With the
carrier's clock beside it a finer grid gains nothing (docs/transcripts.md)."""
OPENING_SAMPLES = 480
OPENING_CLIP_SAMPLES = 160
"""So much of what is sent onto a silent line goes in clips with a mark each: the echo of the first
tells when playback began, and the others whether it went on, with so little in stock."""

_ROUNDING = 1e-3
"""Seconds are floats: 0.73 s of audio must not come out a sample short."""
_DRY_S = 0.015
"""A queue that should last less than this when a piece gets there may be empty by then. Less
than an opening clip, so that one burst has one of them."""
_EARLY_S = 0.05
"""An echo so much sooner than playback can have got there was not earned by playing."""
_AHEAD = 3
"""Marks returned by a clear that lie so far behind playback are told from played ones."""
_SETTLING_S = 0.5
"""So much longer than usual the echo behind a `clear` may take before the clock decides."""


# Of these there are thousands at a time, and no cycles among them: the collector need not know.
class Item(msgspec.Struct, gc=False):
    """One spoken item of the agent, counted in samples of 8,000 a second."""

    item_id: str
    number: int
    ahead_s: float = 0.0
    """What its times, the carrier's, are ahead of our clock by, as it was when it was opened."""
    sent: int = 0
    marked: int = 0
    heard: int = 0
    proven: int = 0
    """Of `heard`, what echoes have proved: no less was heard."""
    possible: int = 0
    """No more was heard than this; meaningful once the item is heard or cut."""
    began_s: float | None = None
    ended_s: float | None = None
    stretches: list[tuple[int, float]] = msgspec.field(default_factory=list)
    """Where in its audio, and when, it was begun to be heard without a gap."""


class Played(msgspec.Struct, frozen=True, gc=False):
    """Audio the caller heard, for the recording."""

    at_s: float
    """By the carrier's clock."""
    ulaw: bytes
    follows: bool
    """True: it was heard right behind the piece before it, without a gap."""
    number: int
    """Of its item."""


class _Piece(msgspec.Struct, gc=False):
    item: Item
    ulaw: bytes
    sent_s: float
    first_s: float
    """No earlier than this can it have begun to be played, were the network infinitely fast."""
    opens: bool
    """It may be among the first on a silent line."""
    mark: str | None = None

    def played(self, begin_s: float, samples: int, *, follows: bool) -> Played:
        """So much of it was heard, from then on by our clock."""
        at_s = begin_s + self.item.ahead_s
        return Played(at_s, self.ulaw[:samples], follows, self.item.number)


class Cut(msgspec.Struct, frozen=True):
    """What a cut found: the items that were not heard to their end, in order of speaking."""

    items: tuple[Item, ...]
    played: tuple[Played, ...]
    unheard: tuple[tuple[Item, bytes], ...] = ()
    """What was thrown away, in order: to be sent again if the cut is taken back."""


class _Queue:
    """The audio of one generation at the carrier, and how far playback of it has got."""

    def __init__(self, trip: RoundTrip) -> None:
        self.pieces: deque[_Piece] = deque()
        self._trip = trip
        self._run = Run(0.0)
        self._heard_until_s = 0.0
        self._first_end_s = 0.0
        self._opening_samples = 0
        """Left of the opening of the present run."""
        self._end_s: float | None = None
        """When the last piece should end, while nothing has changed since that was reckoned."""

    def add(self, item: Item, ulaw: bytes, now: float) -> _Piece:
        first_s = max(self._first_end_s, now)
        opens = self.opening(now)
        self._opening_samples -= len(ulaw)
        piece = _Piece(item, ulaw, now, first_s, opens)
        self._first_end_s = first_s + len(ulaw) / RATE
        until_s = self.expected_end_s() or self._heard_until_s
        self._end_s = self._ends([piece], until_s)
        self.pieces.append(piece)
        return piece

    def opening(self, now: float) -> bool:
        """A piece sent now may find nothing playing, or little else to be played."""
        end_s = self.expected_end_s() or self._heard_until_s
        if end_s < now + self._trip.one_way_s + _DRY_S:
            self._opening_samples = OPENING_SAMPLES
        return self._opening_samples > 0

    def expected_end_s(self) -> float | None:
        if not self.pieces:
            return None
        if self._end_s is None:
            self._end_s = self._ends(self.pieces, self._heard_until_s)
        return self._end_s

    def _ends(self, pieces: Iterable[_Piece], until_s: float) -> float:
        """When these are over if what was before them is at `until_s`."""
        one_way_s = self._trip.one_way_s
        for piece in pieces:
            until_s = max(until_s, piece.sent_s + one_way_s) + len(piece.ulaw) / RATE
        return until_s

    def sounding(self, until_s: float) -> Iterator[Played]:
        """What should have been heard by then that no echo has told of; changes nothing."""
        at_s = self._heard_until_s
        for piece in self.pieces:
            at_s = max(at_s, piece.sent_s + self._trip.one_way_s)
            samples = min(len(piece.ulaw), int((until_s - at_s) * RATE + _ROUNDING))
            if samples <= 0:
                return
            yield piece.played(at_s, samples, follows=True)
            at_s += samples / RATE

    def unreached(self, until_s: float) -> str | None:
        """The first mark that is still waited for, if playback should just have passed it.

        Echoes keep their order, so what was not echoed before a `clear` was not played before it.
        Where the clock says that playback was well past it, rather the echo was lost.
        """
        name = next((piece.mark for piece in self.pieces if piece.mark is not None), None)
        return name if self._reach(until_s) - self._up_to(name) <= STALL_S * RATE else None

    def goes_on_behind(self, name: str) -> bool:
        """There is more of the same item behind this mark."""
        pieces = iter(self.pieces)
        marked = next((piece for piece in pieces if piece.mark == name), None)
        behind = next(pieces, None)
        return marked is not None and behind is not None and behind.item is marked.item

    def foretells(self, name: str) -> float | None:
        """When the echo of this mark can come at the earliest; None: it is not waited for."""
        until_s = self._heard_until_s + self._trip.least_one_way_s
        for piece in self.pieces:
            until_s = max(until_s, piece.sent_s) + len(piece.ulaw) / RATE
            if piece.mark == name:
                return until_s
        return None

    def confirm(
        self, name: str, arrival: Moment, now: float, *, proof: bool = True
    ) -> Iterator[Played]:
        """Playback got to this mark; what it proves was heard. Nothing for unknown names."""
        self._end_s = None
        marked = not any(piece.mark == name for piece in self.pieces)
        if marked:
            return
        while not marked:
            piece = self.pieces.popleft()
            marked = piece.mark == name
            begin_s, dry = self._begin(piece, sure=arrival.stamped)
            if dry:
                self._run = Run(piece.sent_s)
            self._run.samples += len(piece.ulaw)
            self._credit(piece, begin_s, len(piece.ulaw), dry)
            piece.item.proven += len(piece.ulaw) if proof else 0
            piece.item.possible += len(piece.ulaw)
            yield piece.played(begin_s, len(piece.ulaw), follows=not dry)
        self._run.echoed(arrival, now, self._trip if proof else RoundTrip())
        self._heard_until_s = self._run.until_s(self._trip)

    def _begin(self, piece: _Piece, *, sure: bool = False) -> tuple[float, bool]:
        """When a piece begins if the ones before it are done, and whether the queue was dry.

        `sure`: only where it must have been; a stamped echo tells the rest.
        """
        earliest_s = piece.sent_s + self._trip.one_way_s
        at_least_s = piece.sent_s + self._trip.least_one_way_s if sure else earliest_s
        if at_least_s >= self._heard_until_s:
            return earliest_s, True
        return self._heard_until_s, False

    def _credit(self, piece: _Piece, begin_s: float, samples: int, dry: bool) -> None:
        item = piece.item
        at_s = begin_s + item.ahead_s
        if item.began_s is None or dry:
            item.stretches.append((item.heard, at_s))
        item.began_s = at_s if item.began_s is None else item.began_s
        item.heard += samples
        self._heard_until_s = begin_s + samples / RATE
        item.ended_s = at_s + samples / RATE

    def cut(self, until_s: float, surely_s: float | None, returned: str | None = None) -> Cut:
        """Give up what was not heard by `until_s`.

        `surely_s`: nothing was heard after that (None: who knows). `returned`: a mark that was
        thrown away, so that playback had not got much beyond it.
        """
        items = {piece.item.number: piece.item for piece in self.pieces}
        played: list[Played] = []
        unheard: list[tuple[Item, bytes]] = []
        most = self._most(returned, until_s)
        for piece in self.pieces:
            possible = piece_most(piece, surely_s)
            begin_s, dry = self._begin(piece)
            samples = min(possible, most, int((until_s - begin_s) * RATE + _ROUNDING))
            piece.item.possible += possible
            if samples > 0 and not unheard:
                self._credit(piece, begin_s, samples, dry)
                most -= samples
                played.append(piece.played(begin_s, samples, follows=not dry))
            else:
                samples = 0
            if samples < len(piece.ulaw):
                unheard.append((piece.item, piece.ulaw[samples:]))
        return Cut(tuple(items.values()), tuple(played), tuple(unheard))

    def _most(self, returned: str | None, until_s: float) -> int:
        """Samples that were heard at most, if this mark was thrown away.

        Where the clock is well past it the line has halted before it, nobody knows where.
        """
        up_to = self._up_to(returned)
        halted = returned is not None and self._reach(until_s) > up_to + FRAME_S * RATE
        return up_to // 2 if halted else up_to

    def _reach(self, until_s: float) -> int:
        return sum(len(piece.ulaw) for piece in self.sounding(until_s))

    def _up_to(self, mark: str | None) -> int:
        """Samples until this mark; all of them when there is none."""
        total = 0
        for piece in self.pieces:
            total += len(piece.ulaw)
            if mark is not None and piece.mark == mark:
                break
        return total


def piece_most(piece: _Piece, surely_s: float | None) -> int:
    """Samples of a piece that can have been played by then, were the network infinitely fast."""
    if surely_s is None:
        return len(piece.ulaw)
    return max(0, min(len(piece.ulaw), int((surely_s - piece.first_s) * RATE + _ROUNDING)))


class Clearing(msgspec.Struct):
    """Audio that is being cleared: how much of it was heard is settled when its echo comes."""

    queue: _Queue
    sent_s: float
    mark: str
    """To be placed right behind the carrier's `clear`."""
    until_s: float
    """The clock decides then."""
    items: tuple[Item, ...]
    echoes: list[tuple[str, Moment, float]] = msgspec.field(default_factory=list)
    """Marks of the cleared audio that came since: played, or thrown away."""

    @property
    def last_seen(self) -> Moment | None:
        """When the last of them left the carrier: with the clear, if all it threw away have come.

        Sooner they may all be of what was played, and tell nothing of how far playback got then.
        """
        last = self.echoes[-1][1] if self.echoes else None
        return last if last is not None and last.stamped else None


class Ledger:
    """The one place that knows. Call `sent` for everything played, `echoed` for every mark,
    `frame` for every frame of the caller's audio."""

    def __init__(self) -> None:
        self.trip = RoundTrip()
        self.clock = CarrierClock()
        self._queue = _Queue(self.trip)
        self._clearings: deque[Clearing] = deque()
        self._settled: list[Cut] = []
        self._generation = 0
        self._items = 0
        self._probes: dict[str, float] = {}
        self._placed = 0
        self._unproven = False

    # ---- what we did -------------------------------------------------------------------------

    def probe(self, now: float) -> str:
        """Name a mark to be placed while nothing is queued: its echo measures the round trip."""
        name = f"{self._generation}:0:{self._placed}"
        self._placed += 1
        self._probes[name] = now
        return name

    def open(self, item_id: str) -> Item:
        """Begin to count a spoken item; numbers start at 1, as 0 is for probes."""
        self._items += 1
        return Item(item_id, self._items, self.stream_s(0.0))

    def clip_samples(self, item: Item, now: float) -> int:
        """How long the next clip of an item may be, for its marks to lie where they are wanted."""
        to_grid = max(1, GRID_SAMPLES - (item.sent - item.marked))
        return min(OPENING_CLIP_SAMPLES, to_grid) if self._queue.opening(now) else to_grid

    def sent(self, item: Item, ulaw: bytes, now: float) -> str | None:
        """Count one piece sent; the mark to place behind it, when one is wanted."""
        piece = self._queue.add(item, ulaw, now)
        item.sent += len(ulaw)
        if item.sent - item.marked >= GRID_SAMPLES:
            item.marked = item.sent
            return self._mark(piece)
        return self._mark(piece) if piece.opens else None

    def close(self, item: Item) -> str | None:
        """The item's audio is complete: the mark that proves its end, unless it has one."""
        pieces = self._queue.pieces
        if not pieces or pieces[-1].mark is not None or pieces[-1].item is not item:
            return None
        item.marked = item.sent
        return self._mark(pieces[-1])

    def _mark(self, piece: _Piece) -> str:
        piece.mark = f"{self._generation}:{piece.item.number}:{piece.item.sent}"
        return piece.mark

    def take_back(self, item: Item, samples: int) -> None:
        """So many samples of a cut item will be sent again: they count as not sent yet."""
        item.sent -= samples
        item.marked = item.sent

    # ---- what we were told -------------------------------------------------------------------

    def echoed(self, name: str, now: float) -> tuple[Played, ...]:
        """The mark came back: what it proves was heard. Unknown marks prove nothing.

        It may also settle a cut: see `settled`.
        """
        arrival = self.clock.arrival(now)
        if (placed_s := self._probes.pop(name, None)) is not None:
            self.trip.sample(arrival.at_s - placed_s)
            self._clear_seen(name, arrival, now)
            return ()
        for clearing in self._clearings:
            if clearing.queue.foretells(name) is not None:
                clearing.echoes.append((name, arrival, now))
                return ()
        played = tuple(self._queue.confirm(name, arrival, now))
        if played:
            self._unproven = False
            # What is echoed from behind a clear comes after all that was in front of it.
            self._settle_all(now, now - self.trip.least_one_way_s, felt=True)
        return played

    def _clear_seen(self, name: str, arrival: Moment, now: float) -> None:
        while any(clearing.mark == name for clearing in self._clearings):
            clearing = self._clearings.popleft()
            seen = arrival if clearing.mark == name else clearing.last_seen
            self._settle(clearing, seen, now, now - self.trip.least_one_way_s)

    def can_wait(self, name: str) -> bool:
        """This echo tells no more than how far playback of an item has got, or had got when it was
        cleared: it ends nothing and settles nothing."""
        if name in self._probes:
            return False
        if not name.startswith(f"{self._generation}:"):
            return True
        return not self._clearings and self._queue.goes_on_behind(name)

    # ---- what follows from it ----------------------------------------------------------------

    def new_stream(self) -> None:
        """The carrier's clock begins anew, and with it what is known of it."""
        self.clock = CarrierClock()

    def frame(self, stamp_s: float, now: float) -> None:
        """A frame of the caller's audio arrives; it ended at `stamp_s` by the carrier's clock."""
        self.clock.frame(stamp_s, now)

    def stream_s(self, at_s: float) -> float:
        """A moment on our clock as the carrier's clock has it, by which the caller's audio is
        stamped: the carrier began to count a message's travel before us."""
        behind_s = self.clock.behind_s
        return at_s if behind_s is None else at_s + self.trip.least_one_way_s - behind_s

    def stream_ms(self, at_s: float) -> int:
        return max(0, round(self.stream_s(at_s) * 1000))

    def stream_samples(self, at_s: float) -> int:
        return max(0, round(self.stream_s(at_s) * RATE))

    @property
    def outstanding(self) -> bool:
        """Something was sent of which no echo has come: it may still be playing."""
        return bool(self._queue.pieces)

    def expected_end_s(self) -> float | None:
        """When the last piece sent should have been played; None when nothing is outstanding."""
        return self._queue.expected_end_s()

    def sounding(self, now: float) -> tuple[Played, ...]:
        """What is being heard just now, as far as no echo has told of it yet."""
        return tuple(self._queue.sounding(now))

    # ---- cuts --------------------------------------------------------------------------------

    def clear(self, now: float) -> Clearing | None:
        """A `clear` is sent now: give up what is unheard. None: there is nothing to clear.

        `settled` tells later what was heard. Marks placed until now prove nothing any more.
        """
        if not self._queue.pieces and not self._unproven:
            return None
        queue = self._renew()
        items = {piece.item.number: piece.item for piece in queue.pieces}
        patience_s = 2 * self.trip.one_way_s + _SETTLING_S
        clearing = Clearing(queue, now, self.probe(now), now + patience_s, tuple(items.values()))
        self._clearings.append(clearing)
        return clearing

    def _renew(self) -> _Queue:
        """What is sent from here on starts on an empty queue, however far playback had got."""
        queue, self._queue = self._queue, _Queue(self.trip)
        self._generation += 1
        self._unproven = False
        return queue

    def settling_until_s(self) -> float | None:
        """When a cut is settled by the clock if nothing else comes."""
        return self._clearings[0].until_s if self._clearings else None

    def settled(self, now: float) -> list[Cut]:
        """Cuts of which it is known by now what was heard; each is told once."""
        while self._clearings and self._clearings[0].until_s <= now:
            clearing = self._clearings.popleft()
            self._settle(clearing, clearing.last_seen, None, math.inf)
        cuts, self._settled = self._settled, []
        return cuts

    def settle(self, now: float) -> list[Cut]:
        """All cuts, as well as it is known now what was heard."""
        self._settle_all(None, math.inf, felt=False)
        return self.settled(now)

    def _settle_all(self, surely_s: float | None, until_s: float, *, felt: bool) -> None:
        while self._clearings:
            clearing = self._clearings.popleft()
            self._settle(clearing, clearing.last_seen if felt else None, surely_s, until_s)

    def _settle(
        self, clearing: Clearing, seen: Moment | None, surely_s: float | None, until_s: float
    ) -> None:
        """`seen`: the echo from behind the clear, or of what it threw away. `surely_s`: it had
        taken effect by then. `until_s`: nothing later was heard."""
        queue = clearing.queue
        played: list[Played] = []
        returned: str | None = None
        for number, (name, arrival, at_s) in enumerate(clearing.echoes):
            seen = self._sooner(seen, queue, clearing.echoes[number : number + _AHEAD])
            if self._too_early(queue, name, arrival) or not self._was_played(
                clearing, arrival, seen
            ):
                returned = name if arrival.stamped and seen is not None else None
                break
            played += queue.confirm(name, arrival, at_s, proof=False)
        until_s = min(until_s, self._took_effect_s(clearing, seen))
        if returned is None and seen is not None and seen.stamped:
            returned = queue.unreached(until_s)
        cut = queue.cut(until_s, surely_s, returned)
        self._settled.append(Cut(clearing.items, (*played, *cut.played), cut.unheard))

    def _sooner(
        self, seen: Moment | None, queue: _Queue, echoes: list[tuple[str, Moment, float]]
    ) -> Moment | None:
        """When the clear was first seen, if the first of these echoes that is one of a mark
        thrown away tells of it sooner."""
        for name, arrival, _ in echoes:
            if self._too_early(queue, name, arrival):
                return arrival if seen is None or arrival.latest_s < seen.latest_s else seen
        return seen

    def _was_played(self, clearing: Clearing, arrival: Moment, seen: Moment | None) -> bool:
        """It came before the clear can have been felt, or was sent before that took effect."""
        felt_s = clearing.sent_s + 2 * self.trip.least_one_way_s
        before = (
            seen is not None and seen.stamped and arrival.latest_s <= seen.earliest_s + _ROUNDING
        )
        return before or arrival.latest_s < felt_s

    def _too_early(self, queue: _Queue, name: str, arrival: Moment) -> bool:
        """Playback cannot have got there by then, so it was thrown away."""
        soonest_s = queue.foretells(name)
        doubt_s = min(FRAME_S, arrival.usual_s) + _ROUNDING if arrival.stamped else _EARLY_S
        return soonest_s is not None and arrival.latest_s < soonest_s - doubt_s

    def _took_effect_s(self, clearing: Clearing, seen: Moment | None) -> float:
        """When the carrier acted on a clear."""
        usual_s = clearing.sent_s + self.trip.one_way_s
        if seen is None:
            return usual_s
        if not seen.stamped:
            return min(usual_s, seen.latest_s - self.trip.least_one_way_s)
        # Not before it could be there, but the round trip is less sure than the stamp.
        felt_s = clearing.sent_s + 2 * self.trip.least_one_way_s
        earliest_s = min(max(felt_s, seen.earliest_s), seen.latest_s)
        known = Moment(earliest_s, seen.latest_s, usual_s=seen.usual_s)
        return known.at_s - self.trip.least_one_way_s

    def cut(self, now: float) -> Cut:
        """Give up all unheard audio by the clock: a `clear` sent now takes effect one way later."""
        return self._given_up(now + self.trip.one_way_s, None)

    def ended(self, now: float) -> Cut:
        """The carrier's word that the line has ended arrives now: nothing later was heard."""
        arrival = self.clock.arrival(now)
        way_s = self.trip.least_one_way_s if arrival.stamped else self.trip.one_way_s
        self._settle_all(now, arrival.at_s - way_s, felt=False)
        return self._given_up(arrival.at_s - way_s, now)

    def expire(self, now: float) -> tuple[Played, ...]:
        """Echoes were lost, and `expected_end_s` is over: take it all as heard by the clock.

        It may still be playing on a carrier that has stalled, so a `clear` is due all the same.
        """
        played = self.cut(now).played
        self._unproven = True
        return played

    def _given_up(self, until_s: float, surely_s: float | None) -> Cut:
        if not self._queue.pieces:
            return Cut((), ())
        return self._renew().cut(until_s, surely_s)
