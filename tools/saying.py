"""Do these words say this value? Days, times, telephone numbers, names and the rest, as spoken.

What is said is compared with the value rather than read: words that leave two readings open
(`Tuesday`, `at three`) say either of them. Being generous here costs little, for a value is read
back before it counts; being strict makes the agent ask for what it was just told.
"""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any, Final

from tools.words import MONTHS, WEEKDAYS, Tokens, holds, listed, rank_of, ranked, tokens

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_PHONE: Final = re.compile(r"\+?[\d ()./-]{4,25}")
_FAR_DAYS: Final = 21
"""A day named only by its weekday or number is not further away than this."""
_MONTH_DAYS: Final = 62
_LEAST_DIGITS: Final = 7
"""So many of a telephone number's last digits tell it from others."""
_IDLE: Final = frozenset(listed("the a an and of for mr mrs ms miss dr to in on at with please"))
_MORNING: Final = (("am",), ("in", "the", "morning"), ("this", "morning"))
_LATER: Final = (
    ("pm",),
    ("in", "the", "afternoon"),
    ("in", "the", "evening"),
    ("at", "night"),
    ("this", "afternoon"),
    ("this", "evening"),
    ("tonight",),
)


def says(texts: Sequence[str], value: Any, now: dt.datetime) -> bool:
    """Whether these texts together say the value. `now` is the caller's now, with its zone.

    A truth value has no words of its own, so it always counts as said; so does nothing at all.
    """
    if isinstance(value, bool) or value is None or value == "":
        return True
    if isinstance(value, list | tuple):
        return all(says(texts, each, now) for each in value)
    if not isinstance(value, str) and isinstance(value, Mapping):
        return all(says(texts, each, now) for each in value.values())
    said = [tokens(text) for text in texts]
    if isinstance(value, int | float):
        return any(_says_number(each, value) for each in said)
    return _says_text(texts, said, str(value).strip(), now)


def _says_text(texts: Sequence[str], said: Sequence[Tokens], value: str, now: dt.datetime) -> bool:
    if _DATE.fullmatch(value):
        return _says_date(texts, said, value, now)
    if _TIME.fullmatch(value):
        return any(says_time(each, dt.time.fromisoformat(value)) for each in said)
    if _PHONE.fullmatch(value):
        return _says_digits(said, re.sub(r"[^0-9]", "", value))
    return _says_words([word for each in said for word in each], value)


# ---- days ----------------------------------------------------------------------------------------


def _says_date(texts: Sequence[str], said: Sequence[Tokens], value: str, now: dt.datetime) -> bool:
    try:
        date = dt.date.fromisoformat(value)
    except ValueError:
        return False
    written = any(_writes_date(text, date) for text in texts)
    return written or any(says_date(each, date, now.date()) for each in said)


def _writes_date(text: str, date: dt.date) -> bool:
    if date.isoformat() in text:
        return True
    pairs = {(date.day, date.month), (date.month, date.day)}
    return any(
        (int(first), int(second)) in pairs
        for first, second in re.findall(r"\b(\d{1,2})[/.](\d{1,2})\b", text)
    )


def says_date(said: Tokens, date: dt.date, today: dt.date) -> bool:
    return (
        _says_calendar_day(said, date, today)
        or _says_weekday(said, date, today)
        or _says_distance(said, date, today)
    )


def _says_calendar_day(said: Tokens, date: dt.date, today: dt.date) -> bool:
    month, day = MONTHS[date.month - 1], {str(date.day), ranked(date.day)}
    without = [word for word in said if word not in ("the", "of")]
    pairs = list(pairwise(without))
    if any((a == month and b in day) or (b == month and a in day) for a, b in pairs):
        return True
    near = 0 <= (date - today).days <= _MONTH_DAYS
    return near and any(
        word == ranked(date.day) and not _beside_month(without, at)
        for at, word in enumerate(without)
    )


def _beside_month(said: Sequence[str], at: int) -> bool:
    return any(word in MONTHS for word in said[max(0, at - 1) : at + 2])


