"""What one setting is."""

import msgspec

from telephony.values import Parse


class Variable(msgspec.Struct, frozen=True):
    """One setting: `NAME` in the environment or in `.env`, `field` in Settings."""

    name: str
    field: str
    parse: Parse
    default: str | None
    """As it would be written; None when it follows from other settings or may be missing."""
    form: str
    """What a value looks like, for whoever has to mend one."""
    meaning: str
    secret: bool = False
    """Never shown, and may also be given as the path of a file in `NAME_FILE`."""
