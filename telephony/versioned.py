"""The versions of this configuration: what checks a set of files, and by which clock."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from telephony.backends import unopened
from telephony.casting import problems_with
from telephony.databasetrouble import cure, is_lasting
from telephony.settings import Settings
from tools.config import ConfigError
from tools.migrate import migrate
from tools.spec import BackendError
from tools.store import WHERE, CommitUnknownError, Store, UnreachableError
from tools.versions.versions import Versions


class DatabaseAway(BackendError):  # noqa: N818 - an answer, not an error
    """It may be there again by itself; a sentence for people."""


def versions_of(settings: Settings, store: Store) -> Versions:
    """The one place that says what keeps files from being published."""
    check = partial(problems_with, settings=settings, store=store, sections=unopened(settings))
    return Versions(store, check, utc_now, four_eyes=settings.four_eyes)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@contextmanager
def told(settings: Settings) -> Iterator[None]:
    """What keeps the database from being asked is raised as one sentence for people.

    ConfigError when somebody has to mend something first, DatabaseAway when it may be there again
    by itself.
    """
    try:
        yield
    except UnreachableError as error:
        raise _trouble(str(settings.database_url), error) from None


def migrated(settings: Settings, store: Store) -> None:
    """Bring the database to the tables of this version. Raises as `told`."""
    with told(settings):
        try:
            migrate(store)
        except CommitUnknownError as error:
            raise UnreachableError(str(error), permanent=False) from None


def _trouble(shown: str, error: UnreachableError) -> ConfigError | DatabaseAway:
    what = f"{shown} cannot be used ({error})"
    hint = f"{cure(error.code)}; frontdesk doctor says more"
    if is_lasting(error.code):
        return ConfigError(WHERE, what, hint)
    return DatabaseAway(f"{WHERE}: {what}. {hint}.", permanent=False)