def _says_weekday(said: Tokens, date: dt.date, today: dt.date) -> bool:
    if not 0 <= (date - today).days <= _FAR_DAYS:
        return False
    names = {(name := WEEKDAYS[date.weekday()]), f"{name}s"}
    return any(
        word in names and _agrees(said[at + 1 : at + 4], date) for at, word in enumerate(said)
    )


def _agrees(after: Tokens, date: dt.date) -> bool:
    """Nothing that follows the weekday makes it another day: `Tuesday the 17th`."""
    days = [rank for word in after if (rank := rank_of(word)) is not None]
    return not days or days[0] == date.day


def _says_distance(said: Tokens, date: dt.date, today: dt.date) -> bool:
    ahead = (date - today).days
    after_tomorrow = holds(said, ("day", "after", "tomorrow"))
    plain = {
        0: any(word in said for word in ("today", "tonight"))
        or any(holds(said, ("this", part)) for part in ("morning", "afternoon", "evening")),
        1: "tomorrow" in said and not after_tomorrow,
        2: after_tomorrow,
    }
    return plain.get(ahead, False) or _counts_days(said, date, today)


def _counts_days(said: Tokens, date: dt.date, today: dt.date) -> bool:
    """`in three days`, `a week from tomorrow`, `two weeks on tuesday`."""
    units = {"day": 1, "days": 1, "week": 7, "weeks": 7, "fortnight": 14}
    for at, word in enumerate(said[1:], start=1):
        count = 1 if said[at - 1] in ("a", "next") else _figure(said[at - 1])
        if word not in units or count is None:
            continue
        counted = dt.timedelta(days=count * units[word])
        if date - counted == today or says_date(said[at + 1 :], date - counted, today):
            return True
    return False


def _figure(word: str) -> int | None:
    return int(word) if word.isdecimal() and len(word) < 4 else None


# ---- times ---------------------------------------------------------------------------------------


def says_time(said: Tokens, time: dt.time) -> bool:
    """Without a word for the half of the day, `three` is 03:00 as well as 15:00."""
    if time.minute == 0 and time.hour in (0, 12):
        names = ("noon", "midday") if time.hour else ("midnight",)
        if any(name in said for name in names):
            return True
    words = frozenset(said)
    return any(
        _ends_there(said, end, time, hour)
        for phrase, hour in _phrases(time)
        if phrase[0] in words
        for end in _ends(said, phrase)
    )


def _phrases(time: dt.time) -> Iterable[tuple[tuple[str, ...], int]]:
    """Ways to say it, each with the hour as it was said."""
    minute = time.minute
    for hour in {time.hour, time.hour % 12 or 12}:
        yield (f"{hour}:{minute:02}",), hour
        yield (f"{hour:02}:{minute:02}",), hour
        yield (f"{hour}{minute:02}",), hour
        if minute == 0:
            yield (str(hour),), hour
            yield (str(hour), "hundred"), hour
        elif minute < 10:
            yield from (((str(hour), zero, str(minute)), hour) for zero in ("oh", "o", "0"))
            yield (str(hour), f"0{minute}"), hour
        else:
            yield (str(hour), str(minute)), hour
    yield from _past_and_to(time)


def _past_and_to(time: dt.time) -> Iterable[tuple[tuple[str, ...], int]]:
    hour, following = time.hour % 12 or 12, (time.hour + 1) % 12 or 12
    names = {15: ("quarter",), 30: ("half",)}
    past = names.get(time.minute, (str(time.minute),))
    to = names.get(60 - time.minute, (str(60 - time.minute),))
    if time.minute == 30:
        yield ("half", str(hour)), hour
    for link in ("past", "after"):
        yield (*past, link, str(hour)), hour
        yield (*past, "minutes", link, str(hour)), hour
    for link in ("to", "of", "before"):
        yield (*to, link, str(following)), following
        yield (*to, "minutes", link, str(following)), following


def _ends(said: Tokens, phrase: tuple[str, ...]) -> Iterable[int]:
    size = len(phrase)
    for at in range(len(said) - size + 1):
        if said[at : at + size] == phrase and not _inside(said, at, phrase):
            yield at + size


