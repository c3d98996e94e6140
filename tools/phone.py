"""Which telephone number a text means, in E.164, if it means one."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

# What carriers send in place of a number the caller withholds, dialled as letters (Twilio
# help centre, on these caller ID numbers): RESTRICTED, BLOCKED, UNKNOWN, ANONYMOUS, UNAVAILABLE.
WITHHELD = {"+7378742833", "+2562533", "+8656696", "+266696687", "+86282452253"}

REGIONS: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""Where a national number may be from: ISO 3166 codes such as `GB`."""
MAX_CHARS = 40


@lru_cache(1024)
def e164(text: str, region: str = "") -> str | None:
    """`+` and up to 15 digits, or None when it is withheld, a SIP address or no number.

    With a `region` of `REGIONS`, a national number (`020 7946 0000`) is understood; without
    one, only international forms (`+44 ...`, `0044 ...`) are. Only lengths are checked against
    the numbering plan: new ranges are in use before any list of them knows.
    """
    # Letters and signs would be dialled as keys: a word is no number.
    if len(text) > MAX_CHARS or not re.fullmatch(r"\s*\+?[\d\s().\-/]+\s*", text, re.ASCII):
        return None
    number = _formatted(re.sub(r"^\s*00", "+", text), region)
    if number is None or number in WITHHELD:
        return None
    # What is written in full must mean itself, or one caller would be two.
    return number if number == text or _formatted(number, "") == number else None


def region_of(number: str | None) -> str | None:
    """The country a number in E.164 is of, by its ISO 3166 code."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number or ""))
    except NumberParseException:
        return None


def _formatted(text: str, region: str) -> str | None:
    try:
        parsed = phonenumbers.parse(text, region or None)
    except NumberParseException:
        return None
    length = phonenumbers.is_possible_number_with_reason(parsed)
    # Without its area, too, it may be of any town.
    short = length == ValidationResult.IS_POSSIBLE_LOCAL_ONLY
    local = short and not text.lstrip().startswith("+")
    if local or not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
