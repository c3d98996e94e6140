"""Times of day: from what callers say to a 24-hour clock, and back into words."""

import datetime as dt
from collections.abc import Collection
from typing import Final

import msgspec

from agents.local.numbers import ONES, TENS, read_below_hundred, spoken_number
from agents.local.refusals import left_open
from agents.local.text import Impossible, Words, any_of, skip, starts_with, word_at

NOON: Final = dt.time(12)
MIDNIGHT: Final = dt.time(0)
_HALVES: Final = {"morning": "am", "afternoon": "pm", "evening": "pm", "tonight": "night"}


class Hours(msgspec.Struct, frozen=True):
    """Which half of the day a bare `ten` or `three` means, when nothing else tells."""

    earliest: int = 8
    """`eight` is in the morning, `seven` in the evening."""


class Clock(msgspec.Struct, frozen=True):
    """A time as said: minutes since midnight, and whether its half of the day was said too."""

    minutes: int
    exact: bool

    def resolve(
        self, hours: Hours, offered: Collection[dt.time] = (), half: str | None = None
    ) -> dt.time:
        """The one time meant: one of those on offer if it can be, else within opening hours.

        `half`: `am`, `pm` or `night` when the sentence says so elsewhere (`at seven tomorrow
        morning`).
        """
        if self.exact:
            return _time(self.minutes)
        if half is not None:
            return _time(_in_half(self.minutes, half))
        morning = self.minutes % 720
        both = (_time(morning), _time(morning + 720))
        on_offer = [time for time in both if time in offered]
        if len(on_offer) == 1:
            return on_offer[0]
        return both[0] if morning >= hours.earliest * 60 else both[1]


def _in_half(minutes: int, half: str) -> int:
    """`twelve at night` is midnight, and `one at night` is after it."""
    morning = minutes % 720
    return morning + 720 * (half == "pm" or (half == "night" and morning >= _NIGHT_ENDS))


_NIGHT_ENDS: Final = 5 * 60
"""From here on what is said to be at night is in the evening."""


