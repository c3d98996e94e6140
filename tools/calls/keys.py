"""How a model asks for telephone keys to be sent down the caller's line."""

from typing import Annotated, NoReturn

import msgspec

from tools.spec import BackendError, Risk, Tool, ToolContext

SEND_DIGITS = "send_digits"
MOST_KEYS = 32
PAUSE = "w"
"""Half a second of silence between keys, as in Twilio's `sendDigits`."""


class SendDigits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which keys."""

    digits: Annotated[
        str,
        msgspec.Meta(
            description="The keys in order: 0-9, * and #; `w` waits half a second.",
            pattern=r"^[0-9A-D*#w]*[0-9A-D*#][0-9A-D*#w]*$",
            max_length=MOST_KEYS,
        ),
    ]


def _never(_asked: SendDigits, _context: ToolContext) -> NoReturn:
    raise BackendError("keys are sent by the call itself", permanent=True)


def keys_tool() -> Tool:
    """Without phrases: what a key opens is for the instructions to say, not for callers."""
    return Tool(
        name=SEND_DIGITS,
        description=(
            "Send key tones down the caller's line, for a door opener or another machine there."
            " Wait for the answer: it tells whether they were heard to the end."
        ),
        arguments=SendDigits,
        handler=_never,
        risk=Risk.WRITE_OTHER,
        by_call=True,
        claims=("I have opened the", "I have sent the code", "I have dialled the code"),
    )
