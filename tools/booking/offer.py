"""The booking tools, for the shop they are built for."""

from tools.booking.appointments import Appointments
from tools.booking.asked import Book, Cancel, Move, Nothing, WhichBookings, WhichTimes
from tools.booking.bookings import Bookings
from tools.booking.shop import Shop
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


def booking_tools(shop: Shop, store: Store) -> tuple[Tool, ...]:
    """All tools of this folder."""
    desk = Appointments(shop, Bookings(store, shop))
    services = tuple(each.name for each in shop.services)
    return (*_looking(desk, services), *_changing(desk, services))


def _looking(desk: Appointments, services: tuple[str, ...]) -> tuple[Tool, ...]:
    return (
        Tool(
            name="list_services",
            description="Which services can be booked, and how long each takes.",
            arguments=Nothing,
            handler=desk.list_services,
            phrases=(
                "what do you offer",
                "what services do you have",
                "how long does a haircut take",
            ),
        ),
        Tool(
            name="available_times",
            description=(
                "Free times for a service on a day; without a day, the next days with free times. "
                "Look here before offering a time."
            ),
            arguments=WhichTimes,
            handler=desk.available_times,
            enums={"service": services},
            phrases=(
                "what times do you have",
                "when are you free",
                "do you have anything on Friday",
            ),
        ),
        Tool(
            name="my_appointments",
            description=(
                "The caller's appointments to come, found by the number they call from. "
                "Name and date find one that was made from a withheld number."
            ),
            arguments=WhichBookings,
            handler=desk.mine,
            phrases=("when is my appointment", "do I have a booking", "what have I booked"),
            claims=BOOKED,
        ),
    )


def _changing(desk: Appointments, services: tuple[str, ...]) -> tuple[Tool, ...]:
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
            enums={"service": services},
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
                "I want to reschedule",
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
