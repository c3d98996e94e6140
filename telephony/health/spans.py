"""Which hour and which day is a call counted in, and which of them make up a range?"""

import datetime as dt
from enum import Enum

from telephony.health.facts import CallFacts
from tools.counts import Row
from tools.elapsed import time_before


class Range(Enum):
    """How far back somebody looks."""

    DAY = "day"
    """The last 24 hours, this one included."""
    WEEK = "week"
    """The last 7 days on the shop's calendar, today included."""
    MONTH = "month"
    """The last 30."""


_DAYS = {Range.WEEK: 7, Range.MONTH: 30}


def hour_of(at: dt.datetime) -> str:
    """Of UTC: 2026-11-20T15."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H")


def day_of(at: dt.datetime, now: dt.datetime) -> str:
    """On the shop's calendar, by the zone of `now`."""
    return at.astimezone(now.tzinfo).date().isoformat()


def rows_of(facts: CallFacts, now: dt.datetime) -> tuple[Row, ...]:
    """What is counted of a call: once for its hour and once for its day."""
    spans = hour_of(facts.began_at), day_of(facts.began_at, now)
    return tuple(
        Row(span, facts.persona, measure.value, label, each.count, each.total, each.buckets)
        for span in spans
        for (measure, label), each in facts.found.items()
    )


def spans(wanted: Range, now: dt.datetime) -> list[str]:
    """Of a range that ends now, the oldest first. `now` is in the shop's zone."""
    if wanted is Range.DAY:
        hours = (time_before(now, dt.timedelta(hours=back)) for back in range(23, -1, -1))
        return [hour_of(hour) for hour in hours]
    days = _DAYS[wanted]
    return [(now.date() - dt.timedelta(days=back)).isoformat() for back in range(days - 1, -1, -1)]


def moment(span: str, now: dt.datetime) -> dt.datetime:
    """When a span begins."""
    if "T" in span:
        return dt.datetime.strptime(span, "%Y-%m-%dT%H").replace(tzinfo=dt.UTC)
    return dt.datetime.combine(dt.date.fromisoformat(span), dt.time(), now.tzinfo)
