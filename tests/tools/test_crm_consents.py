"""Who agreed to what, when and how; and numbers nobody calls."""

import datetime as dt

import pytest

from tests.tools.desk import CALLER, NOW, OTHER
from tools.crm.consents import BY_STAFF, Consents
from tools.crm.contacts import Contacts
from tools.crm.records import ConsentTo
from tools.spec import ToolContext, ToolRefusal
from tools.store import Store

THIRD = "+442079460003"


def at(key: str, minutes: int = 0) -> ToolContext:
    return ToolContext("CA1", CALLER, NOW + dt.timedelta(minutes=minutes), key)


def book(store: Store) -> tuple[Contacts, Consents]:
    contacts = Contacts(store)
    return contacts, Consents(store, contacts)


def test_a_consent_is_kept_with_when_and_how_and_can_be_taken_back(store: Store) -> None:
    contacts, consents = book(store)
    kind = ConsentTo.MARKETING
    assert consents.agreed(CALLER, kind) is None
    consents.set(CALLER, kind, at("k1"), agreed=True)
    assert consents.agreed(CALLER, kind) is True
    consents.set(CALLER, kind, at("k2", 5), agreed=False, how=BY_STAFF)
    assert consents.agreed(CALLER, kind) is False
    assert consents.agreed(CALLER, ConsentTo.RECORDING) is None
    contact = contacts.find(CALLER)
    assert contact is not None
    first, second = consents.log(contact)
    assert (first.agreed, first.how, first.at) == (True, "call", NOW)
    assert (second.agreed, second.how, second.at) == (
        False,
        "staff",
        NOW + dt.timedelta(minutes=5),
    )


def test_the_same_effect_is_noted_once(store: Store) -> None:
    contacts, consents = book(store)
    for _ in range(2):
        consents.set(CALLER, ConsentTo.MESSAGES, at("k1"), agreed=True)
    contact = contacts.find(CALLER)
    assert contact is not None
    assert len(consents.log(contact)) == 1
    made = consents.made_with("k1")
    assert made is not None
    assert made.agreed
    assert consents.made_with("k2") is None


def test_a_closed_number_is_refused_to_whoever_asks(store: Store) -> None:
    _, consents = book(store)
    consents.refuse_closed(CALLER)
    consents.close(CALLER, at("k1"))
    consents.close(CALLER, at("k2", 1))
    with pytest.raises(ToolRefusal, match="asked not to"):
        consents.refuse_closed(CALLER)
    consents.refuse_closed(OTHER)
    (closing,) = consents.closings(CALLER)
    assert (closing.closed, closing.how, closing.call_id, closing.at) == (True, "call", "CA1", NOW)
    consents.close(CALLER, at("k3", 2), closed=False, how=BY_STAFF)
    consents.refuse_closed(CALLER)
    assert [each.closed for each in consents.closings(CALLER)] == [True, False]


def test_messages_need_no_refusal_and_marketing_needs_consent(store: Store) -> None:
    _, consents = book(store)
    consents.refuse_message(CALLER)
    with pytest.raises(ToolRefusal, match="no consent"):
        consents.refuse_message(CALLER, ConsentTo.MARKETING)
    consents.set(CALLER, ConsentTo.MARKETING, at("k1"), agreed=True)
    consents.refuse_message(CALLER, ConsentTo.MARKETING)
    consents.set(CALLER, ConsentTo.MESSAGES, at("k2"), agreed=False)
    with pytest.raises(ToolRefusal, match="no consent"):
        consents.refuse_message(CALLER)
    consents.close(CALLER, at("k3"))
    with pytest.raises(ToolRefusal, match="asked not to"):
        consents.refuse_message(CALLER, ConsentTo.MARKETING)


def test_all_numbers_of_a_person_are_closed_with_one(store: Store) -> None:
    contacts, consents = book(store)
    ann = contacts.save(CALLER, NOW, name="Ann")
    contacts.add_number(ann.id, OTHER, NOW)
    consents.close(OTHER, at("k1"))
    assert consents.is_closed(CALLER)
    # One that is added later is that person's too.
    contacts.add_number(ann.id, THIRD, NOW)
    assert not consents.is_closed(THIRD)
    with pytest.raises(ToolRefusal):
        consents.refuse_closed(THIRD)
    consents.close(THIRD, at("k2"), closed=False)
    for number in (CALLER, OTHER, THIRD):
        consents.refuse_closed(number)


def test_a_number_stays_closed_when_it_is_taken_from_a_contact(store: Store) -> None:
    contacts, consents = book(store)
    ann = contacts.save(CALLER, NOW, name="Ann")
    consents.close(CALLER, at("k1"))
    contacts.remove_number(ann.id, CALLER, NOW)
    with pytest.raises(ToolRefusal):
        consents.refuse_closed(CALLER)
