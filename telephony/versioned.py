"""The versions of this configuration: what checks a set of files, and by which clock."""

import datetime as dt
from functools import partial

from telephony.backends import unopened
from telephony.casting import problems_with
from telephony.settings import Settings
from tools.store import Store
from tools.versions.versions import Versions


def versions_of(settings: Settings, store: Store) -> Versions:
    """The one place that says what keeps files from being published."""
    check = partial(problems_with, settings=settings, store=store, sections=unopened(settings))
    return Versions(store, check, utc_now)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
