"""A caller who waits while a person decides: what they are told, and whether they still want it."""

from collections.abc import Callable
from typing import Final

import msgspec

from tools.assent import Reply, takes_back
from tools.policy import exchanges
from tools.spec import Evidence, Heard

WAITING: Final = "I have to ask a colleague about that. One moment, please."
STILL_WAITING: Final = "I'm still waiting for my colleague. Thank you for holding on."


def silent(_words: str) -> None:
    """Nobody is told that they wait."""


class OnHold(msgspec.Struct, frozen=True):
    """The line to one caller. Neither function may block."""

    tell: Callable[[str], None] = silent
    """Told what to say to a caller who waits."""
    evidence: Callable[[], Evidence] | None = None
    """What has been said in the call up to now; None where nobody can tell."""


NOBODY: Final = OnHold()


def taken_back(before: Evidence, now: Evidence) -> bool:
    """Whether the caller has called it off since it was asked for.

    Words that call things off do so whenever they are said; a plain no only in answer to our word
    that we wait, for it may answer another question.
    """
    since = _since(before, now)
    texts = [each.text for each in since if each.speaker == "caller"]
    return takes_back(texts) or any(
        exchange.answer is Reply.NO and bool(exchange.agent) and _is_ours(exchange.agent[-1])
        for exchange in exchanges(Evidence(since))
    )


def _since(before: Evidence, now: Evidence) -> tuple[Heard, ...]:
    """What was said later. Lines of the caller are counted: one of the agent's may have been in
    the midst of being heard."""
    known = sum(each.speaker == "caller" for each in before.said)
    for index, each in enumerate(now.said):
        if each.speaker == "caller":
            if known == 0:
                began = index - 1 if index and now.said[index - 1].speaker == "agent" else index
                return now.said[began:]
            known -= 1
    return ()


def _is_ours(line: Heard) -> bool:
    return any(words.startswith(line.text) for words in (WAITING, STILL_WAITING))
