"""What the processes that are killed do: book, note a task, ask a person first, call a service."""

import asyncio
import contextlib
import json
import multiprocessing
import socket
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from aiohttp import web

from tools.booking.shop import default_shop
from tools.booking.tables import BOOKINGS, CELLS
from tools.breaker import Breaker
from tools.catalogue import build
from tools.crm.tables import FOLLOW_UPS
from tools.http.door import Door
from tools.http.offer import http_tool
from tools.spec import AnyArguments, Approval, Result, Risk, Tool, ToolContext
from tools.store import Store


class Story:
    """One tool, one wish for each point, and how to count what became of it."""

    title = "book"
    name = "book_appointment"
    approved = False

    def call(self, number: int) -> str:
        """The call that is at this point, in a database that other stories use, too."""
        return f"CA{self.title}{number}"

    def tool(self, store: Store) -> Tool:
        entry = build(default_shop(), store).get(self.name)
        assert entry is not None
        return entry.tool

    def arguments(self, _number: int) -> dict[str, Any]:
        return {"service": "haircut", "date": "2026-03-04", "time": "10:00", "name": "Ann"}

    def effects(self, store: Store, number: int) -> int:
        """How many there are; a booking with all of its cells, or none at all."""

        def count(connection: sa.Connection) -> tuple[int, int]:
            mine = sa.select(BOOKINGS.c.id).where(BOOKINGS.c.call_id == self.call(number))
            cells = sa.select(sa.func.count()).select_from(CELLS)
            return len(connection.execute(mine).all()), connection.execute(cells).scalar_one()

        bookings, cells = store.read(count)
        assert cells == 9 * bookings
        return bookings

    def clean(self, store: Store) -> None:
        """The time is wanted again at the next point."""

        def work(connection: sa.Connection) -> None:
            for table in (CELLS, BOOKINGS):
                connection.execute(sa.delete(table))

        store.write(work)

    @contextlib.contextmanager
    def outside(self) -> Iterator[None]:
        """What must outlive the processes that are killed."""
        yield


class Approved(Story):
    """The same, once a person has said yes."""

    title = "approve"
    approved = True

    def tool(self, store: Store) -> Tool:
        return msgspec.structs.replace(super().tool(store), approval=Approval(deadline_s=30.0))


class Task(Story):
    """A task for the staff, in the contacts' book."""

    title = "task"
    name = "add_follow_up"

    def arguments(self, number: int) -> dict[str, Any]:
        return {"text": f"Send the prices, {number}.", "due": "2026-03-06"}

    def effects(self, store: Store, number: int) -> int:
        wanted = FOLLOW_UPS.c.text == self.arguments(number)["text"]
        counted = sa.select(sa.func.count()).where(wanted)
        return store.read(lambda connection: connection.execute(counted).scalar_one())

    def clean(self, store: Store) -> None:
        """Each point has a text of its own."""


class Outside(Story):
    """A service outside that does what carries a new key, once, and can say what it did."""

    title = "http"
    name = "leave_word"
    _port = 0

    def tool(self, store: Store) -> Tool:
        words = {"type": "object", "properties": {"word": {"type": "string"}}}
        base = Tool(
            self.name,
            "Leave word.",
            AnyArguments,
            _unused,
            risk=Risk.MESSAGE,
            parameters={**words, "required": ["word"]},
        )
        answer = {"results": {"id": "/id"}, "message": "Left as {id}."}
        at = f"http://127.0.0.1:{self._port}/words"
        section = {
            "url": at,
            "method": "POST",
            "json": {"word": "{word}"},
            "answer": answer,
            "check": {"url": at + "/{context.idempotency_key}", "answer": answer},
            "allow_private": ["127.0.0.1"],
        }
        return _lazily(base, section)

    def arguments(self, number: int) -> dict[str, Any]:
        return {"word": f"Ring twice, {number}."}

    def effects(self, store: Store, number: int) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/log", timeout=10) as log:
            told = json.load(log)
        word = self.arguments(number)["word"]
        assert len({key for key, said in told["asked"] if said == word}) <= 1, "another key"
        return sum(said == word for _, said in told["done"])

    def clean(self, store: Store) -> None:
        """Each point has a word of its own."""

    @contextlib.contextmanager
    def outside(self) -> Iterator[None]:
        listener = socket.create_server(("127.0.0.1", 0))
        self._port = listener.getsockname()[1]
        serving = multiprocessing.get_context("fork").Process(target=_serve, args=(listener,))
        serving.start()
        listener.close()
        try:
            yield
        finally:
            serving.terminate()
            serving.join()


def _unused(_arguments: Any, _context: ToolContext) -> dict[str, Any]:
    raise AssertionError("the section gives the handler")


def _fresh(_host: str) -> Breaker:
    return Breaker()


def _lazily(base: Tool, section: dict[str, Any]) -> Tool:
    """A door belongs to a running loop, and tools are made before one runs."""
    made: list[Tool] = []

    def own() -> Tool:
        if not made:
            loop = asyncio.get_running_loop()
            made.append(http_tool(section, base, {}, Door().fetch, breakers=_fresh, loop=loop))
        return made[0]

    async def handler(arguments: Any, context: ToolContext) -> Result:
        found: Result = await own().handler(arguments, context)  # type: ignore[misc]
        return found

    return msgspec.structs.replace(base, handler=handler, reconcile=_asks(section, base))


def _asks(section: dict[str, Any], base: Tool) -> Callable[[ToolContext], Result | None]:
    """The same check, in the thread it is asked from."""

    def reconcile(context: ToolContext) -> Result | None:
        async def ask() -> Result | None:
            door = Door()
            try:
                loop = asyncio.get_running_loop()
                tool = http_tool(section, base, {}, door.fetch, breakers=_fresh, loop=loop)
                assert tool.reconcile is not None
                return await asyncio.to_thread(tool.reconcile, context)
            finally:
                await door.close()

        return asyncio.run(ask())

    return reconcile


def _serve(listener: socket.socket) -> None:
    asked: list[tuple[str, str]] = []
    done: dict[str, str] = {}

    async def leave(request: web.Request) -> web.Response:
        key, word = request.headers["Idempotency-Key"], (await request.json())["word"]
        asked.append((key, word))
        done.setdefault(key, word)
        return web.json_response({"id": list(done).index(key)})

    async def left(request: web.Request) -> web.Response:
        key = request.match_info["key"]
        if key not in done:
            return web.json_response({}, status=404)
        return web.json_response({"id": list(done).index(key)})

    async def log(_request: web.Request) -> web.Response:
        return web.json_response({"asked": asked, "done": list(done.items())})

    app = web.Application()
    app.add_routes([web.post("/words", leave), web.get("/words/{key}", left), web.get("/log", log)])
    web.run_app(app, sock=listener, print=None, access_log=None)


STORIES = {story.title: story for story in (Story(), Approved(), Task(), Outside())}
