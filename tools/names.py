"""Which names are one name to whoever hears them?"""

import unicodedata

_SIGNS = str.maketrans(
    # A voice has no apostrophe, and between the halves of a name it has a pause at most.
    dict.fromkeys("'\u2019\u2018\u201b\u02bc\u02bb\u02b9\u2032\uff07`\u00b4\u00ad", "")
    | dict.fromkeys("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d.", " ")
)
_LETTERS = str.maketrans(
    # Letters of their own, which Unicode does not take for others with an accent.
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "ŧ": "t"}
    | {"ŋ": "n", "ĸ": "k", "æ": "ae", "œ": "oe", "þ": "th"}
)


def name_key(name: str) -> str:
    """The same text for names that sound alike: without case, accents, apostrophes, hyphens.

    Empty for what has no sound.
    """
    plain = unicodedata.normalize("NFKD", name.translate(_SIGNS)).casefold()
    plain = "".join(each for each in plain if not unicodedata.combining(each))
    return " ".join(plain.translate(_LETTERS).split())


def same_name(one: str, two: str) -> bool:
    """Whether they sound alike. What has no sound (`-`, `...`) is nobody's name."""
    return name_key(one) == name_key(two) != ""
