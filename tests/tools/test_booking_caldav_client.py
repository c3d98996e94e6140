"""Requests to servers that refuse, dawdle, lie, lead elsewhere or never stop talking."""

import asyncio
import base64
import gzip
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tools.booking.caldav import client as client_module
from tools.booking.caldav.client import CalendarClient, Resource
from tools.booking.caldav.outcome import DavError, Outcome

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Does to every request what the test says; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.bodies: list[str] = []
        self.origin = ""
        self._behaviour: Behaviour | None = None

    def answers(
        self, status: int = 207, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(status=status, body=body, headers=headers)

        self._behaviour = answer

    def does(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.bodies.append(await request.text())
        assert self._behaviour is not None
        return await self._behaviour(request)


@pytest.fixture
async def server() -> AsyncGenerator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def http() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
def client(server: Server, http: aiohttp.ClientSession) -> CalendarClient:
    return CalendarClient(http, f"{server.origin}/dav/shop/", "anna", "pass wörd")


async def fails(asking: Awaitable[Any]) -> DavError:
    with pytest.raises(DavError) as failed:
        await asking
    return failed.value


def listing(*paths: str, token: str = "", status: str = "") -> bytes:
    one = (
        "<d:response><d:href>{}</d:href><d:propstat><d:prop><d:getetag>&quot;1&quot;</d:getetag>"
        "</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )
    more = f"<d:response><d:href>/dav/shop/</d:href><d:status>{status}</d:status></d:response>"
    said = f"<d:sync-token>{token}</d:sync-token>" if token else ""
    body = "".join(map(one.format, paths)) + (more if status else "") + said
    return f'<d:multistatus xmlns:d="DAV:">{body}</d:multistatus>'.encode()


async def test_the_password_is_sent_and_nothing_else_of_ours(
    client: CalendarClient, server: Server
) -> None:
    server.answers(body=listing("/dav/shop/a.ics", token="t1"))
    changes = await client.changes(None)
    assert (dict(changes.etags), changes.token, changes.complete) == (
        {"/dav/shop/a.ics": '"1"'},
        "t1",
        True,
    )
    (asked,) = server.asked
    pair = asked.headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(pair).decode() == "anna:pass wörd"
    assert (asked.method, asked.path, asked.headers["Depth"]) == ("REPORT", "/dav/shop/", "0")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (302, Outcome.REDIRECTED),
        (401, Outcome.WRONG_PASSWORD),
        (404, Outcome.NO_CALENDAR),
        (412, Outcome.CHANGED_MEANWHILE),
        (423, Outcome.LOCKED),
        (429, Outcome.TOO_MANY_REQUESTS),
        (500, Outcome.SERVER_ERROR),
        (502, Outcome.SERVER_ERROR),
        (507, Outcome.STORAGE_FULL),
        (200, Outcome.NONSENSE),
    ],
)
async def test_each_refusal_has_a_name(
    client: CalendarClient, server: Server, status: int, outcome: Outcome
) -> None:
    server.answers(status, b"<html>secret</html>", {"Location": "/elsewhere"})
    failed = await fails(client.changes(None))
    assert failed.outcome is outcome
    assert "secret" not in str(failed)
    if status != 404:
        assert (await fails(client.get("/dav/shop/a.ics"))).outcome is outcome
    if status != 200:
        assert (await fails(client.put("/dav/shop/a.ics", b"x", None))).outcome is outcome


async def test_no_redirect_is_followed(client: CalendarClient, server: Server) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        assert request.path == "/dav/shop/"
        return web.Response(status=308, headers={"Location": f"{server.origin}/trap/"})

    server.does(elsewhere)
    assert (await fails(client.changes(None))).outcome is Outcome.REDIRECTED
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("said", "wait"), [("120", 120.0), ("99999999", 3600.0), ("soon", None), ("-5", None)]
)
async def test_the_wait_a_server_asks_for_is_told(
    client: CalendarClient, server: Server, said: str, wait: float | None
) -> None:
    server.answers(429, b"", {"Retry-After": said})
    assert (await fails(client.changes("t"))).retry_after_s == wait


