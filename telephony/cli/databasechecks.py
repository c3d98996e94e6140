"""What `frontdesk doctor` says of the database."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from telephony.cli.checks import Check, Finding, broken, nearest, odd, well
from telephony.cli.opening import is_lost
from telephony.databasetrouble import cure
from telephony.settings import Settings
from tools.config import ConfigError
from tools.migrate import Fit, fit, revision_of
from tools.spec import BackendError
from tools.store import Store, UnreachableError, open_store, sqlite_file

_DAMAGED = cure("SQLITE_CORRUPT")
_NO_ACCESS = "Let the user that runs Frontdesk read and write it"


def database(settings: Settings) -> Iterator[Finding]:
    shown = str(settings.database_url)
    try:
        file = sqlite_file(settings.database_url.reveal())
        if file is not None and not file.exists():
            yield _missing(settings, shown, file)
            return
        if file is not None and _seen_by_others(file):
            what = f"{file} can be read by other users of this machine"
            yield odd("database file", what, f"Run chmod go= {file}")
    except ConfigError as error:
        yield broken("database", error.what, error.hint)
    except OSError as error:
        yield broken("database", f"{shown} cannot be reached ({error.strerror})", _NO_ACCESS)
    else:
        yield _database(settings, shown)


def _missing(settings: Settings, shown: str, file: Path) -> Finding:
    # Whoever serves makes the folder as well.
    tempfile.TemporaryFile(dir=nearest(file.absolute().parent)).close()
    if is_lost(settings):
        what = f"{shown} is not there, but calls are kept in {settings.data_dir}/calls"
        hint = "Set FRONTDESK_DATABASE_URL as the service has it, or restore a backup"
        return odd("database", what, f"{hint}; the next start makes a new one")
    return well("database", f"{shown} will be made at the first start")


def _seen_by_others(file: Path) -> bool:
    theirs = file.stat().st_mode & 0o044
    return bool(theirs and file.absolute().parent.stat().st_mode & 0o011)


def _database(settings: Settings, shown: str) -> Finding:
    try:
        store = open_store(settings.database_url.reveal())
        try:
            revision, damage = revision_of(store), _damage(store)
        finally:
            store.close()
    except ConfigError as error:
        return broken("database", error.what, error.hint)
    except BackendError as error:
        code = error.code if isinstance(error, UnreachableError) else ""
        return broken("database", f"{shown} cannot be used ({error})", cure(code))
    if damage:
        return broken("database", f"{shown} is damaged ({damage})", _DAMAGED)
    return _fitting(shown, revision)


def _damage(store: Store) -> str:
    """The first that is found; indexes are not compared with their tables, which takes minutes."""
    if store.engine.dialect.name != "sqlite":
        return ""
    found = store.read(lambda on: on.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
    return "" if found == "ok" else str(found).splitlines()[-1]


def _fitting(shown: str, revision: str | None) -> Finding:
    match fit(revision):
        case Fit.SAME:
            return well("database", f"{shown}, up to date")
        case Fit.NEW | Fit.EARLIER:
            return well("database", f"{shown}, will be migrated at the next start")
    what = f"{shown} is at revision {revision}, which this version does not know"
    return broken("database", what, "Run the newer version of Frontdesk that upgraded it")


CHECKS: tuple[Check, ...] = (database,)
