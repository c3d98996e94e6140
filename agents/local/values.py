"""Which values a sentence holds: every slot of a tool looked for at once."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from agents.local import choices as picking
from agents.local import names
from agents.local.answers import is_plain, yes_or_no
from agents.local.choices import Choice
from agents.local.dates import read_date
from agents.local.numbers import read_integer, read_number, read_phone
from agents.local.preferences import When, when
from agents.local.refusals import ruled_out
from agents.local.slots import OF_WHEN, Kind, Slot, is_of_before
from agents.local.text import Impossible, Reader, Span, Value, Words, starts_with, word_at, words
from agents.local.times import Clock, Hours, half_said, read_time

MOST_TEXT: Final = 300
"""Characters kept of free words: a message, not a speech."""
_TAKEN: Final = "|"
"""Stands for a word that was read already; no word of a caller looks like it."""


class Setting(msgspec.Struct, frozen=True):
    """What reading values depends on besides the words."""

    today: dt.date
    """In the shop's time zone."""
    hours: Hours = Hours()
    caller_number: str | None = None
    """What `the number I'm calling from` means; None when nobody told."""


class Readings(msgspec.Struct, frozen=True):
    """What a sentence told about the slots of one tool."""

    values: Mapping[str, Value] = {}
    unclear: Mapping[str, tuple[Choice, ...]] = {}
    """Slots for which it named something that several choices have."""
    refused: Mapping[str, str] = {}
    """Slots for which it named a value that cannot be, and why, as a sentence."""
    when: When | None = None
    """What it said of a day or a time without naming one."""

    def __bool__(self) -> bool:
        return bool(self.values or self.unclear or self.refused)


class _Page:
    """The words not read yet, and what was read so far."""

    def __init__(
        self, text: str, setting: Setting, slots: Sequence[Slot], focus: str | None
    ) -> None:
        self.text = text
        self.words = list(words(text))
        self.setting = setting
        self.slots = slots
        self.focus = focus
        self.values: dict[str, Value] = {}
        self.unclear: dict[str, tuple[Choice, ...]] = {}
        self.refused: dict[str, str] = {}
        self.behind_days: set[int] = set()
        """Places where a day that was named and may suit ends."""
        self.spurned = False
        """Whether a day or a time was named that does not suit, or only bounds what does."""
        self.bounded: set[Kind] = set()
        """Of what a value was named only to say what it is to be before or after."""

    def of_kind(self, *kinds: Kind) -> list[Slot]:
        """Slots of these kinds that have no value yet, the one asked for first."""
        found = [slot for slot in self.slots if slot.kind in kinds and slot.name not in self.values]
        return sorted(found, key=lambda slot: slot.name != self.focus)

    def asked(self, *kinds: Kind) -> Slot | None:
        return next((slot for slot in self.of_kind(*kinds) if slot.name == self.focus), None)

    def fill(self, slot: Slot, span: Span) -> None:
        if isinstance(span.value, Impossible):
            self.refused[slot.name] = span.value.why
        else:
            self.values[slot.name] = span.value
        self.take(span)

    def take(self, span: Span) -> None:
        self.words[span.start : span.end] = [_TAKEN] * (span.end - span.start)


def read(
    text: str,
    slots: Sequence[Slot],
    setting: Setting,
    *,
    focus: str | None = None,
    offered: Mapping[str, Sequence[Choice]] | None = None,
) -> Readings:
    """Everything the sentence says about these slots.

    `focus`: the slot that was asked for, whose value may come as a bare word or number.
    `offered`: the choices known for slots, from the schema or from a tool.
    """
    page = _Page(text, setting, slots, focus)
    known = offered or {}
    _places(page, known)
    _whole_choices(page, known)
    _counted_things(page)
    _phones(page)
    _dates(page)
    _times(page, known)
    _bare_numbers(page)
    _partial_choices(page, known)
    _names(page)
    _answers(page)
    _free_text(page)
    return Readings(page.values, page.unclear, page.refused, _when(page))


def _places(page: _Page, known: Mapping[str, Sequence[Choice]]) -> None:
    """`the second one` of a list that was read out."""
    for slot in page.slots:
        offered = known.get(slot.name, ()) if slot.name == page.focus else ()
        picked = picking.by_place(page.words, offered, strict=slot.kind is Kind.TIME)
        if picked is not None:
            page.fill(slot, Span(0, len(page.words), picked.value))


def _whole_choices(page: _Page, known: Mapping[str, Sequence[Choice]]) -> None:
    for slot in page.of_kind(Kind.CHOICE):
        offered = [c for c in known.get(slot.name, ()) if slot.name == page.focus or _telling(c)]
        _choose(page, slot, picking.whole(page.words, offered))


def _telling(choice: Choice) -> bool:
    """Whether its name is more than a figure, so that it stands out in any sentence."""
    return any(read_integer(choice.words, at) is None for at in range(len(choice.words)))


