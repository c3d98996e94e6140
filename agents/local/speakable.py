"""How texts are cut into sentences and respelled so that the voice says them well."""

import re

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'])")
_NO_END = re.compile(r"(?:\b(?:Dr|Mr|Mrs|Ms|St|No|[A-Z])|\b[ap]\.m)\.$")


def sentences(text: str) -> list[str]:
    """`text` cut after each sentence; joined by spaces they are the text again."""
    found: list[str] = []
    for part in _SENTENCE_END.split(" ".join(text.split())):
        if found and _NO_END.search(found[-1]):
            found[-1] = f"{found[-1]} {part}"
        elif part:
            found.append(part)
    return found


def speakable(sentence: str) -> str:
    return sentence
