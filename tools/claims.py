"""Does a sentence claim that something was done? The language of a tool's `claims` (English).

A rule is one word or several, and may name exceptions:

- `booked`: one past participle. Found where an agent claims it of itself or of the caller's
  matter: `I've booked`, `you're all booked in`, `your haircut has been booked`, `Booked!`.
- `your appointment is confirmed`: several words, found one after the other; adverbs such as
  `now` may stand between them, and `...` for up to eight words of any kind.
- `moved unless we have moved to, moved on`: not where the sentence has one of these.

Upper case, punctuation and contractions do not matter. Never found are questions (`is it
booked`), what is not yet (`shall I book`, `once it is booked`, `will be booked`), what is not
(`has not been booked`), and times that are taken (`ten o'clock is booked`).
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

import msgspec

_SHORT_WORD = 4
MOST_WORDS = 12
"""Of one phrase: longer ones would only ever match one sentence."""


class ClaimError(ValueError):
    """A rule that cannot be used; the message names the cure."""


class Rule(msgspec.Struct, frozen=True):
    """One entry of a tool's `claims`."""

    words: tuple[str, ...]
    unless: tuple[tuple[str, ...], ...] = ()


class Claim(msgspec.Struct, frozen=True):
    """A place where a sentence claims something."""

    end: int
    """Where the claiming word ends in `plain(sentence)`: the same word is the same claim."""
    stands: bool
    """It tells how things stand (`you are booked`), and need not have been done just now."""


# ---- rules -----------------------------------------------------------------------------------


@cache
def parse(rule: str) -> Rule:
    """Raises ClaimError."""
    phrase, _, exceptions = rule.partition(" unless ")
    words = _phrase(phrase, rule)
    if words[0] == "..." or words[-1] == "...":
        raise ClaimError(f"{rule!r} begins or ends with `...`: leave it out there")
    unless = tuple(_phrase(each, rule) for each in exceptions.split(",")) if exceptions else ()
    return Rule(words, unless)


def _phrase(text: str, rule: str) -> tuple[str, ...]:
    parts = [plain(part).split() for part in text.split("...")]
    words = [word for part in parts for word in (*part, "...")][:-1]
    if not any(word not in ("...", ",") for word in words):
        raise ClaimError(f"{rule!r} has no words: write what the agent says, like `booked`")
    if len(words) > MOST_WORDS:
        raise ClaimError(f"{rule!r} is too long: {MOST_WORDS} words at most")
    if "," in words:
        raise ClaimError(f"{rule!r} has punctuation in it: write only words, and `...`")
    return tuple(words)


# ---- sentences -------------------------------------------------------------------------------

_TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*|[,;:()\u2013\u2014]|(?<=\s)-(?=\s)")
_NOT = re.compile(r"n't$")
_SHORT = {"i'm": "i am", "let's": "let us", "cannot": "can not", "can't": "can not"}
_SHORTENED = {"'ve": " have", "'re": " are", "'ll": " will", "'d": " would", "'s": " 's"}


def _spelt(word: str) -> str:
    if word in _SHORT:
        return _SHORT[word]
    if word.endswith("n't"):
        return _NOT.sub(" not", word)
    for ending, whole in _SHORTENED.items():
        if word.endswith(ending):
            return word.removesuffix(ending) + whole
    return word


def plain(sentence: str) -> str:
    """Its words in lower case with contractions spelt out, and a comma for each break."""
    lowered = sentence.casefold().replace("\u2019", "'")
    tokens = _TOKEN.findall(lowered)
    words = [token if token[0].isalnum() else "," for token in tokens]
    return " ".join([_spelt(word) if "'" in word or word in _SHORT else word for word in words])


@lru_cache(maxsize=8)
def _read(sentence: str) -> tuple[str, frozenset[str]]:
    """The same sentence is looked at for every rule."""
    said = plain(sentence)
    return said, frozenset(said.split())


@cache
def _worthwhile(rule: tuple[str, ...]) -> frozenset[str]:
    return frozenset(rule) - {"...", "is"}


def _worth_a_look(words: frozenset[str], rule: tuple[str, ...]) -> bool:
    if len(rule) > 1:
        return _worthwhile(rule) <= words
    return rule[0] in words or not _infinitives(rule[0]).isdisjoint(words)


