"""Databases of both kinds for the index of calls."""

from tests.tools.conftest import (  # noqa: F401 - fixtures
    migrated_database,
    migrated_file,
    plain,
    postgres_servers,
    postgres_url,
    store,
    store_url,
)
