"""What tools work with beyond our own database: the outside CRM, REST services, MCP servers."""

import asyncio
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import aiohttp
import structlog
from msgspec import UNSET

from agents.tasks import Tasks
from telephony.casting import check_secrets
from telephony.configuring.configuration import Configuration
from telephony.settings import Settings
from tools.configuring.handlers import Section
from tools.crm.config import CrmConfig
from tools.crm.desk import CrmDesk, open_desk
from tools.outside import Outside
from tools.store import Store

log = structlog.get_logger()


@dataclass(frozen=True)
class Backends:
    """Opened before the service and closed after it, on the event loop."""

    http: aiohttp.ClientSession
    outside: Outside
    tasks: Tasks
    news: asyncio.Event
    """Set when an MCP server lists other tools than before, or lists them for the first time."""

    desk: Callable[[CrmConfig], CrmDesk]
    """The book of contacts of a `crm.yaml`, the same for the same as before. Raises ConfigError
    where its secret is missing."""

    def sections(self) -> dict[str, Section]:
        """What the `handler:` of a tool's file may say besides our own tools."""
        return sections_of(self.outside)

    async def reach(self, configuration: Configuration) -> None:
        """Reach the MCP servers of a configuration, within bounds. Tools of one that is down fail
        politely until it comes up, which is `news`."""
        await self.outside.prepare(mcp_sections(configuration))

    async def keep(self, configuration: Configuration, up_to: int) -> None:
        """End the MCP servers of other configurations, which no call goes by any more: those that
        nothing was built with since `Outside.preparations` was `up_to`."""
        await self.outside.keep(mcp_sections(configuration), up_to)

    async def close(self) -> None:
        await self.outside.stop()
        await self.tasks.cancel_all()
        await self.http.close()


def open_backends(settings: Settings, store: Store, clock: Callable[[], dt.datetime]) -> Backends:
    """Raises ConfigError for a secret that cannot be read."""
    secrets = settings.secrets.known()
    tasks, news, http = Tasks(_failed), asyncio.Event(), aiohttp.ClientSession()
    outside = Outside(secrets, tasks.start, changed=news.set)

    @lru_cache(maxsize=1)
    def desk(crm: CrmConfig) -> CrmDesk:
        check_secrets(crm, settings)
        return open_desk(store, crm, settings.secrets, http, clock)

    return Backends(http, outside, tasks, news, desk)


def sections_of(outside: Outside) -> dict[str, Section]:
    """The handlers `http` and `mcp` of a tool's file."""
    return {
        "http": Section(outside.http, outside.http_problems),
        "mcp": Section(
            outside.mcp, outside.mcp_problems, told_late=True, make_several=outside.mcp_all
        ),
    }


def unopened(settings: Settings) -> dict[str, Section]:
    """The same to check files with: nothing is reached, and no tool made of it can run."""
    return sections_of(Outside(settings.secrets.known(), Tasks(_failed).start))


def mcp_sections(configuration: Configuration) -> list[Mapping[str, Any]]:
    found = (sheet.file.mcp for sheet in configuration.toolset.sheets)
    return [section for section in found if section is not UNSET]


def _failed(name: str, error: BaseException) -> None:
    log.error("task_failed", task=name, exc_info=error)