def _time(minutes: int) -> dt.time:
    return dt.time(minutes // 60, minutes % 60)


_Said = tuple[Clock | Impossible, int]


def read_time(words: Words, at: int, *, bare: bool) -> _Said | None:
    """The time said from word `at` on.

    `bare`: a time was asked for, so that `ten` and `330` alone are times too.
    """
    bound = left_open(words, at)
    said = _read(words, at, bare=bare or bound)
    return (Impossible(), said[1]) if said and bound else said


def _read(words: Words, at: int, *, bare: bool) -> _Said | None:
    named = _named(words, at)
    if named is not None:
        return Clock(named[0], exact=True), named[1]
    return (
        _relative(words, at)
        or _military(words, at, bare=bare)
        or _figures(words, at, bare=bare)
        or _spoken(words, at, bare=bare)
    )


def _named(words: Words, at: int) -> tuple[int, int] | None:
    start = skip(words, at, "twelve", "12") if word_at(words, at + 1) in _NAMES else at
    minutes = _NAMES.get(word_at(words, start))
    return None if minutes is None else (minutes, start + 1)


_NAMES: Final = {"noon": 12 * 60, "midday": 12 * 60, "midnight": 0}
_WAYS: Final = {"past": 1, "after": 1, "to": -1, "before": -1, "till": -1, "of": -1}


def _relative(words: Words, at: int) -> _Said | None:
    """`half past three`, `half three`, `quarter to four`, `twenty five to six`, `ten to noon`."""
    count = _count(words, at)
    if count is None:
        return None
    minutes, end = count
    way = word_at(words, end)
    halved = words[end - 1] == "half"
    if halved and (british := _hour(words, end)) and british[0] <= 12:
        return _with_half(words, british[0] % 12 * 60 + 30, british[1])
    if way not in _WAYS:
        return None
    sane = minutes < 30 or (halved and _WAYS[way] > 0)
    named = _named(words, end + 1)
    if named is not None:
        # `at ten before noon` is ten o'clock to some.
        clear = way not in {"before", "after"} or words[end - 1] not in _BARE
        clock = Clock((named[0] + _WAYS[way] * minutes) % 1440, exact=True)
        return (clock if sane and clear else Impossible()), named[1]
    return _by_hour(words, _WAYS[way] * minutes, end + 1, sane=sane)


_BARE: Final = frozenset((*ONES, *TENS, *map(str, range(60))))


def _count(words: Words, at: int) -> tuple[int, int] | None:
    """Minutes before or after an hour: `half`, `a quarter`, `ten minutes`."""
    start = skip(words, at, "a")
    if word_at(words, start) in {"half", "quarter"}:
        return 30 if words[start] == "half" else 15, start + 1
    found = read_below_hundred(words, start)
    if found is None or not 0 < found[0] < 60:
        return None
    return found[0], skip(words, found[1], "minutes")


def _by_hour(words: Words, minutes: int, at: int, *, sane: bool) -> _Said | None:
    hour = _hour(words, at)
    if hour is None or _counts(words, hour[1]):
        return None
    if hour[0] <= 12 and sane:
        return _with_half(words, (hour[0] % 12 * 60 + minutes) % 720, hour[1])
    # `ten to fifteen thirty` is from then till then; `ten past fifteen` is no ten o'clock.
    return (Impossible(), hour[1]) if minutes > 0 or hour[0] <= 12 else None


def _military(words: Words, at: int, *, bare: bool) -> _Said | None:
    """`seventeen hundred`, `oh nine hundred hours`."""
    zero = word_at(words, at) in {"oh", "o", "zero"}
    hour = read_below_hundred(words, at + zero)
    if hour is None or word_at(words, hour[1]) != "hundred":
        return None
    end = skip(words, hour[1] + 1, "hours")
    told = end > hour[1] + 1 or zero or (hour[0] >= 10 and (bare or _announced(words, at)))
    if not told or _counts(words, end):
        return None
    return (Clock(hour[0] % 24 * 60, exact=True) if hour[0] <= 24 else Impossible()), end


def _hour(words: Words, at: int) -> tuple[int, int] | None:
    found = read_below_hundred(words, at)
    return found if found and found[0] <= 23 else None


def _figures(words: Words, at: int, *, bare: bool) -> _Said | None:
    """`3:30`, `15:30`, and, where a time is expected or am/pm follows, `330` and `1530`."""
    word = word_at(words, at)
    if ":" in word or "." in word:
        hour, minute = (int(part) for part in word.replace(".", ":").split(":"))
    elif word.isdecimal() and len(word) in {3, 4} and (bare or _half(words, at + 1)):
        hour, minute = int(word[:-2]), int(word[-2:])
    else:
        return None
    if hour > 23 or minute > 59:
        return None
    return _with_half(words, hour * 60 + minute, at + 1, exact=word.startswith("0"))


def _spoken(words: Words, at: int, *, bare: bool) -> _Said | None:
    """`three thirty`, `three oh five`, `fifteen thirty`, `three o'clock`, `three`."""
    hour = _hour(words, at)
    if hour is None:
        return None
    value, end = hour
    minute = _minute(words, end)
    if minute is not None:
        return _with_half(words, value * 60 + minute[0], minute[1])
    if word_at(words, end) == "o'clock":
        return _with_half(words, value * 60, end + 1)
    if starts_with(words, end, ("o", "clock")):
        return _with_half(words, value * 60, end + 2)
    alone = bare or _half(words, end) is not None or _announced(words, at)
    if not alone or value > 12 or _counts(words, end) or word_at(words, end) == "hours":
        return None
    return _with_half(words, value * 60, end)


def _minute(words: Words, at: int) -> tuple[int, int] | None:
    """`thirty`, `oh five`, `45`; never a lone figure, which would be another number."""
    word = word_at(words, at)
    if word in {"oh", "o", "zero"}:
        ones = read_below_hundred(words, at + 1)
        return (ones[0], ones[1]) if ones and ones[0] < 10 else None
    found = read_below_hundred(words, at)
    if found is None or not 10 <= found[0] <= 59 or _counts(words, found[1]):
        return None
    return found


def _counts(words: Words, at: int) -> bool:
    return word_at(words, at) in _COUNTED


_COUNTED: Final = frozenset(
    (
        *("people", "persons", "passengers", "guests", "adults", "children", "kids"),
        *("minutes", "days", "weeks", "months", "years", "dollars", "pounds", "euros"),
    )
)


def _announced(words: Words, at: int) -> bool:
    """Whether the word before says that a time comes: `at ten`, `make it ten`."""
    return word_at(words, at - 1) in {"at", "around", "about", "by", "before", "after"} or (
        word_at(words, at - 1) == "it" and word_at(words, at - 2) == "make"
    )


def _half(words: Words, at: int) -> tuple[str, int] | None:
    """`pm`, `in the afternoon`: which half of the day, and where that ends."""
    word = word_at(words, at)
    if word in {"am", "pm"}:
        return word, at + 1
    start = skip(words, skip(words, at, "in"), "the", "this")
    part = word_at(words, start)
    if part == "morning":
        return "am", start + 1
    if part in {"afternoon", "evening"}:
        return "pm", start + 1
    if starts_with(words, at, ("at", "night")) or starts_with(words, at, ("tonight",)):
        return "night", at + (2 if word == "at" else 1)
    return None


def half_said(words: Words) -> str | None:
    """Which half of the day the sentence speaks of as a whole."""
    said = {part for part in words if part in _HALVES}
    return _HALVES[said.pop()] if len(said) == 1 else None


def _with_half(words: Words, minutes: int, end: int, *, exact: bool = False) -> _Said:
    """`exact`: said by a clock of 24 hours, unless its half of the day follows all the same."""
    half = _half(words, skip(words, end, "o'clock"))
    exact = exact or minutes >= 13 * 60 or (minutes < 60 and not _twelve(words, end))
    if half is None:
        return Clock(minutes, exact=exact), end
    if minutes >= 13 * 60:
        return Clock(minutes, exact=True), half[1]
    return Clock(_in_half(minutes, half[0]), exact=True), half[1]


def _twelve(words: Words, end: int) -> bool:
    """Whether minutes before one o'clock came from `past twelve`, not from a 24-hour clock."""
    return word_at(words, end - 1) in {"twelve", "12", "one", "1"}


def spoken_time(time: dt.time) -> str:
    """`ten a m`, `three thirty p m`, `three oh five p m`, `noon`."""
    if time in (NOON, MIDNIGHT):
        return "noon" if time == NOON else "midnight"
    hour = ONES[(time.hour - 1) % 12 + 1]
    half = "a m" if time.hour < 12 else "p m"
    if not time.minute:
        return f"{hour} {half}"
    minute = f"oh {ONES[time.minute]}" if time.minute < 10 else spoken_number(time.minute)
    return f"{hour} {minute} {half}"


_HOUR: Final = rf"(?:{any_of(ONES[1:13])}|1[0-2]|[1-9])"
_MINUTE: Final = rf"(?:(?:oh|o) five|ten|fifteen|{any_of(TENS[:4])}(?:[ -]five)?|[0-5][05])"
"""In fives, as appointments go; other minutes are understood when heard openly."""
_PART: Final = r"(?: ?[ap] ?m| (?:in the )?(?:morning|afternoon|evening)| at night)?"
TIME_PATTERN: Final = (
    rf"(?:(?:twelve )?(?:noon|midday|midnight)|"
    r"(?:half|(?:a )?quarter|five|ten|twenty|twenty[ -]five)"
    rf" (?:past|to|after) {_HOUR}{_PART}"
    rf"|half {_HOUR}"
    rf"|{_HOUR}(?: {_MINUTE}|:?[0-5][05]| o'clock)?{_PART}|(?:1[3-9]|2[0-3]):[0-5][05])"
)
