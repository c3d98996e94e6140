"""The HTTP API in this process, over a database of its own, and a client that has the key."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.testclient import TestClient

from telephony.calllog import CallLog
from telephony.configuring.published import SCHEMAS
from telephony.console.access.access import Access
from telephony.console.access.elsewhere import Elsewhere
from telephony.console.access.origins import Origins
from telephony.console.access.passwords import Passwords
from telephony.console.access.throttle import Rate
from telephony.console.api import API_PATH, api
from telephony.console.desk import ConfigDesk
from telephony.console.parts import Parts
from telephony.console.workshop import Workshop
from telephony.follower import FolderState, Standing
from telephony.live.desk import LiveDesk
from telephony.rehearsal import Rehearsal
from telephony.settings import load
from tests import databases
from tests.tools.versioned import NOON, Clock, check
from tools.approvals import Approvals
from tools.booking.shop import default_shop
from tools.booking.waiting import Waiting
from tools.config import ConfigError
from tools.costbook import CostBook
from tools.rollout.rollouts import Rollouts
from tools.store import Store, open_store
from tools.versions.files import Files
from tools.versions.versions import Versions

KEY = "0123456789abcdef0123"
FILE = "frontdesk.db"
STANDING = Standing(1, FolderState.BROKEN, NOON, ("shop.yaml:1:1: is broken",))


def new_database(folder: Path) -> Path:
    """A database with all tables and nothing in them."""
    return databases.new_database(folder / FILE)


def parts_over(
    store: Store,
    desk: ConfigDesk,
    book: CostBook,
    elsewhere: Elsewhere | None = None,
    **settings: object,
) -> Parts:
    """What the API and the console are made from; passwords are quick to try."""
    own = msgspec.structs.replace(load({}, Path("/nowhere")), **settings)
    access = Access(
        store,
        now,
        Origins("http://testserver"),
        KEY,
        Passwords(memory_kib=8, passes=1),
        rate=Rate(1_000_000, 1_000_000),
        elsewhere=elsewhere,
    )
    rollouts = Rollouts(store, desk.versions, now)
    return Parts(
        settings=own,
        store=store,
        access=access,
        config=desk,
        workshop=Workshop(desk, Rehearsal(own, store), rollouts, access.audit, lambda: None),
        approvals=Approvals(store),
        waiting=lambda: Waiting(store, default_shop()),
        book=book,
        calls=CallLog(store, own.data_dir, now),
        live=LiveDesk(own.data_dir),
        trials=None,
        clock=now,
    )


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Backend:
    """All that stands behind an API or a console, over the database in `folder`."""

    def __init__(
        self,
        folder: Path,
        checked: Callable[[Files], Sequence[ConfigError]] = check,
        settings: Mapping[str, object] | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """`settings` are fields of Settings that are to be otherwise."""
        self.store: Store = open_store(f"sqlite:///{folder / FILE}")
        four_eyes = bool((settings or {}).get("four_eyes"))
        self.versions = Versions(self.store, checked, Clock(), four_eyes=four_eyes)
        self.book = CostBook(self.store, "office")
        self.moved: list[int | None] = []
        self.standing = STANDING
        self.desk = ConfigDesk(self.versions, SCHEMAS, lambda: self.standing, self._moved)
        folders = {"data_dir": folder, "config_dir": folder / "config"}
        given = {**folders, **(settings or {})}
        self.parts = parts_over(self.store, self.desk, self.book, elsewhere, **given)

    def _moved(self) -> None:
        self.moved.append(self.versions.pointers().published)


class Office(Backend):
    """An API with all that is behind it."""

    def __init__(
        self,
        folder: Path,
        checked: Callable[[Files], Sequence[ConfigError]] = check,
    ) -> None:
        super().__init__(folder, checked)
        self.app = FastAPI(openapi_url=None)
        self.app.router.routes.append(api(self.parts))
        self.client = TestClient(
            self.app,
            base_url=f"http://testserver{API_PATH}/",
            headers={"Authorization": f"Bearer {KEY}"},
            raise_server_exceptions=False,
        )

    def put(self, path: str, text: str | bytes, **headers: str | bytes) -> Any:
        """Headers are named with underscores."""
        given = {"content_type": "text/plain; charset=utf-8", **headers}
        named = [
            (name.replace("_", "-").encode(), value if isinstance(value, bytes) else value.encode())
            for name, value in given.items()
        ]
        return self.client.put(f"config/files/{path}", content=text, headers=named)

    def added(self, path: str, text: str, **headers: str | bytes) -> str:
        """The new file's ETag."""
        answer = self.put(path, text, if_none_match="*", **headers)
        assert answer.status_code == 200, answer.text
        return str(answer.headers["etag"])

    def stood(self, **changes: object) -> None:
        self.standing = msgspec.structs.replace(self.standing, **changes)
