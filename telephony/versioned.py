"""The versions of this configuration: what checks a set of files, and by which clock."""

import datetime as dt

from telephony.configfiles import errors_of
from tools.store import Store
from tools.versions.versions import Versions


def versions_of(store: Store) -> Versions:
    """The one place that says what keeps files from being published."""
    return Versions(store, errors_of, utc_now)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
