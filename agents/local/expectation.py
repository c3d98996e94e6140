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

    It is matched in full, ignoring case, against the recogniser's written text without
    outer spaces: `Three thirty p.m.`, `3:30 pm`, `Yes, please.`. Let it cover both words and
    figures, and optional punctuation; the recogniser writes whichever it finds more likely.
    """
    margin: float = OPEN_MARGIN
    """Keep the open reading when it is more likely than the constrained one by this much."""
    patient: bool = False
    """Allow longer pauses within the turn (a phone number, a name being spelled)."""
