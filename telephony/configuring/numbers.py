"""Which persona answers which of our numbers?"""

from collections.abc import Mapping
from functools import cache

from telephony.configuring.personafile import NumbersFile
from tools.config import Document
from tools.configuring.declared import schema_of
from tools.validation import Path, Schema, choose


def assigned(document: Document, personas: list[str]) -> tuple[Mapping[str, str], str]:
    """The persona of each number, and of all others; problems are noted in the document.

    `document` is empty where there is no numbers.yaml.
    """
    file = document.fitting(NumbersFile, numbers_schema())
    if file is None:
        return {}, ""
    for number, persona in file.numbers.items():
        _check(document, ("numbers", number), persona, personas)
    if file.default:
        _check(document, ("default",), file.default, personas)
        return file.numbers, file.default
    if len(personas) > 1:
        what = f"nobody answers numbers that are not listed, and there are {len(personas)} personas"
        document.wrong(("default",), what, "Name one: " + ", ".join(personas))
    return file.numbers, personas[0] if personas else ""


def _check(document: Document, path: Path, persona: str, personas: list[str]) -> None:
    if persona not in personas:
        hint = choose(persona, personas) if personas else "Write one: personas/NAME.yaml"
        document.wrong(path, f"there is no persona {persona!r}", hint)


@cache
def numbers_schema() -> Schema:
    return schema_of(NumbersFile)
