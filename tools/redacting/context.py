"""What is sensitive only for what is said around it: codes, passwords, dates of birth.

A cue ("security code", "my PIN is") tells what the next figures or words are. A question of the
other side is a cue for the answer to it.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from tools.redacting import numbers
from tools.redacting.kinds import LABEL, NOTHING, Kinds, Sensitive, Span, words
from tools.redacting.tokens import INK, Run, Token, What, runs_of, tokens_of

_CARD = re.compile(
    r"\b(?:(?:credit|debit|bank|charge) card|card(?:'s)? (?:number|details)|(?:long |account )?"
    r"number (?:on|of|from) (?:the|your|my) (?:front of (?:the|your|my) )?card|sixteen[- ]digit"
    r"|16[- ]digit|visa|master ?card|amex|american express|maestro|card|kartennummer"
    r"|kreditkarte)\b",
    re.I,
)
_CARD_ASKED = re.compile(
    r"\b(?:card(?:'s)? (?:number|details)|(?:long |account )?number (?:on|of|from) (?:the|your|my)"
    r" (?:front of (?:the|your|my) )?card|sixteen[- ]digit|16[- ]digit|long number"
    r"|(?:have|take|get|read|give) (?:me |us |out )?(?:your|the|my)"
    r" (?:(?:credit|debit|bank|payment|full) )?card|kartennummer)\b",
    re.I,
)
"""That somebody pays by card is not yet a question for its number."""
_CVV = re.compile(
    r"\b(?:cvv2?|cvc2?|cv2|csc|c v v|c v c|c\.v\.v|c\.v\.c|(?<!social )security (?:code|number)"
    r"|(?:card )?verification (?:value|number)|card verification|(?:three|four|3|4)[- ]digits?"
    r"(?: code| number)? (?:on|from|at) (?:the|its) (?:back|front|reverse|signature)"
    r"|(?:code|number|digits|numbers) (?:that(?:'s| is) |printed |are |is )?(?:on|from|at)"
    r" (?:the|its) (?:back|reverse|signature strip|other side)|prüfnummer|prüfziffer)\b",
    re.I,
)
_SSN = re.compile(r"\b(?:ssn|s s n|social security|social)\b", re.I)
_IBAN = re.compile(r"\b(?:iban|i b a n|international bank account)\b", re.I)
_PIN = re.compile(
    r"\b(?:pin|p i n|pin (?:code|number)|(?:one[- ]time|verification|authentication|access|entry"
    r"|door|gate|alarm|unlock|login|log-in|six[- ]digit|6[- ]digit) (?:pass)?(?:code|pin)"
    r"|one[- ]time password|otp|passcode|pass code|voicemail code"
    r"|code (?:that )?(?:you|we|i)(?:'ve| have)?(?: just)? (?:texted|sent|e-?mailed)"
    r"|code (?:from|in) (?:the|my|your) (?:text|sms|message|app))\b",
    re.I,
)
_PASSWORD = re.compile(
    r"\b(?:pass ?words?|pass ?phrase|memorable (?:word|name|place)|secret (?:word|answer|phrase)"
    r"|security (?:word|answer|phrase|question)|mother's maiden name|api[- ]key|access key"
    r"|secret key|passwort|kennwort)\b",
    re.I,
)
_BIRTH = re.compile(
    r"\b(?:date of birth|birth ?dates?|birth date|d\.?o\.?b\.?|d o b"
    r"|(?:was|is|were|i'm|am|'s|you) born|born (?:on|in)|geburtsdatum|geboren)(?!\w)",
    re.I,
)
_BIRTHDAY = re.compile(r"\bbirthdays?\b", re.I)

_ASKED = (
    (Sensitive.CARD, _CARD_ASKED),
    (Sensitive.CVV, _CVV),
    (Sensitive.SSN, _SSN),
    (Sensitive.IBAN, _IBAN),
    (Sensitive.SECRETS, _PIN),
    (Sensitive.SECRETS, _PASSWORD),
    (Sensitive.BIRTH_DATE, _BIRTH),
)
_NEAR = 12
"""Tokens between a cue and what it announces."""
_LONGEST = 12
"""Tokens of what it announces."""
_BEFORE = 5
"""Tokens between what was told and a cue that explains it ("123 is the security code")."""
_IS = words("is was : = it's that's being ist would")
_LEAD = words(
    "it it's is that's that the my our would be well um uh er okay ok sure yes yeah so : = , "
    ". - a password word passphrase phrase now currently just all lowercase uppercase capital"
)
_NO_ANSWER = words(
    "i i'm i've i'd i'll no not nope why what which who how can could do don't does sorry "
    "sure pardon wrong case the same required too hard easy expired sent needed never "
    "you we please hello hi wait hold one let strange written on in saved stored set reset "
    "for being about gone missing invalid your there nothing none something somewhere"
)
_JUDGED = frozenset({"correct", "right", "good", "okay", "fine"})
"""By themselves they say how it is, not what."""
_MOST_WORDS = 6
_MOST_LEAD = 8
_MONTHS = words(
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec januar februar märz mai juni juli "
    "oktober dezember"
)
_ORDINALS = words(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth "
    "thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth "
    "twenty-first thirtieth st nd rd th"
)
_OF_DATES = _MONTHS | _ORDINALS
_IN_DATES = frozenset({"of", "the", "in", "and", "on", "year", "'", "day", *"-/.,"})
_LONGEST_DATE = 16
"""Tokens."""


def asked_by(text: str) -> Kinds:
    """What the other side is asked for, or told to be about."""
    text = LABEL.sub(INK, text)
    found = {kind for kind, cue in _ASKED if cue.search(text)}
    return frozenset(found) if found else NOTHING


class Scene:
    """One text with its tokens and numbers, and what it was asked for."""

    def __init__(
        self, text: str, tokens: Sequence[Token], runs: Sequence[Run], asked: Kinds
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.runs = runs
        self.breaths = runs_of(tokens, breath=True)
        """The same numbers, parted by every word."""
        self.spoken = {place for run in self.breaths for place in range(run.first, run.last + 1)}
        """Places of the tokens that are figures."""
        self.asked = asked

    def after(self, cue: re.Pattern[str]) -> Iterator[tuple[int, int]]:
        """Places of the first token of each cue and of the first behind it."""
        starts = [token.start for token in self.tokens]
        for found in cue.finditer(self.text):
            yield bisect_left(starts, found.start()), bisect_left(starts, found.end())

    def told(self, cue: re.Pattern[str], sizes: Iterable[int]) -> Iterator[Run]:
        """The first number of so many figures near each cue, unless it was found before."""
        wanted = frozenset(sizes)
        for begins, ends in self.after(cue):
            yield from self._behind(ends, wanted)
            yield from self._before(begins, wanted)

    def _behind(self, at: int, wanted: frozenset[int]) -> Iterator[Run]:
        near = self.tokens[at : at + _NEAR + _LONGEST]
        hidden = (place for place, token in enumerate(near) if token.what is What.OPAQUE)
        near = near[: next(hidden, None)]
        for runs in (runs_of(near, breath=True), runs_of(near)):
            found = (run for run in runs if run.first < _NEAR and len(run.digits) in wanted)
            if (run := next(found, None)) is not None:
                yield run
                return

    def _before(self, at: int, wanted: frozenset[int]) -> Iterator[Run]:
        for run in self.breaths:
            between = self.tokens[run.last + 1 : at]
            near = 0 < len(between) <= _BEFORE and any(each.text in _IS for each in between)
            if near and len(run.digits) in wanted:
                yield run


def codes(scene: Scene) -> list[Span]:
    """Of cards."""
    found = [*scene.told(_CVV, (3, 4))]
    if Sensitive.CVV in scene.asked:
        found += [run for run in scene.breaths if len(run.digits) in (3, 4)]
    return [_figures(run, Sensitive.CVV) for run in found]


def cards(scene: Scene) -> list[Span]:
    asked = Sensitive.CARD in scene.asked or _CARD.search(scene.text) is not None
    return [span for run in scene.runs for span in numbers.cards(run, asked=asked)]


def accounts(scene: Scene) -> list[Span]:
    asked = Sensitive.IBAN in scene.asked or _IBAN.search(scene.text) is not None
    return [span for run in scene.runs for span in numbers.accounts(run, asked=asked)]


def socials(scene: Scene) -> list[Span]:
    asked = Sensitive.SSN in scene.asked or _SSN.search(scene.text) is not None
    found = numbers.written_socials(scene.text)
    if asked:
        found += [span for run in scene.runs for span in numbers.socials(run)]
        last = list(scene.told(_SSN, (4,)))
        if Sensitive.SSN in scene.asked:
            last += [run for run in scene.breaths if len(run.digits) == 4]
        found += [_figures(run, Sensitive.SSN) for run in last]
    return found


def secrets(scene: Scene) -> list[Span]:
    told = [*scene.told(_PIN, range(4, 11))]
    spans = [_figures(run, Sensitive.SECRETS) for run in told]
    for _, ends in scene.after(_PASSWORD):
        spans += _password(scene.tokens, ends)
    if Sensitive.SECRETS in scene.asked:
        spans += _answer(scene)
    return spans


def _password(tokens: Sequence[Token], at: int) -> list[Span]:
    """Only where the text says what it is: "my password is ..."."""
    if tokens[at - 1].text.endswith(("'s", "\u2019s")):
        return _words(tokens, at)
    limit = min(len(tokens), at + 5)
    for place in range(at, limit):
        if tokens[place].text in _IS:
            return _words(tokens, place + 1)
        if tokens[place].what is not What.WORD:
            break
    return []


def _answer(scene: Scene) -> list[Span]:
    """To "what is your password?": all of it, if it is one."""
    told = sum(token.what is not What.MARK for token in scene.tokens)
    numbers_told = [run for run in scene.runs if 4 <= len(run.digits) <= 10]
    if numbers_told:
        return [_figures(run, Sensitive.SECRETS) for run in numbers_told]
    return _words(scene.tokens, 0) if told <= _MOST_WORDS + 4 else []


def _words(tokens: Sequence[Token], at: int) -> list[Span]:
    """The words from here to the end of their sentence, if they may be a secret."""
    limit = at + _MOST_LEAD
    while at < min(len(tokens), limit) and tokens[at].text in _LEAD:
        at += 1
    if at >= len(tokens) or not tokens[at].sayable:
        return []
    alone = at + 1 >= len(tokens) or not tokens[at + 1].sayable
    if tokens[at].text in _NO_ANSWER or (alone and tokens[at].text in _JUDGED):
        return []
    end = at
    told = 0
    while end < len(tokens) and told < _MOST_WORDS:
        token = tokens[end]
        if token.what is What.OPAQUE or token.text in (",", ";", "?") or _stops(tokens, end):
            break
        told += token.what is not What.MARK
        end += 1
    return [Span(tokens[at].start, tokens[end - 1].end, Sensitive.SECRETS)] if end > at else []


def _stops(tokens: Sequence[Token], at: int) -> bool:
    """A full stop: one with nothing, or a blank, behind it."""
    if tokens[at].text not in (".", "!"):
        return False
    return at + 1 >= len(tokens) or tokens[at + 1].start > tokens[at].end


def births(scene: Scene) -> list[Span]:
    found = []
    for begins, ends in scene.after(_BIRTH):
        found += _date(scene, ends) or _date_before(scene, begins)
    for _, ends in scene.after(_BIRTHDAY):
        found += [span for span in _date(scene, ends) if _has_year(scene, span)]
    if Sensitive.BIRTH_DATE in scene.asked:
        at = 0
        while at < len(scene.tokens):
            last = _date_end(scene, at)
            if last > at and _is_date(scene, at, last):
                found.append(_date_span(scene, at, last))
            at = max(at + 1, last)
    return found


def _date_before(scene: Scene, at: int) -> list[Span]:
    """ "3 May 1980 is my date of birth"."""
    found = _date(scene, max(0, at - _NEAR))
    return [span for span in found if at < len(scene.tokens) and span.end <= scene.tokens[at].start]


def _date(scene: Scene, at: int) -> list[Span]:
    """The first date near this place."""
    for first in range(at, min(len(scene.tokens), at + _NEAR)):
        if scene.tokens[first].what is What.OPAQUE:
            return []
        last = _date_end(scene, first)
        if last > first and _is_date(scene, first, last):
            return [_date_span(scene, first, last)]
    return []


def _date_end(scene: Scene, first: int) -> int:
    """The place after what may be a date and begins here; the same where none may."""
    tokens = scene.tokens
    if not _tells_date(scene, first):
        return first
    last = first
    limit = min(len(tokens), first + _LONGEST_DATE)
    while last < limit and (_tells_date(scene, last) or tokens[last].text in _IN_DATES):
        last += 1
    while not _tells_date(scene, last - 1):
        last -= 1
    return last


def _tells_date(scene: Scene, place: int) -> bool:
    return place in scene.spoken or scene.tokens[place].text in _OF_DATES


def _date_span(scene: Scene, first: int, last: int) -> Span:
    tokens = scene.tokens
    return Span(tokens[first].start, tokens[last - 1].end, Sensitive.BIRTH_DATE)


def _is_date(scene: Scene, first: int, last: int) -> bool:
    """A month and a figure, or figures enough."""
    tokens = scene.tokens[first:last]
    digits = sum(len(run.digits) for run in runs_of(tokens, breath=True))
    month = any(token.text in _MONTHS for token in tokens)
    ordinal = any(token.text in _ORDINALS for token in tokens)
    return digits >= 4 or (month and (digits > 0 or ordinal))


def _has_year(scene: Scene, span: Span) -> bool:
    dated = tokens_of(scene.text[span.start : span.end])
    return any(len(run.digits) >= 4 for run in runs_of(dated, breath=True))


def _figures(run: Run, kind: Sensitive) -> Span:
    told = [each for each in run.symbols if each.char.isdigit()]
    return Span(told[0].start, told[-1].end, kind)


def inked(text: str, spans: Iterable[Span]) -> str:
    """The text with what was found made opaque, every sign at its place."""
    parts: list[str] = []
    at = 0
    for span in spans:
        parts += (text[at : span.start], INK * (span.end - span.start))
        at = span.end
    return "".join((*parts, text[at:]))
