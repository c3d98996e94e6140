"""How a model asks for digits to be typed on the telephone's keypad."""

from typing import Annotated, Literal, NoReturn

import msgspec

from tools.spec import BackendError, Tool, ToolContext

COLLECT_DIGITS = "collect_digits"
MAX_DIGITS = 32


class CollectDigits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which digits are wanted, and when they are all there."""

    purpose: Annotated[
        str,
        msgspec.Meta(
            description="What the digits are, for the record.", min_length=1, max_length=80
        ),
    ]
    length: (
        Annotated[int, msgspec.Meta(description="How many digits there are.", ge=1, le=MAX_DIGITS)]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    terminator: Annotated[
        Literal["#", "none"], msgspec.Meta(description="The key that ends the entry early.")
    ] = "#"
    timeout_s: Annotated[
        float,
        msgspec.Meta(
            description="Seconds to wait for each key, from the end of speech.", ge=2, le=60
        ),
    ] = 10.0
    sensitive: Annotated[
        bool,
        msgspec.Meta(
            description="True for card numbers, PINs and the like: you get a reference to pass to"
            " another tool exactly as it is, never to be read out. The caller is not heard"
            " meanwhile."
        ),
    ] = False


def _never(_asked: CollectDigits, _context: ToolContext) -> NoReturn:
    raise BackendError("digits are collected by the call itself", permanent=True)


def digits_tool() -> Tool:
    """Without phrases: callers do not ask for it, other tools make it necessary."""
    return Tool(
        name=COLLECT_DIGITS,
        description=(
            "Let the caller type digits on the keypad. First say what to type and that the hash key"
            " ends it and star starts over; call this in the same turn."
        ),
        arguments=CollectDigits,
        handler=_never,
        by_call=True,
    )
