"""Planted bugs: the tests are only worth what they notice."""

import msgspec


class Mutant(msgspec.Struct, frozen=True):
    """One bug to plant."""

    file: str
    original: str
    """Occurs exactly once in the file."""
    mutated: str
    breaks: str
    """What goes wrong on the phone."""
    tests: tuple[str, ...]
    """Modules of which one must fail."""