def _choose(page: _Page, slot: Slot, found: list[tuple[Choice, Span]]) -> None:
    if len(found) == 1:
        page.fill(slot, found[0][1])
    elif found:
        page.unclear[slot.name] = tuple(choice for choice, _ in found)


def _partial_choices(page: _Page, known: Mapping[str, Sequence[Choice]]) -> None:
    for slot in page.of_kind(Kind.CHOICE):
        offered = known.get(slot.name, ())
        if slot.name not in page.unclear:
            _choose(page, slot, picking.partial(page.words, offered))


def _counted_things(page: _Page) -> None:
    """`three passengers`, `party of four`: a number next to what it counts."""
    for slot in page.of_kind(Kind.INTEGER, Kind.NUMBER):
        about = {_singular(word) for word in words(slot.label)} | _ALSO_COUNTED
        for span in _spans(page.words, read_number):
            near = (word_at(page.words, span.end), word_at(page.words, span.start - 1))
            before = word_at(page.words, span.start - 2)
            if ruled_out(page.words, span.start, span.end):
                continue
            if _singular(near[0]) in about or (near[1] == "of" and before in {"party", "group"}):
                _number(page, slot, span)
                break


_ALSO_COUNTED: Final = frozenset(("people", "person", "adult"))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def _bare_numbers(page: _Page) -> None:
    slot = page.asked(Kind.INTEGER, Kind.NUMBER)
    if slot is not None:
        for span in _meant(page.words, list(_spans(page.words, read_number)))[-1:]:
            _number(page, slot, span)


def _number(page: _Page, slot: Slot, span: Span) -> None:
    value = span.value
    if value == Impossible():
        page.take(span)
        return
    low, high = slot.minimum, slot.maximum
    if isinstance(value, float) and slot.kind is Kind.INTEGER:
        page.take(span)
        page.refused[slot.name] = "It has to be a whole number."
        return
    if (
        isinstance(value, int | float)
        and (low is None or value >= low)
        and (high is None or value <= high)
    ):
        page.fill(slot, span)
        return
    page.take(span)
    ends = (("at least", low), ("at most", high))
    bounds = [f"{side} {end:g}" for side, end in ends if end is not None]
    page.refused[slot.name] = f"It has to be {' and '.join(bounds)}."


def _phones(page: _Page) -> None:
    for slot in page.of_kind(Kind.PHONE):
        for span in _meant(page.words, list(_spans(page.words, read_phone)))[:1]:
            page.fill(slot, span)
        number = page.setting.caller_number
        untold = slot.name not in page.values and slot.name not in page.refused
        if number is not None and untold and _means_this_number(page.words):
            page.values[slot.name] = number


def _means_this_number(sentence: Words) -> bool:
    places = (
        (at, at + len(phrase))
        for at in range(len(sentence))
        for phrase in _THIS_NUMBER
        if starts_with(sentence, at, phrase)
    )
    return any(not ruled_out(sentence, start, end) for start, end in places)


_THIS_NUMBER: Final = tuple(
    words(phrase)
    for phrase in ("this number", "this one", "calling from", "calling on", "same number")
)


def _dates(page: _Page) -> None:
    today = page.setting.today

    def reader(sentence: Words, at: int) -> tuple[str | Impossible, int] | None:
        found = read_date(sentence, at, today)
        if found is None:
            return None
        day, end = found
        return day if isinstance(day, Impossible) else day.isoformat(), end

    found = list(_spans(page.words, reader))
    meant = _meant(page.words, found)
    page.behind_days = {span.end for span in meant if span.value != Impossible()}
    _assign(page, page.of_kind(Kind.DATE), found)


def _times(page: _Page, known: Mapping[str, Sequence[Choice]]) -> None:
    slots = page.of_kind(Kind.TIME)
    if not slots:
        return
    half = half_said(words(page.text))
    bare = page.asked(Kind.TIME) is not None

    def reader(sentence: Words, at: int) -> tuple[str | Impossible, int] | None:
        found = _time(page, at, bare=bare)
        if found is None:
            return None
        clock, end = found
        if isinstance(clock, Impossible):
            return clock, end
        return _iso(clock, page.setting, half, slots, known), end

    _assign(page, slots, list(_spans(page.words, reader)))


def _time(page: _Page, at: int, *, bare: bool) -> tuple[Clock | Impossible, int] | None:
    """`Tuesday ten` names a time, though none was asked for; `Tuesday two haircuts` does not."""
    found = read_time(page.words, at, bare=bare)
    if found is not None or at not in page.behind_days:
        return found
    alone = read_time(page.words, at, bare=True)
    ends = alone is not None and word_at(page.words, alone[1]) in _BEHIND_TIMES
    return alone if ends else None


_BEHIND_TIMES: Final = frozenset(("", _TAKEN, *words("please thanks thank for with under if and")))


