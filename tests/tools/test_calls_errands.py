"""Messages for the staff and promised calls back: kept once, shown, and seen to."""

import datetime as dt
import threading
import zoneinfo
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exploring import examples
from tests.tools.desk import CALLER, NOW, OTHER, Desk, said
from tests.tools.salon import BAR
from tools.booking.shop import Shop, default_shop
from tools.calls.errands import errand_tools
from tools.calls.inbox import MOST, Inbox
from tools.calls.windows import SHORTEST, window
from tools.catalogue import build
from tools.crm.config import CrmConfig
from tools.crm.desk import own_desk
from tools.registry import Registry
from tools.spec import BackendError, ToolContext, ToolRefusal, ToolState
from tools.store import CommitUnknownError, Store

SHOP = default_shop()
TUESDAY, WEDNESDAY, SUNDAY = "2026-03-03", "2026-03-04", "2026-03-08"
MESSAGE = {"text": "The dryer is broken.", "name": "Ann Lee"}
CALL_BACK = {"date": WEDNESDAY, "time": "14:00", "name": "Ann Lee"}


def desk(store: Store) -> Desk:
    return Desk(Registry(errand_tools(SHOP, store, own_desk(store).consents.refuse_closed)), store)


async def done(own: Desk, tool: str, arguments: dict[str, Any], **given_: Any) -> dict[str, Any]:
    outcome = await own.ask(tool, arguments, **given_)
    assert outcome.state is ToolState.DONE, outcome.output
    return said(outcome)


async def refused(own: Desk, tool: str, arguments: dict[str, Any], **given_: Any) -> dict[str, Any]:
    outcome = await own.ask(tool, arguments, **given_)
    assert outcome.state is ToolState.REFUSED, outcome.output
    return said(outcome)


# ---- messages ----------------------------------------------------------------------------------


async def test_a_message_is_kept_for_the_staff(store: Store) -> None:
    answer = await done(desk(store), "take_message", {**MESSAGE, "name": " Ann   Lee "})
    assert answer["message"] == "Thank you, I've taken your message for our staff."
    (message,) = Inbox(store).messages()
    assert (message.name, message.text) == ("Ann Lee", "The dryer is broken.")
    assert (message.caller_number, message.call_back_number) == (CALLER, None)
    assert (message.urgent, message.state, message.call_id) == (False, "open", "CA1")
    assert message.created_at == NOW


async def test_a_message_is_kept_once_however_often_it_is_asked_for(store: Store) -> None:
    own = desk(store)
    for _ in range(3):
        await done(own, "take_message", MESSAGE)
    assert len(Inbox(store).messages()) == 1


@pytest.mark.parametrize(
    ("extra", "number"),
    [
        ({"call_back": True}, CALLER),
        ({"call_back": True, "call_back_number": "+44 20 7946 0009"}, "+442079460009"),
        ({"call_back_number": "020 7946 0009"}, "+442079460009"),
        ({"call_back_number": "7946 0009"}, "79460009"),
        ({"call_back": False}, None),
    ],
)
async def test_where_to_call_back_is_the_caller_s_number_or_another(
    plain: Store, extra: dict[str, Any], number: str | None
) -> None:
    answer = await done(desk(plain), "take_message", {**MESSAGE, **extra})
    (message,) = Inbox(plain).messages()
    assert message.call_back_number == number
    assert ("call you back" in answer["message"]) is (number is not None)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("take_message", {**MESSAGE, "call_back": True}),
        ("schedule_call_back", {"date": WEDNESDAY, "time": "10:00", "name": "Ann Lee"}),
    ],
)
async def test_who_asked_never_to_be_called_is_not_promised_a_call(
    store: Store, tool: str, arguments: dict[str, Any]
) -> None:
    own_desk(store).consents.close(CALLER, context("k9"))
    await refused(desk(store), tool, arguments)
    assert (Inbox(store).messages(), Inbox(store).call_backs()) == ([], [])


