"""The console in this process, over a database of its own, with somebody of every role in it."""

import datetime as dt
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI
from starlette.testclient import TestClient

from telephony.console.access.elsewhere import Elsewhere
from telephony.console.access.roles import Role
from telephony.console.access.tables import AUDIT_ENDS
from telephony.console.rendering import HOME
from telephony.frontoffice import mounts
from telephony.trials import Trials
from tests.telephony.api_client import FILE, Backend, new_database, now
from tests.tools.versioned import check
from tools.config import ConfigError
from tools.schema import METADATA
from tools.versions.files import Files

PASSWORD = "quiet copper lantern"
ADDRESS = "http://testserver"
TOKEN = re.compile(r'<meta name="csrf-token" content="([0-9a-f]{64})">')


class Console:
    """The pages and the API over the database in `folder`; `client(role)` is signed in already.

    Clients do not follow redirects; `form` and `act` carry the token of their session.
    """

    def __init__(
        self,
        folder: Path,
        elsewhere: Elsewhere | None = None,
        checked: Callable[[Files], Sequence[ConfigError]] = check,
        trials: Trials | None = None,
        **settings: object,
    ) -> None:
        """`settings` are fields of Settings that are to be otherwise; `checked` says what keeps
        files from being published; `trials`: calls can be made from here."""
        if not (folder / FILE).exists():
            new_database(folder)
        self.backend = Backend(folder, checked, settings=settings, elsewhere=elsewhere)
        self.parts = replace(self.backend.parts, trials=trials)
        self.store = self.backend.store
        self.access = self.parts.access
        self.app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        self.app.router.routes += mounts(self.parts)
        self._clients: dict[Role, Visitor] = {}

    def stranger(self) -> "Visitor":
        """A browser that is not signed in."""
        return Visitor(self.app)

    def client(self, role: Role) -> "Visitor":
        """A browser in which a user of this role, named after it, is signed in."""
        if role not in self._clients:
            self.user(role.value, role)
            self._clients[role] = self.signed_in(role.value)
        return self._clients[role]

    def user(self, name: str, role: Role) -> str:
        """The id of a new user whose password is PASSWORD."""
        user = self.access.users.add(name, role)
        self.access.users.set_password(user.id, self.access.passwords.hashed(PASSWORD))
        return user.id

    def signed_in(self, name: str) -> "Visitor":
        """Another browser of a user."""
        visitor = self.stranger()
        answer = visitor.form("/console/sign-in", {"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return visitor

    def key(self, role: Role) -> dict[str, str]:
        """The headers of a program that may do what this role may."""
        _, text = self.access.keys.make("program", role, "test", dt.timedelta(days=1))
        return {"Authorization": f"Bearer {text}"}

    def empty(self) -> None:
        """Nobody may come any more, nobody has, and nothing is written down of them."""

        def work(connection: sa.Connection) -> None:
            for table in METADATA.sorted_tables:
                if table.name.startswith("console_"):
                    connection.execute(sa.delete(table))
            ends = [{"end": end, "number": 0, "hash": ""} for end in ("first", "last")]
            connection.execute(sa.insert(AUDIT_ENDS), ends)

        self.store.write(work)
        self._clients.clear()
        self.later(dt.timedelta(0))

    def later(self, by: dt.timedelta) -> None:
        """From now on it is so much later than it is, for all that looks at who may come."""
        access = self.access
        access.clock = lambda: now() + by
        for each in (access.sessions, access.tries, access.links, access.keys, access.second):
            each._clock = access.clock

    def close(self) -> None:
        self.store.close()


class Visitor(TestClient):
    """A browser: it sends Origin and the token with everything that changes something."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            app,
            base_url=ADDRESS,
            follow_redirects=False,
            raise_server_exceptions=False,
            headers={"Accept": "text/html"},
        )

    def token(self) -> str:
        """What forms of this browser carry."""
        found = TOKEN.search(self.get(f"{HOME}/nowhere").text)
        found = found or TOKEN.search(self.get(f"{HOME}/sign-in").text)
        assert found is not None
        return found[1]

    def form(self, url: str, fields: Mapping[str, Any] | None = None) -> Any:
        """Send a form."""
        data = {"csrf": self.token(), **(fields or {})}
        return self.post(url, data=data, headers={"Origin": ADDRESS})

    def act(self, method: str, url: str, json: Any = None, **headers: str) -> Any:
        """As base.js `send` does; headers are named with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        own = {"X-CSRF-Token": self.token(), "Origin": ADDRESS, "Accept": "application/json"}
        return self.request(method, url, json=json, headers={**own, **named})


def copied(migrated: Path, folder: Path) -> Path:
    """A folder with a migrated database in it."""
    shutil.copy(migrated, folder / FILE)
    return folder