def _when(page: _Page) -> When | None:
    """Nothing where a time was named: `three in the afternoon` leaves nothing to be chosen."""
    kinds = {slot.kind for slot in page.slots}
    timed = any(slot.kind is Kind.TIME and slot.name in page.values for slot in page.slots)
    if timed or not kinds & OF_WHEN:
        return None
    wanted = when(words(page.text))
    # Of `any day but Friday` the first may be that Friday: let the caller choose.
    if page.spurned and wanted is When.SOONEST:
        return When.LISTED
    return wanted or (When.LISTED if page.bounded else None)


def _iso(
    clock: Clock,
    setting: Setting,
    half: str | None,
    slots: Sequence[Slot],
    known: Mapping[str, Sequence[Choice]],
) -> str:
    times = {time for slot in slots for time in _clock_times(known.get(slot.name, ()))}
    return clock.resolve(setting.hours, times, half).isoformat("minutes")


def _clock_times(offered: Sequence[Choice]) -> Iterator[dt.time]:
    for choice in offered:
        try:
            yield dt.time.fromisoformat(str(choice.value))
        except ValueError:
            continue


def _assign(page: _Page, slots: Sequence[Slot], spans: Sequence[Span]) -> None:
    """One value per slot in the order said; of more values than slots the later ones count."""
    meant = _meant(page.words, spans)
    bounded = any(span.value == Impossible() for span in meant)
    meant = [span for span in meant if span.value != Impossible()]
    page.bounded.update(slot.kind for slot in slots if bounded and not meant)
    page.spurned = page.spurned or len(meant) < len(spans)
    labelled = (
        sorted(slots, key=lambda slot: not _named(page.words, slot)) if len(meant) == 1 else slots
    )
    kept = meant[-len(slots) :] if slots else []
    # A single value in the answer to a question is for what was asked, were it about what is.
    asked = page.focus if len(kept) == 1 else None
    for slot, span in zip(_by_role(page.words, labelled, kept, asked), kept, strict=False):
        page.fill(slot, span)
    for span in spans:
        page.take(span)


def _meant(sentence: Words, spans: Sequence[Span]) -> list[Span]:
    """Without what does not suit: `not Monday or Tuesday` rules out both."""
    meant: list[Span] = []
    spurned = -1
    for span in spans:
        joins = word_at(sentence, span.start - 1) in {"or", "nor", "and"}
        if ruled_out(sentence, span.start, span.end, spans) or (
            joins and spurned == span.start - 1
        ):
            spurned = span.end
            if joins and meant and meant[-1].end == span.start - 1:  # `Monday or Tuesday won't do`
                meant.pop()
        else:
            meant.append(span)
    return meant


def _by_role(
    sentence: Words, slots: Sequence[Slot], spans: Sequence[Span], asked: str | None
) -> list[Slot]:
    """`from tuesday to thursday`, `my tuesday appointment`: which slot each value is for."""
    earlier = [slot for slot in slots if is_of_before(slot)]
    later = [slot for slot in slots if slot not in earlier]
    if not earlier or not later:
        return list(slots)
    found = []
    for span in spans:
        of_old = word_at(sentence, span.start - 1) == "from" or _stands(sentence, span.end)
        of_old = of_old or any(slot.name == asked for slot in earlier)
        source = earlier if (of_old and earlier) or not later else later
        found.append(source.pop(0))
    return found


def _stands(sentence: Words, at: int) -> bool:
    return word_at(sentence, at) in {"appointment", "booking", "reservation", "one"}


def _named(sentence: Words, slot: Slot) -> bool:
    own = set(words(slot.label)) - {"date", "time", "day"}
    return bool(own) and own <= set(sentence)


def _names(page: _Page) -> None:
    for slot in page.of_kind(Kind.NAME):
        plain = is_plain(words(page.text))
        asked = slot.name == page.focus and not page.values and not plain
        found = names.introduced(page.text) or (names.name(page.text) if asked else None)
        if found is not None:
            page.values[slot.name] = found
            return


def _answers(page: _Page) -> None:
    slot = page.asked(Kind.BOOLEAN)
    answer = yes_or_no(words(page.text)) if slot else None
    if slot and answer is not None:
        page.values[slot.name] = answer


def _free_text(page: _Page) -> None:
    slot = page.asked(Kind.TEXT)
    said = " ".join(page.text.split())[:MOST_TEXT]
    if slot and said and not is_plain(words(said)):
        page.values[slot.name] = said


def _spans(sentence: Words, reader: Reader[Value | Impossible]) -> Iterator[Span]:
    """Everything the reader can read, from left to right, without overlap."""
    at = 0
    while at < len(sentence):
        found = reader(sentence, at)
        if found is None:
            at += 1
        else:
            yield Span(at, found[1], found[0])
            at = found[1]
