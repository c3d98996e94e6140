"""What somebody may read of a call who may not hear it: the same lines with what could tell who
the caller is, or how to reach them, taken out.

This comes on top of what was never stored. It only takes away: nothing is shown here that the
transcript does not hold. Names of people are not found in what was said; in what tools were given
and answered no value is left.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    DtmfLine,
    OperatorLine,
    ToolLine,
    Word,
    WordFate,
)
from telephony.transcripts.story import Sources
from telephony.transcripts.summary import Summary
from tools.redacting import redactor
from tools.redacting.kinds import LABELS, OPEN_LABEL, Sensitive

HIDDEN: Final = "[hidden]"
Span = tuple[int, int, str]
"""From and to, and what to write instead."""
Find = Callable[[str], Sequence[Span]]

# Begins at the beginning of a word only, or a long word would be gone through from each letter.
_EMAIL: Final = (
    r"(?<![\w.+-])[\w.+-]+(?:@|\s{1,3}at\s{1,3})[\w-]+(?:(?:\.|\s{1,3}dot\s{1,3})[\w-]+)+"
)
_ISO_DATE: Final = r"\d{4}-\d{2}-\d{2}(?!\d)"
_DIGITS: Final = r"\+?\d(?:[\s().\-/]{0,3}\d){4,}"
_FIGURE: Final = (
    r"(?:zero|oh|nought|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen"
    r"|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundred|double|triple|\d{1,4})"
)
_SPOKEN: Final = rf"\b{_FIGURE}(?:[\s,.\-]+(?:and\s+)?{_FIGURE}){{3,}}\b"
_WANTED: Final = re.compile(
    rf"(?P<email>{_EMAIL})|(?P<date>{_ISO_DATE})|(?P<number>{_DIGITS}|{_SPOKEN})", re.I
)
_OWN_LABELS: Final = {"email": LABELS[Sensitive.EMAIL], "number": OPEN_LABEL}
_EVERY_KIND: Final = frozenset(Sensitive)
_OWN_NAMES: Final = frozenset(
    {
        "engine", "fate", "item_id", "model", "name", "reason", "response_id", "source", "standing",
        "state", "status", "tool_call_id", "tools", "what", "why", "words",
    }
)  # fmt: skip
"""Fields that hold words of ours, not of anybody on the line."""
_LONGEST: Final = 20_000
"""What is longer is hidden as a whole: to search it would take long."""


def found(text: str) -> list[Span]:
    """All that can be kept out of records, whatever the call's persona keeps, and numbers of five
    digits and more, written or spoken."""
    spans = [
        (span.start, span.end, LABELS[span.kind] if span.kind else OPEN_LABEL)
        for span in redactor.find(text, _EVERY_KIND)
    ]
    spans += [
        (hit.start(), hit.end(), _OWN_LABELS[hit.lastgroup])
        for hit in _WANTED.finditer(text)
        if hit.lastgroup in _OWN_LABELS
    ]
    return _merged(sorted(spans))


def _merged(spans: Sequence[Span]) -> list[Span]:
    """What overlaps becomes one, under the name of the first."""
    kept: list[Span] = []
    for first, last, label in spans:
        if kept and first < kept[-1][1]:
            begin, end, name = kept.pop()
            kept.append((begin, max(end, last), name))
        else:
            kept.append((first, last, label))
    return kept


def discreet(entries: Iterable[AnyEntry], find: Find = found) -> list[AnyEntry]:
    """The lines as who may not hear the call reads them."""
    return [discreet_entry(entry, find) for entry in entries]


def discreet_summary(summary: Summary) -> Summary:
    """The caller's number without all but its last two digits."""
    return msgspec.structs.replace(summary, from_number=last_two(summary.from_number))


def discreet_sources(found: Sources) -> Sources:
    """Where arguments were said, and nothing of what they were."""
    return {
        place: given and tuple(msgspec.structs.replace(each, value=HIDDEN) for each in given)
        for place, given in found.items()
    }


def last_two(number: str | None) -> str | None:
    """As somebody knows a number who may not."""
    return number and "…" + number[-2:]


def discreet_entry(entry: AnyEntry, find: Find = found) -> AnyEntry:
    """One of them."""
    changes: dict[str, Any] = {
        name: discreet_text(value, find)
        for name in entry.__struct_fields__
        if name not in _OWN_NAMES and isinstance(value := getattr(entry, name), str)
    }
    match entry:
        case ToolLine():
            changes |= {"arguments": _emptied(entry.arguments), "output": _emptied(entry.output)}
        case AgentLine():
            changes |= _line_words(entry.words, find)
        case DtmfLine():
            changes["digit"] = "x"
        case OperatorLine():
            changes["words"] = discreet_text(entry.words, find)
        case _:
            pass
    return msgspec.structs.replace(entry, **changes)


def discreet_text(text: str, find: Find = found) -> str:
    """A text as who may not hear the call reads it."""
    if len(text) > _LONGEST:
        return HIDDEN
    pieces: list[str] = []
    at = 0
    for first, last, label in find(text):
        pieces += [text[at:first], label]
        at = last
    return "".join([*pieces, text[at:]])


def _emptied(document: str) -> str:
    """The names in a JSON object, and none of its values."""
    try:
        given = msgspec.json.decode(document, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return msgspec.json.encode(HIDDEN).decode()
    return msgspec.json.encode(dict.fromkeys(given, HIDDEN)).decode()


def _line_words(words: Sequence[Word], find: Find) -> dict[str, Any]:
    """What was heard follows from the words: half a number that was heard is no number any more."""
    if not words:
        return {}
    left = _words(words, find)
    heard = " ".join(word.text for word in left if word.fate is WordFate.HEARD)
    return {"words": left, "heard": heard}


def _words(words: Sequence[Word], find: Find) -> tuple[Word, ...]:
    """As the whole line is: what is taken out becomes one word, from the first of them to the last.

    It counts as the least heard of them.
    """
    text = " ".join(word.text for word in words)
    if len(text) > _LONGEST:
        return ()
    kept: list[Word] = []
    spans = find(text)
    at = 0
    for word in words:
        first, last = at, at + len(word.text)
        at = last + 1
        span = next((each for each in spans if each[0] < last and first < each[1]), None)
        if span is None:
            kept.append(word)
        elif span[0] >= first or not kept:
            kept.append(msgspec.structs.replace(word, text=span[2]))
        else:
            kept[-1] = _joined(kept[-1], word)
    return tuple(kept)


_HEARD_LEAST: Final = (WordFate.UNHEARD, WordFate.CUT, WordFate.HEARD)


def _joined(one: Word, other: Word) -> Word:
    fate = min(one.fate, other.fate, key=_HEARD_LEAST.index)
    return Word(one.text, one.start_ms, max(one.end_ms, other.end_ms), fate)
