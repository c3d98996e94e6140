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


def say_moment(local: dt.datetime) -> str:
    """Tuesday the 3rd of March at 2:30 PM"""
    return f"{say_day(local.date())} at {say_time(local.time())}"


def say_near(day: dt.date, today: dt.date) -> str:
    """today, tomorrow, this Friday the 6th of March; further off, the day alone."""
    ahead = (day - today).days
    if ahead in (0, 1):
        return ("today", "tomorrow")[ahead]
    return f"this {say_day(day)}" if 1 < ahead < 7 - today.weekday() else say_day(day)


def say_moments(times: Sequence[dt.datetime], today: dt.date) -> str:
    """tomorrow at 9 AM or 2 PM; Tuesday the 10th of March at noon"""
    days: dict[dt.date, list[str]] = {}
    for each in times:
        days.setdefault(each.date(), []).append(say_time(each.time()))
    return "; ".join(f"{say_near(day, today)} at {say_list(on, 'or')}" for day, on in days.items())


def say_people(count: int) -> str:
    """Nothing for one; else for 3 people."""
    return f" for {count} people" if count > 1 else ""


def say_hours(hours: int) -> str:
    """1 hour, 24 hours, 3 days"""
    if hours % 24 == 0 and hours > 24:
        return f"{hours // 24} days"
    return "1 hour" if hours == 1 else f"{hours} hours"


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
