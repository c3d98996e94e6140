"""What the caller said and nobody has considered yet: as much of it as may wait."""

import asyncio
from collections import deque
from collections.abc import Iterable

import msgspec

from agents.local.endpointing import Frame
from agents.local.expectation import Expectation
from agents.local.recogniser import Recognition

_MOST_WAITING = 8
_MOST_SAMPLES = 60 * 16_000
"""A caller who talks without a break past this is not waiting for an answer to its beginning."""


class Foresight(msgspec.Struct, frozen=True):
    """What is being made out of a turn while it is not yet known to be over."""

    at_ms: int
    """Where its last speech ended."""
    expected: Expectation
    recognition: asyncio.Future[Recognition]


class CallerTurn(msgspec.Struct, frozen=True):
    """What the caller said, not yet made out."""

    item_id: str
    audio: Frame
    given_before: int = 0
    """Spoken items begun before the caller began: nothing later can have been answered."""
    foreseen: Foresight | None = None
    """Of just these words, when they were made out before the turn was known to be over."""


class Understood(msgspec.Struct, frozen=True):
    """A turn, and what was made out of it when this was expected."""

    turn: CallerTurn
    expected: Expectation
    heard: Recognition


def too_old(turns: Iterable[CallerTurn]) -> list[CallerTurn]:
    """The oldest turns, without which the others are few and short enough; never the last."""
    kept = list(turns)
    dropped: list[CallerTurn] = []
    while len(kept) > 1 and not _bearable(kept):
        dropped.append(kept.pop(0))
    return dropped


def _bearable(turns: list[CallerTurn]) -> bool:
    samples = sum(len(turn.audio) for turn in turns)
    return len(turns) <= _MOST_WAITING and samples <= _MOST_SAMPLES


class RequestedTurns:
    """What the caller said, made out and waiting for the call to let it count."""

    def __init__(self) -> None:
        self._unheard: deque[CallerTurn] = deque()
        self._waiting: dict[str, CallerTurn | Understood] = {}
        self._answered: set[str] = set()
        self._changed = asyncio.Event()

    def put(self, turn: CallerTurn) -> list[CallerTurn]:
        """Take one more turn. Returns those given up for it before anybody made them out."""
        self._unheard.append(turn)
        self._waiting[turn.item_id] = turn
        dropped = too_old(map(_turn, self._waiting.values())) + too_old(self._unheard)
        given_up = {each.item_id for each in dropped}
        unheard = [each for each in self._unheard if each.item_id in given_up]
        self._unheard = deque(each for each in self._unheard if each.item_id not in given_up)
        for item_id in given_up:
            self.dismiss(item_id)
        self._changed.set()
        return unheard

    async def next(self) -> CallerTurn:
        """The next turn to be made out."""
        while not self._unheard:
            await self._change()
        return self._unheard.popleft()

    def recognised(self, understood: Understood) -> None:
        if understood.turn.item_id in self._waiting:
            self._waiting[understood.turn.item_id] = understood
        self._changed.set()

    def answer(self, item_id: str) -> None:
        """The turn counts; it is taken when its time comes."""
        if item_id in self._waiting:
            self._answered.add(item_id)
        self._changed.set()

    def dismiss(self, item_id: str) -> None:
        self._waiting.pop(item_id, None)
        self._answered.discard(item_id)
        self._changed.set()

    async def take(self) -> list[Understood]:
        """All that was said up to the last turn that counts; empty when none does any more."""
        while any(isinstance(each, CallerTurn) for each in self._counting()):
            await self._change()
        taken = [each for each in self._counting() if isinstance(each, Understood)]
        for each in taken:
            self.dismiss(each.turn.item_id)
        return taken

    async def decided(self) -> None:
        """Until the call has said of the latest turn whether it counts."""
        while self._waiting and next(reversed(self._waiting)) not in self._answered:
            await self._change()

    def _counting(self) -> list[CallerTurn | Understood]:
        last = max((at for at, it in enumerate(self._waiting) if it in self._answered), default=-1)
        return list(self._waiting.values())[: last + 1]

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


def _turn(each: CallerTurn | Understood) -> CallerTurn:
    return each.turn if isinstance(each, Understood) else each
