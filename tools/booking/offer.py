"""The booking tools, for the shop they are built for."""

from collections.abc import Mapping

import msgspec

from tools.booking.appointments import Appointments
from tools.booking.asked import (
    Book,
    Cancel,
    FindTimes,
    HoldTime,
    JoinWaiting,
    Move,
    WhichBookings,
    WhichDay,
    WhichOffer,
    WhichTimes,
    for_shop,
)
from tools.booking.bookings import Bookings
from tools.booking.holds import Holds
from tools.booking.keeping import Keeping
from tools.booking.looking import Looking
from tools.booking.opening import Opening
from tools.booking.shop import Shop
from tools.booking.waiting import Waiting
from tools.crm.checking import Checks
from tools.crm.contacts import Contacts
from tools.crm.identity import CheckRules
from tools.spec import Risk, Tool
from tools.store import Store

BOOKED = (
    "booked",
    "scheduled",
    "reserved",
    "confirmed unless confirmed that, confirmed with, confirmed by",
    "you are down for",
    "you are all set for",
    "I have you down for",
)
"""What is said of an appointment there is: once it was made, moved or looked up."""
MADE = (
    *BOOKED,
    "rebooked",
    "pencilled",
    "penciled",
    "slotted",
    "squeezed",
    "booking ... has gone through",
    "booking ... went through",
    "your booking ... is complete",
    "your appointment ... is made",
    "you now have ... appointment",
    "I have added you to",
    "I have put you down for",
    "I have put you in",
    "I have made ... appointment",
    "I have made ... booking",
    "I have made ... reservation",
)
# A shop moves house, too.
MOVED = (
    "moved unless we have moved to, we moved to, moved on, moved in",
    "I have changed it",
    "I have changed that",
    "I have changed ... appointment",
    "I have changed ... booking",
    "your appointment ... is changed",
    "rescheduled",
)
CANCELLED = (
    "cancelled unless cancelled our",
    "canceled unless canceled our",
    "called off",
    "removed",
    "deleted",
    "I have taken you off",
)


def booking_tools(shop: Shop, store: Store, checks: Checks | None = None) -> tuple[Tool, ...]:
    """All tools of this folder. Without `checks` callers are checked by the usual rules.

    `person` and `party` are asked for only where the shop has them.
    """
    bookings = Bookings(store, shop)
    keeping = Keeping(shop, bookings, Holds(store, shop), Waiting(store, shop))
    desk = Appointments(shop, bookings, checks or Checks(store, Contacts(store), CheckRules()))
    looking = Looking(shop, bookings)
    tools = (
        *_telling(Opening(shop), looking),
        *_looking(looking, desk),
        *_changing(desk),
        *_keeping(keeping),
    )
    return tuple(_for_shop(tool, shop) for tool in tools)


def _for_shop(tool: Tool, shop: Shop) -> Tool:
    """The tool with the shop's own services, people and parties in its arguments."""
    if tool.arguments not in BY_SERVICE:
        return tool
    shape: type[msgspec.Struct] = tool.arguments
    if shape is not WhichOffer:
        shape = for_shop(shape, people=bool(shop.people), parties=shop.largest_party > 1)
    enums: Mapping[str, tuple[str, ...]] = {
        "service": tuple(each.name for each in shop.services),
        "person": shop.people,
    }
    fields = shape.__struct_encode_fields__
    enums = {name: values for name, values in enums.items() if name in fields}
    return msgspec.structs.replace(tool, arguments=shape, enums=enums)


BY_SERVICE = (WhichOffer, WhichTimes, FindTimes, Book, HoldTime, JoinWaiting)


def _telling(opening: Opening, looking: Looking) -> tuple[Tool, ...]:
    return (
        Tool(
            name="opening_hours",
            description=(
                "When the shop is open, days soon that differ included; with a day, the hours of"
                " that day. Not whether anything is free then."
            ),
            arguments=WhichDay,
            handler=opening.hours,
            phrases=(
                "what are your opening hours",
                "when are you open",
                "what time do you open",
                "what time do you close",
                "are you open on Sunday",
                "are you closed on Monday",
            ),
        ),
        Tool(
            name="list_services",
            description=(
                "Which services can be booked, how long each takes and what it costs, as far as"
                " that is known; or that of one service."
            ),
            arguments=WhichOffer,
            handler=looking.list_services,
            phrases=(
                "what do you offer",
                "what services do you have",
                "how long does a haircut take",
                "how much is a haircut",
                "how much is it",
                "what does it cost",
                "what are your prices",
            ),
        ),
    )


