"""The versions of this configuration: what checks a set of files, and by which clock."""

import datetime as dt
from functools import partial

from telephony.backends import unopened
from telephony.casting import problems_with
from telephony.settings import Settings
from tools.config import ConfigError
from tools.migrate import migrate
from tools.spec import BackendError
from tools.store import WHERE, CommitUnknownError, Store
from tools.versions.versions import Versions


def versions_of(settings: Settings, store: Store) -> Versions:
    """The one place that says what keeps files from being published."""
    check = partial(problems_with, settings=settings, store=store, sections=unopened(settings))
    return Versions(store, check, utc_now, four_eyes=settings.four_eyes)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def migrated(settings: Settings, store: Store) -> None:
    """Bring the database to the tables of this version. Raises ConfigError when it cannot be."""
    try:
        migrate(store)
    except (BackendError, CommitUnknownError) as error:
        what = f"{settings.database_url} cannot be used ({error})"
        hint = "See that it is a database, that its server runs, and that it lets this user in"
        raise ConfigError(WHERE, what, hint) from None
