"""The database, as commands open it that do not answer calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telephony.cli.terminal import CommandFailed
from telephony.settings import Settings
from telephony.versioned import migrated, told
from tools.migrate import Fit, fit, revision_of
from tools.store import Store, open_store, sqlite_file


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """Makes what a fresh installation has not got yet; never changes tables that are there.

    A version that only looks must not lock another one out that answers calls, and a command that
    was given other settings than the service must not work on an empty database of its own.
    Raises CommandFailed, and as `told`.
    """
    url = settings.database_url.reveal()
    refuse_lost(settings)
    store = open_store(url)
    try:
        with told(settings):
            _fit(settings, store)
            yield store
    finally:
        store.close()


def refuse_lost(settings: Settings) -> None:
    """Raises CommandFailed when calls are kept but the SQLite file is missing that goes with them,
    ConfigError for a bad URL."""
    if not is_lost(settings):
        return
    raise CommandFailed(
        f"{settings.database_url} is not there, but calls are kept in {settings.data_dir}/calls."
        " Set FRONTDESK_DATABASE_URL as the service has it; if it was lost, restore a backup or"
        " start the service, which makes a new one."
    )


def is_lost(settings: Settings) -> bool:
    """Raises ConfigError, OSError."""
    file = sqlite_file(settings.database_url.reveal())
    if file is None or (file.exists() and file.stat().st_size):
        return False
    return _has_calls(settings.data_dir)


def _has_calls(data_dir: Path) -> bool:
    try:
        return any((data_dir / "calls").iterdir())
    except FileNotFoundError:
        return False


def _fit(settings: Settings, store: Store) -> None:
    match fit(revision := revision_of(store)):
        case Fit.SAME:
            return
        case Fit.EARLIER:
            raise CommandFailed(
                f"{settings.database_url} is at revision {revision}, from before this version of"
                " Frontdesk. Start the service, which brings it up to date; or use the version"
                " that the service runs."
            )
    migrated(settings, store)
