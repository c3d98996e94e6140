"""Two contacts become one and are taken apart again; nothing is lost on the way."""

import datetime as dt
import threading
import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from tests.tools.desk import CALLER, NOW, OTHER
from tools.crm.consents import Consents
from tools.crm.contacts import Contacts
from tools.crm.followups import FollowUps
from tools.crm.merging import Merging
from tools.crm.outbox import Outbox
from tools.crm.port import Card
from tools.crm.records import ConsentTo, Contact
from tools.crm.tables import CONTACTS
from tools.spec import ToolContext, ToolRefusal
from tools.store import Store

THIRD = "+442079460003"
BOOK = "hubspot"


class Books:
    def __init__(self, store: Store) -> None:
        self.contacts = Contacts(store, BOOK)
        self.consents = Consents(store, self.contacts)
        self.follow_ups = FollowUps(store, self.contacts, BOOK)
        self.merging = Merging(store, self.contacts)
        self.outbox = Outbox(store, BOOK)
        self._keys = 0

    def at(self, number: str, minutes: int = 0) -> ToolContext:
        self._keys += 1
        return ToolContext("CA1", number, NOW + dt.timedelta(minutes=minutes), f"k{self._keys}")

    def person(self, number: str, name: str, **values: str) -> Contact:
        contact = self.contacts.save(number, NOW, proven=False, name=name, **values)
        self.contacts.add_note(number, f"about {name}", self.at(number))
        self.follow_ups.add(number, f"for {name}", None, self.at(number))
        return contact

    def notes(self, contact: Contact) -> set[str]:
        return {note.text for note in self.contacts.notes(contact)}


def test_everything_moves_and_the_old_id_leads_to_the_new(store: Store) -> None:
    books = Books(store)
    ann, lee = books.person(CALLER, "Ann"), books.person(OTHER, "A. Lee", email="a@b.example")
    merge = books.merging.merge(ann.id, lee.id, "staff", NOW)
    kept = merge.kept
    assert (kept.id, kept.name, kept.email) == (ann.id, "Ann", "a@b.example")
    assert kept.numbers == (CALLER, OTHER)
    for found in (books.contacts.get(lee.id), books.contacts.find(OTHER)):
        assert found == kept
    assert books.notes(kept) == {"about Ann", "about A. Lee"}
    assert {each.todo.contact_id for each in books.follow_ups.open()} == {ann.id}
    assert [each.id for each in books.contacts.search("").contacts] == [ann.id]
    with pytest.raises(ToolRefusal, match="one already"):
        books.merging.merge(lee.id, ann.id, "staff", NOW)
    with pytest.raises(ToolRefusal, match="no contact 99"):
        books.merging.merge(99, ann.id, "staff", NOW)


def test_a_merge_is_taken_back_whole(store: Store) -> None:
    books = Books(store)
    ann, lee = books.person(CALLER, "Ann"), books.person(OTHER, "A. Lee", email="a@b.example")
    merge = books.merging.merge(ann.id, lee.id, "staff", NOW)
    books.contacts.add_note(OTHER, "after", books.at(OTHER))
    kept, restored = books.merging.undo(merge.id, NOW)
    assert kept == books.contacts.get(ann.id) == ann
    assert restored == books.contacts.find(OTHER) == lee
    # What came after the merge belongs to the one it was told to.
    assert books.notes(kept) == {"about Ann", "after"}
    assert books.notes(restored) == {"about A. Lee"}
    assert {each.todo.contact_id for each in books.follow_ups.open()} == {ann.id, lee.id}
    with pytest.raises(ToolRefusal, match="taken back"):
        books.merging.undo(merge.id, NOW)


def test_taking_back_keeps_what_was_changed_since(plain: Store) -> None:
    books = Books(plain)
    ann, lee = books.person(CALLER, ""), books.person(OTHER, "Lee", email="a@b.example")
    merge = books.merging.merge(ann.id, lee.id, "staff", NOW)
    assert merge.kept.name == "Lee"
    books.contacts.change(ann.id, NOW, name="Anna")
    kept, _ = books.merging.undo(merge.id, NOW)
    assert (kept.name, kept.email) == ("Anna", "")


