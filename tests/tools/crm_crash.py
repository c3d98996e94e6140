"""A process that works for the contacts' book and kills itself at a named point."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec
import sqlalchemy as sa

from tests.fakes.crm_server import OURS, TOKEN
from tests.tools.crash import die
from tests.tools.desk import NOW, Desk
from tools.booking.shop import default_shop
from tools.catalogue import build
from tools.crm.breaker import pauses
from tools.crm.contacts import Contacts
from tools.crm.drain import Drain
from tools.crm.outbox import Outbox
from tools.crm.outside.book import NAME, HubSpotBook
from tools.crm.outside.http import Carrier
from tools.crm.outside.hubspot import Dialect
from tools.crm.outside.wire import Answer, Request
from tools.spec import Tool, ToolContext
from tools.store import Store, open_store

POINTS = ("claimed", "sent", "marking", "marked")
"""After the claim, after the answer, before the commit of the mark, after it."""


class Dying(Carrier):
    """Dies when the last of so many writes has been answered."""

    writes = 0

    async def carry(self, request: Request, within_s: float) -> Answer:
        answer = await super().carry(request, within_s)
        self.writes -= bool(request.key)
        if request.key and not self.writes:
            die()
        return answer


async def drain(store: Store, url: str, point: str, nth: int) -> None:
    """Tell the outside book, and die with the `nth` thing told."""
    outbox = Outbox(store, NAME)
    async with aiohttp.ClientSession() as session:
        carrier = Dying(session, url, lambda: TOKEN, lambda: NOW)
        carrier.writes = nth if point == "sent" else 0
        book = HubSpotBook(carrier, Dialect(OURS, ("phone",)), 20, 20)
        claims, claim, sent = [0], outbox.claim, outbox.sent

        def dying_claim(*given: Any) -> Any:
            found = claim(*given)
            claims[0] += 1
            if point == "claimed" and claims[0] == nth:
                die()
            return found

        def dying_mark(*given: Any) -> None:
            if claims[0] == nth and point == "marking":
                # Everything is written; the commit is not.
                sa.event.listen(store.engine, "commit", die)
            sent(*given)
            if claims[0] == nth and point == "marked":
                die()

        outbox.claim = dying_claim  # type: ignore[method-assign, assignment]
        outbox.sent = dying_mark  # type: ignore[method-assign, assignment]
        contacts = Contacts(store, NAME)
        await Drain(outbox, book, contacts, pauses(), lambda: NOW, lambda: 0.0).once()


def dying(tool: Tool, store: Store, point: str) -> Tool:
    def handler(asked: object, context: ToolContext) -> Mapping[str, Any]:
        if point == "inside":
            sa.event.listen(store.engine, "commit", die)
        result: Mapping[str, Any] = tool.handler(asked, context)  # type: ignore[assignment]
        die()
        return result

    return msgspec.structs.replace(tool, handler=handler)


async def use(store: Store, name: str, arguments: str, point: str) -> None:
    """Use one tool, and die inside it or after it."""
    entry = build(default_shop(), store).get(name)
    assert entry is not None
    desk = Desk([dying(entry.tool, store, point)], store)
    await desk.ask(name, arguments, tool_call_id="t1")


def main(act: str, url: str, *given: str) -> None:
    store = open_store(url)
    if act == "drain":
        server, point, nth = given
        asyncio.run(drain(store, server, point, int(nth)))
    else:
        asyncio.run(use(store, *given))


if __name__ == "__main__":
    main(*sys.argv[1:])
