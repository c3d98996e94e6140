"""A database that another test has used: as new, or not used again."""

import psycopg
import pytest
import sqlalchemy as sa

from telephony.console.access.tables import AUDIT_ENDS
from tests.tools.conftest import Servers, _database
from tests.tools.washing import Wash
from tools.crm.tables import CONTACTS


@pytest.fixture
def template(postgres_servers: Servers) -> str:
    url = sa.make_url(postgres_servers.url()).set(database=postgres_servers.migrated())
    return url.render_as_string(hide_password=False)


@pytest.fixture
def used(postgres_servers: Servers) -> str:
    """A database of this test's own."""
    return _database(postgres_servers.url(), postgres_servers.migrated())


def done(url: str, *statements: str) -> list[tuple[object, ...]]:
    """What the last of them answers."""
    with psycopg.connect(url, autocommit=True) as connection:
        for each in statements:
            answer = connection.execute(each)
        return answer.fetchall() if answer.description else []


def everything(url: str) -> dict[str, object]:
    """All rows of all tables, and how far every counter is."""
    tables = done(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    counters = done(url, "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")
    rows = {str(name): done(url, f'SELECT row::text FROM "{name}" row') for (name,) in tables}
    return {**rows, "counters": counters}


def test_rows_and_numbers_that_were_given_out_are_gone(template: str, used: str) -> None:
    (first, *_) = done(used, "SELECT sequencename FROM pg_sequences ORDER BY 1")
    done(
        used,
        "INSERT INTO config_texts (digest, text) VALUES ('a', 'b')",
        f"DELETE FROM {AUDIT_ENDS.name}",
        f"SELECT nextval('{first[0]}')",
    )
    assert everything(used) != everything(template)
    assert Wash(template).washed(used)
    assert everything(used) == everything(template)


@pytest.mark.parametrize(
    "done_to_it",
    [
        f"ALTER TABLE {CONTACTS.name} ADD COLUMN shoe integer",
        "CREATE TABLE another (id integer)",
    ],
)
def test_what_is_otherwise_than_it_was_is_not_used_again(
    template: str, used: str, done_to_it: str
) -> None:
    done(used, done_to_it)
    assert not Wash(template).washed(used)


def test_what_somebody_still_uses_is_not_used_again(template: str, used: str) -> None:
    with psycopg.connect(used):
        assert not Wash(template).washed(used)