@pytest.mark.parametrize("said_so", ["02079460002", "020 7946 0002", "0044 20 7946 0002"])
@pytest.mark.parametrize(
    ("region", "caller"), [("", CALLER), ("GB", None), ("GB", "+12125550123"), ("US", CALLER)]
)
async def test_a_closed_number_is_not_called_however_it_is_said(
    plain: Store, said_so: str, region: str, caller: str | None
) -> None:
    """Without its country it is of the shop's, or of the caller's."""
    crm = own_desk(plain, CrmConfig(region=region))
    crm.consents.close(OTHER, context("k9"))
    own = Desk(build(SHOP, plain, crm=crm), plain)
    for tool, arguments in (("take_message", MESSAGE), ("schedule_call_back", CALL_BACK)):
        await refused(own, tool, {**arguments, "call_back_number": said_so}, number=caller)
    assert (Inbox(plain).messages(), Inbox(plain).call_backs()) == ([], [])


async def test_a_number_without_its_country_is_of_the_shop_s(plain: Store) -> None:
    own = Desk(build(SHOP, plain, crm=own_desk(plain, CrmConfig(region="DE"))), plain)
    for at, said_so in enumerate(("030 901820", "+44 20 7946 0009")):
        arguments = {**MESSAGE, "call_back_number": said_so}
        await done(own, "take_message", arguments, call=f"CA{at}")
    found = {each.call_back_number for each in Inbox(plain).messages()}
    assert found == {"+4930901820", "+442079460009"}


async def test_from_a_withheld_number_it_is_asked_for(plain: Store) -> None:
    own = desk(plain)
    answer = await refused(own, "take_message", {**MESSAGE, "call_back": True}, number=None)
    assert answer["field"] == "call_back_number"
    await done(own, "take_message", MESSAGE, number=None)
    (message,) = Inbox(plain).messages()
    assert message.caller_number is None


@pytest.mark.parametrize("number", ["12", "none", "1" * 16, "- - - - -"])
async def test_what_is_no_number_is_asked_for_again(plain: Store, number: str) -> None:
    arguments = {**MESSAGE, "call_back_number": number}
    outcome = await desk(plain).ask("take_message", arguments)
    assert outcome.state in (ToolState.INVALID, ToolState.REFUSED)
    assert said(outcome)["field"] == "call_back_number"
    assert Inbox(plain).messages() == []


async def test_urgent_messages_stand_first_and_what_was_seen_to_is_gone(store: Store) -> None:
    own, inbox = desk(store), Inbox(store)
    for text in ("one", "two"):
        await done(own, "take_message", {**MESSAGE, "text": text})
    await done(own, "take_message", {**MESSAGE, "text": "three", "urgency": "urgent"})
    assert [each.text for each in inbox.messages()] == ["three", "one", "two"]
    later = NOW + dt.timedelta(hours=1)
    closed = inbox.close_message(inbox.messages()[1].id, later)
    assert closed is not None
    assert (closed.text, closed.state, closed.done_at) == ("one", "done", later)
    assert [each.text for each in inbox.messages()] == ["three", "two"]
    assert [each.text for each in inbox.messages(done=True)] == ["one"]
    again = inbox.close_message(closed.id, later + dt.timedelta(hours=1))
    assert again == closed
    assert inbox.close_message(10_000, later) is None


# ---- calls back --------------------------------------------------------------------------------


async def test_a_call_back_is_promised_in_the_shop_s_zone(store: Store) -> None:
    arguments = {**CALL_BACK, "date": "2026-04-01", "until": "15:30", "about": "the invoice"}
    answer = await done(desk(store), "schedule_call_back", arguments)
    assert answer["message"] == (
        "All right, we'll call you back on Wednesday the 1st of April between 2 PM and 3:30 PM."
    )
    (promised,) = Inbox(store).call_backs()
    assert promised.starts_at == dt.datetime(2026, 4, 1, 14, 0, tzinfo=SHOP.zone)
    assert promised.ends_at == dt.datetime(2026, 4, 1, 15, 30, tzinfo=SHOP.zone)
    assert (promised.number, promised.about, promised.state) == (CALLER, "the invoice", "open")
    assert promised.zone == str(SHOP.zone)


async def test_a_call_back_is_promised_once(store: Store) -> None:
    own = desk(store)
    for _ in range(3):
        await done(own, "schedule_call_back", CALL_BACK)
    assert len(Inbox(store).call_backs()) == 1


