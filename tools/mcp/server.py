"""One MCP server as the agent knows it: reached, listed, asked, and reached again when it is lost.

Nothing is offered to the server: no sampling, no roots, no elicitation.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any

import httpx2
import mcp_types as wire
import msgspec
import structlog
from mcp.client.session import ClientSession, IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from tools.http import templates
from tools.http.door import Door
from tools.mcp.listing import Listed
from tools.mcp.pipe import Program, piped
from tools.mcp.results import Said
from tools.mcp.section import McpSection
from tools.mcp.way import NOT_SENT, Way
from tools.threads import Start
from tools.watchdog import lasting

BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
MAX_PAGES = 10
MAX_LISTED = 500
CLOSING_S = 5.0
STEADY_S = 60.0
"""How long a connection has to last before its end counts as the first failure again."""
LATE_S = 60.0
"""How long after its deadline the answer to a write is still waited for."""
KEY = "frontdesk/idempotency-key"
"""Where in a call's `_meta` a server finds the key of the effect."""

log = structlog.get_logger()


class Up(Enum):
    """Whether a server can be asked."""

    STARTING = "starting"
    UP = "up"
    DOWN = "down"
    STOPPED = "stopped"


class Health(msgspec.Struct, frozen=True):
    """One server for an operator."""

    server: str
    state: Up
    reason: str = ""
    """Of the last failure, a code."""
    tools: int = 0
    """How many it lists."""


class NotAskedError(Exception):
    """The server was not asked, or said that it did nothing."""

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class NotAnsweredError(Exception):
    """The server was asked, and has given no answer that says what it did."""


