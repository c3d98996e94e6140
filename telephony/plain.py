"""How text that strangers wrote is shown without it acting on a terminal or a log."""

import unicodedata

# Control, format (bidirectional overrides, zero width), line and paragraph separators,
# and lone surrogates, which no UTF-8 stream takes.
_UNSAFE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


def plain(text: str) -> str:
    """The same text on one line, with every character that could act written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escaped(char) if unicodedata.category(char) in _UNSAFE else char for char in text
    )


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
