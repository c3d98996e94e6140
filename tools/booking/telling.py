"""How bookings are told: in a sentence, and as data."""

import datetime as dt
from typing import Any

from tools.booking.bookings import Booking
from tools.booking.shop import Shop
from tools.booking.speech import say_list, say_moment, say_people
from tools.spec import Result


def local(shop: Shop, moment: dt.datetime) -> dt.datetime:
    """A moment on the shop's clock, without zone."""
    return moment.astimezone(shop.zone).replace(tzinfo=None)


def said(shop: Shop, booking: Booking) -> str:
    """haircut with Anna for 2 people on Wednesday the 4th of March at 10 AM"""
    people = seen_by(shop, booking.resources)
    who = f" with {say_list(people)}" if people else ""
    when = say_moment(local(shop, booking.starts_at))
    return f"{booking.service}{who}{say_people(booking.party)} on {when}"


def seen_by(shop: Shop, resources: tuple[str, ...]) -> list[str]:
    """The people among what a booking has."""
    keys = {key: name for name in shop.people for key in shop.seats_of(name)}
    return list(dict.fromkeys(keys[each] for each in resources if each in keys))


def shown(shop: Shop, booking: Booking) -> dict[str, Any]:
    """As data: the same for the model, the transcript and the staff."""
    when = local(shop, booking.starts_at)
    people = seen_by(shop, booking.resources)
    found: dict[str, Any] = {
        "service": booking.service,
        "date": f"{when:%Y-%m-%d}",
        "time": f"{when:%H:%M}",
        "minutes": booking.minutes,
        "name": booking.name,
        "state": booking.state,
    }
    if people:
        found["with"] = people
    if booking.party > 1:
        found["party"] = booking.party
    return {**found, "said": say_moment(when)}


def told(shop: Shop, lead: str, booking: Booking) -> Result:
    message = f"{lead}: {said(shop, booking)}, under the name {booking.name}."
    return {"message": message, "appointment": shown(shop, booking)}
