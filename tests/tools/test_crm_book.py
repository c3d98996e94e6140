"""The contacts' book as the staff and the tools use it: numbers, finding, tasks, permissions."""

import asyncio
import datetime as dt
from typing import Any

import pytest

from tests.fakes.crm_server import CrmServer
from tests.tools.crm_story import story
from tests.tools.desk import CALLER, NOW, OTHER, Desk, said
from tools.booking.shop import default_shop
from tools.catalogue import build
from tools.crm.config import CrmConfig, Outside
from tools.crm.consents import Consents
from tools.crm.contacts import Contacts
from tools.crm.desk import open_desk, own_desk
from tools.crm.followups import FollowUps
from tools.crm.offer import crm_tools
from tools.crm.outbox import Outbox
from tools.crm.records import ConsentTo, Contact, TaskState
from tools.registry import Registry
from tools.secrets import Secrets
from tools.spec import Risk, ToolContext, ToolRefusal, ToolState
from tools.store import Store

THIRD = "+442079460003"


def desk(store: Store) -> Desk:
    return Desk(build(default_shop(), store), store)


async def done(own: Desk, tool: str, arguments: Any = None, **given: Any) -> dict[str, Any]:
    outcome = await own.ask(tool, arguments or {}, **given)
    assert outcome.state is ToolState.DONE, outcome.output
    return said(outcome)


# ---- contacts -----------------------------------------------------------------------------------


def test_a_contact_has_several_numbers_and_a_number_one_contact(store: Store) -> None:
    contacts = Contacts(store)
    ann = contacts.save(CALLER, NOW, name="Ann")
    later = NOW + dt.timedelta(minutes=1)
    assert contacts.add_number(ann.id, OTHER, later).numbers == (CALLER, OTHER)
    assert contacts.add_number(ann.id, OTHER, later).numbers == (CALLER, OTHER)
    assert contacts.find(OTHER) == contacts.find(CALLER)
    bo = contacts.save(THIRD, NOW, name="Bo")
    with pytest.raises(ToolRefusal, match=f"contact {ann.id}. Merge"):
        contacts.add_number(bo.id, OTHER, later)
    assert contacts.remove_number(ann.id, CALLER, later).numbers == (OTHER,)
    assert contacts.find(CALLER) is None
    assert contacts.remove_number(bo.id, OTHER, later).numbers == (THIRD,)
    assert contacts.save(CALLER, later, name="New").id not in (ann.id, bo.id)


def test_contacts_are_found_by_number_name_and_address(store: Store) -> None:
    contacts = Contacts(store)
    ann = contacts.save(CALLER, NOW, name="Ann  L\u00e9e", email="Ann@Example.com")
    bo = contacts.save(OTHER, NOW, name="Bo 100%")

    def ids(text: str, region: str = "") -> list[int]:
        return [each.id for each in contacts.search(text, region=region).contacts]

    for text in (CALLER, "+44 20 7946 0001", "ann lee", "L\u00c9E", "nn", "ann@example.COM"):
        assert ids(text) == [ann.id], text
    assert ids("020 7946 0001", "GB") == [ann.id]
    assert ids("020 7946 0001") == []
    assert ids("100%") == [bo.id]
    assert ids("%") == [bo.id]
    assert ids("_") == []
    assert ids("") == [ann.id, bo.id]
    changed = contacts.change(ann.id, NOW, name="Ann Hall", email="new@example.com")
    assert (changed.name, changed.email_proven) == ("Ann Hall", True)
    assert ids("hall") == ids("new@example.com") == [ann.id]
    assert ids("lee") == ids("ann@example.com") == []
    with pytest.raises(ToolRefusal, match="no contact 99"):
        contacts.change(99, NOW, name="X")


def test_pages_hold_every_contact_once(plain: Store) -> None:
    contacts = Contacts(plain)
    for number in range(7):
        contacts.save(f"+44207946000{number}", NOW, name=f"n{number}")
    names, after = [], ""
    for _ in range(4):
        page = contacts.search("n", after, limit=2)
        names += [each.name for each in page.contacts]
        after = page.after
    assert names == [f"n{number}" for number in range(7)]
    assert after == ""


