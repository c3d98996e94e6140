"""The hour that comes twice: what was promised for some minutes lasts as long, and no longer."""

import asyncio
import datetime as dt
import zoneinfo
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exploring import examples
from tests.fakes.crm_server import CrmServer, Fault
from tests.tools.calendar_story import calendar_at
from tests.tools.crm_story import story
from tests.tools.desk import CALLER, OTHER, Desk
from tests.tools.salon import SHOP, context
from tools.approvals import Approvals, ApprovalState
from tools.booking.caldav.record import LEASE, Record
from tools.booking.calendar import Slot, bookable
from tools.booking.holds import Holds
from tools.booking.hours import Range
from tools.booking.refusals import too_late
from tools.booking.seating import ONE
from tools.crm.contacts import Contacts
from tools.crm.outbox import Outbox
from tools.elapsed import time_after, time_before, time_between
from tools.hooks import outbox as hooks
from tools.hooks.endpoints import Change, Endpoints
from tools.hooks.spec import Event, EventType
from tools.policy import NeedsApproval
from tools.receipts import Claim
from tools.spec import Risk, Tool
from tools.store import Store

LONDON = zoneinfo.ZoneInfo("Europe/London")
# 01:58, two minutes before it is 01:00 for the second time; and half an hour after that.
FIRST = dt.datetime(2026, 10, 25, 0, 58, tzinfo=dt.UTC).astimezone(LONDON)
AGAIN = dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC).astimezone(LONDON)
BOTH = pytest.mark.parametrize("now", [FIRST, AGAIN], ids=["first", "again"])
CUT = SHOP.service("cut")
START = dt.datetime(2026, 10, 27, 10, tzinfo=dt.UTC)
SLOT = Slot(START.replace(tzinfo=None), START, CUT.minutes, CUT.before, CUT.after)


def later(now: dt.datetime, **span: float) -> dt.datetime:
    """What the clock on the wall is then."""
    return dt.datetime.fromtimestamp(now.timestamp() + dt.timedelta(**span).total_seconds(), LONDON)


# ---- the reckoning ------------------------------------------------------------------------------


@given(st.integers(-300, 300), st.integers(-300, 300))
@settings(max_examples=examples(200))
def test_minutes_are_minutes_whatever_the_clock_on_the_wall_does(start: int, passed: int) -> None:
    span = dt.timedelta(minutes=passed)
    now = later(AGAIN, minutes=start)
    then = later(now, minutes=passed)
    assert time_after(now, span).timestamp() == then.timestamp()
    assert time_before(then, span).timestamp() == now.timestamp()
    assert time_between(now, then) == span
    assert (time_after(now, span) <= then) is (time_after(now, span) >= then) is True


# ---- callers ------------------------------------------------------------------------------------


@BOTH
def test_a_hold_lasts_as_long_as_was_said(store: Store, now: dt.datetime) -> None:
    holds = Holds(store, SHOP)
    assert holds.hold(CUT, ONE, SLOT, context("h1", CALLER, "CA1", now)) is not None
    assert holds.of_call("CA1", later(now, minutes=4)) is not None
    assert holds.of_call("CA1", later(now, minutes=6)) is None


def test_what_one_call_holds_no_other_gets(store: Store) -> None:
    holds = Holds(store, SHOP)
    soon = later(AGAIN, minutes=1)
    first = holds.hold(CUT, ONE, SLOT, context("h1", CALLER, "CA1", AGAIN))
    second = holds.hold(CUT, ONE, SLOT, context("h2", None, "CA2", soon))
    third = holds.hold(CUT, ONE, SLOT, context("h3", None, "CA3", soon))
    assert first is not None
    given = [each.resources for each in (first, second, third) if each]
    assert len(given) == len(set(given))


@BOTH
def test_the_notice_of_an_hour_is_an_hour(now: dt.datetime) -> None:
    day = Range(0, 24 * 60)
    shop = msgspec.structs.replace(SHOP, week=((day,),) * 7, notice=dt.timedelta(hours=1))
    first = bookable(shop, CUT, now.date(), now)[0]
    assert first.start - now.astimezone(dt.UTC) < dt.timedelta(hours=1, minutes=30)
    assert first.start - now.astimezone(dt.UTC) >= dt.timedelta(hours=1)