async def test_the_soonest_stands_first_until_it_is_done(store: Store) -> None:
    own, inbox = desk(store), Inbox(store)
    for time in ("16:00", "11:00", "14:00"):
        await done(own, "schedule_call_back", {**CALL_BACK, "time": time})
    assert [f"{each.starts_at:%H}" for each in inbox.call_backs()] == ["11", "14", "16"]
    first = inbox.call_backs()[0]
    closed = inbox.close_call_back(first.id, NOW)
    assert closed is not None
    assert closed.state == "done"
    assert [f"{each.starts_at:%H}" for each in inbox.call_backs()] == ["14", "16"]
    assert [each.id for each in inbox.call_backs(done=True)] == [first.id]
    assert inbox.close_call_back(10_000, NOW) is None


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"date": SUNDAY}, "date", "closed"),
        ({"date": "2026-03-02"}, "date", "past"),
        ({"date": "2027-03-03"}, "date", "ahead"),
        ({"time": "07:00"}, "time", "open from"),
        ({"time": "23:00"}, "time", "open from"),
        ({"until": "13:00"}, "until", "ends before"),
        ({"until": "14:05"}, "time", "15 minutes"),
    ],
)
async def test_what_cannot_be_promised_is_refused_with_what_can(
    plain: Store, change: dict[str, str], field: str, words: str
) -> None:
    answer = await refused(desk(plain), "schedule_call_back", {**CALL_BACK, **change})
    assert answer["field"] == field
    assert words in answer["message"]
    assert Inbox(plain).call_backs() == []
    if field == "date":
        assert len(answer["choices"]) >= 3
        assert all(SHOP.hours(dt.date.fromisoformat(each)) for each in answer["choices"])


async def test_a_time_of_today_that_is_past_is_refused(plain: Store) -> None:
    own = desk(plain)
    own.now = NOW + dt.timedelta(hours=6)
    arguments = {**CALL_BACK, "date": TUESDAY, "time": "10:00"}
    answer = await refused(own, "schedule_call_back", arguments)
    assert "past" in answer["message"]


async def test_a_withheld_caller_is_asked_for_a_number(plain: Store) -> None:
    own = desk(plain)
    answer = await refused(own, "schedule_call_back", CALL_BACK, number=None)
    assert answer["field"] == "call_back_number"
    given_ = {**CALL_BACK, "call_back_number": "+442079460009"}
    await done(own, "schedule_call_back", given_, number=None)
    assert [each.number for each in Inbox(plain).call_backs()] == ["+442079460009"]


@given(
    st.dates(dt.date(2026, 3, 1), dt.date(2026, 6, 1)),
    st.times(),
    st.none() | st.times(),
    st.integers(0, 8 * 24 * 60),
)
@settings(max_examples=examples(150))
def test_whatever_is_promised_lies_within_opening_hours_and_is_not_past(
    day: dt.date, begin: dt.time, end: dt.time | None, minutes: int
) -> None:
    now = NOW + dt.timedelta(minutes=minutes)
    until = f"{end:%H:%M}" if end is not None else None
    try:
        found = window(SHOP, day.isoformat(), f"{begin:%H:%M}", until, now)
    except ToolRefusal:
        return
    assert found.ends_at - found.starts_at >= SHORTEST
    assert found.ends_at >= now + SHORTEST
    assert _within(SHOP, found.begin, found.end)


def _within(shop: Shop, begin: dt.datetime, end: dt.datetime) -> bool:
    first, last = begin.hour * 60 + begin.minute, end.hour * 60 + end.minute
    return any(each.start <= first < last <= each.end for each in shop.hours(begin.date()))


def test_a_time_the_clocks_skip_is_refused() -> None:
    """On 29 March 2026 clocks in London go from 01:00 to 02:00."""
    all_day = SHOP.hours(dt.date.fromisoformat(WEDNESDAY))[0]
    span = type(all_day)(0, 24 * 60)
    always = msgspec.structs.replace(SHOP, week=((span,),) * 7)
    with pytest.raises(ToolRefusal, match="clocks"):
        window(always, "2026-03-29", "01:30", None, NOW)


