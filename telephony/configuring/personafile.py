"""What the files of personas, numbers and snippets may say: each field is declared here, once."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from telephony.configuring.recordingpart import RecordingPart
from telephony.configuring.sessionpart import SessionPart
from telephony.configuring.turnspart import TurnsPart
from tools.configuring.hours import WeeklyHours
from tools.configuring.toolfile import OwnNumber

EngineKind = Literal["realtime", "live", "turns", "local"]
RedactKind = Literal["card", "cvv", "ssn", "iban", "secrets", "email", "phone", "birth_date"]
"""The values of `tools.redacting.kinds.Sensitive`."""
PERSONA_NAME = r"^[a-z][a-z0-9_-]{0,63}$"

SPOKEN_AHEAD = ("apology", "sorry")
"""Words that are recorded before any call: they know nothing of one."""
WORDS = (
    "reprompt",
    "go_on",
    "silence_prompt",
    "second_prompt",
    "idle_goodbye",
    "length_goodbye",
    "budget_goodbye",
    "drain_goodbye",
    "staff_goodbye",
    "nobody_free",
    "broke_off",
    "where_were_we",
    *SPOKEN_AHEAD,
)
"""Fields of `agents.persona.Persona` with the same names."""


def _about(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


def _sentence(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description, min_length=1, max_length=400)


Words = Annotated[str, _sentence("")]


class TurnTakingPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the floor changes hands; what is left out is as in phone.yaml and the settings."""

    barge_in: (
        Annotated[Literal["immediate", "confirmed"], _about("When the caller's voice stops ours.")]
        | UnsetType
    ) = UNSET
    filler: (
        Annotated[str, msgspec.Meta(max_length=100, description="Said when an answer takes long.")]
        | UnsetType
    ) = UNSET
    filler_after_ms: (
        Annotated[int, msgspec.Meta(ge=500, le=10_000, description="How long is long.")] | UnsetType
    ) = UNSET
    longest_reply_s: (
        Annotated[int, msgspec.Meta(ge=10, le=600, description="What is longer is broken off.")]
        | UnsetType
    ) = UNSET
    confirm_ms: (
        Annotated[
            int, msgspec.Meta(ge=100, le=3_000, description="Sound of speech that interrupts.")
        ]
        | UnsetType
    ) = UNSET
    above_noise_db: (
        Annotated[
            float, msgspec.Meta(ge=1, le=40, description="How far speech stands out of noise.")
        ]
        | UnsetType
    ) = UNSET


Usd = Annotated[float, msgspec.Meta(ge=0.01, le=1_000_000)]


class BudgetPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What calls to this persona may cost, in US dollars; what is missing is as in the settings."""

    call: Annotated[Usd, _about("One call.")] | UnsetType = UNSET
    caller: Annotated[Usd, _about("All calls of one number on one day.")] | UnsetType = UNSET
    day: Annotated[Usd, _about("All calls to this persona on one day.")] | UnsetType = UNSET
    say: Annotated[str, _sentence("What a caller hears whom no money is left for.")] = (
        "I'm sorry, we can't take this call today. Please call again tomorrow. Goodbye."
    )


class OutsidePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a caller gets outside the persona's hours, without an agent."""

    say: Annotated[str, _sentence("What they hear.")] = (
        "Thank you for calling. We are closed just now."
    )
    then: Annotated[
        Literal["hang_up", "voicemail", "transfer"], _about("What happens after it.")
    ] = "voicemail"
    target: Annotated[str, _about("For `transfer`: a name under `transfers` in phone.yaml.")] = ""


class PersonaFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who answers: one file in `personas/`, named like the persona."""

    business: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=1,
                max_length=80,
                description="The business; the shop's name if not said.",
            ),
        ]
        | UnsetType
    ) = UNSET
    greeting: (
        Annotated[str, _sentence("Said first, word for word; should tell that an AI speaks.")]
        | UnsetType
    ) = UNSET
    disclosure: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=400,
                description="Said before the greeting, and again until it was heard in full.",
            ),
        ]
        | UnsetType
    ) = UNSET
    instructions: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=1,
                max_length=20_000,
                description="What a language model is told of its task; the embedded engine does"
                " not read it.",
            ),
        ]
        | UnsetType
    ) = UNSET
    language: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=r"^[a-z]{2,3}(?:-[A-Z]{2})?$",
                description="Of the words and the caller, like `en` or `en-GB`.",
                extra_json_schema={"x-form": "it like en or en-GB"},
            ),
        ]
        | UnsetType
    ) = UNSET
    voice: (
        Annotated[str, msgspec.Meta(max_length=64, description="An engine's own name of a voice.")]
        | UnsetType
    ) = UNSET
    engine: (
        Annotated[EngineKind, _about("Which engine speaks; as in the settings if not said.")]
        | UnsetType
    ) = UNSET
    fallbacks: (
        Annotated[
            list[EngineKind],
            msgspec.Meta(
                max_length=4,
                description="Which to go on with, in this order, where the engine fails or is not"
                " set up; all others there are if not said, none for [].",
            ),
        ]
        | UnsetType
    ) = UNSET
    turn_taking: Annotated[TurnTakingPart, _about("How the floor changes hands.")] = (
        TurnTakingPart()
    )
    budget: Annotated[BudgetPart, _about("What calls may cost.")] = BudgetPart()
    recording: Annotated[RecordingPart, _about("Whether callers agree to be recorded.")] = (
        RecordingPart()
    )
    turns: Annotated[TurnsPart, _about("How the turn-based engine listens and speaks.")] = (
        TurnsPart()
    )
    session: Annotated[SessionPart, _about("Its Realtime session.")] = SessionPart()
    tools: (
        Annotated[
            list[str],
            msgspec.Meta(max_length=100, description="Tools it may use; all if not said."),
        ]
        | UnsetType
    ) = UNSET
    redact: (
        Annotated[
            list[RedactKind],
            msgspec.Meta(
                max_length=8,
                description="What is kept in no record of a call; card, cvv, ssn, iban and secrets"
                " if not said, nothing for [].",
            ),
        ]
        | UnsetType
    ) = UNSET
    transfers: (
        Annotated[
            list[str],
            msgspec.Meta(
                max_length=40, description="Targets of phone.yaml it may use; all if not said."
            ),
        ]
        | UnsetType
    ) = UNSET
    hours: (
        Annotated[WeeklyHours, _about("When it answers, on the shop's clock; always if not said.")]
        | UnsetType
    ) = UNSET
    outside_hours: Annotated[OutsidePart, _about("What callers get at other times.")] = (
        OutsidePart()
    )
    reprompt: Annotated[Words, _about("Said when an answer did not come.")] | UnsetType = UNSET
    go_on: (
        Annotated[Words, _about("Asked when a reply was broken off for its length.")] | UnsetType
    ) = UNSET
    silence_prompt: Annotated[Words, _about("Asked when nobody speaks.")] | UnsetType = UNSET
    second_prompt: Annotated[Words, _about("Said when nobody answers that.")] | UnsetType = UNSET
    idle_goodbye: Annotated[Words, _about("Said before hanging up on silence.")] | UnsetType = UNSET
    length_goodbye: Annotated[Words, _about("Said at the longest time for a call.")] | UnsetType = (
        UNSET
    )
    budget_goodbye: Annotated[Words, _about("Said when a cap on money is reached.")] | UnsetType = (
        UNSET
    )
    drain_goodbye: Annotated[Words, _about("Said when the server has to stop.")] | UnsetType = UNSET
    staff_goodbye: Annotated[Words, _about("Said when the staff ends a call.")] | UnsetType = UNSET
    nobody_free: Annotated[Words, _about("Said to who could not be put through.")] | UnsetType = (
        UNSET
    )
    broke_off: (
        Annotated[Words, _about("Said when a line that broke is there again.")] | UnsetType
    ) = UNSET
    where_were_we: (
        Annotated[Words, _about("Said after it where no answer is owed.")] | UnsetType
    ) = UNSET
    apology: (
        Annotated[Words, _about("From our own recording, when no engine can speak.")] | UnsetType
    ) = UNSET
    sorry: Annotated[Words, _about("The same in short, when a person takes over.")] | UnsetType = (
        UNSET
    )


class NumbersFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which persona answers which number: `numbers.yaml`."""

    default: Annotated[
        str, _about("The persona for all other numbers; may be left out if there is only one.")
    ] = ""
    numbers: Annotated[
        dict[OwnNumber, str],
        msgspec.Meta(max_length=1_000, description="Your numbers, each with its persona."),
    ] = {}


class SnippetsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Texts that several personas use: `snippets.yaml`."""

    snippets: Annotated[
        dict[
            Annotated[
                str,
                msgspec.Meta(
                    pattern=r"^[a-z][a-z0-9_]{0,63}$",
                    extra_json_schema={"x-form": "small letters, digits and _, like house_rules"},
                ),
            ],
            Annotated[str, msgspec.Meta(min_length=1, max_length=8_000)],
        ],
        msgspec.Meta(max_length=100, description="Texts by name; `{name}` in a text puts one in."),
    ] = {}