def _inside(said: Tokens, at: int, phrase: tuple[str, ...]) -> bool:
    """An hour that is part of something longer is none: `half past three`, `three thirty`."""
    before = said[at - 1] if at else ""
    after = said[at + len(phrase)] if at + len(phrase) < len(said) else ""
    if len(phrase) > 1 or ":" in phrase[0]:
        return False
    links = {"past", "after", "to", "before", "half", "quarter", "oh", "o"}
    counted = {"past", "to", "minutes", "days", "day", "weeks", "week", "people", "oh"}
    # `November 24, 10 AM`: what stands before it is the day.
    by_day = at > 1 and said[at - 2] in MONTHS
    by_number = (before.isdecimal() and not by_day) or after.isdecimal()
    return by_number or before in links or after in counted


def _ends_there(said: Tokens, end: int, time: dt.time, hour: int) -> bool:
    """The half of the day that is named after it is the right one."""
    rest = said[end:]
    if rest[:1] in (("o'clock",), ("oclock",), ("sharp",)):
        rest = rest[1:]
    if hour > 12:
        return True
    if any(rest[: len(words)] == words for words in _MORNING):
        return time.hour < 12
    if any(rest[: len(words)] == words for words in _LATER):
        return time.hour >= 12
    return True


# ---- numbers and digits --------------------------------------------------------------------------


def _says_number(said: Tokens, value: float) -> bool:
    if value == 1 and (holds(said, ("just", "me")) or {"a", "an", "single", "myself"} & set(said)):
        return True
    if value == 2 and ("couple" in said or "both" in said):
        return True
    if value == int(value):
        return str(int(value)) in said
    whole, _, part = f"{value:.2f}".partition(".")
    return f"{whole}:{part}" in said or holds(said, (whole, "point", *part.rstrip("0")))


def _says_digits(said: Sequence[Tokens], wanted: str) -> bool:
    """Digits may be given in several breaths, with or without the country's code."""
    given = "".join(_digits(each) for each in said)
    if wanted in given:
        return True
    last = wanted[-max(_LEAST_DIGITS, len(wanted) - 3) :]
    return len(wanted) > _LEAST_DIGITS and last in given


def _digits(said: Tokens) -> str:
    found: list[str] = []
    times = 1
    for word in said:
        if word in ("double", "triple"):
            times = 2 if word == "double" else 3
            continue
        digits = "0" if word in ("oh", "o", "nought") else re.sub(r"[^0-9]", "", word)
        found.append(digits[:1] * times + digits[1:] if digits else "")
        times = 1
    return "".join(found)


# ---- words ---------------------------------------------------------------------------------------


def _says_words(said: Sequence[str], value: str) -> bool:
    """Every word that matters, give or take how it is spelled; most of them for a long text."""
    wanted = [word for word in tokens(value) if word not in _IDLE] or list(tokens(value))
    if set(wanted) <= set(said):
        return True
    heard = {*said, *_spelled(said)}
    found = sum(word in heard or any(_alike(word, each) for each in heard) for word in wanted)
    if found == len(wanted) or "".join(wanted) in "".join(said):
        return True
    return len(wanted) > 6 and found >= 0.6 * len(wanted)


def _spelled(said: Sequence[str]) -> list[str]:
    """What single letters in a row spell."""
    rows = re.findall(r"(?:\b[a-z]\b ?){2,}", " ".join(said))
    return [row.replace(" ", "") for row in rows]


def _alike(one: str, other: str) -> bool:
    one, other = one.replace("'", ""), other.replace("'", "")
    if one == other:
        return True
    longer = max(len(one), len(other))
    if longer < 4 or min(len(one), len(other)) < 3 or not (one + other).isalpha():
        return False
    most = 2 if longer >= 7 else 1
    if abs(len(one) - len(other)) > most or len({*one} ^ {*other}) > 2 * most:
        return False
    same = sum(block.size for block in SequenceMatcher(None, one, other).get_matching_blocks())
    return longer - same <= most
