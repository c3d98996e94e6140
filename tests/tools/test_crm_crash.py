"""What the contacts' book has begun is done once, though its process is killed in between."""

import asyncio
import datetime as dt
import json
import signal
import sys

import pytest

from tests.fakes.crm_server import CrmServer
from tests.tools.crm_crash import POINTS
from tests.tools.crm_story import story
from tests.tools.desk import CALLER, NOW, Desk
from tools.booking.shop import default_shop
from tools.catalogue import build
from tools.crm.contacts import Contacts
from tools.crm.drain import LEASE
from tools.crm.followups import FollowUps
from tools.spec import ToolState
from tools.store import Store


async def killed(*given: str) -> None:
    program = [sys.executable, "-m", "tests.tools.crm_crash", *given]
    process = await asyncio.create_subprocess_exec(*program)
    assert await asyncio.wait_for(process.wait(), 40) == -signal.SIGKILL


# The commit is what differs between the databases; what the other side remembers is its own.
DEATHS = [
    *(("sqlite", point, True) for point in POINTS),
    ("sqlite", "sent", False),
    ("postgresql", "sent", True),
    ("postgresql", "marking", True),
]


@pytest.mark.parametrize(("store_url", "point", "keys"), DEATHS, indirect=["store_url"])
async def test_fault_s13_kill_9_between_send_and_mark(
    store_url: str, store: Store, point: str, *, keys: bool
) -> None:
    """The second thing told, a note, is on its way when the consumer dies."""
    async with story(store, CrmServer(keys=keys)) as own:
        own.contacts.save(CALLER, own.now, name="Ann")
        own.contacts.add_note(CALLER, "Likes tea.", own.context("k1"))
        await killed("drain", store_url, own.server.base_url, point, "2")
        waiting = own.outbox.standing().pending
        assert waiting == (0 if point == "marked" else 1)
        # Whoever comes next leaves it alone until the lease of the dead one is over.
        assert await own.drain.once() == 0
        own.later(LEASE.total_seconds())
        assert await own.drain.once() == waiting
        assert len(own.server.objects["notes"]) == 1
        assert len(own.server.contacts()) == 1
        sent = [each.key for each in own.server.writes() if each.path.endswith("/notes")]
        assert len(set(sent)) == 1
        assert len(own.server.executed) == 2


async def test_fault_s13_a_resend_carries_the_same_key_and_is_done_once(
    store_url: str, store: Store
) -> None:
    """Where the record cannot be looked up, the key alone makes it happen once."""
    async with story(store) as own:
        own.contacts.save(CALLER, own.now, name="Ann")
        own.contacts.add_note(CALLER, "Likes tea.", own.context("k1"))
        await killed("drain", store_url, own.server.base_url, "sent", "2")
        # As if the property with our id were missing there.
        for note in own.server.objects["notes"].values():
            del note["frontdesk_id"]
        own.later(LEASE.total_seconds())
        assert await own.drain.once() == 1
        first, second = [each for each in own.server.writes() if each.path.endswith("/notes")]
        assert first.key == second.key != ""
        assert first.body == second.body
        assert own.server.executed.count(first.key) == 1
        assert len(own.server.objects["notes"]) == 1


@pytest.mark.parametrize("point", ["inside", "after"])
async def test_a_follow_up_survives_the_death_of_its_process_once(
    store_url: str, store: Store, point: str
) -> None:
    wish = {"text": "Send the prices.", "due": "2026-03-06"}
    await killed("use", store_url, "add_follow_up", json.dumps(wish), point)
    after = Desk(build(default_shop(), store), store, NOW + dt.timedelta(minutes=2))
    again = await after.ask("add_follow_up", wish, tool_call_id="t1")
    assert again.repeated
    assert again.state is (ToolState.DONE if point == "after" else ToolState.FAILED)
    await after.ask("add_follow_up", wish, tool_call_id="t2")
    (task,) = FollowUps(store, Contacts(store)).open()
    assert (task.todo.text, task.numbers) == ("Send the prices.", (CALLER,))
