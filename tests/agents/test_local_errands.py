"""Messages and calls back by voice: the embedded engine fills them in like any other tool."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.test_local_dialogue_tools import FRIDAY, Line
from tests.databases import new_store
from tests.tools.desk import CALLER, Desk
from tools.booking.shop import default_shop
from tools.calls.inbox import Inbox
from tools.catalogue import build
from tools.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "frontdesk.db")
    yield opened
    opened.close()


def line(store: Store, number: str | None = CALLER) -> Line:
    """A caller of the whole shop, with every tool it has."""
    found = Line(store, number)
    found.registry = build(default_shop(), store)
    found.desk = Desk(found.registry, store, FRIDAY)
    found.ring()
    return found


@pytest.mark.parametrize(
    "wish", ["I'd like to leave a message", "Can I leave a message, please?", "take a message"]
)
async def test_a_message_is_taken_and_kept(store: Store, wish: str) -> None:
    caller = line(store)
    assert await caller.says(wish) == "What is your message?"
    assert await caller.says("The dryer is broken again.") == "May I take your name?"
    check = await caller.says("Ann Lee")
    assert "The dryer is broken again" in check
    assert "Ann Lee" in check
    assert "taken your message" in await caller.says("yes")
    assert [(each.name, each.text) for each in Inbox(store).messages()] == [
        ("Ann Lee", "The dryer is broken again.")
    ]


async def test_a_message_is_taken_instead_of_a_person(store: Store) -> None:
    caller = line(store)
    answer = await caller.says("Can I talk to a person?")
    assert answer == (
        "I can't put you through to a person, but I can take a message. What is your message?"
    )


async def test_a_call_back_is_promised_within_opening_hours(store: Store) -> None:
    caller = line(store)
    assert "What day" in await caller.says("Please call me back")
    assert "what time" in await caller.says("Tuesday")
    assert "name" in await caller.says("seven in the morning")
    assert "seven a m" in await caller.says("Jane Doe")
    assert "we are open" in await caller.says("yes")
    check = await caller.says("at two")
    assert "I'll schedule a call back" in check
    assert "two p m" in check
    assert "we'll call you back on Tuesday the 24th" in await caller.says("yes")
    (promised,) = Inbox(store).call_backs()
    assert (promised.name, promised.number) == ("Jane Doe", CALLER)


async def test_everything_is_told_in_one_sentence(store: Store) -> None:
    caller = line(store)
    assert "name" in await caller.says("Can somebody call me back on Tuesday at half past three?")
    assert "three thirty p m" in await caller.says("Jane Doe")


async def test_a_withheld_caller_is_asked_for_a_number(store: Store) -> None:
    caller = line(store, None)
    for words in ("please call me back", "Tuesday", "at two", "Jane Doe"):
        await caller.says(words)
    assert "What number" in await caller.says("yes")
    await caller.says("0 2 0 7 9 4 6 0 0 0 9")
    await caller.says("yes")
    assert [each.number for each in Inbox(store).call_backs()] == ["02079460009"]


async def test_a_note_is_still_a_note(store: Store) -> None:
    caller = line(store)
    assert "note down" in await caller.says("please leave a note")
    await caller.says("I like tea")
    assert "made a note" in await caller.says("yes")
    assert Inbox(store).messages() == []
