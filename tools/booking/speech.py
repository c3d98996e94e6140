"""How days and times are said aloud."""

import datetime as dt
from collections.abc import Sequence

ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


def say_day(day: dt.date) -> str:
    """Tuesday the 3rd of March"""
    return f"{day:%A} the {day.day}{ORDINALS.get(day.day, 'th')} of {day:%B}"


def say_time(time: dt.time) -> str:
    """9 AM, 2:30 PM, noon"""
    if (time.hour, time.minute) == (12, 0):
        return "noon"
    hour = time.hour % 12 or 12
    half = "AM" if time.hour < 12 else "PM"
    return f"{hour}:{time.minute:02} {half}" if time.minute else f"{hour} {half}"


def say_list(words: Sequence[str], last: str = "and") -> str:
    """a, b and c"""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def spread(items: Sequence[dt.datetime], count: int) -> list[dt.datetime]:
    """At most `count` of them, spread evenly from the first to the last."""
    if len(items) <= count:
        return list(items)
    return [items[index * (len(items) - 1) // (count - 1)] for index in range(count)]