class McpServer:
    """Made on the event loop; `start` it, and `stop` it before the loop ends."""

    def __init__(
        self,
        name: str,
        section: McpSection,
        secrets: Mapping[str, str],
        door: Door,
        start: Start,
        *,
        changed: Callable[[], None] = lambda: None,
        backoff_s: tuple[float, ...] = BACKOFF_S,
    ) -> None:
        """`name` is for the log. Of `section` only what says how the server is reached is used.
        `changed` is called whenever the server lists other tools than before."""
        self.name = name
        self.listed: tuple[Listed, ...] | None = None
        """Its tools in its own words; None while it has never been reached."""
        self._section = section
        self._given = templates.Values({}, {}, dict(secrets))
        self._door = door
        self._start = start
        self._changed = changed
        self._backoff_s = backoff_s
        self._state = Up.STARTING
        self._reason = ""
        self._session: ClientSession | None = None
        self._settled = asyncio.Event()
        self._over = asyncio.Event()
        self._news = asyncio.Event()
        self._keeper: asyncio.Task[Any] | None = None
        self._calls: set[asyncio.Task[Any]] = set()
        for logger in ("mcp", "client", "httpx2"):
            # They quote what they cannot read, and name sessions.
            logging.getLogger(logger).setLevel(logging.CRITICAL)

    @property
    def begun(self) -> bool:
        """It was started."""
        return self._keeper is not None

    async def start(self) -> None:
        """Returns when it is up or has failed once; it is tried again for as long as it takes."""
        self._keeper = self._start(f"mcp {self.name}", self._keep())
        await self._settled.wait()

    async def stop(self) -> None:
        """Ends the connection, and the program with all it started."""
        self._state = Up.STOPPED
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})

    def health(self) -> Health:
        return Health(self.name, self._state, self._reason, len(self.listed or ()))

    async def call(
        self, tool: str, arguments: Mapping[str, Any], key: str, deadline_s: float, *, writes: bool
    ) -> Said:
        """Ask for one tool. Raises NotAskedError and NotAnsweredError.

        Cancelled, a read is called off; a write is left to run, and so it is past its deadline.
        """
        if self._session is None or self._over.is_set():
            raise NotAskedError("server_down")
        with lasting():  # a write may outlive the handler, which is not the tool's fault
            asked = _called(self._session, tool, dict(arguments), key)
            task = self._start(f"mcp call {tool}", asked)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        patience_s = deadline_s + LATE_S if writes else deadline_s
        try:
            done, _ = await asyncio.wait({task}, timeout=patience_s)
        finally:
            if not writes:
                task.cancel()
        if not done:
            raise NotAnsweredError("timeout")
        return self._read(task)

    def _read(self, task: asyncio.Task[Any]) -> Said:
        if task.cancelled():
            raise NotAnsweredError("connection_lost")
        if task.exception() is not None:
            raise NotAnsweredError("failed")
        ended = task.result()
        if isinstance(ended, Said):
            return ended
        if ended.message == NOT_SENT:
            self._over.set()
            raise NotAskedError("not_sent")
        if ended.code in (wire.METHOD_NOT_FOUND, wire.INVALID_PARAMS):
            raise NotAskedError("not_accepted", permanent=True)
        if ended.code in (wire.CONNECTION_CLOSED, wire.INVALID_REQUEST):
            self._over.set()
        raise NotAnsweredError("no_answer")

    # ---- the connection ----------------------------------------------------------------------

    async def _keep(self) -> None:
        failures = 0
        while True:
            began = _now()
            # A task of its own: whatever ends the connection ends there, and is looked at here.
            task = asyncio.get_running_loop().create_task(self._connection())
            try:
                await asyncio.wait({task})
            finally:
                await self._lost(task)
            self._down(task)
            # One that comes up only to fall is not asked to in a tight circle.
            failures = 0 if _now() - began > STEADY_S else failures
            await asyncio.sleep(self._backoff_s[min(failures, len(self._backoff_s) - 1)])
            failures += 1

    async def _lost(self, task: asyncio.Task[Any]) -> None:
        self._session = None
        for _ in range(2):
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSING_S)
        for call in tuple(self._calls):
            call.cancel()

    def _down(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        self._state = Up.DOWN
        self._reason = _reason(error)
        self._settled.set()
        log.warning("mcp_server_down", server=self.name, reason=self._reason)

    async def _connection(self) -> None:
        """One connection from its beginning to its end, however that comes."""
        self._over.clear()
        async with self._streams() as (incoming, outgoing):
            session = ClientSession(
                incoming,
                outgoing,
                message_handler=self._told,
                client_info=wire.Implementation(name="frontdesk", version="1"),
            )
            async with session:
                async with asyncio.timeout(self._section.start_s):
                    await session.initialize()
                    await self._list(session)
                self._up(session)
                await self._follow(session)

    def _up(self, session: ClientSession) -> None:
        self._session = session
        self._state = Up.UP
        self._reason = ""
        self._settled.set()
        log.info("mcp_server_up", server=self.name, tools=len(self.listed or ()))

    async def _follow(self, session: ClientSession) -> None:
        """Until the connection is over: list again whenever the server says that it changed."""
        over = asyncio.get_running_loop().create_task(self._over.wait())
        try:
            while not over.done():
                news = asyncio.get_running_loop().create_task(self._news.wait())
                await asyncio.wait({over, news}, return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                if self._news.is_set():
                    self._news.clear()
                    async with asyncio.timeout(self._section.start_s):
                        await self._list(session)
        finally:
            over.cancel()

    async def _told(self, message: IncomingMessage) -> None:
        if isinstance(message, wire.ToolListChangedNotification):
            self._news.set()

    async def _list(self, session: ClientSession) -> None:
        """Replaces what is offered from now on; what was handed out before stays as it was."""
        found: list[Listed] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            asked = wire.ListToolsRequest(params=wire.PaginatedRequestParams(cursor=cursor))
            page = await session.send_request(asked, wire.ListToolsResult)
            found += [_listed(each) for each in page.tools]
            cursor = page.next_cursor
            if cursor is None or len(found) > MAX_LISTED:
                break
        before, self.listed = self.listed, tuple(found[:MAX_LISTED])
        if before != self.listed:
            self._changed()

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[tuple[Any, Any]]:
        if self._section.command:
            async with piped(self._program(), self._section.max_bytes, self._over) as streams:
                yield streams
            return
        async with (
            httpx2.AsyncClient(transport=self._way(), trust_env=False, timeout=None) as client,
            streamable_http_client(
                self._section.url,
                http_client=client,
                max_sse_event_size=self._section.max_bytes,
            ) as streams,
        ):
            yield streams

    def _program(self) -> Program:
        env = {name: templates.text(text, self._given) for name, text in self._section.env.items()}
        cwd = self._section.cwd or None
        return Program(self._section.command, self._section.args, env, cwd)

    def _way(self) -> Way:
        section = self._section
        headers = {
            name: templates.header(each, self._given) for name, each in section.headers.items()
        }
        return Way(self._door, section.url, headers, section.allow_private, section.max_bytes)


async def _called(
    session: ClientSession, tool: str, arguments: dict[str, Any], key: str
) -> Said | wire.ErrorData:
    """Not `ClientSession.call_tool`, which would run the server's own schema over its answer."""
    meta: Any = {KEY: key}
    params = wire.CallToolRequestParams(name=tool, arguments=arguments, _meta=meta)
    try:
        found = await session.send_request(wire.CallToolRequest(params=params), wire.CallToolResult)
    except MCPError as error:
        return error.error
    except ValueError:
        return wire.ErrorData(code=wire.PARSE_ERROR, message="unreadable")
    return _said(found)


def _listed(tool: wire.Tool) -> Listed:
    hints = tool.annotations
    return Listed(
        name=tool.name,
        description=tool.description or "",
        schema=tool.input_schema,
        destructive=bool(hints and hints.destructive_hint),
    )


def _said(found: wire.CallToolResult) -> Said:
    texts: list[str] = []
    left_out: list[str] = []
    for part in found.content:
        match part:
            case wire.TextContent():
                texts.append(part.text)
            case wire.EmbeddedResource(resource=wire.TextResourceContents() as inside):
                texts.append(inside.text)
            case wire.ResourceLink():
                left_out.append(f"link: {part.name}"[:200])
            case wire.ImageContent() | wire.AudioContent():
                left_out.append(f"{part.type} ({part.mime_type})"[:200])
            case _:
                left_out.append("a file")
    text = "\n".join(texts)
    return Said(text, found.structured_content, tuple(left_out), bool(found.is_error))


def _reason(error: BaseException | None) -> str:
    """A code for the innermost of what went wrong; its text may hold anything."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case None:
            return "connection_ended"
        case TimeoutError():
            return "timeout"
        case FileNotFoundError():
            return "program_not_found"
        case PermissionError():
            return "program_not_allowed"
        case MCPError() if error.error.message == NOT_SENT:
            return "not_reached"
        case MCPError() if error.error.code == wire.CONNECTION_CLOSED:
            return "connection_ended"
        case _:
            return f"failed ({type(error).__name__})"


def _now() -> float:
    return asyncio.get_running_loop().time()
