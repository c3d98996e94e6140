"""Versions over a store, for stories about who saved and published what."""

import datetime as dt
from collections.abc import Sequence

from tools.config import ConfigError
from tools.store import Store
from tools.versions.files import Files
from tools.versions.spec import Conflict, Moved, Saved
from tools.versions.versions import Versions

NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def check(files: Files) -> Sequence[ConfigError]:
    """Every file that holds the word `broken` is."""
    return [
        ConfigError(f"{path}:1:1", "is broken", "Mend it")
        for path, text in files.items()
        if "broken" in text
    ]


class Clock:
    """Every look is a minute later."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> dt.datetime:
        self.at += dt.timedelta(minutes=1)
        return self.at


class Editor:
    """Saves and publishes, and takes for granted that it works."""

    def __init__(self, store: Store, *, four_eyes: bool = False) -> None:
        self.versions = Versions(store, check, Clock(), four_eyes=four_eyes)

    def saved(self, base: int | None, who: str = "ann", **files: str | None) -> int:
        """The id of the new version; files are named without their ending."""
        found = self.save(base, who, **files)
        assert isinstance(found, Saved), found
        assert found.new
        return found.version.id

    def save(self, base: int | None, who: str = "ann", **files: str | None) -> Saved | Conflict:
        changes = {f"{name}.yaml": text for name, text in files.items()}
        return self.versions.save(base, changes, who, f"{who} did it")

    def published(self, version: int, who: str = "ann", *, anyway: bool = False) -> None:
        found = self.versions.publish(version, who, "live", anyway=anyway)
        assert isinstance(found, Moved), found
        assert found.new

    def folder(self, **files: str) -> object:
        texts = {f"{name}.yaml": text for name, text in files.items()}
        return self.versions.take_folder(texts, "files changed")

    def taken(self, **files: str) -> int:
        found = self.folder(**files)
        assert isinstance(found, Moved), found
        return found.event.version

    def live(self) -> dict[str, str]:
        """What is published, by name without ending."""
        return self.texts(self.versions.pointers().published)

    def texts(self, version: int | None) -> dict[str, str]:
        files = self.versions.files(version)
        return {path.removesuffix(".yaml"): text for path, text in files.items()}
