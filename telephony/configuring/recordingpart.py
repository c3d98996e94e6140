"""What a persona asks before a call is recorded, and by which rule of the caller's region."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

ConsentKind = Literal["ask", "notice", "none"]
Region = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\+[1-9]\d{0,14}$",
        max_length=16,
        description="The beginning of a number, like +49 or +1212.",
        extra_json_schema={"x-form": "the beginning of a number, like +49 or +1212"},
    ),
]


def _sentence(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description, min_length=1, max_length=400)


Phrase = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


class RecordingPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whether callers have to agree before a call is kept. Who refuses is served all the same:
    of their call nothing but metadata is kept."""

    consent: (
        Annotated[
            ConsentKind,
            msgspec.Meta(
                description="`ask` for a yes, `notice` tells of it, `none` does neither; `ask` if"
                " anything else is said here, else as in the settings."
            ),
        ]
        | UnsetType
    ) = UNSET
    regions: Annotated[
        dict[Region, ConsentKind],
        msgspec.Meta(
            max_length=500,
            description="Other rules by the beginning of the caller's number; the longest that"
            " fits holds. A withheld number gets what `consent` says.",
        ),
    ] = {}
    question: Annotated[str, _sentence("Asked in our own recorded words.")] = (
        "Before we begin: may I record this call? Say yes, or press 1. Say no, or press 2, and I"
        " will help you without recording."
    )
    notice: Annotated[str, _sentence("Said where a notice is enough.")] = "This call is recorded."
    refused: Annotated[str, _sentence("Said to who does not agree.")] = (
        "All right, this call is not recorded."
    )
    yes: Annotated[
        list[Phrase],
        msgspec.Meta(max_length=50, description="What means yes, beside the English phrases."),
    ] = []
    no: Annotated[
        list[Phrase], msgspec.Meta(max_length=50, description="What means no, likewise.")
    ] = []


def wanted(part: RecordingPart, otherwise: str, number: str | None) -> tuple[str, str]:
    """Which kind of consent this caller is asked for, and the prefix that says so (empty: none).

    `number` is in E.164, None for a withheld one; `otherwise` is the kind of the settings.
    """
    # Whoever says anything of it means more than nothing.
    unsaid = otherwise if part == RecordingPart() else "ask"
    default = unsaid if part.consent is UNSET else part.consent
    fitting = [
        prefix for prefix in part.regions if number is not None and number.startswith(prefix)
    ]
    if not fitting:
        return default, ""
    longest = max(fitting, key=len)
    return part.regions[longest], longest
