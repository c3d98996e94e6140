"""What there is to say about versions of the configuration: results and refusals as data."""

import datetime as dt
from collections.abc import Callable, Sequence
from enum import Enum

import msgspec

from tools.config import ConfigError
from tools.versions.files import Files

Check = Callable[[Files], Sequence[ConfigError]]
"""Everything that is wrong with a set of files, at once; empty when it can be published."""

FOLDER = "folder"
"""The author of versions that come from the configuration folder."""


class Version(msgspec.Struct, frozen=True):
    """One immutable set of files, without their texts."""

    id: int
    parent: int | None
    author: str
    at: dt.datetime
    why: str
    digest: str
    """Of all files: two versions of one digest hold the same."""
    conflicts_with: int | None = None
    """It could not be merged with that version, and was kept so that nothing is lost."""


class What(Enum):
    """What moved the published version."""

    PUBLISHED = "published"
    ROLLED_BACK = "rolled-back"


class Event(msgspec.Struct, frozen=True):
    """The published version moved."""

    id: int
    what: What
    version: int
    previous: int | None
    who: str
    at: dt.datetime
    why: str


class Pointers(msgspec.Struct, frozen=True):
    """Where things stand. None: nothing yet."""

    head: int | None = None
    """What the next editor should begin with: the newest save, or what was rolled back to."""
    published: int | None = None
    """What calls that begin now go by."""
    folder: int | None = None
    """What the configuration folder held when it was last taken over."""


class Saved(msgspec.Struct, frozen=True):
    """The change is kept. `new` is False when there was nothing to change."""

    version: Version
    new: bool


class ConflictFile(msgspec.Struct, frozen=True):
    """One file that was changed on both sides. A text is None where there is no such file."""

    path: str
    base: str | None
    theirs: str | None
    yours: str | None
    diff: str
    """From theirs to yours."""


class Conflict(msgspec.Struct, frozen=True):
    """Somebody else changed the same files first. Your text is kept as the version `draft`."""

    base: int | None
    theirs: int
    draft: int
    files: tuple[ConflictFile, ...]


class Moved(msgspec.Struct, frozen=True):
    """The pointer is there now."""

    event: Event
    new: bool
    """False: it was there already."""


class Broken(msgspec.Struct, frozen=True):
    """These files cannot be published."""

    errors: tuple[ConfigError, ...]


class Behind(msgspec.Struct, frozen=True):
    """It does not hold what others have changed: it is the draft of a conflict, or something else
    was published since."""

    version: int
    published: int | None


class Unread(msgspec.Struct, frozen=True):
    """Two people have to stand behind what goes live, and nobody but its authors does."""

    version: int
    authors: tuple[str, ...]
    """Of what in it was never published, in alphabetical order."""


class Waiting(msgspec.Struct, frozen=True):
    """What the folder holds is kept as the version `draft`, until somebody publishes it."""

    draft: int


class Unchanged(msgspec.Struct, frozen=True):
    """The folder holds what it held when it was last taken over."""


class NoVersion(Exception):  # noqa: N818 - an answer, not an error
    """There is no such version; the message is one sentence for people."""