@pytest.mark.parametrize(
    ("zone", "date", "time", "until", "begin", "end", "minutes"),
    [
        ("Europe/London", "2026-03-06", "23:30", None, "23:30", "00:30", 60),
        ("Europe/London", "2026-03-07", "02:00", None, "02:00", "02:30", 30),
        ("Europe/London", "2026-03-06", "22:00", "23:45", "22:00", "23:45", 105),
        ("Europe/London", "2026-03-06", "23:30", "00:30", "23:30", "00:30", 60),
        ("Europe/London", "2026-03-06", "23:30", "00:00", "23:30", "00:00", 30),
        ("Europe/London", "2026-03-06", "20:00", "02:30", "20:00", "02:30", 390),
        # The next day is off.
        ("Europe/London", "2026-03-14", "23:30", None, "23:30", "00:00", 30),
        # At 01:00 it is 02:00, and half an hour later the bar closes.
        ("Europe/London", "2026-03-29", "00:45", None, "00:45", "02:30", 45),
        # At midnight it is 01:00.
        ("America/Santiago", "2026-09-05", "23:30", None, "23:30", "01:30", 60),
    ],
)
def test_a_call_back_may_reach_past_midnight(
    zone: str, date: str, time: str, until: str | None, begin: str, end: str, minutes: int
) -> None:
    bar = msgspec.structs.replace(BAR, zone=zoneinfo.ZoneInfo(zone))
    found = window(bar, date, time, until, NOW)
    assert found.ends_at - found.starts_at == dt.timedelta(minutes=minutes)
    assert (f"{found.begin:%H:%M}", f"{found.end:%H:%M}") == (begin, end)
    assert found.ends_at.astimezone(bar.zone).replace(tzinfo=None) == found.end


def test_an_end_the_clocks_skip_is_refused() -> None:
    with pytest.raises(ToolRefusal, match="clocks"):
        window(BAR, "2026-03-29", "00:30", "01:30", NOW)


@pytest.mark.parametrize(
    ("date", "time", "until"),
    [
        ("2026-03-06", "23:30", "02:35"),
        ("2026-03-06", "23:30", "23:30"),
        ("2026-03-06", "17:00", "00:30"),
        ("2026-03-07", "02:00", "01:00"),
        # The next day is off.
        ("2026-03-14", "23:30", "00:30"),
    ],
)
def test_an_end_that_no_night_reaches_is_before_the_beginning(
    date: str, time: str, until: str
) -> None:
    with pytest.raises(ToolRefusal, match="ends before it begins"):
        window(BAR, date, time, until, NOW)


def test_who_calls_after_closing_is_told_when_the_night_ends() -> None:
    with pytest.raises(ToolRefusal, match="from 6 PM to 2:30 AM"):
        window(BAR, "2026-03-06", "17:00", None, NOW)


# ---- once, whatever happens --------------------------------------------------------------------


def context(key: str = "k1") -> ToolContext:
    return ToolContext("CA1", CALLER, NOW, key)


def test_eight_at_once_with_one_key_leave_one_message(store: Store) -> None:
    inbox, barrier, found = Inbox(store), threading.Barrier(8), []

    def leave() -> None:
        barrier.wait()
        values = {"name": "Ann", "text": "Hello", "call_back_number": None, "urgent": False}
        found.append(inbox.leave(context(), **values).id)

    threads = [threading.Thread(target=leave) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(inbox.messages()) == 1


@pytest.mark.parametrize(
    ("tool", "arguments"), [("take_message", MESSAGE), ("schedule_call_back", CALL_BACK)]
)
async def test_a_commit_nobody_heard_of_is_found_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, tool: str, arguments: dict[str, Any]
) -> None:
    """The connection breaks while committing: what is in the table decides, not the error."""
    contend = Store.contend
    lost = [True]

    def breaking(self: Store, work: Any, what: str, looks: int = 3) -> Any:
        made = contend(self, work, what, looks)
        if what in ("message", "call back") and lost.pop():
            raise CommitUnknownError("gone")
        return made

    monkeypatch.setattr(Store, "contend", breaking)
    own = desk(store)
    first = await own.ask(tool, arguments)
    lost.append(False)
    again = await own.ask(tool, arguments)
    assert again.state is ToolState.DONE, (first.output, again.output)
    inbox = Inbox(store)
    assert len(inbox.messages()) + len(inbox.call_backs()) == 1


async def test_a_database_that_is_gone_changes_nothing(
    plain: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_given: object, **_more: object) -> None:
        raise BackendError("down", permanent=False)

    monkeypatch.setattr(Inbox, "leave", failing)
    outcome = await desk(plain).ask("take_message", MESSAGE)
    assert outcome.state is ToolState.FAILED


def test_the_lists_are_bounded(plain: Store) -> None:
    inbox = Inbox(plain)
    values = {"name": "Ann", "text": "Hello", "call_back_number": None, "urgent": False}
    for number in range(3):
        inbox.leave(context(f"k{number}"), **values)
    assert MOST >= 100
    assert len(inbox.messages()) == 3
    assert sa.inspect(plain.engine).has_table("call_backs")