async def test_the_history_is_that_of_all_numbers(store: Store) -> None:
    own = desk(store)
    booking = {"service": "haircut", "date": "2026-03-04", "time": "10:00", "name": "Ann"}
    await done(own, "book_appointment", booking)
    await done(own, "book_appointment", {**booking, "time": "12:00"}, call="CA2", number=OTHER)
    contacts = Contacts(store)
    ann = contacts.save(CALLER, NOW, name="Ann")
    contacts.add_number(ann.id, OTHER, NOW)
    for call, number in (("CA1", CALLER), ("CA2", OTHER), ("CA2", OTHER)):
        contacts.saw_call(call, number, NOW)
    await done(own, "add_note", {"text": "Tea."})
    await done(own, "add_follow_up", {"text": "Call."}, number=OTHER)
    found = contacts.get(ann.id)
    assert found is not None
    past = contacts.history(found)
    assert [each.call_id for each in past.visits] == ["CA2", "CA1"]
    assert {each.call_id for each in past.calls} == {"CA1", "CA2"}
    assert [each.text for each in past.notes] == ["Tea."]
    assert [each.text for each in past.follow_ups] == ["Call."]


# ---- tasks --------------------------------------------------------------------------------------


async def test_a_follow_up_is_noted_once_and_listed_by_day(store: Store) -> None:
    own, tasks = desk(store), FollowUps(store, Contacts(store))
    for text, due in (("later", {}), ("second", {"due": "2026-03-09"})):
        await done(own, "add_follow_up", {"text": text, **due})
    for _ in range(2):
        first = await done(own, "add_follow_up", {"text": "first", "due": "2026-03-05"})
    assert first["message"].startswith("Our staff will see to it by ")
    found = tasks.open()
    assert [(each.todo.text, str(each.todo.due)) for each in found] == [
        ("first", "2026-03-05"),
        ("second", "2026-03-09"),
        ("later", "None"),
    ]
    assert found[0].numbers == (CALLER,)


async def test_a_task_ends_once(store: Store) -> None:
    contacts = Contacts(store)
    tasks = FollowUps(store, contacts)
    made = tasks.add(CALLER, "Call.", None, ToolContext("CA1", CALLER, NOW, "k1"))
    assert tasks.made_with("k1") == made
    for _ in range(2):
        ended = tasks.end(made.id, TaskState.DONE, "Eve", NOW)
        assert (ended.state, ended.changed_by) == (TaskState.DONE, "Eve")
    assert tasks.open() == []
    with pytest.raises(ToolRefusal, match="done already"):
        tasks.end(made.id, TaskState.DROPPED, "Eve", NOW)
    with pytest.raises(ToolRefusal, match="no task 99"):
        tasks.end(99, TaskState.DONE, "Eve", NOW)


async def test_a_day_that_is_over_is_asked_again(plain: Store) -> None:
    outcome = await desk(plain).ask("add_follow_up", {"text": "Call.", "due": "2026-03-02"})
    assert (outcome.state, said(outcome)["field"]) == (ToolState.REFUSED, "due")


# ---- permissions --------------------------------------------------------------------------------


async def test_consents_are_given_and_taken_back_by_voice(store: Store) -> None:
    own, contacts = desk(store), Contacts(store)
    consents = Consents(store, contacts)
    for wish, agreed in (("agree", True), ("withdraw", False), ("agree", True)):
        data = await done(own, "set_consent", {"kind": "recording", "wish": wish})
        assert ("do not agree" in data["message"]) is not agreed
        assert consents.agreed(CALLER, ConsentTo.RECORDING) is agreed
    contact = contacts.find(CALLER)
    assert contact is not None
    assert len(consents.log(contact)) == 3


