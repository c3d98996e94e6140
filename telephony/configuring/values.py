"""What the variables in a persona's words stand for, in words that can be spoken."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from telephony.configuring.words import BUSINESS, CALLER, HOURS, TODAY
from tools.booking.shop import Range, Shop
from tools.configuring.hours import DAYS

MAX_NAME_CHARS = 40
MAX_NAME_WORDS = 4
UNKNOWN_CALLER = "not known"
_NO_NAME = re.compile(r"[^\w .'\u2019-]|[\d_]")


def values_of(
    business: str, shop: Shop, local: dt.datetime, caller_name: str = ""
) -> Mapping[str, str]:
    """For a call that begins now; `local` is on the shop's clock."""
    return {
        BUSINESS: business,
        HOURS: opening_hours(shop.week),
        TODAY: f"{local:%A}, {local.day} {local:%B %Y}",
        CALLER: plain_name(caller_name),
    }


def plain_name(name: str) -> str:
    """A name that cannot be taken for anything else: callers choose what they are called."""
    words = [word for word in _NO_NAME.sub(" ", name).split() if word.strip(".'-\u2019")]
    return " ".join(words[:MAX_NAME_WORDS])[:MAX_NAME_CHARS].strip() or UNKNOWN_CALLER


def opening_hours(week: Sequence[tuple[Range, ...]]) -> str:
    """Like `Monday to Friday 09:00 to 18:00; Saturday closed`; days of equal hours together."""
    said = []
    for ranges, group in groupby(zip(DAYS, week, strict=True), key=lambda pair: pair[1]):
        days = [day.capitalize() for day, _ in group]
        name = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
        said.append(f"{name} {_ranges(ranges)}")
    return "; ".join(said)


def _ranges(ranges: tuple[Range, ...]) -> str:
    said = [f"{_clock(each.start)} to {_clock(each.end)}" for each in ranges]
    return " and ".join(said) or "closed"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
