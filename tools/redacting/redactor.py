"""Which parts of a text, or of JSON, may not be kept?

Pure and deterministic; linear in the length of the text. Never raises for any text.
"""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from tools.redacting import context, numbers
from tools.redacting.context import Scene, inked
from tools.redacting.kinds import (
    DEFAULT,
    LABEL,
    LABELS,
    NOTHING,
    Kinds,
    Sensitive,
    Span,
    merged,
    replaced,
)
from tools.redacting.tokens import NUMBER_WORDS, runs_of, tokens_of
from tools.redacting.written import addresses, keys

_MOST_PASSES = 40
"""What is found can make a cue of what is beside it; each pass finds less."""
_DEEPEST = 40
_FIGURE: Final = re.compile(r"[\d@]")
_SIGN: Final = re.compile(
    r"a(?:kia|sia|iza|pi|rroba|ccess key)|b(?:earer|orn|irth)|code|d(?:ob|\.o| o b)|eyj"
    r"|g(?:h[pousr]_|ithub_pat|lpat|eb)|kennwort|m(?:emorable|aiden)|otp"
    r"|p(?:k[-_]|ass|in| i n|rivate key)|rk[-_]"
    r"|s(?:k[-_]|ecret|ecurity (?:word|answer|phrase))|whsec|xox"
)
_ADDRESS: Final = re.compile(
    r"(?<![^\W_])at(?![^\W_])[^@]{1,400}?(?:dot|point|punkt|punto|\.\s*[a-z])"
)
_NUMBER_WORDS: Final = frozenset(word.casefold() for word in NUMBER_WORDS)
"""Without any of the four, in lower case, nothing can be found; most of what is said has none."""
_WORD: Final = re.compile(r"[^\W\d_]+")
_PLAIN_WORDS: Final = frozenset(word.encode() for word in _NUMBER_WORDS if word.isascii())
_LETTERS: Final = bytes(
    ord("@" if char.isdigit() or char == "@" else char if char.isalpha() else " ")
    for char in map(chr, range(128))
).ljust(256)
"""ASCII: figures as `@`, and a blank for all that is in no word."""

_NAMED = (
    (Sensitive.CVV, re.compile(r"cvv|cvc|cv2|csc|security_?code|card_?code|verification_?value")),
    (Sensitive.SSN, re.compile(r"ssn|social_?security|(?:^|_)social(?:_?number)?$")),
    (Sensitive.IBAN, re.compile(r"iban")),
    (
        Sensitive.CARD,
        re.compile(r"card_?(?:number|no|num|pan)|(?:credit|debit)_?card$|(?:^|_)pan$"),
    ),
    (
        Sensitive.SECRETS,
        re.compile(
            r"pass_?(?:word|phrase|code)|(?:^|_)pin(?:_?code|_?number)?$|secret|api_?key|token$"
            r"|(?:^|_)otp$|one_?time|memorable|credential|private_?key|authorization"
        ),
    ),
    (Sensitive.BIRTH_DATE, re.compile(r"birth|(?:^|_)dob$")),
    (Sensitive.EMAIL, re.compile(r"e_?mail")),
    (Sensitive.PHONE, re.compile(r"phone|mobile|(?:^|_)tel$")),
)
"""What a name in JSON says of its value."""


def may_tell(text: str) -> bool:
    """False: there is nothing to find in it, whatever was said before. Quick."""
    plain = text.casefold().replace("i\u0307", "i").replace("\u0131", "i").replace("\u2019", "'")
    if plain.isascii():
        return _may_tell_plain(plain)
    return (
        _FIGURE.search(plain) is not None
        or _SIGN.search(plain) is not None
        or _ADDRESS.search(plain) is not None
        or not _NUMBER_WORDS.isdisjoint(_WORD.findall(plain))
    )


def _may_tell_plain(plain: str) -> bool:
    """The same of ASCII, in a third of the time: every piece of text of every call is asked."""
    letters = plain.encode().translate(_LETTERS)
    words = letters.split()
    return (
        b"@" in letters
        or not _PLAIN_WORDS.isdisjoint(words)
        or _SIGN.search(plain) is not None
        or (b"at" in words and _ADDRESS.search(plain) is not None)
    )


def find(
    text: str, kinds: Kinds = DEFAULT, asked: Kinds = NOTHING, region: str | None = None
) -> list[Span]:
    """What of these kinds stands in the text, in order.

    `asked`: what the question before it was about. `region`: ISO 3166 code of the country whose
    telephone numbers are told without their country's.
    """
    if not kinds or not (asked or may_tell(text)):
        return []
    labels = [Span(label.start(), label.end(), None) for label in LABEL.finditer(text)]
    found: list[Span] = []
    for _ in range(_MOST_PASSES):
        more = _found(inked(text, merged([*labels, *found])), kinds, asked, region)
        if not more:
            break
        found = merged([*found, *more])
    return found


def _found(text: str, kinds: Kinds, asked: Kinds, region: str | None) -> list[Span]:
    tokens = tokens_of(text)
    scene = Scene(text, tokens, runs_of(tokens), asked)
    searches: dict[Sensitive, Callable[[], list[Span]]] = {
        Sensitive.IBAN: lambda: context.accounts(scene),
        Sensitive.CARD: lambda: context.cards(scene),
        Sensitive.SSN: lambda: context.socials(scene),
        Sensitive.CVV: lambda: context.codes(scene),
        Sensitive.SECRETS: lambda: [*keys(text), *context.secrets(scene)],
        Sensitive.EMAIL: lambda: addresses(text, tokens),
        Sensitive.BIRTH_DATE: lambda: context.births(scene),
        Sensitive.PHONE: lambda: [
            span for run in scene.runs for span in numbers.telephones(run, region)
        ],
    }
    for kind, search in searches.items():
        # One after the other: what one has found is no part of what the next may find.
        if kind in kinds and (spans := search()):
            return merged(spans)
    return []


def redact(
    text: str, kinds: Kinds = DEFAULT, asked: Kinds = NOTHING, region: str | None = None
) -> str:
    """The text with a label in place of each thing found."""
    spans = find(text, kinds, asked, region)
    return replaced(text, spans) if spans else text


Scrub = Callable[[str], str]


def redact_json(text: str, kinds: Kinds = DEFAULT, scrub: Scrub | None = None) -> str:
    """JSON text without what its names, or its values by themselves, show to be sensitive.

    The same text where there is nothing to hide; what is no JSON is taken as plain text.
    `scrub` is asked of every text and number in it instead of `redact`.
    """
    look = scrub or (lambda part: redact(part, kinds))
    if not kinds or not text:
        return text
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return look(text)
    kept = _kept(data, kinds, look, None, _DEEPEST)
    return text if kept == data else json.dumps(kept, ensure_ascii=False)


def _kept(data: Any, kinds: Kinds, look: Scrub, named: Sensitive | None, depth: int) -> Any:
    if depth == 0:
        return "[redacted]"
    match data:
        case dict():
            return {
                look(name): _kept(value, kinds, look, _named(name, kinds) or named, depth - 1)
                for name, value in data.items()
            }
        case list():
            return [_kept(value, kinds, look, named, depth - 1) for value in data]
        case None | bool():
            return data
        case _ if named is not None and str(data).strip():
            return LABELS[named]
        case str():
            return look(data)
        case _:
            kept = look(str(data))
            return data if kept == str(data) else kept


@lru_cache(1024)
def _named(name: str, kinds: Kinds) -> Sensitive | None:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_").replace(" ", "_")
    return next((kind for kind, says in _NAMED if kind in kinds and says.search(snake)), None)
