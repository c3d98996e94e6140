"""A process that uses a tool through the dispatcher and kills itself at a named point."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from tests.tools.desk import Desk
from tools.booking.shop import default_shop, parse_shop
from tools.catalogue import build
from tools.spec import Tool, ToolContext
from tools.store import Store, open_store

POINTS = ("before", "inside", "after")


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(tool: Tool, store: Store, point: str) -> Tool:
    def handler(asked: msgspec.Struct, context: ToolContext) -> Mapping[str, Any]:
        if point == "before":
            die()
        if point == "inside":
            # Everything is written; the commit is not.
            sa.event.listen(store.engine, "commit", die)
        result: Mapping[str, Any] = tool.handler(asked, context)  # type: ignore[assignment]
        die()
        return result

    return msgspec.structs.replace(tool, handler=handler)


def main(
    url: str, point: str, arguments: str, tool: str = "book_appointment", shop: str = ""
) -> None:
    """`shop`: the text of a shop.yaml; empty: the built-in one."""
    store = open_store(url)
    found = parse_shop(shop, "shop.yaml") if shop else default_shop()
    entry = build(found, store).get(tool)
    assert entry is not None
    desk = Desk([dying(entry.tool, store, point)], store)
    asyncio.run(desk.ask(tool, arguments, tool_call_id="t1"))


if __name__ == "__main__":
    main(*sys.argv[1:])
