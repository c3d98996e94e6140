"""What lies outside, of one process: makes tools of `http:` and `mcp:` sections, and owns the
connections they use."""

import asyncio
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import PurePath
from typing import Any

import structlog
from yarl import URL

from tools.breaker import Breaker
from tools.http import check as http_check
from tools.http.door import Door
from tools.http.offer import http_tool
from tools.mcp import check as mcp_check
from tools.mcp.offer import mcp_tool, mcp_tools, unreached
from tools.mcp.schemas import UnfitError
from tools.mcp.section import McpSection, connection, key, read
from tools.mcp.server import Health, McpServer
from tools.spec import Tool
from tools.threads import Start
from tools.validation import Problem

log = structlog.get_logger()


class Outside:
    """Made once; `prepare` before tools are made of `mcp:` sections, `stop` at the end."""

    def __init__(
        self,
        secrets: Mapping[str, str],
        start: Start,
        *,
        breaker: Callable[[], Breaker] = Breaker,
        changed: Callable[[], None] = lambda: None,
        door: Door | None = None,
    ) -> None:
        """`secrets` by name, for `{secret.NAME}`. `breaker` makes one, for each host that is asked.
        `changed` is told when a server lists other tools: for calls that come, tools can be made
        anew; those of running calls stay."""
        self._secrets = dict(secrets)
        self._start = start
        self._breaker = breaker
        self._changed = changed
        self._door = door or Door()
        self._breakers: dict[str, Breaker] = {}
        self._servers: dict[str, McpServer] = {}
        self._asked_for: dict[str, int] = {}
        """When each server was asked for last, in `preparations`."""
        self.preparations = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    # ---- http --------------------------------------------------------------------------------

    def http_problems(self, base: Tool, section: Mapping[str, Any]) -> list[Problem]:
        """Paths begin within the section."""
        return http_check.problems(section, base, self._secrets)

    def http(self, base: Tool, section: Mapping[str, Any]) -> Tool:
        """Raises ValueError for a section with problems."""
        return http_tool(
            section,
            base,
            self._secrets,
            self._door.fetch,
            breakers=self._breaker_of,
            loop=self._loop,
        )

    def _breaker_of(self, host: str) -> Breaker:
        if host not in self._breakers:
            self._breakers[host] = self._breaker()
        return self._breakers[host]

    # ---- mcp ---------------------------------------------------------------------------------

    def mcp_problems(self, _base: Tool, section: Mapping[str, Any]) -> list[Problem]:
        """Paths begin within the section."""
        return mcp_check.problems(section, self._secrets)

    def mcp(self, base: Tool, section: Mapping[str, Any]) -> Tool:
        """The one tool of a section with `tool:`. What its server lists at this moment must not
        keep a telephone from being answered: one that it has not, or that is unfit, is logged
        and fails politely."""
        about = read(section)
        server = self._server(about)
        try:
            return mcp_tool(server, about, base, self._secrets)
        except UnfitError as error:
            log.error("mcp_tool_unfit", server=server.name, tool=about.tool, why=str(error))
            return unreached(server, base)

    def mcp_all(
        self, base: Tool, section: Mapping[str, Any], taken: Container[str] = ()
    ) -> tuple[Tool, ...]:
        """All tools of a section with `include:` that its server lists at this moment. One whose
        name is `taken`, or that is unfit, is logged and left out."""
        about = read(section)
        return mcp_tools(self._server(about), about, base, self._secrets, taken)

    async def prepare(self, sections: Iterable[Mapping[str, Any]]) -> None:
        """To be awaited once at least, on the loop that serves, before tools are made.

        Reach the servers of these `mcp:` sections, all at once; returns when each is up, or has
        failed once and is tried again from now on. Sections with problems are passed over."""
        self._loop = asyncio.get_running_loop()
        good = [read(each) for each in sections if not mcp_check.problems(each, self._secrets)]
        servers = {key(about): self._server(about) for about in good}
        self.preparations += 1
        self._asked_for |= dict.fromkeys(servers, self.preparations)
        await asyncio.gather(*(each.start() for each in servers.values() if not each.begun))

    async def keep(self, sections: Iterable[Mapping[str, Any]], up_to: int | None = None) -> None:
        """End the servers of all other sections: when no running call may use them any more.
        `up_to`: but not those asked for since there were so many `preparations`."""
        used = {key(read(each)) for each in sections if not mcp_check.problems(each)}
        last = self.preparations if up_to is None else up_to
        over = [
            name
            for name in self._servers
            if name not in used and self._asked_for.get(name, 0) <= last
        ]
        await asyncio.gather(*(self._servers.pop(name).stop() for name in over))

    async def stop(self) -> None:
        """Ends every server and closes every connection; tools fail from now on."""
        await self.keep(())
        await self._door.close()

    def health(self) -> tuple[Health, ...]:
        """Of each MCP server."""
        return tuple(server.health() for server in self._servers.values())

    def _server(self, about: McpSection) -> McpServer:
        """The server of a section; one that was never prepared is not reached."""
        name = key(about)
        if name not in self._servers:
            self._servers[name] = McpServer(
                shown(about),
                connection(about),
                self._secrets,
                self._door,
                self._start,
                changed=self._changed,
            )
        return self._servers[name]


def shown(about: McpSection) -> str:
    """The server's name for people: that of its program, or its host."""
    return PurePath(about.command).name if about.command else str(URL(about.url).host)
