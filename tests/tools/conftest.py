"""Databases for the store's tests: the same tests run on SQLite and on a real PostgreSQL."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.tools.postgres import running_postgres
from tests.tools.washing import Wash
from tools.migrate import migrate
from tools.store import Store, open_store


class Servers:
    """PostgreSQL for one test session: another server where the one before it is gone."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._running = ExitStack()
        self._url = ""
        self._migrated: dict[str, tuple[str, Wash]] = {}
        self._clean: list[str] = []

    def url(self) -> str:
        """Fails, with the reason, if none starts."""
        if not self._url or not _answers(self._url):
            folder = self._folders.mktemp("postgres")
            self._url = self._running.enter_context(running_postgres(folder))
        return self._url

    def migrated(self) -> str:
        """The name of a migrated database of the server that runs."""
        return self._template()[0]

    def database(self) -> str:
        """The URL of a migrated database that nobody has used, or of which nothing is left."""
        name = self.migrated()
        return self._clean.pop() if self._clean else _database(self.url(), name)

    def give_back(self, database: str) -> None:
        """What `database` gave, when its test is over."""
        _, wash = self._template()
        try:
            clean = wash.washed(database)
        except psycopg.Error:
            return
        if clean:
            self._clean.append(database)

    def _template(self) -> tuple[str, Wash]:
        url = self.url()
        if url not in self._migrated:
            self._clean.clear()
            made = _migrated(_database(url))
            name = sa.make_url(made).database
            assert name is not None
            self._migrated[url] = (name, Wash(made))
        return self._migrated[url]

    def close(self) -> None:
        self._running.close()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory)
    yield servers
    servers.close()


@pytest.fixture
def postgres_url(postgres_servers: Servers) -> str:
    """The URL of a PostgreSQL server of this session."""
    return postgres_servers.url()


def _database(server: str, template: str = "template1") -> str:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


def _migrated(url: str) -> str:
    store = open_store(url)
    migrate(store)
    store.close()
    return url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    _migrated(f"sqlite:///{path}")
    return path


@pytest.fixture
def migrated_database(postgres_servers: Servers) -> str:
    """The name of a migrated PostgreSQL database to copy."""
    return postgres_servers.migrated()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'frontdesk.db'}"
    return _database(request.getfixturevalue("postgres_url"))


@pytest.fixture
def plain(tmp_path: Path, migrated_file: Path) -> Iterator[Store]:
    """A migrated SQLite store, for stories in which the database plays no part."""
    path = shutil.copy(migrated_file, tmp_path / "plain.db")
    opened = open_store(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of each kind."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "frontdesk.db")
        yield f"sqlite:///{path}"
        return
    servers: Servers = request.getfixturevalue("postgres_servers")
    url = servers.database()
    yield url
    servers.give_back(url)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A migrated store, on each kind of database."""
    opened = open_store(store_url)
    yield opened
    opened.close()
