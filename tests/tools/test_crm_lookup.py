"""A caller is looked up outside, and in our copy when that takes too long."""

import pytest

from tests.fakes.crm_server import CrmServer, Fault
from tests.tools.crm_story import story
from tests.tools.desk import CALLER, OTHER
from tools.crm.breaker import FAILURES
from tools.crm.lookup import Source
from tools.crm.port import Kind
from tools.store import Store


async def test_what_is_known_outside_is_kept_as_our_copy(store: Store) -> None:
    async with story(store) as own:
        ref = own.server.add(firstname="Ann", lastname="Lee", email="ann@example.com", phone=CALLER)
        found = await own.lookup.find(CALLER)
        assert found.source is Source.OUTSIDE
        contact = own.contacts.find(CALLER)
        assert contact is not None
        assert (contact.name, contact.email, contact.email_proven) == (
            "Ann Lee",
            "ann@example.com",
            True,
        )
        assert found.contact == contact
        assert own.outbox.outside_id(Kind.CONTACT, contact.id) == ref
        # Nothing of it is told back.
        assert own.outbox.standing().pending == 0
        own.server.down = True
        again = await own.lookup.find(CALLER)
        assert (again.contact, again.source) == (contact, Source.COPY)


async def test_a_stranger_is_one_in_both(plain: Store) -> None:
    async with story(plain) as own:
        own.server.add(firstname="Bo", phone=OTHER)
        found = await own.lookup.find(CALLER)
        assert (found.contact, found.source) == (None, Source.OUTSIDE)
        assert own.contacts.find(CALLER) is None


async def test_what_is_not_told_yet_is_known_all_the_same(plain: Store) -> None:
    async with story(plain) as own:
        own.contacts.save(CALLER, own.now, name="Ann")
        found = await own.lookup.find(CALLER)
        assert found.contact is not None
        assert (found.contact.name, found.source) == ("Ann", Source.OUTSIDE)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=429, headers={"Retry-After": "60"}),
        Fault(status=401),
        Fault(status=200, body=b'{"results": [{"id": 7}]}'),
        Fault(status=200, body=b'{"results": 1}'),
        Fault(status=200, body=b"\xff"),
        Fault(status=301, headers={"Location": "http://127.0.0.1:1/"}),
        Fault(hang_up=True),
    ],
    ids=lambda fault: f"{fault.status}{fault.body[:4].decode(errors='replace')}",
)
async def test_fault_x11_a_reading_that_fails_is_answered_from_our_copy(
    store: Store, fault: Fault
) -> None:
    async with story(store, CrmServer(fault)) as own:
        own.contacts.save(CALLER, own.now, name="Ann")
        found = await own.lookup.find(CALLER)
        assert found.contact is not None
        assert (found.contact.name, found.source) == ("Ann", Source.COPY)


async def test_fault_x11_a_redirect_is_not_followed(store: Store) -> None:
    """It would take our token to wherever it leads."""
    away = Fault(status=307, headers={"Location": "/elsewhere"})
    async with story(store, CrmServer(away)) as own:
        assert (await own.lookup.find(CALLER)).source is Source.COPY
        assert [each.path for each in own.server.asked] == ["/crm/v3/objects/contacts/search"]


async def test_fault_x1_a_caller_waits_no_longer_than_the_deadline(store: Store) -> None:
    """The answer takes a minute; the test ends long before."""
    async with story(store, CrmServer(Fault(after_s=60)), read_s=0.2) as own:
        found = await own.lookup.find(CALLER)
        assert (found.contact, found.source) == (None, Source.COPY)


async def test_an_answer_without_end_is_not_read(plain: Store) -> None:
    endless = Fault(status=200, body=b" " * (2 * 1024 * 1024))
    async with story(plain, CrmServer(endless)) as own:
        assert (await own.lookup.find(CALLER)).source is Source.COPY


async def test_a_book_that_fails_is_left_alone_for_a_while(plain: Store) -> None:
    async with story(plain) as own:
        own.server.down = True
        for _ in range(10):
            await own.lookup.find(CALLER)
        assert len(own.server.asked) == FAILURES
        own.server.down = False
        own.later(60)
        assert (await own.lookup.find(CALLER)).source is Source.OUTSIDE


async def test_of_several_with_one_number_the_oldest_is_taken(plain: Store) -> None:
    async with story(plain) as own:
        for name in ("Ann", "Bo"):
            own.server.add(firstname=name, phone=CALLER)
        found = await own.lookup.find(CALLER)
        assert found.contact is not None
        assert found.contact.name == "Ann"


async def test_a_caller_cannot_prove_an_address_by_way_of_the_outside_book(
    plain: Store,
) -> None:
    """It fills a blank there, and comes back: that vouches for nothing."""
    async with story(plain) as own:
        own.server.add(firstname="Ann", phone=CALLER)
        own.contacts.save(CALLER, own.now, name="Ann", email="evil@example.com")
        await own.drain.once()
        assert own.server.contacts()[0]["email"] == "evil@example.com"
        found = await own.lookup.find(CALLER)
        assert found.contact is not None
        assert (found.contact.email, found.contact.email_proven) == ("evil@example.com", False)


async def test_an_address_the_outside_book_has_replaces_one_nobody_vouches_for(
    plain: Store,
) -> None:
    async with story(plain) as own:
        own.contacts.save(CALLER, own.now, name="Ann", email="evil@example.com")
        own.server.add(firstname="Ann", email="ann@example.com", phone=CALLER)
        found = await own.lookup.find(CALLER)
        assert found.contact is not None
        assert (found.contact.email, found.contact.email_proven) == ("ann@example.com", True)


async def test_a_number_that_belongs_to_two_of_ours_stays_where_it_is(plain: Store) -> None:
    async with story(plain) as own:
        own.contacts.save(OTHER, own.now, name="Bo")
        own.server.add(firstname="Ann", phone=CALLER, mobilephone=OTHER)
        found = await own.lookup.find(CALLER)
        assert found.contact is not None
        for number, name in ((OTHER, "Bo"),):
            owner = own.contacts.find(number)
            assert owner is not None
            assert owner.name == name
