"""Both ways between our bookings and a calendar on a real CalDAV server."""

import datetime as dt
import itertools
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import pytest
import sqlalchemy as sa

from tests.fakes.radicale import RadicaleServer, radicale
from tests.tools.calendar_story import Story, shop_with, telling
from tools.booking.caldav.client import CalendarClient, Reply, Resource
from tools.booking.caldav.outcome import DavError, Outcome
from tools.booking.caldav.pull import READ_AGAIN, Horizon
from tools.booking.caldav.record import staff_changes, states
from tools.booking.caldav.sync import CalendarSync
from tools.booking.caldav.tables import STATES
from tools.booking.calendar import bookable, days
from tools.booking.hours import Range
from tools.store import Store

T = TypeVar("T")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RadicaleServer]:
    with radicale(tmp_path_factory.mktemp("radicale")) as running:
        yield running


@pytest.fixture
async def story(plain: Store, server: RadicaleServer) -> AsyncGenerator[Story]:
    async with telling(plain, server) as story:
        yield story


@pytest.fixture
async def either(store: Store, server: RadicaleServer) -> AsyncGenerator[Story]:
    """The same on each kind of database."""
    async with telling(store, server) as story:
        yield story


# ---- ours to theirs -----------------------------------------------------------------------------


async def test_a_booking_appears_moves_and_goes(either: Story) -> None:
    booking = either.book("10:00")
    await either.in_step()
    assert either.seen(booking) == "10:00"
    assert "SUMMARY:Ann: haircut" in (either.text(booking) or "")

    moved = either.move(booking, "14:00")
    await either.in_step()
    assert either.seen(booking) == "14:00"

    either.cancel(moved)
    await either.in_step()
    assert either.events() == 0
    assert either.kinds() == []


