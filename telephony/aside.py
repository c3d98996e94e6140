"""The console as a process of its own: same database and data folder, no calls.

Whatever becomes of it, calls do not notice. It follows what is published as the call processes do,
but takes over no folder and builds nothing to answer calls with.
"""

import asyncio
import datetime as dt
import socket
from collections.abc import Callable

import structlog
from fastapi import FastAPI

from agents.tasks import Tasks
from telephony.follower import FolderState, Standing
from telephony.frontoffice import mounts, parts_of, welcome
from telephony.server import PhoneServer
from telephony.settings import Settings, check_folders
from telephony.versioned import utc_now, versions_of
from tools.booking.shop import FILE as SHOP_FILE
from tools.booking.shop import Shop, default_shop, parse_shop
from tools.config import ConfigError
from tools.migrate import migrate
from tools.periodic import every
from tools.spec import BackendError
from tools.store import Store, open_store
from tools.versions.versions import Versions

log = structlog.get_logger()

LOOK_S = 2.0


class Onlooker:
    """What is published, as far as the database says; looked up again and again in a thread."""

    def __init__(self, versions: Versions, clock: Callable[[], dt.datetime]) -> None:
        self.shop: Shop = default_shop()
        self.standing = Standing(0, FolderState.MISSING, clock())
        self._versions = versions
        self._clock = clock

    def look(self) -> None:
        """Blocks."""
        try:
            published = self._versions.pointers().published
        except BackendError as error:
            self.standing = _changed(self.standing, database=str(error))
            raise
        running = published or 0
        if running != self.standing.running:
            self._learn(running)
        self.standing = _changed(self.standing, database="")

    def _learn(self, version: int) -> None:
        text = self._versions.files(version).get(SHOP_FILE)
        try:
            self.shop = default_shop() if text is None else parse_shop(text, SHOP_FILE)
        except ConfigError as error:
            # Written for another release of the program; the calendar of before will do.
            log.warning("shop_not_read", version=version, error=str(error))
        self.standing = Standing(version, FolderState.TAKEN, self._clock())


def _changed(standing: Standing, *, database: str) -> Standing:
    return Standing(standing.running, standing.folder, standing.since, database=database)


async def serve_console(
    settings: Settings, listener: socket.socket, greet: Callable[[str], None]
) -> None:
    """Serve the pages and the API until a signal. Raises ConfigError, BackendError.

    `greet` is told where the first admin chooses a password, as long as there is none.
    """
    check_folders(settings)
    store = open_store(settings.database_url.reveal())
    tasks = Tasks(_failed)
    try:
        await asyncio.to_thread(migrate, store)
        app, onlooker = await asyncio.to_thread(_app, settings, store)
        if (link := await asyncio.to_thread(welcome, settings, store)) is not None:
            greet(link)
        tasks.start("look", every(LOOK_S, "published", onlooker.look))
        host, port = listener.getsockname()[:2]
        log.info("console_listening", host=host, port=port)
        await PhoneServer(app, _nothing_to_drain, lambda: None).serve(sockets=[listener])
    finally:
        await tasks.cancel_all()
        await asyncio.to_thread(store.close)


def _app(settings: Settings, store: Store) -> tuple[FastAPI, Onlooker]:
    versions = versions_of(settings, store)
    onlooker = Onlooker(versions, utc_now)
    onlooker.look()
    parts = parts_of(
        settings,
        store,
        versions,
        standing=lambda: onlooker.standing,
        # The call processes look for themselves.
        moved=lambda: None,
        shop=lambda: onlooker.shop,
    )
    app = FastAPI(title="Frontdesk console", docs_url=None, redoc_url=None, openapi_url=None)
    app.router.routes += mounts(parts)
    app.add_api_route("/healthz", _health, methods=["GET"])
    return app, onlooker


async def _health() -> dict[str, str]:
    """The process runs and its event loop turns."""
    return {"status": "ok"}


async def _nothing_to_drain() -> None:
    """Calls are not here."""


def _failed(name: str, error: BaseException) -> None:
    log.error("task_failed", task=name, exc_info=error)
