"""What has the caller heard of the agent, and what would they hear if nobody stopped it?

Audio goes to the carrier much faster than it is played. The carrier plays pieces in order and
echoes a mark when playback gets to it, but it also returns all marks at once when the queue is
cleared (Twilio, Media Streams WebSocket messages). So an echo is proof only in the generation in
which its mark was placed, and between echoes the clock has to tell.

All times are the caller's side of the carrier as seen on our clock: a piece sent at `t` cannot
begin before `t` plus one way; a `clear` sent at `t` takes effect at `t` plus one way; an echo
that arrives at `t` tells of an end at `t` minus one way. One way is half the round trip, which
is measured on marks whose playing time is known. That the ways there and back are not alike
does no harm: what is too much in the one is too little in the other, and only their sum counts.

Two figures are kept of the line. The shortest round trip and the earliest of the last few echoes
say where playback is; how late echoes come on average says how late a `clear` will be. The
simpler choice, the mean of the few round trips measured at the beginning of runs and the earliest
echo of a whole run, does worse in the campaign of tests/telephony/test_call_oracle.py: 1 cut of
100 was 61 ms off and 1 of 1,000 149 ms, against 57 and 113 this way
(2,800 cuts; jitter of 1 to 25 ms on average each way, exponential in one half of the calls).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

RATE = 8_000
GRID_SAMPLES = 800
"""A mark about every 100 ms: often enough to anchor the clock, rare enough to cost nothing."""

_FIRST_GUESS_S = 0.08
_SMOOTHING = 1 / 16
_RECENT_ECHOES = 8
"""Echoes that are compared: enough for one of them to have come without delay, few enough for
the clock to follow a line that paused where we could not know."""
_ROUNDING = 1e-6
"""Seconds are floats: 0.73 s of audio must not come out a sample short."""
_STALL_S = 0.25
"""An echo this much later than foretold is a stall of the line, not jitter."""


class RoundTrip:
    """Running estimate of the time from us to the carrier and back."""

    def __init__(self) -> None:
        self._least: float | None = None
        self._late_s = 0.0

    def sample(self, seconds: float) -> None:
        """A mark came back so long after it could have been reached."""
        self._least = max(0.0, seconds if self._least is None else min(self._least, seconds))

    def late(self, seconds: float) -> None:
        """An echo came so much later than one that nothing delayed."""
        self._late_s += _SMOOTHING * (seconds - self._late_s)

    @property
    def one_way_s(self) -> float:
        """What a message usually takes: both ways are held to be delayed alike."""
        return self.least_one_way_s + self._late_s

    @property
    def least_one_way_s(self) -> float:
        """What a message takes when nothing delays it."""
        return (_FIRST_GUESS_S if self._least is None else self._least) / 2


@dataclass(slots=True)
class Item:
    """One spoken item of the agent, counted in samples of 8,000 a second."""

    item_id: str
    number: int
    sent: int = 0
    marked: int = 0
    heard: int = 0
    began_s: float | None = None
    ended_s: float | None = None


@dataclass(slots=True)
class _Piece:
    item: Item
    ulaw: bytes
    sent_s: float
    mark: str | None = None


class _Run:
    """Audio that plays without a gap, and what its echoes tell of when it began.

    Jitter only ever makes an echo late, so of the echoes of one run the earliest tells the truth.
    """

    def __init__(self, sent_s: float) -> None:
        self.sent_s = sent_s
        self.samples = 0
        self._trips: deque[float] = deque(maxlen=_RECENT_ECHOES)

    def echoed(self, now: float, trip: RoundTrip) -> None:
        """The echo for the run's samples so far arrives."""
        took_s = now - self.sent_s - self.samples / RATE
        trip.sample(took_s)
        if self._trips and took_s - min(self._trips) > _STALL_S:
            self._trips.clear()
        if self._trips:
            trip.late(max(0.0, took_s - min(self._trips)))
        self._trips.append(took_s)

    def until_s(self, trip: RoundTrip) -> float:
        """When its samples so far had been played."""
        return self.sent_s + self.samples / RATE + min(self._trips) - trip.least_one_way_s


@dataclass(frozen=True, slots=True)
class Played:
    """Audio the caller heard, for the recording."""

    at_s: float
    ulaw: bytes
    follows: bool
    """True: it was heard right behind the piece before it, without a gap."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a cut found: the items that were not heard to their end, in order of speaking."""

    items: tuple[Item, ...]
    played: tuple[Played, ...]
    unheard: tuple[tuple[Item, bytes], ...] = ()
    """What was thrown away, in order: to be sent again if the cut is taken back."""


