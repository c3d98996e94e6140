"""The console over the files of a salon, checked as a service checks them."""

import shutil
from collections.abc import Callable
from pathlib import Path

from telephony.backends import unopened
from telephony.casting import problems_with
from telephony.configuring.starters import starter
from telephony.rehearsal import Rehearsal
from telephony.settings import load
from tests.console.house import Console
from tests.telephony.api_client import FILE
from tools.config import ConfigError
from tools.store import open_store
from tools.versions.files import Files
from tools.versions.spec import Moved, Saved

BOOK = "tools/book_appointment.yaml"
SALON = starter("salon")
Check = Callable[[Files], tuple[ConfigError, ...]]


def checking(folder: Path, *, examples: bool) -> Check:
    """What keeps files from being published; running `examples` is slow, and seldom matters."""
    settings, store = load({}, folder), open_store(f"sqlite:///{folder / 'never.db'}")
    if not examples:
        return Rehearsal(settings, store).errors
    return lambda files: problems_with(files, settings, store, unopened(settings))


def salon(folder: Path, migrated: Path) -> Console:
    """Version 1 is the salon, and published."""
    shutil.copy(migrated, folder / FILE)
    console = Console(folder, checked=checking(folder, examples=False))
    versions = console.backend.versions
    assert isinstance(versions.save(None, SALON, "ann", "begun"), Saved)
    assert isinstance(versions.publish(1, "ann", "live"), Moved)
    return console


def draft(console: Console, path: str, text: str | None, why: str = "an edit") -> int:
    """A new version upon the newest."""
    versions = console.backend.versions
    found = versions.save(versions.pointers().head, {path: text}, "ann", why)
    assert isinstance(found, Saved), found
    return found.version.id
