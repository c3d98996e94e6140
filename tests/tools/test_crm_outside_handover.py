"""A new outside book is given everybody, once."""

import pytest

from tests.fakes.crm_server import OURS, CrmServer, Fault
from tests.tools.crm_story import Story, story
from tests.tools.desk import CALLER, NOW, OTHER
from tools.crm.outside.handover import Handover
from tools.crm.port import BookError
from tools.store import Store


async def hand_over(own: Story) -> tuple[int, dict[int, str], list[float]]:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    handed = await Handover(own.contacts, own.outbox, own.book, pause).run()
    return handed.taken, handed.refused, pauses


def people(own: Story, count: int) -> None:
    for number in range(count):
        own.contacts.save(f"+4420794610{number:02}", NOW, name=f"Person {number}")


async def test_everybody_is_handed_over_in_batches_once(store: Store) -> None:
    async with story(store) as own:
        people(own, 7)
        own.server.add(firstname="Ann", phone=CALLER)
        own.contacts.save(CALLER, NOW, name="Ann Lee")
        assert await hand_over(own) == (8, {}, [])
        assert len(own.server.contacts()) == 8
        (batch,) = [each for each in own.server.asked if each.path.endswith("upsert")]
        assert len(batch.body["inputs"]) == 7
        assert await hand_over(own) == (0, {}, [])
        # What the outbox holds of it all changes nothing more.
        await own.drain.once()
        assert len(own.server.contacts()) == 8


async def test_of_a_batch_that_is_done_in_part_the_rest_goes_one_by_one(plain: Store) -> None:
    async with story(plain) as own:
        own.contacts.save(CALLER, NOW, name="Ann", email="one@example.com")
        own.contacts.save(OTHER, NOW, name="Bo", email="one@example.com")
        taken, refused, _ = await hand_over(own)
        # Two of ours with one address are one person there.
        assert (taken, refused) == (2, {})
        (contact,) = own.server.contacts()
        assert {contact["phone"], contact["mobilephone"]} == {CALLER, OTHER}


async def test_limits_are_waited_out(plain: Store) -> None:
    limit = Fault(status=429, headers={"Retry-After": "4"}, on="upsert")
    async with story(plain, CrmServer(limit)) as own:
        people(own, 2)
        assert await hand_over(own) == (2, {}, [4.0])


async def test_a_batch_that_is_refused_goes_one_by_one(plain: Store) -> None:
    bad = Fault(status=400, body=b'{"category":"VALIDATION_ERROR"}', on="upsert")
    worse = Fault(status=400, body=b'{"category":"VALIDATION_ERROR"}', on="POST .*/contacts$")
    async with story(plain, CrmServer(bad, worse)) as own:
        people(own, 3)
        taken, refused, _ = await hand_over(own)
        assert taken == 2
        assert list(refused.values()) == ["http_400_validation_error"]


async def test_it_goes_on_where_it_was_broken_off(store: Store) -> None:
    cut = Fault(hang_up=True, done=True, on="upsert")
    async with story(store, CrmServer(cut, keys=False)) as own:
        people(own, 3)
        with pytest.raises(BookError):
            await hand_over(own)
        assert await hand_over(own) == (3, {}, [])
        assert len({each[OURS] for each in own.server.contacts()}) == 3