class Ledger:
    """The one place that knows. Call `sent` for everything played, `echoed` for every mark."""

    def __init__(self) -> None:
        self.trip = RoundTrip()
        self._pieces: deque[_Piece] = deque()
        self._generation = 0
        self._items = 0
        self._heard_until_s = 0.0
        self._run = _Run(0.0)
        self._end_s: float | None = None
        """When the last piece should end, while nothing has changed since that was reckoned."""
        self._probes: dict[str, float] = {}

    # ---- what we did -------------------------------------------------------------------------

    def probe(self, now: float) -> str:
        """Name a mark to be placed while nothing is queued: its echo measures the round trip."""
        name = f"{self._generation}:0:{len(self._probes)}"
        self._probes[name] = now
        return name

    def open(self, item_id: str) -> Item:
        """Begin to count a spoken item; numbers start at 1, as 0 is for probes."""
        self._items += 1
        return Item(item_id, self._items)

    def sent(self, item: Item, ulaw: bytes, now: float) -> str | None:
        """Count one piece sent; the mark to place behind it, when the grid wants one."""
        piece = _Piece(item, ulaw, now)
        self._end_s = self._end(piece, self.expected_end_s() or self._heard_until_s)
        self._pieces.append(piece)
        item.sent += len(ulaw)
        return self._mark(piece) if item.sent - item.marked >= GRID_SAMPLES else None

    def close(self, item: Item) -> str | None:
        """The item's audio is complete: the mark that proves its end, unless it has one."""
        if not self._pieces or item.sent == item.marked or self._pieces[-1].item is not item:
            return None
        return self._mark(self._pieces[-1])

    def _mark(self, piece: _Piece) -> str:
        piece.item.marked = piece.item.sent
        piece.mark = f"{self._generation}:{piece.item.number}:{piece.item.sent}"
        return piece.mark

    # ---- what we were told -------------------------------------------------------------------

    def echoed(self, name: str, now: float) -> tuple[Played, ...]:
        """The mark came back: what it proves was heard. Unknown and cleared marks prove nothing."""
        self._end_s = None
        if (placed_s := self._probes.pop(name, None)) is not None:
            self.trip.sample(now - placed_s)
            return ()
        if not any(piece.mark == name for piece in self._pieces):
            return ()
        return tuple(self._confirm(name, now))

    def _confirm(self, name: str, now: float) -> Iterator[Played]:
        marked = False
        while not marked:
            piece = self._pieces.popleft()
            marked = piece.mark == name
            begin_s, dry = self._begin(piece)
            if dry:
                self._run = _Run(piece.sent_s)
            self._run.samples += len(piece.ulaw)
            self._credit(piece, begin_s, len(piece.ulaw))
            yield Played(begin_s, piece.ulaw, follows=not dry)
        self._run.echoed(now, self.trip)
        self._heard_until_s = self._run.until_s(self.trip)

    def _begin(self, piece: _Piece) -> tuple[float, bool]:
        """When a piece begins if the ones before it are done, and whether the queue was dry."""
        earliest_s = piece.sent_s + self.trip.one_way_s
        if earliest_s >= self._heard_until_s:
            return earliest_s, True
        return self._heard_until_s, False

    def _credit(self, piece: _Piece, begin_s: float, samples: int) -> None:
        item = piece.item
        item.began_s = begin_s if item.began_s is None else item.began_s
        item.heard += samples
        self._heard_until_s = item.ended_s = begin_s + samples / RATE

    # ---- what follows from it ----------------------------------------------------------------

    @property
    def outstanding(self) -> bool:
        """Something was sent of which no echo has come: it may still be playing."""
        return bool(self._pieces)

    def expected_end_s(self) -> float | None:
        """When the last piece sent should have been played; None when nothing is outstanding."""
        if not self._pieces:
            return None
        if self._end_s is None:
            self._end_s = self._heard_until_s
            for piece in self._pieces:
                self._end_s = self._end(piece, self._end_s)
        return self._end_s

    def _end(self, piece: _Piece, until_s: float) -> float:
        return max(until_s, piece.sent_s + self.trip.one_way_s) + len(piece.ulaw) / RATE

    def cut(self, now: float) -> Cut:
        """Give up all unheard audio; say what was heard until a `clear` sent now takes effect.

        Marks placed until now prove nothing any more.
        """
        return self._settle(now + self.trip.one_way_s)

    def ended(self, now: float) -> Cut:
        """The carrier's word that the line has ended arrives now: nothing later was heard."""
        return self._settle(now - self.trip.one_way_s)

    def expire(self, now: float) -> tuple[Played, ...]:
        """Echoes were lost, and `expected_end_s` is over: take it all as heard by the clock."""
        return self._settle(now).played

    def _settle(self, until_s: float) -> Cut:
        items = {piece.item.number: piece.item for piece in self._pieces}
        played = tuple(self._play_until(until_s))
        unheard = tuple(self._unheard(sum(len(piece.ulaw) for piece in played)))
        if self._pieces:
            self._pieces.clear()
            self._end_s = None
            self._generation += 1
            # What is sent from here on starts on an empty queue, however far playback had got.
            self._heard_until_s = 0.0
        return Cut(tuple(items.values()), played, unheard)

    def take_back(self, item: Item, samples: int) -> None:
        """So many samples of a cut item will be sent again: they count as not sent yet."""
        item.sent -= samples
        item.marked = item.sent

    def _unheard(self, heard: int) -> Iterator[tuple[Item, bytes]]:
        for piece in self._pieces:
            if rest := piece.ulaw[heard:]:
                yield piece.item, rest
            heard = max(0, heard - len(piece.ulaw))

    def _play_until(self, until_s: float) -> Iterator[Played]:
        for piece in self._pieces:
            begin_s, dry = self._begin(piece)
            samples = min(len(piece.ulaw), int((until_s - begin_s) * RATE + _ROUNDING))
            if samples <= 0:
                return
            self._credit(piece, begin_s, samples)
            yield Played(begin_s, piece.ulaw[:samples], follows=not dry)
