"""Databases for the store's tests: the same tests run on SQLite and on a real PostgreSQL."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.tools.postgres import running_postgres
from tools.migrate import migrate
from tools.store import Store, open_store


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server of this session; fails, with the reason, if none starts."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


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


@pytest.fixture(scope="session")
def migrated_database(postgres_url: str) -> str:
    """The name of a migrated PostgreSQL database to copy."""
    name = sa.make_url(_migrated(_database(postgres_url))).database
    assert name is not None
    return name


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
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database of each kind."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "frontdesk.db")
        return f"sqlite:///{path}"
    template: str = request.getfixturevalue("migrated_database")
    return _database(request.getfixturevalue("postgres_url"), template)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A migrated store, on each kind of database."""
    opened = open_store(store_url)
    yield opened
    opened.close()