async def test_nothing_is_written_when_nothing_has_changed(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    before = story.record.row(booking.id)
    text = story.text(booking)
    await story.in_step()
    story.now += dt.timedelta(days=2, hours=-20)
    await story.in_step()
    assert story.record.row(booking.id) == before
    assert story.text(booking) == text


async def test_a_move_keeps_what_the_staff_has_written_into_the_event(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    story.edit(booking, ("SUMMARY:Ann", "LOCATION:back room\r\nSUMMARY:VIP Ann"))
    await story.in_step()
    story.move(booking, "14:00")
    await story.in_step()
    text = story.text(booking) or ""
    assert story.seen(booking) == "14:00"
    assert "LOCATION:back room" in text
    assert "SUMMARY:VIP Ann: haircut" in text
    assert story.kinds() == []


async def test_only_the_bookings_of_its_resource_are_in_a_calendar(story: Story) -> None:
    story.book("10:00")
    story.book("10:00", "Bob", resource="Ben")
    await story.in_step()
    assert story.events() == 1


async def test_what_is_over_is_left_as_it_is(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    story.now = story.at("11:00")
    story.staff_deletes(booking)
    await story.in_step()
    assert story.booked_at(booking) == "10:00"
    assert story.record.rows() == []
    assert story.kinds() == []


async def test_another_calendar_of_the_same_name_begins_anew(
    story: Story, plain: Store, server: RadicaleServer
) -> None:
    booking = story.book("10:00")
    await story.in_step()
    other = Story(plain, server, story.http)
    await other.in_step()
    assert other.seen(booking) == "10:00"


# ---- theirs to ours -----------------------------------------------------------------------------


async def test_events_of_the_staff_block_their_time(story: Story) -> None:
    story.staff_is_busy("dentist", "1200", "1300")
    await story.in_step()
    assert [story.is_free(time) for time in ("11:55", "12:00", "12:55", "13:00")] == [
        True,
        False,
        False,
        True,
    ]
    assert story.is_free("12:00", "Ben")

    story.staff_is_busy("dentist", "1230", "1330")
    await story.in_step()
    assert [story.is_free(time) for time in ("12:00", "12:30", "13:25")] == [True, False, False]

    story.staff_removes("dentist")
    await story.in_step()
    assert story.is_free("12:30")


async def test_two_events_at_one_time_block_it_until_both_are_gone(story: Story) -> None:
    story.staff_is_busy("one", "1200", "1300")
    story.staff_is_busy("two", "1230", "1400")
    await story.in_step()
    story.staff_removes("one")
    await story.in_step()
    assert [story.is_free(time) for time in ("12:00", "12:30", "13:55")] == [True, False, False]


async def test_a_series_blocks_each_of_its_times_and_those_that_come_into_sight(
    story: Story,
) -> None:
    story.staff_adds(
        "standup", "DTSTART:20260302T090000Z", "DURATION:PT30M", "RRULE:FREQ=WEEKLY;BYDAY=WE"
    )
    await story.in_step()
    assert not story.is_free("09:00")
    far = len(story.blocks.list(story.calendar.source))
    assert 8 <= far <= 10
    story.now += dt.timedelta(days=21)
    await story.in_step()
    later = story.blocks.list(story.calendar.source)
    assert max(each.block.ends_at for each in later) > story.now + dt.timedelta(days=50)


async def test_everything_is_read_again_a_day_after_it_was_last(story: Story) -> None:
    begun = story.now
    read = []
    for hours in (0, 20, 25, 30):
        story.now = begun + dt.timedelta(hours=hours)
        await story.in_step()
        (state,) = states(story.store)
        assert state.full_at is not None
        read.append((state.full_at - begun) // dt.timedelta(hours=1))
    assert read == [0, 0, 25, 25]


async def test_a_shop_that_books_further_ahead_knows_at_once_when_its_staff_are_busy_then(
    either: Story,
) -> None:
    either.now = dt.datetime(2026, 2, 20, 8, 0, tzinfo=dt.UTC)
    either.shop = msgspec.structs.replace(either.shop, days_ahead=1)
    either.staff_is_busy("dentist", "1200", "1300")
    await either.in_step()
    assert either.is_free("12:00"), "nobody could book it either"
    either.shop = msgspec.structs.replace(either.shop, days_ahead=60)
    either.now += dt.timedelta(minutes=5)
    await either.in_step()
    assert not either.is_free("12:00")


async def test_what_an_earlier_version_has_read_is_read_again(either: Story) -> None:
    await either.in_step()
    forgotten = sa.update(STATES).values(read_for=None)
    either.store.write(lambda connection: connection.execute(forgotten))
    either.now += dt.timedelta(minutes=5)
    await either.in_step()
    (state,) = states(either.store)
    assert (state.full_at, state.read_for) == (either.now, "60 days in Europe/London")


async def test_a_day_off_is_a_day_on_the_clock_the_shop_has_now(story: Story) -> None:
    story.staff_adds("off", "DTSTART;VALUE=DATE:20260304", "DTEND;VALUE=DATE:20260305")
    await story.in_step()
    assert not story.is_free("07:00")
    story.shop = msgspec.structs.replace(story.shop, zone=ZoneInfo("America/Los_Angeles"))
    story.now += dt.timedelta(minutes=5)
    await story.in_step()
    assert (story.is_free("07:00"), story.is_free("08:00")) == (True, False)


@pytest.mark.parametrize(
    "zone", ["Etc/GMT+12", "America/Los_Angeles", "Europe/London", "Pacific/Kiritimati"]
)
@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_until_everything_is_read_again_all_that_can_be_booked_was_looked_at(
    zone: str, hour: int
) -> None:
    shop = shop_with(zone=ZoneInfo(zone), week=((Range(0, 24 * 60),),) * 7)
    horizon = Horizon("s", "Anna", 1, shop.zone, dt.timedelta(days=shop.days_ahead))
    read_at = dt.datetime(2026, 11, 20, hour, 59, tzinfo=dt.UTC)
    first, last = horizon.window(read_at)
    for now in (read_at, read_at + READ_AGAIN):
        can_be_booked = bookable(shop, shop.services[0], list(days(shop, now))[-1], now)
        assert first < now < can_be_booked[-1].end <= last


async def test_free_time_and_cancelled_events_block_nothing(story: Story) -> None:
    times = (f"DTSTART:{'20260304'}T120000Z", "DURATION:PT1H")
    story.staff_adds("free", *times, "TRANSP:TRANSPARENT")
    story.staff_adds("off", *times, "STATUS:CANCELLED")
    await story.in_step()
    assert story.is_free("12:00")


async def test_a_move_by_the_staff_moves_the_booking(either: Story) -> None:
    booking = either.book("10:00")
    await either.in_step()
    either.staff_moves(booking, "1500", "1600")
    await either.in_step()
    assert either.booked_at(booking) == "15:00"
    assert [either.is_free(time) for time in ("10:00", "15:00", "15:55")] == [True, False, False]
    (change,) = staff_changes(either.store, 10)
    assert (change.what, change.from_at, change.to_at) == (
        "moved",
        either.at("10:00"),
        either.at("15:00"),
    )
    assert either.seen(booking) == "15:00"
    assert either.kinds() == []


async def test_a_deletion_by_the_staff_cancels_the_booking_and_says_who(either: Story) -> None:
    booking = either.book("10:00")
    await either.in_step()
    either.staff_deletes(booking)
    await either.in_step()
    assert either.booked_at(booking) is None
    assert either.is_free("10:00")
    (change,) = staff_changes(either.store, 10)
    assert (change.what, change.booking_id, change.calendar) == ("cancelled", booking.id, "Anna")
    assert either.kinds() == []


async def test_an_event_marked_as_cancelled_is_a_deletion(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    story.edit(booking, ("STATUS:CONFIRMED", "STATUS:CANCELLED"))
    await story.in_step()
    assert story.booked_at(booking) is None
    await story.in_step()
    assert story.is_free("10:00")


async def test_an_event_that_is_stored_under_another_path_is_still_ours(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    text = (story.text(booking) or "").replace("T100000Z", "T150000Z").replace("T1045", "T1545")
    story.staff_deletes(booking)
    elsewhere = story.their_path("moved-by-a-program")
    assert story.server.ask("PUT", elsewhere, text.encode())[0] == 201
    await story.in_step()
    assert story.booked_at(booking) == "15:00"
    (row,) = story.record.rows()
    assert row.href == elsewhere
    story.cancel(booking)
    await story.in_step()
    assert story.events() == 0
    assert story.kinds() == []


# ---- conflicts ----------------------------------------------------------------------------------


async def test_a_move_onto_a_taken_time_is_set_back_and_written_down(either: Story) -> None:
    booking, other = either.book("10:00"), either.book("12:00", "Bob")
    await either.in_step()
    either.staff_moves(booking, "1215", "1300")
    await either.in_step()
    assert (either.seen(booking), either.booked_at(booking)) == ("10:00", "10:00")
    assert either.booked_at(other) == "12:00"
    (conflict,) = either.conflicts()
    assert (conflict.kind, conflict.booking_id) == ("slot_taken", booking.id)
    assert (conflict.ours_at, conflict.theirs_at) == (either.at("10:00"), either.at("12:15"))
    await either.in_step()
    assert len(either.conflicts()) == 1


async def test_moved_on_both_sides_ours_stands(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    story.move(booking, "14:00")
    story.staff_moves(booking, "1600", "1645")
    await story.in_step()
    assert (story.seen(booking), story.booked_at(booking)) == ("14:00", "14:00")
    assert story.kinds() == ["both_changed"]


async def test_moved_on_both_sides_to_one_time_is_no_conflict(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    story.move(booking, "14:00")
    story.staff_moves(booking, "1400", "1445")
    await story.in_step()
    assert (story.seen(booking), story.kinds()) == ("14:00", [])


async def test_cancelled_here_and_moved_there_it_goes(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    story.cancel(booking)
    story.staff_moves(booking, "1600", "1645")
    await story.in_step()
    assert story.events() == 0
    assert story.kinds() == ["cancelled_here_changed_there"]


async def test_moved_here_and_deleted_there_it_is_written_again(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    story.move(booking, "14:00")
    story.staff_deletes(booking)
    await story.in_step()
    assert (story.seen(booking), story.booked_at(booking)) == ("14:00", "14:00")
    assert story.kinds() == ["moved_here_deleted_there"]


async def test_cancelled_here_and_deleted_there_is_agreed(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    story.cancel(booking)
    story.staff_deletes(booking)
    await story.in_step()
    assert (story.kinds(), story.record.rows()) == ([], [])


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (("DTSTART:20260304T100000Z", "DTSTART:20260304T100200Z"), "off_grid"),
        (("DTEND:20260304T104500Z", "DTEND:20260304T204500Z"), "off_grid"),
        (("20260304T", "20260302T"), "in_the_past"),
        (("SEQUENCE:", "RRULE:FREQ=DAILY;COUNT=3\r\nSEQUENCE:"), "unusable"),
        (
            (
                "DTSTART:20260304T100000Z\r\nDTEND:20260304T104500Z",
                "DTSTART;VALUE=DATE:20260304",
            ),
            "unusable",
        ),
    ],
)
async def test_what_cannot_be_had_is_set_back(
    story: Story, change: tuple[str, str], kind: str
) -> None:
    booking = story.book("10:00")
    await story.in_step()
    text = story.text(booking) or ""
    # Servers may put lines in another order.
    lines = [line for line in text.splitlines() if not line.startswith(("DTSTART", "DTEND"))]
    at = lines.index("BEGIN:VEVENT") + 1
    lines[at:at] = ["DTSTART:20260304T100000Z", "DTEND:20260304T104500Z"]
    changed = "\r\n".join([*lines, ""]).replace(*change)
    status, _ = story.server.ask("PUT", story.path(booking), changed.encode())
    assert status in (200, 201, 204)
    await story.in_step()
    assert (story.seen(booking), story.booked_at(booking)) == ("10:00", "10:00")
    assert story.kinds() == [kind]
    assert not story.is_free("10:00")


async def test_an_event_over_a_booking_leaves_it_and_says_so(story: Story) -> None:
    booking = story.book("10:00")
    story.staff_is_busy("dentist", "0930", "1100")
    await story.in_step()
    assert story.booked_at(booking) == "10:00"
    assert not story.is_free("09:30")
    (conflict,) = story.conflicts()
    assert (conflict.kind, conflict.booking_id) == ("overlap", booking.id)
    await story.in_step()
    assert len(story.conflicts()) == 1

    story.cancel(booking)
    await story.in_step()
    assert not story.is_free("10:00"), "now the dentist has all of it"


async def test_an_emptied_calendar_cancels_nothing(story: Story) -> None:
    bookings = [story.book(time) for time in ("09:00", "10:00", "11:00", "12:00", "13:00")]
    await story.in_step()
    for each in bookings:
        story.staff_deletes(each)
    await story.in_step()
    assert [story.seen(each) for each in bookings] == ["09:00", "10:00", "11:00", "12:00", "13:00"]
    assert all(story.booked_at(each) for each in bookings)
    assert story.kinds() == ["many_deleted"]


async def test_hostile_events_are_named_and_the_rest_goes_on(story: Story) -> None:
    booking = story.book("10:00")
    times = ("DTSTART:20260304T120000Z", "DURATION:PT1H")
    story.staff_adds("bomb", *times, "RRULE:FREQ=DAILY;BYHOUR=1,2,3;COUNT=300")
    story.staff_adds("large", *times, "DESCRIPTION:" + "x" * 300_000)
    story.staff_is_busy("good", "1500", "1600")
    await story.in_step()
    assert story.seen(booking) == "10:00"
    assert not story.is_free("15:00")
    assert story.kinds() == ["unreadable", "unreadable"]
    assert {each.detail for each in story.conflicts()} == {
        "its rule uses 'BYHOUR', which is not understood",
        "it is larger than 256 KiB",
    }
    assert all("xxx" not in str(each) for each in story.conflicts())


# ---- races and failures -------------------------------------------------------------------------


class Interfering(CalendarClient):
    """Somebody else is quicker: between our look at an event and what we do about it."""

    def __init__(self, inner: CalendarClient, act: Callable[[], None]) -> None:
        self.__dict__.update(inner.__dict__)
        self._acts = [act]

    async def get(self, path: str) -> Resource | None:
        found = await super().get(path)
        while self._acts:
            self._acts.pop()()
        return found


async def test_the_staff_is_quicker_than_our_move(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    story.move(booking, "14:00")
    racing = Interfering(story.client, lambda: story.staff_moves(booking, "1600", "1645"))
    assert (await story.once(racing)).outcome is Outcome.OK
    assert (story.seen(booking), story.booked_at(booking)) == ("14:00", "14:00")
    assert story.kinds() == ["both_changed"]
    await story.in_step()


async def test_the_staff_is_quicker_than_our_deletion(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    story.cancel(booking)
    racing = Interfering(story.client, lambda: story.staff_moves(booking, "1600", "1645"))
    assert (await story.once(racing)).outcome is Outcome.OK
    assert story.events() == 0
    assert story.kinds() == ["cancelled_here_changed_there"]


async def test_the_caller_is_quicker_than_the_staff_s_move(story: Story) -> None:
    """The booking changes between our look and the change: it is looked at again."""
    booking = story.book("10:00")
    await story.in_step()
    story.staff_moves(booking, "1500", "1545")
    sync = story.sync()
    staff = sync._settlement._staff
    move = staff.move

    def late(*asked: object) -> object:
        staff.move = move  # type: ignore[method-assign]
        story.move(booking, "18:00")
        return move(*asked)  # type: ignore[arg-type]

    staff.move = late  # type: ignore[method-assign, assignment]
    assert (await sync.once()) is not None
    assert (story.seen(booking), story.booked_at(booking)) == ("18:00", "18:00")
    assert story.kinds() == ["both_changed"]


class KilledError(BaseException):
    """Nothing in the program may catch this."""


class Countdown:
    """Dies at the n-th turn."""

    def __init__(self, turns: int) -> None:
        self._left = turns

    def turn(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise KilledError


class DyingClient(CalendarClient):
    """The process is killed when an answer has come and nothing was made of it."""

    def __init__(self, inner: CalendarClient, countdown: Countdown) -> None:
        self.__dict__.update(inner.__dict__)
        self._countdown = countdown

    async def _ask(self, *asked: Any, **given: Any) -> Reply:
        answer = await super()._ask(*asked, **given)
        self._countdown.turn()
        return answer


class DyingStore(Store):
    """The process is killed when something was committed and nothing more was asked."""

    def __init__(self, inner: Store, countdown: Countdown) -> None:
        super().__init__(inner.engine)
        self._countdown = countdown

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        done = super().write(work)
        self._countdown.turn()
        return done


@pytest.mark.parametrize("where", ["answer", "commit"])
async def test_killed_anywhere_and_started_again_it_comes_to_the_same(
    story: Story, where: str
) -> None:
    """Create, move, cancel; moved and deleted by the staff: after each answer, each commit."""
    for turn in itertools.count(1):
        made = [story.book(time, name) for time, name in TIMES]
        await story.in_step()
        story.move(made[0], "14:00")
        story.cancel(made[1])
        story.staff_moves(made[2], "1700", "1745")
        story.staff_deletes(made[3])
        made.append(story.book("13:00", "Eve"))
        killed = await killed_at(story, where, turn)
        story.now += dt.timedelta(minutes=6)
        await story.in_step()
        expected = ["14:00", None, "17:00", None, "13:00"]
        assert [story.booked_at(each) for each in made] == expected, turn
        assert [story.seen(each) for each in made] == expected, turn
        assert story.kinds() == [], turn
        for change in story.bookings.changed_since(0):
            if change.booking.state == "booked":
                story.cancel(change.booking)
        if not killed:
            break
    assert turn >= 9


async def killed_at(story: Story, where: str, turn: int) -> bool:
    """Whether the round came to that turn at all."""
    countdown = Countdown(turn)
    store: Store = story.store
    client = story.client
    if where == "answer":
        client = DyingClient(client, countdown)
    else:
        store = DyingStore(store, countdown)
    sync = CalendarSync(story.calendar, story.shop, store, client, lambda: story.now, "test")
    try:
        await sync.once()
    except KilledError:
        return True
    return False


async def test_killed_after_a_move_had_arrived_and_moved_again_is_no_conflict(
    story: Story,
) -> None:
    """The time that stands there is one we meant to write, not one of the staff's."""
    booking = story.book("10:00")
    await story.in_step()
    story.move(booking, "14:00")
    # Its changes, the event, and then what became of writing it.
    assert await killed_at(story, "answer", 3)
    assert story.seen(booking) == "14:00"
    story.move(booking, "16:00")
    await story.in_step()
    assert (story.seen(booking), story.kinds()) == ("16:00", [])


TIMES = (("08:00", "Ann"), ("09:00", "Bob"), ("10:00", "Cat"), ("11:00", "Dan"))


async def test_a_forgotten_token_means_that_everything_is_read_again(story: Story) -> None:
    booking = story.book("10:00")
    story.staff_is_busy("dentist", "1200", "1300")
    await story.in_step()
    story.server.forget_tokens()
    story.staff_removes("dentist")
    story.staff_moves(booking, "1500", "1545")
    await story.in_step()
    assert story.is_free("12:00")
    assert story.booked_at(booking) == "15:00"


async def test_a_server_without_sync_collection_is_listed(story: Story) -> None:
    class Plain(CalendarClient):
        async def _page(self, token: str | None) -> None:
            assert token is None

    listing = Plain(story.http, story.calendar.url, "front", "s3cret")
    booking = story.book("10:00")
    story.staff_is_busy("dentist", "1200", "1300")
    assert (await story.once(listing)).outcome is Outcome.OK
    assert story.seen(booking) == "10:00"
    assert not story.is_free("12:00")
    story.staff_removes("dentist")
    story.staff_deletes(booking)
    assert (await story.once(listing)).outcome is Outcome.OK
    assert story.is_free("12:00")
    assert story.booked_at(booking) is None


async def test_a_wrong_password_changes_nothing_and_has_a_name(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    done = await story.once(story.client_with("wrong"))
    assert (done.outcome, done.failures) == (Outcome.WRONG_PASSWORD, 1)
    assert (await story.once(story.client_with("wrong"))).failures == 2
    assert story.booked_at(booking) == "10:00"
    assert (await story.once()).failures == 0


async def test_a_calendar_that_is_gone_cancels_nothing(story: Story) -> None:
    booking = story.book("10:00")
    await story.in_step()
    status, _ = story.server.ask("DELETE", f"/front/{story.name}/")
    assert status == 200
    assert (await story.once()).outcome is Outcome.NO_CALENDAR
    assert story.booked_at(booking) == "10:00"


async def test_a_server_that_is_down_and_comes_back(
    plain: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with radicale(tmp_path_factory.mktemp("down")) as server:
        async with telling(plain, server) as story:
            first = story.book("10:00")
            await story.in_step()
            server.down()
            second = story.book("12:00", "Bob")
            story.move(first, "14:00")
            assert (await story.once()).outcome is Outcome.UNREACHABLE
            assert (await story.once()).failures == 2
            server.up()
            await story.in_step()
            assert (story.seen(first), story.seen(second)) == ("14:00", "12:00")


async def test_only_one_works_on_a_calendar_at_a_time(story: Story) -> None:
    assert story.record.begin("somebody", story.now) is not None
    assert await story.sync().once() is None
    story.now += dt.timedelta(minutes=6)
    assert (await story.once()).outcome is Outcome.OK


async def test_one_locked_event_does_not_keep_the_others(story: Story) -> None:
    class Locked(CalendarClient):
        async def put(self, path: str, content: bytes, etag: str | None) -> str | None:
            if path.endswith(first.id + ".ics"):
                raise DavError(Outcome.LOCKED)
            return await super().put(path, content, etag)

    first, second = story.book("10:00"), story.book("12:00", "Bob")
    done = await story.once(Locked(story.http, story.calendar.url, "front", "s3cret"))
    assert done.outcome is Outcome.LOCKED
    assert (story.seen(first), story.seen(second)) == (None, "12:00")
    await story.in_step()
    assert story.seen(first) == "10:00"