async def test_a_slow_server_is_given_up(server: Server, http: aiohttp.ClientSession) -> None:
    over = asyncio.Event()

    async def dawdle(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(status=207)
        await answer.prepare(request)
        await answer.write(b"<multi")
        await over.wait()
        return answer

    server.does(dawdle)
    client = CalendarClient(http, f"{server.origin}/dav/shop/", "anna", "p", request_s=0.2)
    assert (await fails(client.changes(None))).outcome is Outcome.TOO_SLOW
    over.set()


async def test_an_answer_without_end_is_cut(
    client: CalendarClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_EVENT_BYTES", 100_000)

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(status=207 if request.method != "GET" else 200)
        answer.headers["ETag"] = '"1"'
        await answer.prepare(request)
        for _ in itertools.repeat(None):
            try:
                await answer.write(b"x" * 100_000)
            except ConnectionError:
                break
        return answer

    server.does(endless)
    assert (await fails(client.changes(None))).outcome is Outcome.TOO_LARGE
    assert await client.get("/dav/shop/a.ics") == Resource('"1"', None)


async def test_what_is_packed_is_counted_unpacked(client: CalendarClient, server: Server) -> None:
    packed = gzip.compress(b"x" * 20_000_000)
    server.answers(207, packed, {"Content-Encoding": "gzip"})
    assert (await fails(client.changes(None))).outcome in (Outcome.TOO_LARGE, Outcome.NONSENSE)


async def test_a_server_that_is_not_there(http: aiohttp.ClientSession, server: Server) -> None:
    client = CalendarClient(http, "http://127.0.0.1:1/dav/shop/", "anna", "p")
    assert (await fails(client.changes(None))).outcome is Outcome.UNREACHABLE


async def test_tls_that_cannot_be_trusted(http: aiohttp.ClientSession, server: Server) -> None:
    """Here a server that speaks none at all."""
    secure = server.origin.replace("http:", "https:")
    client = CalendarClient(http, f"{secure}/dav/shop/", "anna", "p")
    failed = await fails(client.changes(None))
    assert failed.outcome in (Outcome.BAD_CERTIFICATE, Outcome.UNREACHABLE)
    assert server.asked == []


@pytest.mark.parametrize(
    "said", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 207 X\r\nContent-Length: 99\r\n\r\nshort"]
)
async def test_what_is_no_http(http: aiohttp.ClientSession, said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    client = CalendarClient(http, f"http://127.0.0.1:{port}/dav/shop/", "anna", "p")
    failed = await fails(client.changes(None))
    assert failed.outcome in (Outcome.NONSENSE, Outcome.UNREACHABLE)
    listener.close()


async def test_changes_come_in_pages(client: CalendarClient, server: Server) -> None:
    pages = [
        listing("/dav/shop/a.ics", token="t2", status="HTTP/1.1 507 Insufficient Storage"),
        listing("/dav/shop/b.ics", token="t3"),
    ]

    async def page(_request: web.Request) -> web.Response:
        return web.Response(status=207, body=pages[len(server.asked) - 1])

    server.does(page)
    changes = await client.changes("t1")
    assert (sorted(changes.etags), changes.token) == (["/dav/shop/a.ics", "/dav/shop/b.ics"], "t3")
    assert "t1" in server.bodies[0]
    assert "t2" in server.bodies[1]


async def test_pages_without_end_are_refused(client: CalendarClient, server: Server) -> None:
    server.answers(body=listing(token="t", status="HTTP/1.1 507 Insufficient Storage"))
    assert (await fails(client.changes("t"))).outcome is Outcome.TOO_LARGE


@pytest.mark.parametrize("status", [400, 403, 405, 409, 501])
async def test_servers_say_in_many_ways_that_they_have_no_sync(
    client: CalendarClient, server: Server, status: int
) -> None:
    async def plain(request: web.Request) -> web.Response:
        if request.method == "REPORT":
            return web.Response(status=status)
        assert request.headers["Depth"] == "1"
        return web.Response(status=207, body=listing("/dav/shop/", "/dav/shop/a.ics"))

    server.does(plain)
    changes = await client.changes(None)
    assert (list(changes.etags), changes.token, changes.complete) == (
        ["/dav/shop/a.ics"],
        None,
        True,
    )


async def test_a_token_that_is_refused_has_expired(client: CalendarClient, server: Server) -> None:
    server.answers(403, b'<error xmlns="DAV:"><valid-sync-token/></error>')
    assert (await fails(client.changes("t"))).outcome is Outcome.TOKEN_EXPIRED


async def test_large_events_do_not_hide_the_others(
    client: CalendarClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {**(CalendarClient._ask.__kwdefaults__ or {}), "limit": 5_000}
    monkeypatch.setattr(CalendarClient._ask, "__kwdefaults__", small)

    async def content(request: web.Request) -> web.Response:
        body = server.bodies[-1]
        parts = "".join(
            f"<response><href>{path}</href><propstat><prop><C:calendar-data>"
            f"{'x' * size}</C:calendar-data></prop><status>HTTP/1.1 200 OK</status></propstat>"
            "</response>"
            for path, size in (("/dav/shop/a", 10), ("/dav/shop/b", 9_000), ("/dav/shop/c", 20))
            if f"{path}<" in body
        )
        names = 'xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
        return web.Response(status=207, text=f"<multistatus {names}>{parts}</multistatus>")

    server.does(content)
    found = await client.fetch(["/dav/shop/a", "/dav/shop/b", "/dav/shop/c"])
    assert {path: each.text for path, each in found.items()} == {
        "/dav/shop/a": "x" * 10,
        "/dav/shop/b": None,
        "/dav/shop/c": "x" * 20,
    }


async def test_guards_of_writing_requests(client: CalendarClient, server: Server) -> None:
    server.answers(204, headers={"ETag": '"2"'})
    assert await client.put("/dav/shop/a.ics", b"x", None) == '"2"'
    assert await client.put("/dav/shop/a.ics", b"x", '"1"') == '"2"'
    await client.delete("/dav/shop/a.ics", '"2"')
    sent = [(r.headers.get("If-None-Match"), r.headers.get("If-Match")) for r in server.asked]
    assert sent == [("*", None), (None, '"1"'), (None, '"2"')]


async def test_what_is_gone_need_not_be_deleted(client: CalendarClient, server: Server) -> None:
    server.answers(404)
    await client.delete("/dav/shop/a.ics", '"2"')
    assert await client.get("/dav/shop/a.ics") is None
