"""Calls that are on, as somebody sees them who may not hear them: the same as the page of a call
that is over, see telephony.transcripts.discretion.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import structs

from telephony.live.picture import CallView
from telephony.live.wire import AnyAnswer, Calls, Changes, Gone, Lines
from telephony.transcripts.discretion import Span, discreet, found, last_two

Words = tuple[str, str]
"""What was heard of what is being said, and what was not yet."""


class Discretion:
    """For one reader: what a call process answers them, without what they may not know."""

    def __init__(self) -> None:
        self._words: dict[str, Words] = {}
        """As they are: what is to be hidden may begin in the one and end in the other."""

    def told(self, answer: AnyAnswer) -> AnyAnswer:
        match answer:
            case Calls(calls):
                self._words = {call.call_id: (call.heard, call.unheard) for call in calls}
                return Calls(tuple(discreet_calls(calls)))
            case Changes(changes):
                return Changes(tuple(map(self._changed, changes)))
            case Lines(first, entries):
                return Lines(first, tuple(discreet(entries)))
            case Gone(call_ids):
                for call_id in call_ids:
                    self._words.pop(call_id, None)
                return answer
            case _:
                return answer

    def _changed(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        shown = dict(fields)
        if "caller" in fields:
            shown["caller"] = _number(fields["caller"])
        if "heard" in fields or "unheard" in fields:
            call_id = fields["call_id"]
            heard, unheard = self._words.get(call_id, ("", ""))
            words = fields.get("heard", heard), fields.get("unheard", unheard)
            self._words[call_id] = words
            shown["heard"], shown["unheard"] = discreet_words(words)
        return shown


def discreet_calls(calls: Sequence[CallView]) -> list[CallView]:
    return [_discreet_call(call) for call in calls]


def _discreet_call(call: CallView) -> CallView:
    heard, unheard = discreet_words((call.heard, call.unheard))
    return structs.replace(call, caller=_number(call.caller), heard=heard, unheard=unheard)


def discreet_words(words: Words) -> Words:
    """What stands in both goes by where it begins."""
    text, cut = "".join(words), len(words[0])
    heard, unheard = "", ""
    at = 0
    for first, last, label in (*_found(text), (len(text), len(text), "")):
        heard += text[at : min(first, cut)]
        unheard += text[max(at, cut) : first]
        if first < cut:
            heard += label
        else:
            unheard += label
        at = last
    return heard, unheard


@lru_cache(maxsize=1_000)
def _found(text: str) -> tuple[Span, ...]:
    """A text stays the same while more and more of it is heard."""
    return tuple(found(text))


def _number(caller: str) -> str:
    """`anonymous` tells nothing of anybody."""
    return (last_two(caller) or "") if any(map(str.isdigit, caller)) else caller
