"""A number is a hint; a name and something known besides it is a check."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.crm.identity import Appointment, CheckRules, Hint, Said, hint_of, passes
from tools.crm.records import Contact

DAY = dt.date(2026, 3, 6)
ANN = Contact(
    id=1, numbers=("+442079460001",), name="Ann Lee", email="ann@example.com", email_proven=True
)
BOOKED = [Appointment("Ann Lee", DAY)]


@pytest.mark.parametrize(
    ("verstat", "hint"),
    [
        ("TN-Validation-Passed-A", Hint.ATTESTED),
        ("TN-Validation-Passed-A-Diverted", Hint.ATTESTED),
        ("TN-Validation-Passed-B", Hint.PARTLY),
        ("TN-Validation-Passed-C", Hint.PARTLY),
        ("TN-Validation-Failed-A", Hint.FAILED),
        ("TN-Validation-Failed", Hint.FAILED),
        ("No-TN-Validation", Hint.NONE),
        ("TN-Validation-Passed-AB", Hint.PARTLY),
        ("tn-validation-passed-a", Hint.NONE),
        ("", Hint.NONE),
    ],
)
def test_what_networks_say_of_a_number_is_a_hint(verstat: str, hint: Hint) -> None:
    assert hint_of(verstat) is hint


@given(st.text())
def test_whatever_stands_there_is_some_hint(verstat: str) -> None:
    assert hint_of(verstat) in Hint


@pytest.mark.parametrize(
    ("said", "good"),
    [
        (Said("Ann Lee", appointment=DAY), True),
        (Said("ann", appointment=DAY), True),
        (Said("Lee, Ann".replace(",", ""), appointment=DAY), True),
        (Said("\u00c1nn L\u00e9e", appointment=DAY), True),
        (Said("Ann Lee", email=" Ann@Example.com "), True),
        (Said("Ann Lee", email="ann@example.com", appointment=DAY), True),
        (Said("Ann Lee"), False),
        (Said("Bo", appointment=DAY), False),
        (Said("Ann Bo", appointment=DAY), False),
        (Said("", appointment=DAY), False),
        (Said("   ", email="ann@example.com"), False),
        (Said("Ann Lee", appointment=DAY + dt.timedelta(days=1)), False),
        (Said("Ann Lee", email="bo@example.com"), False),
        # One wrong fact spoils a right one: guesses are not free.
        (Said("Ann Lee", email="bo@example.com", appointment=DAY), False),
        (Said("Ann Lee", email="ann@example.com", appointment=dt.date(2026, 3, 9)), False),
    ],
)
def test_a_name_and_one_fact_are_checked(said: Said, *, good: bool) -> None:
    assert passes(CheckRules(), said, ANN, BOOKED) is good


def test_two_facts_may_be_asked() -> None:
    rules = CheckRules(needed=2)
    assert not passes(rules, Said("Ann", email="ann@example.com"), ANN, BOOKED)
    assert passes(rules, Said("Ann", email="ann@example.com", appointment=DAY), ANN, BOOKED)


def test_a_fact_that_is_not_asked_for_counts_for_nothing() -> None:
    rules = CheckRules(facts=("email",))
    assert not passes(rules, Said("Ann", appointment=DAY), ANN, BOOKED)
    assert passes(rules, Said("Ann", email="ann@example.com", appointment=DAY), ANN, [])


@pytest.mark.parametrize("change", [{"email_proven": False}, {"email": "", "name": ""}])
def test_what_nobody_vouches_for_proves_nothing(change: dict[str, Any]) -> None:
    contact = msgspec.structs.replace(ANN, **change)
    said = Said("Ann", email=contact.email)
    assert not passes(CheckRules(), said, contact, BOOKED)
    assert not passes(CheckRules(), Said("Ann", email="ann@example.com"), contact, BOOKED)


def test_somebody_elses_appointment_under_the_number_proves_nothing() -> None:
    both = [Appointment("Bo Hall", DAY), Appointment("Ann Lee", dt.date(2026, 3, 9))]
    assert not passes(CheckRules(), Said("Ann", appointment=DAY), ANN, both)
    assert passes(CheckRules(), Said("Bo", appointment=DAY), ANN, both)


def test_a_number_without_a_contact_may_have_appointments() -> None:
    assert passes(CheckRules(), Said("Ann Lee", appointment=DAY), None, BOOKED)
    assert not passes(CheckRules(), Said("Ann Lee", email="a@b.de"), None, BOOKED)


@given(st.text(), st.text(), st.dates())
def test_nothing_said_at_random_is_right(name: str, email: str, day: dt.date) -> None:
    said = Said(name, email, day if day != DAY else None)
    assert not passes(CheckRules(), said, msgspec.structs.replace(ANN, email="a@b.example"), BOOKED)
