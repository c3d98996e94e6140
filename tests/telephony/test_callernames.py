"""A caller's name is there when the call begins, or it is not waited for."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.tasks import Tasks
from telephony import callernames
from telephony.callernames import CallerNames
from tests.tools.desk import CALLER, NOW, OTHER
from tools.crm.contacts import Contacts
from tools.migrate import migrate
from tools.spec import BackendError
from tools.store import Store, open_store


def nothing() -> None:
    """Nobody waits for the name."""


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Store]:
    """A migrated database."""
    store = open_store(f"sqlite:///{tmp_path}/frontdesk.db")
    migrate(store)
    yield store
    store.close()


def names(contacts: Contacts) -> tuple[CallerNames, Callable[[], Any]]:
    tasks: list[asyncio.Task[Any]] = []
    started = Tasks(lambda _name, error: pytest.fail(repr(error)))
    found = CallerNames(
        lambda: contacts, lambda name, work: tasks.append(started.start(name, work))
    )
    return found, lambda: asyncio.gather(*tasks)


async def test_a_known_number_has_a_name_once(plain: Store) -> None:
    contacts = Contacts(plain)
    contacts.save(CALLER, NOW, name="Ann Lee")
    found, settled = names(contacts)
    found.look_up("CA1", CALLER, nothing)
    assert found.take("CA1") == ""
    found.look_up("CA2", OTHER, nothing)
    found.look_up("CA3", None, nothing)
    await settled()
    assert [found.take(call) for call in ("CA1", "CA1", "CA2", "CA3")] == ["Ann Lee", "", "", ""]


async def test_a_broken_database_costs_the_name_only(
    plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: Contacts, _number: str) -> None:
        raise BackendError("down", permanent=False)

    monkeypatch.setattr(Contacts, "find", broken)
    found, settled = names(Contacts(plain))
    found.look_up("CA1", CALLER, nothing)
    await settled()
    assert found.take("CA1") == ""


async def test_names_of_calls_that_never_came_are_forgotten(
    plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    contacts = Contacts(plain)
    contacts.save(CALLER, NOW, name="Ann Lee")
    monkeypatch.setattr(callernames, "_KEPT", 1)
    found, settled = names(contacts)
    for call in ("CA1", "CA2"):
        found.look_up(call, CALLER, nothing)
        await settled()
    assert [found.take(call) for call in ("CA1", "CA2")] == ["", "Ann Lee"]
