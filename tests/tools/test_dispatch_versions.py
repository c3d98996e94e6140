"""Calls of different versions have different tools, and one dispatcher behind them."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from tests.tools.desk import CALLER, NOW, Desk
from tools.dispatch import Dispatcher
from tools.registry import Registry
from tools.spec import Risk, Tool, ToolContext, ToolRequest, ToolState
from tools.store import Store

LATER = NOW + dt.timedelta(hours=3)


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments."""


def tool(name: str, handler: Any) -> Tool:
    return Tool(name, "Do it.", Asked, handler, risk=Risk.WRITE_OWN)


async def ask(dispatcher: Dispatcher, name: str, number: int = 1) -> Any:
    return await dispatcher.run(ToolRequest(f"CA{number}", f"t{number}", name, "{}", CALLER))


async def test_each_version_has_its_own_tools_and_clock(plain: Store) -> None:
    seen: list[dt.datetime] = []

    def do(_asked: Asked, context: ToolContext) -> Mapping[str, Any]:
        seen.append(context.now)
        return {"message": "Done."}

    desk = Desk([tool("old", do)], plain)
    newer = desk.dispatcher.with_tools(Registry([tool("new", do)]), lambda: LATER)
    assert (await ask(newer, "new")).state is ToolState.DONE
    assert (await ask(newer, "old", 2)).state is ToolState.INVALID
    assert (await ask(desk.dispatcher, "old", 3)).state is ToolState.DONE
    assert (await ask(desk.dispatcher, "new", 4)).state is ToolState.INVALID
    assert seen == [LATER, NOW]


async def test_what_a_version_has_begun_is_waited_for_by_all_of_them(plain: Store) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def do(_asked: Asked, _context: ToolContext) -> Mapping[str, Any]:
        begun.set()
        await go_on.wait()
        return {"message": "Done."}

    desk = Desk([], plain)
    newer = desk.dispatcher.with_tools(Registry([tool("new", do)]), lambda: LATER)
    asked = desk.tasks.start("asked", ask(newer, "new"))
    await begun.wait()
    assert await desk.dispatcher.drain(0) == 1
    go_on.set()
    assert (await asked).state is ToolState.DONE
    assert await desk.dispatcher.drain(1) == 0
    assert newer.vault is desk.dispatcher.vault