def test_merges_of_merges_lead_to_the_last(store: Store) -> None:
    books = Books(store)
    one, two, three = (
        books.person(number, name) for number, name in ((CALLER, "A"), (OTHER, "B"), (THIRD, "C"))
    )
    first = books.merging.merge(two.id, three.id, "staff", NOW)
    second = books.merging.merge(one.id, two.id, "staff", NOW)
    assert books.contacts.get(three.id) == books.contacts.find(THIRD) == second.kept
    with pytest.raises(ToolRefusal, match="merged again"):
        books.merging.undo(first.id, NOW)
    books.merging.undo(second.id, NOW)
    found = books.contacts.get(three.id)
    assert found is not None
    assert (found.id, set(found.numbers)) == (two.id, {OTHER, THIRD})
    books.merging.undo(first.id, NOW)
    assert books.contacts.find(THIRD) == three


@pytest.mark.parametrize(
    ("kept", "merged", "result"),
    [
        (True, False, False),
        (False, True, False),
        (None, True, True),
        (None, False, False),
        (True, None, True),
        (False, None, False),
        (True, True, True),
    ],
)
@pytest.mark.parametrize("newer", ["kept", "merged"])
def test_the_stricter_consent_wins(
    plain: Store, kept: bool | None, merged: bool | None, result: bool, newer: str
) -> None:
    books = Books(plain)
    ann, lee = books.person(CALLER, "Ann"), books.person(OTHER, "Lee")
    for number, agreed, name in ((CALLER, kept, "kept"), (OTHER, merged, "merged")):
        if agreed is not None:
            context = books.at(number, 5 if name == newer else 1)
            books.consents.set(number, ConsentTo.RECORDING, context, agreed=agreed)
    later = NOW + dt.timedelta(hours=1)
    merge = books.merging.merge(ann.id, lee.id, "staff", later)
    assert books.consents.agreed(CALLER, ConsentTo.RECORDING) is result
    books.merging.undo(merge.id, later)
    assert books.consents.agreed(CALLER, ConsentTo.RECORDING) is kept
    assert books.consents.agreed(OTHER, ConsentTo.RECORDING) is merged


@pytest.mark.parametrize("closed", [CALLER, OTHER])
def test_a_closed_number_closes_all_and_stays_so(store: Store, closed: str) -> None:
    books = Books(store)
    ann, lee = books.person(CALLER, "Ann"), books.person(OTHER, "Lee")
    books.consents.close(closed, books.at(closed))
    merge = books.merging.merge(ann.id, lee.id, "staff", NOW)
    assert books.consents.is_closed(CALLER)
    assert books.consents.is_closed(OTHER)
    books.merging.undo(merge.id, NOW)
    assert books.consents.is_closed(CALLER)
    assert books.consents.is_closed(OTHER)


def test_the_outside_book_is_not_told_of_the_one_that_went(plain: Store) -> None:
    books = Books(plain)
    ann, lee = books.person(CALLER, "Ann"), books.person(OTHER, "Lee")
    books.merging.merge(ann.id, lee.id, "staff", NOW)
    told = []
    while True:
        intent = books.outbox.claim(NOW, dt.timedelta(minutes=1))
        if intent is None:
            break
        told.append((intent.kind.value, intent.contact_id))
        books.outbox.sent(intent, len(told), f"x{len(told)}", NOW)
    assert told.count(("contact", ann.id)) == 2
    assert {contact_id for _, contact_id in told} == {ann.id}


