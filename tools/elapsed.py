"""Reckoning with time that passes, whatever the clocks of a zone do meanwhile.

Within one zone Python adds and takes away on the face of the clock: in the hour that comes twice
each coming counts as the first, and a deadline set in the second is over before it begins.
"""

import datetime as dt


def time_after(moment: dt.datetime, span: dt.timedelta) -> dt.datetime:
    """In UTC, so that comparing it does not look at the face of a clock either."""
    return moment.astimezone(dt.UTC) + span


def time_before(moment: dt.datetime, span: dt.timedelta) -> dt.datetime:
    return moment.astimezone(dt.UTC) - span


def time_between(first: dt.datetime, last: dt.datetime) -> dt.timedelta:
    """How long it is from `first` to `last`."""
    return last.astimezone(dt.UTC) - first.astimezone(dt.UTC)
