"""What the console's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.console.browsing import running_browser
from tests.console.house import Console, copied
from tests.telephony.api_client import new_database
from tests.tools.conftest import (
    migrated_database,
    migrated_file,
    postgres_servers,
    postgres_url,
    store,
    store_url,
)

__all__ = [
    "migrated_database",
    "migrated_file",
    "postgres_servers",
    "postgres_url",
    "store",
    "store_url",
]


@pytest.fixture(scope="session")
def console_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables, to be copied."""
    return new_database(tmp_path_factory.mktemp("console"))


@pytest.fixture
def console(tmp_path: Path, console_database: Path) -> Iterator[Console]:
    """The console, for one story."""
    console = Console(copied(console_database, tmp_path))
    yield console
    console.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, console_database: Path) -> Iterator[Console]:
    """The console, for all stories of a module that leave it as it is."""
    console = Console(copied(console_database, tmp_path_factory.mktemp("shared")))
    yield console
    console.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, once for a module."""
    with running_browser() as browser:
        yield browser
