"""What a server answered, as plain data that is marked as somebody else's words."""

from collections.abc import Iterable
from typing import Any

import msgspec

from tools.http.answers import hidden, too_deep, within

MAX_TEXT = 4_000
MAX_DEPTH = 8
FOUND = "Here is what I found."
SAID_NO = "That did not work."


class Said(msgspec.Struct, frozen=True):
    """One answer of a server, with what cannot be spoken already counted instead of kept."""

    text: str = ""
    data: Any = None
    left_out: tuple[str, ...] = ()
    error: bool = False


def result(
    said: Said, *, writes: bool, message: str = "", secrets: Iterable[str] = ()
) -> dict[str, Any]:
    """The tool's result. No word of the server's is in `message`."""
    spoken = SAID_NO if said.error else message or ("" if writes else FOUND)
    made: dict[str, Any] = {"message": spoken} if spoken else {}
    if said.error:
        made["error"] = True
    if said.text:
        made["untrusted_text"] = said.text[:MAX_TEXT]
    if said.data is not None and not too_deep(said.data, MAX_DEPTH):
        made["untrusted_data"] = said.data
    if said.left_out:
        made["left_out"] = list(said.left_out[:20])
    return within(hidden(made, secrets))
