"""What is still to be told: written down once, had by one, kept until it is taken."""

import datetime as dt
import threading
import time

import pytest
import sqlalchemy as sa

from tests.tools.desk import CALLER, NOW, OTHER
from tools.crm.contacts import Contacts
from tools.crm.outbox import SENT_KEPT, Intent, Outbox, _claim
from tools.crm.port import Card, Kind
from tools.store import Store

BOOK = "hubspot"
LEASE = dt.timedelta(minutes=2)


def waiting(store: Store) -> Outbox:
    """Two people to tell of, one of them twice."""
    contacts = Contacts(store, BOOK)
    contacts.save(CALLER, NOW, name="Ann")
    contacts.save(CALLER, NOW, name="Anna")
    contacts.save(OTHER, NOW, name="Bo")
    return Outbox(store, BOOK)


def claimed(outbox: Outbox, minutes: int = 0) -> Intent:
    intent = outbox.claim(NOW + dt.timedelta(minutes=minutes), LEASE)
    assert intent is not None
    return intent


def test_an_intent_is_one_consumer_s_until_the_lease_is_over(store: Store) -> None:
    outbox = waiting(store)
    first, second = claimed(outbox), claimed(outbox)
    assert [each.card(Card).name for each in (first, second)] == ["Ann", "Bo"]
    # Of Ann, the second change waits for the first.
    assert outbox.claim(NOW, LEASE) is None
    assert outbox.next_at() == NOW
    again = claimed(outbox, 2)
    assert (again.key, again.tries, again.again, first.again) == (first.key, 2, True, False)
    outbox.sent(again, again.contact_id, "101", NOW)
    assert outbox.outside_id(Kind.CONTACT, again.contact_id) == "101"
    assert claimed(outbox, 2).card(Card).name == "Anna"


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_two_that_see_one_intent_do_not_both_have_it(store: Store) -> None:
    """SQLite lets nobody look before the first is through."""
    outbox = waiting(store)
    found: list[Intent | None] = []
    looking = threading.Thread(target=lambda: found.append(outbox.claim(NOW, LEASE)))
    blocked = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with store.engine.begin() as connection:
        assert _claim(connection, NOW, NOW + LEASE) is not None
        looking.start()
        while not store.read(lambda c: c.execute(blocked).scalar_one()):
            time.sleep(0.01)
    looking.join()
    assert found == [None]


def test_what_was_taken_is_forgotten_after_a_month(plain: Store) -> None:
    outbox = waiting(plain)
    outbox.sent(claimed(outbox), 1, "101", NOW)
    late = NOW + SENT_KEPT + dt.timedelta(minutes=5)
    outbox.sent(claimed(outbox), 1, "102", late)
    (left,) = plain.read(lambda c: c.execute(sa.text("SELECT count(*) FROM crm_outbox")).one())
    assert left == 2
    assert outbox.outside_id(Kind.CONTACT, 1) == "102"


def test_there_and_back_again_is_told_each_time(plain: Store) -> None:
    contacts = Contacts(plain, BOOK)
    for name in ("Ann", "Anna", "Ann", "Ann"):
        contacts.save(CALLER, NOW, name=name)
    assert Outbox(plain, BOOK).standing().pending == 3


def test_what_is_refused_lets_the_next_one_pass(plain: Store) -> None:
    outbox = waiting(plain)
    outbox.dead(claimed(outbox), "refused: http_400", NOW)
    assert claimed(outbox).card(Card).name == "Anna"
    assert outbox.standing().dead == 1
    (dead,) = outbox.refused()
    assert (dead.kind, dead.trouble) == (Kind.CONTACT, "refused: http_400")


def test_a_change_and_its_intent_are_one(plain: Store) -> None:
    """What fails to be written down is not changed either."""
    contacts = Contacts(plain, BOOK)
    contacts.save(CALLER, NOW, name="Ann")
    plain.write(lambda c: c.execute(sa.text("DROP TABLE crm_outbox")))
    with pytest.raises(Exception, match="OperationalError"):
        contacts.save(CALLER, NOW, name="Anna")
    contact = contacts.find(CALLER)
    assert contact is not None
    assert contact.name == "Ann"


def test_links_can_be_loosened(plain: Store) -> None:
    outbox = Outbox(plain, BOOK)
    outbox.link(Kind.TASK, 1, "7")
    outbox.link(Kind.TASK, 1, "8")
    assert outbox.outside_id(Kind.TASK, 1) == "8"
    assert Outbox(plain, "another").outside_id(Kind.TASK, 1) == ""
    outbox.unlink(Kind.TASK, 1)
    assert outbox.outside_id(Kind.TASK, 1) == ""