def _looking(looking: Looking, desk: Appointments) -> tuple[Tool, ...]:
    return (
        Tool(
            name="available_times",
            description=(
                "Free times for a service on a day; without a day, the next days with free times. "
                "Look here before offering a time."
            ),
            arguments=WhichTimes,
            handler=looking.available_times,
            phrases=(
                "what times do you have",
                "when are you free",
                "do you have anything on Friday",
            ),
        ),
        Tool(
            name="find_times",
            description=(
                "The earliest free times from a moment on: after Thursday at three, Friday "
                "afternoons, mornings next week."
            ),
            arguments=FindTimes,
            handler=looking.find_times,
            phrases=("what is the earliest after Thursday at three",),
        ),
        Tool(
            name="my_appointments",
            description=(
                "The caller's appointments to come. Give the name and the day of one as the caller "
                "says them, unless they were verified or made it in this call; never guess."
            ),
            arguments=WhichBookings,
            handler=desk.mine,
            phrases=("when is my appointment", "do I have a booking", "what have I booked"),
            claims=BOOKED,
        ),
    )


def _changing(desk: Appointments) -> tuple[Tool, ...]:
    return (
        Tool(
            name="book_appointment",
            description=(
                "Book an appointment. Confirm service, day, time and name with the caller first."
            ),
            arguments=Book,
            handler=desk.book,
            risk=Risk.WRITE_OWN,
            confirm=("service", "date", "time", "name"),
            phrases=(
                "I'd like to book an appointment",
                "can I make a booking",
                "I need a haircut",
                "I want to come in for a haircut",
                "do you have space for me",
            ),
            reopens=("cancel_appointment", "reschedule_appointment"),
            reconcile=desk.book_made,
            claims=MADE,
        ),
        Tool(
            name="reschedule_appointment",
            description="Move one of the caller's appointments to another day or time.",
            arguments=Move,
            handler=desk.move,
            risk=Risk.WRITE_OWN,
            confirm=("date", "time"),
            phrases=(
                "I need to move my appointment",
                "can I change my booking to another day",
                "I want to reschedule my appointment",
            ),
            reopens=("book_appointment", "cancel_appointment", "reschedule_appointment"),
            reconcile=desk.move_made,
            claims=(*MADE, *MOVED),
        ),
        Tool(
            name="cancel_appointment",
            description="Cancel one of the caller's appointments.",
            arguments=Cancel,
            handler=desk.cancel,
            risk=Risk.WRITE_OWN,
            confirm=("date",),
            phrases=(
                "I want to cancel my appointment",
                "please cancel my booking",
                "I can't make it",
            ),
            reopens=("book_appointment", "reschedule_appointment"),
            reconcile=desk.cancel_made,
            claims=CANCELLED,
        ),
    )


def _keeping(keeping: Keeping) -> tuple[Tool, ...]:
    return (
        # Asked again it must be looked at again: the first answer is worth nothing once the hold
        # has expired. A call has one hold, so done twice it is done once.
        Tool(
            name="hold_time",
            risk=Risk.WRITE_OWN,
            lasting=False,
            idempotent=True,
            claims=(
                "I am keeping ... for you",
                "I have kept ... for you",
                "I am holding ... for you",
                "I have held ... for you",
            ),
            description=(
                "Keep a free time for this caller for some minutes while they decide. "
                "It books nothing: book_appointment does."
            ),
            arguments=HoldTime,
            handler=keeping.hold,
            phrases=("can you keep that time for me for a moment",),
        ),
        Tool(
            name="join_waiting_list",
            claims=(
                "put ... on the waiting list",
                "added ... to the waiting list",
                "you are on the waiting list",
            ),
            description=(
                "Put the caller on the waiting list of a day that has nothing free for them. "
                "The staff calls them if something becomes free."
            ),
            arguments=JoinWaiting,
            handler=keeping.join,
            risk=Risk.WRITE_OWN,
            phrases=("put me on the waiting list",),
            reconcile=keeping.join_made,
        ),
    )
