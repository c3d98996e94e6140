"""Private things are told to callers who were checked, in this call, and tries are counted."""

import datetime as dt
import threading
from typing import Any

import pytest

from tests.tools.desk import CALLER, NOW, OTHER, Desk, said
from tools.booking.shop import default_shop
from tools.catalogue import build
from tools.crm.checking import Checked, Checks
from tools.crm.contacts import Contacts
from tools.crm.identity import CheckRules, Said
from tools.crm.offer import crm_tools
from tools.spec import ToolContext, ToolRequest, ToolState
from tools.store import Store

BOOKING = {"service": "haircut", "date": "2026-03-04", "time": "10:00", "name": "Ann Lee"}
RIGHT = {"name": "Ann Lee", "appointment": "2026-03-04"}
WRONG = {"name": "Ann Lee", "appointment": "2026-03-05"}


async def known(store: Store) -> Desk:
    """A caller with an appointment, a note and details from an earlier call."""
    own = Desk(build(default_shop(), store), store)
    for tool, arguments in (
        ("book_appointment", BOOKING),
        ("save_contact", {"name": "Ann Lee", "email": "ann@example.com"}),
        ("add_note", {"text": "Allergic to dye."}),
    ):
        outcome = await own.ask(tool, arguments, call="CA0")
        assert outcome.state is ToolState.DONE, outcome.output
    return own


async def asked(own: Desk, tool: str, arguments: Any = None, **given: Any) -> dict[str, Any]:
    return said(await own.ask(tool, arguments, **given))


async def test_a_number_alone_opens_nothing(store: Store) -> None:
    own = await known(store)
    past = await asked(own, "caller_history")
    assert (past["verified"], past["bookings"], past["notes"]) == (False, [], [])
    details = await own.ask("my_details")
    assert details.state is ToolState.REFUSED
    for outcome in (past, said(details), await asked(own, "recognise_caller")):
        assert "2026-03-04" not in str(outcome)
        assert "ann@example.com" not in str(outcome)
        assert "dye" not in str(outcome)


async def test_a_checked_caller_is_told_in_this_call_only(store: Store) -> None:
    own = await known(store)
    assert (await asked(own, "verify_caller", RIGHT))["verified"] is True
    past = await asked(own, "caller_history")
    assert past["verified"] is True
    assert [each["date"] for each in past["bookings"]] == ["2026-03-04"]
    assert [each["quoted"] for each in past["notes"]] == ["Allergic to dye."]
    details = await asked(own, "my_details")
    assert details["contact"]["email"] == "ann@example.com"
    assert (details["numbers"], details["do_not_call"]) == ([CALLER], False)
    for call, number in (("CA2", CALLER), ("CA1", OTHER)):
        past = await asked(own, "caller_history", call=call, number=number)
        assert past["bookings"] == past["notes"] == []


async def test_an_appointment_made_in_this_call_proves_nothing(plain: Store) -> None:
    own = Desk(build(default_shop(), plain), plain)
    await own.ask("book_appointment", BOOKING)
    outcome = await own.ask("verify_caller", RIGHT)
    assert outcome.state is ToolState.REFUSED


async def test_an_address_given_by_an_unchecked_caller_proves_nothing(plain: Store) -> None:
    own = await known(plain)
    outcome = await own.ask("verify_caller", {"name": "Ann", "email": "ann@example.com"})
    assert outcome.state is ToolState.REFUSED
    # Once checked, the caller's word counts, and with it the address in later calls.
    await own.ask("verify_caller", RIGHT)
    await own.ask("save_contact", {"name": "Ann Lee", "email": "new@example.com"})
    later = await asked(
        own, "verify_caller", {"name": "Ann", "email": "new@example.com"}, call="CA2"
    )
    assert later["verified"] is True


async def test_an_unchecked_caller_does_not_replace_an_address(plain: Store) -> None:
    own = await known(plain)
    changed = {"name": "Ann Lee", "email": "evil@example.com"}
    refused = await own.ask("save_contact", changed)
    assert (refused.state, said(refused)["field"]) == (ToolState.REFUSED, "email")
    assert "ann@example.com" not in refused.output
    contact = Contacts(plain).find(CALLER)
    assert contact is not None
    assert contact.email == "ann@example.com"
    # Nor are they told the one there is for giving a name.
    assert "ann@example.com" not in (await own.ask("save_contact", {"name": "Ann"})).output


