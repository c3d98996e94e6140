"""What any book of contacts must do: ours on both databases, and HubSpot's over HTTP."""

import datetime as dt
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.crm_server import OURS, TOKEN, CrmServer
from tests.tools.conftest import _database
from tests.tools.desk import CALLER, NOW, OTHER
from tools.crm.contacts import Contacts
from tools.crm.outside.book import HubSpotBook
from tools.crm.outside.http import Carrier
from tools.crm.outside.hubspot import Dialect
from tools.crm.own import OwnBook
from tools.crm.port import Book, BookError, By, Card, NoteCard, TaskCard, Trouble
from tools.crm.records import TaskState
from tools.store import open_store

ANN = Card(token="t-ann", name="Ann Lee", email="ann@example.com", proven=True, numbers=(CALLER,))
NOTE = NoteCard(own_id=1, token="t-note", text="Likes tea.", at=NOW)
TASK = TaskCard(
    own_id=1, token="t-task", text="Call.", due=dt.date(2026, 3, 6), state=TaskState.OPEN, at=NOW
)


@pytest.fixture(params=["sqlite", "postgresql", "hubspot"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database, or nothing for the outside book."""
    if request.param == "hubspot":
        return ""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "own.db")
        return f"sqlite:///{path}"
    template = request.getfixturevalue("migrated_database")
    return _database(request.getfixturevalue("postgres_url"), template)


@pytest.fixture
async def book(where: str) -> AsyncIterator[Book]:
    if where:
        store = open_store(where)
        yield OwnBook(store, Contacts(store), lambda: NOW)
        store.close()
        return
    async with CrmServer().serve() as server, aiohttp.ClientSession() as session:
        carrier = Carrier(session, server.base_url, lambda: TOKEN, lambda: NOW)
        server.page = 3
        yield HubSpotBook(carrier, Dialect(OURS, ("phone", "mobilephone")), 5, 5)


async def test_what_was_kept_is_found(book: Book) -> None:
    ref = await book.put_contact(ANN, "k1")
    for by, value in ((By.NUMBER, CALLER), (By.EMAIL, "Ann@Example.com")):
        found = await book.find(by, value)
        assert found is not None
        assert (found.ref, found.name, found.email) == (ref, "Ann Lee", "ann@example.com")
        assert found.numbers == (CALLER,)
    assert await book.find(By.NUMBER, OTHER) is None
    assert await book.find(By.EMAIL, "bo@example.com") is None


async def test_keeping_again_keeps_one(book: Book) -> None:
    first = await book.put_contact(ANN, "k1")
    assert await book.put_contact(ANN, "k1", again=True) == first
    assert await book.put_contact(ANN, "k2") == first
    by_mail = Card(token="t-2", email="ann@example.com", numbers=(OTHER,))
    assert await book.put_contact(by_mail, "k3") == first
    by_number = Card(token="t-3", name="Somebody", numbers=(OTHER,))
    assert await book.put_contact(by_number, "k4") == first
    found = await book.find(By.NUMBER, OTHER)
    assert found is not None
    assert (found.ref, found.name, set(found.numbers)) == (first, "Ann Lee", {CALLER, OTHER})


async def test_what_is_linked_is_changed_and_blanks_change_nothing(book: Book) -> None:
    ref = await book.put_contact(ANN, "k1")
    changed = Card(ref=ref, token="t-ann", name="Ann Leigh")
    assert await book.put_contact(changed, "k2") == ref
    found = await book.find(By.NUMBER, CALLER)
    assert found is not None
    assert (found.name, found.email) == ("Ann Leigh", "ann@example.com")


async def test_pages_hold_everybody_once(book: Book) -> None:
    for number in range(8):
        card = Card(token=f"t{number}", name=f"Lee {number}", numbers=(f"+44207946000{number}",))
        await book.put_contact(card, f"k{number}")
    await book.put_contact(Card(token="tx", name="Bo", numbers=("+442079460009",)), "kx")
    names: list[str] = []
    after = ""
    while True:
        page = await book.search("lee", after)
        names += [card.name for card in page.cards]
        after = page.after
        if not after:
            break
    assert names == [f"Lee {number}" for number in range(8)]


async def test_notes_and_tasks_are_kept_once(book: Book) -> None:
    ref = await book.put_contact(ANN, "k1")
    note = await book.put_note(ref, NOTE, "k2")
    assert await book.put_note(ref, NOTE, "k2", again=True) == note
    task = await book.put_task(ref, TASK, "", "k3")
    assert await book.put_task(ref, TASK, "", "k3", again=True) == task
    done = TaskCard(
        own_id=1, token="t-task", text="Call.", due=TASK.due, state=TaskState.DONE, at=NOW
    )
    assert await book.put_task(ref, done, task, "k4") == task


async def test_nothing_is_kept_for_somebody_who_is_not_there(book: Book) -> None:
    for put in (
        book.put_note("999999", NOTE, "k1"),
        book.put_task("999999", TASK, "", "k2"),
    ):
        with pytest.raises(BookError) as caught:
            await put
        assert caught.value.trouble is Trouble.GONE
