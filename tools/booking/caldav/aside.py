"""Lets what blocks run beside the event loop, without taking the database from the calls."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Aside(Protocol):
    """Runs `work` in a thread; what it returns or raises."""

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...


def one_at_a_time() -> Aside:
    """However many calendars there are, they use one connection of the pool between them."""
    turn = asyncio.Semaphore(1)

    async def aside(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        async with turn:
            return await asyncio.to_thread(work, *args, **kwargs)

    return aside
