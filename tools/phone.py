"""Which telephone number a text means, in E.164, if it means one."""

import re

# What carriers send in place of a number the caller withholds, dialled as letters (Twilio
# help centre, on these caller ID numbers): RESTRICTED, BLOCKED, UNKNOWN, ANONYMOUS, UNAVAILABLE.
WITHHELD = {"+7378742833", "+2562533", "+8656696", "+266696687", "+86282452253"}


def e164(text: str, country: str = "") -> str | None:
    """`+` and 7 to 15 digits, or None when it is withheld, a SIP address or no number.

    `country` is a calling code such as `44`: with it, a national number (`020 7946 0000`) is
    understood; without it, only international forms (`+44 ...`, `0044 ...`) are.
    """
    if not re.fullmatch(r"\s*\+?[\d\s().\-/]+\s*", text, re.ASCII):
        return None
    international = text.lstrip().startswith("+")
    digits = re.sub(r"\D", "", text.replace("(0)", "", 1) if international else text)
    if not international:
        digits = _international(digits, country)
    number = f"+{digits}"
    if not re.fullmatch(r"\+[1-9]\d{6,14}", number) or number in WITHHELD:
        return None
    return number


def _international(digits: str, country: str) -> str:
    if digits.startswith("00"):
        return digits[2:]
    return country + digits.removeprefix("0") if country else ""
