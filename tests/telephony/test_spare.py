"""What can wait is done soon, in order, and not so much of it in one turn that others wait."""

import asyncio
from functools import partial

import pytest

from telephony.spare import SLICE_S, Spare


class Work:
    """Of pieces that each take so long."""

    def __init__(self, takes_s: float) -> None:
        self._takes_s = takes_s
        self._now = 0.0
        self.done: list[int] = []
        self.spare = Spare(lambda: self._now)

    def comes(self, *numbers: int) -> None:
        for number in numbers:
            self.spare.later(partial(self._do, number))

    def once(self) -> None:
        self._do(0)

    def _do(self, number: int) -> None:
        self._now += self._takes_s
        self.done.append(number)


async def test_all_of_it_is_done_in_order_once_those_who_asked_are_through() -> None:
    work = Work(takes_s=SLICE_S / 10)
    work.comes(1, 2, 3)
    assert work.done == []
    await asyncio.sleep(0)
    assert work.done == [1, 2, 3]
    work.comes(4)
    await asyncio.sleep(0)
    assert work.done == [1, 2, 3, 4]


async def test_there_is_an_end_to_it_in_each_turn() -> None:
    work = Work(takes_s=SLICE_S / 2)
    work.comes(*range(5))
    turns = []
    for _ in range(4):
        await asyncio.sleep(0)
        turns.append(len(work.done))
    assert turns == [2, 4, 5, 5]
    assert work.done == list(range(5))


async def test_what_takes_longer_than_a_slice_is_done_all_the_same() -> None:
    work = Work(takes_s=1.0)
    work.comes(1, 2)
    await asyncio.sleep(0)
    assert work.done == [1]
    await asyncio.sleep(0)
    assert work.done == [1, 2]


async def test_what_waits_already_is_done_once() -> None:
    work = Work(takes_s=SLICE_S / 10)
    for _ in range(3):
        work.spare.later(work.once)
    work.comes(1)
    await asyncio.sleep(0)
    assert work.done == [0, 1]
    work.spare.later(work.once)
    await asyncio.sleep(0)
    assert work.done == [0, 1, 0]


async def test_more_may_come_of_it() -> None:
    work, told = Work(takes_s=SLICE_S / 10), []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, said: told.append(said))
    work.spare.later(partial(work.comes, 1, 2))
    for _ in range(3):
        await asyncio.sleep(0)
    assert work.done == [1, 2]
    assert told == []


async def test_what_breaks_its_promise_holds_up_nothing() -> None:
    work, told = Work(takes_s=0.0), []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, said: told.append(said))
    work.spare.later(partial(pytest.fail, "broken"))
    work.comes(1)
    for _ in range(2):
        await asyncio.sleep(0)
    assert work.done == [1]
    assert len(told) == 1
