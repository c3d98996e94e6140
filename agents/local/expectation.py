"""What the dialogue expects to hear next: the bridge between dialogue and recogniser."""

import msgspec

OPEN_MARGIN = 6.0
"""Log-probability by which an unconstrained reading must win to be believed instead.

At telephone quality this rejects 0.6 % of right answers and lets 0.5 % of wrong ones pass.
"""


class Expectation(msgspec.Struct, frozen=True):
    """How the next thing the caller says is to be listened to."""

    pattern: str | None = None
    """A pattern of the `regex` module, or None to listen openly.

    It is matched in full against the recogniser's writing as `plain` makes it: lower case,
    without `, . ! ? ; "`, single spaces. So `Yes, please.` is matched as `yes please`, and of
    `three thirty p.m.` and `3:30 pm` each is a possible writing: let the pattern cover both.
    """
    margin: float = OPEN_MARGIN
    """Keep the open reading when it is more likely than the constrained one by this much."""
    patient: bool = False
    """Allow longer pauses within the turn (a phone number, a name being spelled)."""


_UNHEARD = str.maketrans("", "", ',.!?;"')


def plain(text: str) -> str:
    """`text` as patterns see it. A prefix of a text becomes a prefix of its plain form."""
    return " ".join(unpunctuated(text).split())


def unpunctuated(text: str) -> str:
    """`plain` with all spaces still in it."""
    return text.translate(_UNHEARD).lower()