async def test_tries_are_counted_in_a_call_and_in_a_day(store: Store) -> None:
    own = await known(store)
    for call, tries in (("CA1", 3), ("CA2", 2)):
        for day in range(tries):
            wrong = {"name": "Ann Lee", "appointment": f"2026-04-{10 + day}"}
            outcome = await own.ask("verify_caller", wrong, call=call)
            assert "does not match" in said(outcome)["message"]
        assert "again today" in (await asked(own, "verify_caller", RIGHT, call=call))["message"]
    assert "again today" in (await asked(own, "verify_caller", RIGHT, call="CA3"))["message"]
    own.now = NOW + dt.timedelta(hours=20)
    assert (await asked(own, "verify_caller", RIGHT, call="CA4"))["verified"] is True


async def test_the_same_guess_again_is_the_same_try(plain: Store) -> None:
    own = await known(plain)
    for _ in range(10):
        outcome = await own.ask("verify_caller", WRONG)
        assert "does not match" in said(outcome)["message"]
    assert (await asked(own, "verify_caller", RIGHT))["verified"] is True


def test_guesses_at_once_are_no_more_than_are_allowed(store: Store) -> None:
    contacts = Contacts(store)
    checks = Checks(store, contacts, CheckRules(tries_per_day=4, tries_per_call=10))
    barrier = threading.Barrier(8)
    found: list[object] = []

    def guess(number: int) -> None:
        context = ToolContext(f"CA{number}", CALLER, NOW, f"k{number}")
        barrier.wait()
        found.append(checks.check(CALLER, Said("Ann", email=f"{number}@b.de"), context))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count(Checked.WRONG) == 4
    assert found.count(Checked.TOO_OFTEN) == 4


@pytest.mark.parametrize("arguments", [{"name": "Ann Lee"}, {"name": "Ann", "email": "nothing"}])
async def test_a_name_alone_is_asked_for_more(plain: Store, arguments: dict[str, str]) -> None:
    own = await known(plain)
    outcome = await own.ask("verify_caller", arguments)
    assert outcome.state in (ToolState.REFUSED, ToolState.INVALID)
    assert (await asked(own, "verify_caller", RIGHT))["verified"] is True


async def test_a_withheld_number_cannot_be_checked(plain: Store) -> None:
    own = await known(plain)
    for tool, arguments in (("verify_caller", RIGHT), ("my_details", {})):
        outcome = await own.ask(tool, arguments, number=None)
        assert outcome.state is ToolState.REFUSED
        assert "withheld" in said(outcome)["message"]


async def test_fault_a12_a_number_whose_signature_is_wrong_is_nobody_s(plain: Store) -> None:
    own = await known(plain)

    async def recognised(verstat: str) -> dict[str, Any]:
        request = ToolRequest(
            "CA1", f"tc-{verstat}", "recognise_caller", "{}", CALLER, verstat=verstat
        )
        return said(await own.dispatcher.run(request))

    assert (await recognised("TN-Validation-Failed-A"))["known"] is False
    assert (await recognised("TN-Validation-Passed-C"))["known"] is True
    # The best attestation is no check either.
    assert (await recognised("TN-Validation-Passed-A"))["name"] == "Ann Lee"
    assert (await asked(own, "caller_history"))["notes"] == []


async def test_the_checks_can_tell_what_became_of_one(plain: Store) -> None:
    own = await known(plain)
    await own.ask("verify_caller", RIGHT)
    tool = next(each for each in crm_tools(plain) if each.name == "verify_caller")
    assert tool.reconcile is not None
    (receipt,) = own.receipts.of_call("CA1")
    made = tool.reconcile(ToolContext("CA1", CALLER, NOW, receipt.idempotency_key))
    assert made == {"message": "Thank you, that is right.", "verified": True}
    assert tool.reconcile(ToolContext("CA1", CALLER, NOW, "another")) is None