@BOTH
def test_an_appointment_can_be_cancelled_up_to_the_last_minute_said(now: dt.datetime) -> None:
    told = too_late(SHOP, CUT, later(now, hours=24), now, "cancel")
    assert told is None
    assert too_late(SHOP, CUT, later(now, hours=23, minutes=59), now, "cancel") is not None


# ---- people and backends ------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("otherwise", ["refuse", "allow"])
def test_a_person_has_their_time_to_decide(store: Store, otherwise: str, now: dt.datetime) -> None:
    approvals = Approvals(store)
    claim = Claim("CA1", "t1", "pay", Risk.MONEY, "d1", now, now, caller=CALLER)
    asked = approvals.ask(claim, '{"amount":500}', NeedsApproval(180.0, otherwise))
    early = approvals.find(asked.id, later(now, seconds=179))
    assert (early.state, early.decided_by) == (ApprovalState.WAITING, "")
    late = approvals.find(asked.id, later(now, seconds=181))
    assert late.state is not ApprovalState.WAITING


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments."""


@BOTH
async def test_what_another_process_runs_just_now_is_left_alone(
    plain: Store, now: dt.datetime
) -> None:
    running, done = asyncio.Event(), asyncio.Event()

    async def pay(_asked: Nothing, _context: Any) -> Mapping[str, Any]:
        running.set()
        await done.wait()
        return {"message": "Paid."}

    tool = Tool("pay", "Pay.", Nothing, pay, risk=Risk.WRITE_OWN, deadline_s=200)
    desk, other = Desk([tool], plain, now), Desk([tool], plain, later(now, seconds=300))
    asked = desk.later("pay")
    await running.wait()
    assert await other.dispatcher.recover() == 0
    assert len(desk.receipts.left_open(later(now, seconds=201))) == 1
    done.set()
    await asked


# ---- what is sent by one process at a time ------------------------------------------------------


@BOTH
def test_what_one_process_tells_the_outside_book_no_other_tells(
    store: Store, now: dt.datetime
) -> None:
    contacts, outbox = Contacts(store, "hubspot"), Outbox(store, "hubspot")
    contacts.save(CALLER, now, name="Ann")
    lease = dt.timedelta(seconds=180)
    assert outbox.claim(now, lease) is not None
    assert outbox.claim(later(now, seconds=179), lease) is None
    assert outbox.claim(later(now, seconds=181), lease) is not None


@BOTH
async def test_an_outside_book_that_wants_a_pause_gets_it(plain: Store, now: dt.datetime) -> None:
    limit = Fault(status=429, headers={"Retry-After": "180"})
    async with story(plain, CrmServer(limit)) as own:
        own.now = now
        own.contacts.save(CALLER, now, name="Ann")
        own.contacts.save(OTHER, now, name="Bo")
        assert await own.drain.once() == 0
        own.now = later(now, seconds=179)
        assert await own.drain.once() == 0
        own.now = later(now, seconds=181)
        assert await own.drain.once() == 2


@BOTH
def test_a_webhook_is_one_process_s_until_the_lease_is_over(store: Store, now: dt.datetime) -> None:
    endpoints, outbox = Endpoints(store), hooks.Outbox(store)
    before = later(now, minutes=-5)
    endpoints.add(Change(url="https://a.example/"), "anna", before)
    outbox.put([Event("e1", EventType.CALL_ENDED, now, "CA1", {}, {})], now)
    lease = dt.timedelta(seconds=180)
    assert outbox.claim(now, lease) is not None
    assert outbox.claim(later(now, seconds=179), lease) is None
    again = outbox.claim(later(now, seconds=181), lease)
    assert again is not None
    assert again.tries == 2


@BOTH
def test_a_calendar_is_one_process_s_for_its_turn(store: Store, now: dt.datetime) -> None:
    record = Record(store, calendar_at("https://calendar.example/anna/"))
    assert record.begin("one", now) is not None
    assert record.begin("two", later(now, minutes=4)) is None
    assert record.begin("two", time_after(now, LEASE)) is not None