def test_notes_and_merges_at_once_lose_no_note(store: Store) -> None:
    books = Books(store)
    ann, lee = books.person(CALLER, "Ann"), books.person(OTHER, "Lee")
    barrier = threading.Barrier(5)
    failures: list[BaseException] = []

    def together(act: object) -> None:
        barrier.wait()
        try:
            act()  # type: ignore[operator]
        except BaseException as error:
            failures.append(error)

    acts = [
        lambda: books.merging.merge(ann.id, lee.id, "staff", NOW),
        *(
            lambda n=n: books.contacts.add_note(
                OTHER, f"note {n}", ToolContext("CA2", OTHER, NOW, f"n{n}")
            )
            for n in range(4)
        ),
    ]
    threads = [threading.Thread(target=together, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    kept = books.contacts.get(lee.id)
    assert kept is not None
    assert kept.id == ann.id
    assert books.notes(kept) == {"about Ann", "about Lee", *(f"note {n}" for n in range(4))}


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_note_that_waits_for_a_merge_follows_it(store: Store) -> None:
    books = Books(store)
    ann, _ = books.person(CALLER, "Ann"), books.person(OTHER, "Lee")
    note = books.at(OTHER)
    during_a_merge(books, store, lambda: books.contacts.add_note(OTHER, "late", note))
    kept = books.contacts.get(ann.id)
    assert kept is not None
    assert "late" in books.notes(kept)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("how", ["save", "change", "keep"])
def test_an_address_that_waits_for_a_merge_follows_it(store: Store, how: str) -> None:
    books = Books(store)
    _, lee = books.person(CALLER, "Ann"), books.person(OTHER, "Lee")
    email = "lee@example.com"
    acts: dict[str, Callable[[], object]] = {
        "save": lambda: books.contacts.save(OTHER, NOW, email=email),
        "change": lambda: books.contacts.change(lee.id, NOW, email=email),
        "keep": lambda: books.contacts.keep(Card(email=email, numbers=(OTHER,)), NOW),
    }
    during_a_merge(books, store, acts[how])
    found = books.contacts.find(OTHER)
    assert found is not None
    assert (found.name, found.email, found.numbers) == ("Ann", email, (CALLER, OTHER))


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_number_that_waits_for_a_merge_follows_it(store: Store) -> None:
    books = Books(store)
    _, lee = books.person(CALLER, "Ann"), books.person(OTHER, "Lee")
    during_a_merge(books, store, lambda: books.contacts.add_number(lee.id, THIRD, NOW))
    found = books.contacts.find(THIRD)
    assert found is not None
    assert found.numbers == (CALLER, OTHER, THIRD)
    with pytest.raises(ToolRefusal, match="one already"):
        books.merging.merge(1, 2, "staff", NOW)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_number_that_is_taken_away_beside_a_merge_is_gone(store: Store) -> None:
    books = Books(store)
    _, lee = books.person(CALLER, "Ann"), books.person(OTHER, "Lee")
    during_a_merge(books, store, lambda: books.contacts.remove_number(lee.id, OTHER, NOW))
    assert books.contacts.find(OTHER) is None


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_merge_that_waits_for_a_change_knows_it(store: Store) -> None:
    """Ann's address comes while the merge waits: Lee's does not take its place."""
    books = Books(store)
    ann, lee = books.person(CALLER, "Ann"), books.person(OTHER, "Lee", email="lee@example.com")
    merging = threading.Thread(target=lambda: books.merging.merge(ann.id, lee.id, "staff", NOW))
    with store.engine.begin() as changing:
        mine = sa.update(CONTACTS).where(CONTACTS.c.id == ann.id)
        changing.execute(mine.values(email="ann@example.com"))
        merging.start()
        until_one_waits(store)
    merging.join()
    found = books.contacts.find(OTHER)
    assert found is not None
    assert found.email == "ann@example.com"


@pytest.mark.parametrize("email", ["ann@exmaple.com", "Ann@Example.com", "ann@example.com", ""])
def test_a_proven_address_wins_and_is_given_back(plain: Store, email: str) -> None:
    """The staff knows OTHER's; CALLER has said theirs themselves."""
    books = Books(plain)
    ann = books.contacts.save(CALLER, NOW, name="Ann", email=email)
    lee = books.contacts.save(OTHER, NOW, name="Ann", email="ann@example.com", proven=True)
    merge = books.merging.merge(ann.id, lee.id, "staff", NOW)
    assert (merge.kept.email, merge.kept.email_proven) == ("ann@example.com", True)
    assert books.merging.undo(merge.id, NOW) == (ann, lee)
    # The other way round there is nothing to take over.
    assert books.merging.merge(lee.id, ann.id, "staff", NOW).kept.email_proven


def during_a_merge(books: Books, store: Store, act: Callable[[], object]) -> None:
    """`act` comes when Lee has been put into Ann but that is not over: on PostgreSQL, for SQLite
    lets nobody look before."""
    writing = threading.Thread(target=act)
    with store.engine.begin() as merging:
        books.merging._merge(merging, 1, 2, "staff", NOW)
        writing.start()
        until_one_waits(store)
    writing.join()


def until_one_waits(store: Store) -> None:
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while not store.read(lambda connection: connection.execute(waiting).scalar_one()):
        time.sleep(0.01)


def test_two_merges_of_a_pair_at_once_are_one(store: Store) -> None:
    books = Books(store)
    ann, lee = books.person(CALLER, "Ann"), books.person(OTHER, "Lee")
    barrier = threading.Barrier(2)
    refused: list[str] = []

    def merge(kept: int, merged: int) -> None:
        barrier.wait()
        try:
            books.merging.merge(kept, merged, "staff", NOW)
        except ToolRefusal as refusal:
            refused.append(refusal.message)

    pairs = [(ann.id, lee.id), (lee.id, ann.id)]
    threads = [threading.Thread(target=merge, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert books.contacts.get(ann.id) == books.contacts.get(lee.id)
