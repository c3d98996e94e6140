"""How texts are cut into sentences and respelled so that the voice says them well."""

import re

from agents.local.numbers import spoken_phone

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'])")
NO_END = re.compile(r"(?:\b(?:Dr|Mr|Mrs|Ms|St|No|[A-Z])|\b[ap]\.m)\.$")


def sentences(text: str) -> list[str]:
    """`text` cut after each sentence; joined by spaces they are the text again."""
    found: list[str] = []
    for part in _SENTENCE_END.split(" ".join(text.split())):
        if found and NO_END.search(found[-1]):
            found[-1] = f"{found[-1]} {part}"
        elif part:
            found.append(part)
    return found


_PHONE = re.compile(r"(?<![\w.:])\+?\(?\d(?:[ ().-]{0,2}\d){6,14}(?![\w:])")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CODE = re.compile(r"\b(?=[A-Z]*\d)(?=\d*[A-Z])[A-Z\d]{3,10}\b")
_DAYS = {
    "Mon": "Monday",
    "Tue": "Tuesday",
    "Tues": "Tuesday",
    "Wed": "Wednesday",
    "Thu": "Thursday",
    "Thurs": "Thursday",
    "Fri": "Friday",
    "Sat": "Saturday",
    "Sun": "Sunday",
}
_DAY = re.compile(rf"\b({'|'.join(_DAYS)})\b\.?(?=,? (?:\d|[A-Z]))")


def speakable(sentence: str) -> str:
    """`sentence` respelled where the voice would misread it; the rest it reads well itself.

    Telephone numbers and codes become digits and letters one by one (they would be read as
    millions), short weekdays become whole words ("Tue" would be read as "two").
    """
    days = _DAY.sub(lambda found: _DAYS[found[1]], sentence)
    phones = _PHONE.sub(lambda found: _phone(found[0]), days)
    return _CODE.sub(lambda found: " ".join(found[0]), phones)


def _phone(written: str) -> str:
    if _DATE.fullmatch(written):
        return written
    digits = "".join(digit for digit in written if digit.isdecimal())
    if written[0] == "+" and digits[0] == "1" and len(digits) == 11:
        return f"plus one, {spoken_phone(digits[1:])}"
    return spoken_phone(f"+{digits}" if written[0] == "+" else digits)