class Index:
    """Rules by their signs: a sentence that claims anything by a rule has one of its signs among
    its words, so of many rules few have to be looked at, and mostly none."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._by_sign: dict[str, list[Rule]] = {}
        for rule in dict.fromkeys(rules):
            for sign in _signs(rule.words):
                self._by_sign.setdefault(sign, []).append(rule)

    def likely(self, sentence: str) -> list[Rule]:
        """By none of the others does the sentence claim anything. Quick."""
        shown = self._by_sign.keys() & _read(sentence)[1]
        return list(dict.fromkeys(rule for sign in shown for rule in self._by_sign[sign]))


def _signs(rule: tuple[str, ...]) -> frozenset[str]:
    if len(rule) == 1:
        return _infinitives(rule[0]) | {rule[0]}
    needed = _worthwhile(rule)
    return frozenset({max(needed, key=lambda word: (len(word), word))} if needed else {"is", "'s"})


def claims(sentence: str, rule: Rule, *, whole: bool = True) -> list[Claim]:
    """Where the sentence claims what the rule says.

    Not `whole`: more of the sentence is to come, so what could still become an exception is left.
    """
    said, words = _read(sentence)
    if not _worth_a_look(words, rule.words):
        return []
    found = {claim.end: claim for claim in _found(said, rule.words, whole=whole)}
    return [claim for claim in found.values() if not _excused(said, claim, rule, whole=whole)]


@cache
def _infinitives(word: str) -> frozenset[str]:
    """Those a participle may have: of `mov`, `move` and `moved` one is a word."""
    regular = word.endswith("ed") and len(word) > _SHORT_WORD
    return frozenset((word[:-1], word[:-2], word[:-3]) if regular else (word,))


def _excused(said: str, claim: Claim, rule: Rule, *, whole: bool) -> bool:
    return any(_excepts(said, words, claim, whole=whole) for words in rule.unless)


def _excepts(said: str, words: tuple[str, ...], claim: Claim, *, whole: bool) -> bool:
    phrase = " ".join(words)
    if f" {phrase} " in f" {said} ":
        return True
    begun = (" ".join(words[:count]) for count in range(1, len(words)))
    growing = said.endswith(tuple(begun))
    return not whole and growing and claim.end > len(said) - len(phrase)


# ---- English ---------------------------------------------------------------------------------

_ADVERBS = (
    "now just already all also both then successfully officially indeed finally safely duly"
    " actually certainly definitely gladly happily kindly"
)
_ADV = f"(?:(?:{'|'.join(_ADVERBS.split())}) )*"
_OPENERS = (
    "okay ok right alright great perfect excellent lovely wonderful brilliant super fantastic done"
    " yes yeah yep sure certainly absolutely well good fine there so and but then now also thanks"
    " you thank hi hello oh ah news ready , "
)
_OPEN = f"(?:^|(?<= , )|(?<=^, ))(?:(?:{'|'.join(_OPENERS.split())}) )*"
"""The beginning of a sentence or of a part of it, with whatever leads into it."""
_STOPS = (
    "not never no nothing none nobody neither if once when until till unless before after whether"
    " can could will would shall should may might must be is are was were am has have had 's"
    " i we you which who"
)
_GAP = f"(?:(?!(?:{'|'.join(_STOPS.split())}) )(?:\\S+) )"
_NOUN = f"(?:(?:your|his|her|their|the|that|this)(?: (?:[a-z]+ )?'s)? {_GAP}{{1,14}}?)"
_THING = f"(?:(?:you|him|her|them|it|that|this|everything|both|two) |an? {_GAP}{{1,6}}?|{_NOUN})"
_MATTER = "(?:appointment|booking|reservation|visit|order|payment|message|call)"
_IS = f"(?:(?:is|has|'s) {_ADV}been|is|'s)"
_STATE = "(?:am|is|are|'s|was|were)"
_PERFECT = f"(?:have|has|had|'s|is) {_ADV}been"
_OBJECT = "you|it|that|your|him|her|them|everything|both"
_FOLLOW = "in|for|you|it|that|your|the|on|at|with|and|under|as|until|,"

_HOURS = (
    "slot slots time times day days hour hours morning afternoon evening week weekend month date"
    " o'clock noon diary calendar book chair chairs stylist table room monday tuesday wednesday"
    " thursday friday saturday sunday am pm half quarter line"
)
_TIMES = frozenset(_HOURS.split())
"""What is booked when it is taken: to say so claims nothing."""
_BEFORE = re.compile(r" (?:for|on|at|with|in|under|from|of|by) ")
_SUBORDINATE = re.compile(
    r"\b(?:if|once|when|whenever|until|till|unless|before|after|whether|as soon as|as long as"
    r"|in case|provided|assuming|suppose|imagine|without|would like|so that|instead of|rather than"
    r"|you (?:said|say|mean|meant|told|mentioned|thought|think|believe|heard)|as if|as though"
    r"|(?:did|do|does) (?:you|i|we|he|she|it|they|your|the|that|this)"
    r"|(?:make|making|made|be|to be) sure|(?:check|checking|see|ask|asking) (?:that|if|whether))\b"
)
_WISHED = re.compile(r"\b(?:want|wants|wanted|wish|hope|example|why|how|what|where)\b")
_DENIED = re.compile(r"\b(?:not|never|no|nothing|none|nobody|neither|hardly|cannot)\b")
_TAKEN = re.compile(r"\b(?:afraid|sorry|unfortunately|already|sadly)\b")
_GOVERNED = re.compile(
    r"(?:^| )(?:will|would|can|could|shall|should|may|might|must|to|not|never|be|have to)$"
)
_JOINED = re.compile(r" , (?!(?:and|or) )| (?:but|so|then) ")
_LINKED = re.compile(r" and ")


@cache
def _participle(word: str) -> tuple[tuple[re.Pattern[str], bool], ...]:
    """Patterns whose last word claims, each with whether it tells how things stand."""
    key = rf"{re.escape(word)}(?!\S)"
    agent, it = r"(?<!\S)(?:i|we)", "(?:you|it|everything|both(?: of them)?|all of (?:it|that))"
    acts = f"(?:have |had |went |[a-z]+ed ){_GAP}{{0,8}}?and {_ADV}{key}"
    managed = f"(?:(?:was|were|have been) {_ADV}able to|(?:have )?{_ADV}managed to) "
    told = f"(?:{_OPEN}|(?<!\\S)(?:confirm|say|sure|know|tell you|afraid|sorry) (?:that )?)"
    patterns = (
        (f"{agent} (?:have|had) (?:got )?{_ADV}{key}", False),
        (f"{_OPEN}(?:i|we) {_ADV}{key}", False),
        (f"{_OPEN}(?:i|we) {acts}", False),
        (rf"(?<!have )(?<!did ){agent} {_ADV}{key}(?= (?:{_OBJECT})(?!\S))", False),
        (f"{agent} (?:have|got)(?: got)? {_THING}{_ADV}{key}", True),
        (f"{agent} {managed}(?:get|have) {_THING}{_ADV}{key}", False),
        (
            f"{agent} {managed}(?:{'|'.join(map(re.escape, sorted(_infinitives(word))))})(?!\\S)",
            False,
        ),
        (f"{agent} have had {_THING}{_ADV}{key}", False),
        (rf"(?<!\S)you {_STATE} {_ADV}{key}", True),
        (rf"(?<!\S){it} {_PERFECT} {_ADV}{key}", False),
        (rf"(?<!\S){_NOUN}{_STATE} {_ADV}{key}", True),
        (rf"(?<!\S)(?:an? {_GAP}{{1,6}}?|{_NOUN}){_PERFECT} {_ADV}{key}", False),
        (f"{told}(?:it|that|this) {_STATE} (?:you )?{_ADV}{key}", True),
        (f"{told}(?:that|this) {_PERFECT} {_ADV}{key}", False),
        (rf"(?<!\S)consider (?:it|that|yourself) {_ADV}{key}", False),
        (rf"{_OPEN}(?:your )?(?:{_MATTER} )?{_ADV}{key}(?= (?:{_FOLLOW})(?!\S)|$)", False),
    )
    return tuple((re.compile(pattern), stands) for pattern, stands in patterns)


@cache
def _literal(words: tuple[str, ...]) -> re.Pattern[str]:
    parts = [f"{_GAP}{{0,8}}?" if word == "..." else f"{_form(word)} {_ADV}" for word in words]
    last = re.escape(words[-1])
    return re.compile(rf"(?<!\S){''.join(parts[:-1])}{last}(?!\S)")


def _form(word: str) -> str:
    """`is` stands for what it is shortened to, and for what has been done."""
    return _IS if word == "is" else re.escape(word)


def _found(said: str, words: tuple[str, ...], *, whole: bool) -> Iterable[Claim]:
    if len(words) > 1:
        for match in _literal(words).finditer(said):
            if _asserted(said, match.start()) and not _GOVERNED.search(
                said[: match.start()].strip()
            ):
                yield Claim(match.end(), stands=True)
        return
    for pattern, stands in _participle(words[0]):
        for match in pattern.finditer(said):
            open_end = match.end() == len(said) and not whole and pattern.pattern.endswith("|$)")
            if open_end or _is_taken_time(match[0]) or not _asserted(said, match.start()):
                continue
            if not _said_of_a_time(said, match):
                yield Claim(match.end(), stands)


def _asserted(said: str, start: int) -> bool:
    """Nothing before it in its part of the sentence makes it a wish, a condition or a denial."""
    part = _JOINED.split(f" {said[:start]} ")[-1]
    last = _LINKED.split(part)[-1]
    return not (_SUBORDINATE.search(part) or _WISHED.search(last) or _DENIED.search(last))


def _is_taken_time(match: str) -> bool:
    """`the slot at ten is booked`: of what the shop has, not of what the caller asked for."""
    determiner, _, rest = match.partition(" ")
    if determiner not in ("the", "that", "this"):
        return False
    if determiner != "the" and {"are", "were"} & set(rest.split()):
        # No determiner: `we ask that appointments are cancelled in time`.
        return True
    head = _BEFORE.split(f" {rest} ")[0].split()
    noun = [word for word in head if not re.fullmatch(_STATE, word)]
    return any(word in _TIMES or word[0].isdigit() for word in noun)


def _said_of_a_time(said: str, match: re.Match[str]) -> bool:
    """`I'm afraid that's booked`, `that is already booked`: somebody else has it."""
    words = match[0].split()
    bare = any(word in ("it", "that", "this") for word in words[:-1]) and "have" not in words
    if not bare or "been" in words:
        return False
    return bool(_TAKEN.search(said[: match.end()]))
