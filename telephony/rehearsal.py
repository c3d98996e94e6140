"""Tries files that nobody goes by yet: are they sound, and what would past calls have come to?

Nothing is run but examples, and those in throw-away shops: see `tools.configuring.examples`.
"""

import datetime as dt
import zoneinfo
from collections.abc import Sequence

import msgspec

from agents.persona import Persona
from telephony.backends import unopened
from telephony.casting import Cast, check_secrets, engines_of, handlers_for, tried
from telephony.configuring.configuration import Configuration, load_configuration
from telephony.line import Line
from telephony.preview import Preview, Recorded, Side, Told, preview, told
from telephony.rules import claimable
from telephony.settings import Settings
from telephony.transcripts.archive import Archive, StoredCall, transcript
from telephony.transcripts.entry import AnyEntry
from tools.booking.shop import default_shop
from tools.config import ConfigError
from tools.configuring.examples import Tried
from tools.phone import e164
from tools.store import Store
from tools.versions.files import Files


class Previews(msgspec.Struct, frozen=True):
    """What an edit would have changed in calls of the past."""

    told: Told
    calls: tuple[Preview, ...]
    unread: int = 0
    """Calls of which nothing could be read."""


class Rehearsal:
    """Every method blocks."""

    def __init__(self, settings: Settings, store: Store) -> None:
        """`store` is where tools would work; none is run on it."""
        self._settings = settings
        self._store = store
        self._sections = unopened(settings)
        self._archive = Archive(settings.data_dir)

    def errors(self, files: Files) -> tuple[ConfigError, ...]:
        """What is wrong with the files, but for what only running their examples shows."""
        try:
            self._configuration(files)
        except ConfigError as error:
            return error.problems
        return ()

    def tried(self, files: Files) -> Tried:
        """Run all examples. Raises ConfigError for files that cannot be used."""
        return tried(self._configuration(files))

    def handlers(self) -> Sequence[str]:
        """What can carry out a tool, in the shop that is built in."""
        return handlers_for(self._store, self._sections)(default_shop(), Line()).names()

    def told(self, before: Files, after: Files) -> Told | None:
        """Which tools a model is told of by both; None for files that cannot be used."""
        try:
            return told(self._cast(before).everything, self._cast(after).everything)
        except ConfigError:
            return None

    def previews(self, before: Files, after: Files, last: int) -> Previews:
        """The newest calls, judged by both. Raises ConfigError for files that cannot be used."""
        was, now = self._cast(before), self._cast(after)
        calls = [(call, transcript(call).entries) for call in self._archive.newest(last)]
        zone = now.configuration.shop.zone
        read = [_recorded(call, entries, zone) for call, entries in calls]
        known = [each for each in read if each is not None]
        judged = tuple(preview(each, _side(was, each), _side(now, each)) for each in known)
        return Previews(told(was.everything, now.everything), judged, len(read) - len(known))

    def _configuration(self, files: Files) -> Configuration:
        configuration = load_configuration(
            files,
            handlers_for(self._store, self._sections),
            engines=engines_of(self._settings),
        )
        check_secrets(configuration.crm, self._settings)
        return configuration

    def _cast(self, files: Files) -> Cast:
        configuration = self._configuration(files)
        return Cast(self._settings, configuration, self._store, Persona(), self._sections)


def _recorded(
    call: StoredCall, entries: Sequence[AnyEntry], zone: zoneinfo.ZoneInfo
) -> Recorded | None:
    summary = call.summary
    try:
        started = dt.datetime.fromisoformat(summary.started_at)
    except ValueError:
        return None
    if started.tzinfo is None or not entries:
        return None
    return Recorded(
        summary.call_id,
        started.astimezone(zone),
        e164(summary.from_number or ""),
        e164(summary.to_number or ""),
        tuple(entries),
    )


def _side(cast: Cast, call: Recorded) -> Side:
    part = cast.part(call.called or "", call.started_at)
    outside = [each for each in cast.configuration.toolset.sheets if each.file.handler == "mcp"]
    return Side(
        persona=part.name,
        answered=cast.closed(call.called or "", call.started_at) is None,
        registry=part.registry,
        claimable=claimable(cast.everything),
        unsure=frozenset(name for sheet in outside for name in sheet.names),
    )