async def test_a_caller_can_close_their_number(store: Store) -> None:
    own = desk(store)
    await done(own, "do_not_call")
    with pytest.raises(ToolRefusal):
        own_desk(store).consents.refuse_closed(CALLER)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("add_follow_up", {"text": "x"}),
        ("set_consent", {"kind": "recording", "wish": "agree"}),
        ("do_not_call", {}),
    ],
)
async def test_a_withheld_number_keeps_nothing(
    plain: Store, tool: str, arguments: dict[str, str]
) -> None:
    outcome = await desk(plain).ask(tool, arguments, number="anonymous")
    assert outcome.state is ToolState.REFUSED
    assert "withheld" in said(outcome)["message"]


async def test_every_write_can_tell_what_became_of_it(plain: Store) -> None:
    own = desk(plain)
    given = {
        "add_follow_up": {"text": "Call.", "due": "2026-03-06"},
        "set_consent": {"kind": "recording", "wish": "agree"},
        "do_not_call": {},
    }
    tools = {tool.name: tool for tool in crm_tools(plain)}
    for name, arguments in given.items():
        message = (await done(own, name, arguments))["message"]
        receipt = own.receipts.of_call("CA1")[-1]
        reconcile = tools[name].reconcile
        assert reconcile is not None
        made = reconcile(ToolContext("CA1", CALLER, NOW, receipt.idempotency_key))
        assert made == {"message": message}
        assert reconcile(ToolContext("CA1", OTHER, NOW, "another")) is None


def test_reading_is_for_reading_and_the_rest_writes_the_callers_own(plain: Store) -> None:
    risks = {tool.name: tool.risk for tool in crm_tools(plain)}
    reads = {"recognise_caller", "caller_history", "my_details"}
    assert {name for name, risk in risks.items() if risk is Risk.READ} == reads
    assert {risk for name, risk in risks.items() if name not in reads} == {Risk.WRITE_OWN}


# ---- with an outside book -----------------------------------------------------------------------


def configured(server: CrmServer) -> CrmConfig:
    return CrmConfig(Outside(base_url=server.base_url), "hubspot")


async def test_the_whole_desk_works_with_an_outside_book(store: Store) -> None:
    async with story(store) as own:
        secrets = Secrets({"FRONTDESK_SECRET_HUBSPOT_TOKEN": "pat-test"})
        session = own.book._carrier._session
        built = open_desk(store, configured(own.server), secrets, session, own.clock)
        assert built.drain is not None
        assert built.outbox is not None
        line = Desk(Registry(crm_tools(store, built)), store)
        own.server.add(firstname="Ann", phone=CALLER)
        data = await done(line, "recognise_caller")
        assert (data["known"], data["name"], data["source"]) == (True, "Ann", "outside")
        own.server.down = True
        data = await done(line, "recognise_caller")
        assert (data["name"], data["source"]) == ("Ann", "copy")
        assert (await done(line, "recognise_caller", number=None))["known"] is False
        # A call goes on while the outside book is down, and it is told later.
        await done(line, "add_note", {"text": "Tea."})
        own.server.down = False
        line.tasks.start("drain", built.drain())
        while built.outbox.standing().pending:
            await asyncio.sleep(0.01)
        await line.tasks.cancel_all()
        assert len(own.server.objects["notes"]) == 1


def test_without_an_outside_book_there_is_nothing_to_look_up(plain: Store) -> None:
    assert open_desk(plain, CrmConfig(), Secrets(), None, lambda: NOW).lookup is None  # type: ignore[arg-type]


def test_without_an_outside_book_nothing_waits_to_be_told(plain: Store) -> None:
    Contacts(plain).save(CALLER, NOW, name="Ann")
    assert Outbox(plain, "hubspot").standing().pending == 0


def test_what_did_not_change_is_not_told(plain: Store) -> None:
    contacts = Contacts(plain, "hubspot")
    ann: Contact = contacts.save(CALLER, NOW, name="Ann")
    contacts.save(CALLER, NOW + dt.timedelta(minutes=1), name="Ann")
    contacts.change(ann.id, NOW, language="")
    assert Outbox(plain, "hubspot").standing().pending == 1
