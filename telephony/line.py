"""What happens on this telephone line besides talk: who calls are passed on to, and voicemail.

All of it is read from `phone.yaml`. Who a caller may be put through to is decided there and
nowhere else: a model names a target, never a number.
"""

import re
from functools import cache
from typing import Annotated

import msgspec

from tools.config import Document, together
from tools.phone import e164
from tools.validation import Path, Schema

FILE = "phone.yaml"

DEFAULT_LINE = """\
# Who callers can be put through to, by the name they would ask for. The agent knows only the
# names. For example:
#   transfers:
#     a colleague:
#       number: "+442079460000"
#       # Said to the caller first.
#       say: "One moment, I'll put you through to a colleague."
#       # How long it may ring before the caller comes back to the agent.
#       timeout_s: 20
transfers: {}
# Which of them answers for "a person", for key 0 and when the agent has failed.
human: ""
# For when nobody else can take the call.
voicemail:
  enabled: true
  say: "Please leave a message after the tone, and we will call you back."
  max_seconds: 120

# How the floor changes hands between caller and agent.
turn_taking:
  # Said first on every call, and again until it was heard in full; for what the law demands.
  disclosure: ""
  # Said when an answer takes longer than this; "" for nothing.
  filler: "One moment, please."
  filler_after_ms: 1200
  # The longest reply; after that the agent asks whether to go on.
  longest_reply_s: 90
  # With FRONTDESK_BARGE_IN=confirmed: so much sound of speech interrupts, whatever is said.
  confirm_ms: 600
  # What stands out less from the line's noise is no speech.
  above_noise_db: 6
# Other rules for single numbers of yours, for example for one that rings in a workshop:
#   numbers:
#     "+442079460000":
#       confirm_ms: 700
#       above_noise_db: 10
numbers: {}
"""

_NAME = re.compile(r"[a-z][a-z0-9]*([ _-][a-z0-9]+){0,5}", re.ASCII)
MAX_NAME_CHARS = 40

Sentence = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]


class Transfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody a caller can be put through to."""

    number: Annotated[str, msgspec.Meta(description='In E.164 and quotes: "+442079460000".')]
    say: Annotated[Sentence, msgspec.Meta(description="Said before the call is passed on.")] = (
        "One moment, I'll put you through."
    )
    timeout_s: Annotated[
        int, msgspec.Meta(ge=5, le=120, description="How long it rings before it counts as no.")
    ] = 20


class Voicemail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recording the caller leaves when nobody else can take the call."""

    enabled: Annotated[bool, msgspec.Meta(description="Whether callers are asked for one.")] = True
    say: Annotated[Sentence, msgspec.Meta(description="Said before the tone.")] = (
        "Please leave a message after the tone, and we will call you back."
    )
    max_seconds: Annotated[int, msgspec.Meta(ge=10, le=600, description="The longest message.")] = (
        120
    )


class Sensitivity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is taken for an interruption on one number; what is missing is as everywhere."""

    confirm_ms: (
        Annotated[
            int, msgspec.Meta(ge=100, le=3_000, description="Sound of speech that interrupts.")
        ]
        | None
    ) = None
    above_noise_db: (
        Annotated[
            float, msgspec.Meta(ge=1, le=40, description="How far speech stands out of noise.")
        ]
        | None
    ) = None


class Manners(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the floor changes hands between caller and agent."""

    disclosure: Annotated[
        str, msgspec.Meta(max_length=400, description="Said first, until heard in full.")
    ] = ""
    filler: Annotated[
        str, msgspec.Meta(max_length=100, description="Said when an answer takes long.")
    ] = "One moment, please."
    filler_after_ms: Annotated[
        int, msgspec.Meta(ge=500, le=10_000, description="How long is long.")
    ] = 1_200
    longest_reply_s: Annotated[
        int, msgspec.Meta(ge=10, le=600, description="What is longer is broken off.")
    ] = 90
    confirm_ms: Annotated[
        int, msgspec.Meta(ge=100, le=3_000, description="Sound of speech that interrupts.")
    ] = 600
    above_noise_db: Annotated[
        float, msgspec.Meta(ge=1, le=40, description="How far speech stands out of noise.")
    ] = 6.0


class LineFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of `phone.yaml`: this declaration is what the file is checked against."""

    transfers: Annotated[
        dict[str, Transfer], msgspec.Meta(description="Targets by the name callers use.")
    ] = {}
    human: Annotated[
        str, msgspec.Meta(description='The target for "a person", key 0 and a failed agent.')
    ] = ""
    voicemail: Annotated[
        Voicemail, msgspec.Meta(description="For when nobody else can take the call.")
    ] = Voicemail()
    turn_taking: Annotated[Manners, msgspec.Meta(description="How the floor changes hands.")] = (
        Manners()
    )
    numbers: Annotated[
        dict[str, Sensitivity], msgspec.Meta(description="Rules for single numbers of yours.")
    ] = {}


class Line(msgspec.Struct, frozen=True):
    """A `phone.yaml` whose parts fit together."""

    transfers: dict[str, Transfer] = {}
    human: str = ""
    """A name in `transfers`, or empty."""
    voicemail: Voicemail = Voicemail()
    manners: Manners = Manners()
    numbers: dict[str, Sensitivity] = {}

    def sensitivity(self, number: str) -> tuple[float, float]:
        """Seconds of speech that interrupt on this number of ours, and dB over the noise."""
        own = self.numbers.get(number, Sensitivity())
        confirm_ms = self.manners.confirm_ms if own.confirm_ms is None else own.confirm_ms
        above_db = own.above_noise_db
        return confirm_ms / 1000, self.manners.above_noise_db if above_db is None else above_db


def parse_line(text: str, where: str) -> Line:
    """The line a `phone.yaml` describes. Raises ConfigError, with every problem in it, naming file,
    line and column."""
    document = Document(text, where)
    file = document.read(LineFile, line_schema())
    for name in file.transfers:
        _check_target(document, name, file.transfers[name])
    if file.human and file.human not in file.transfers:
        known = ", ".join(file.transfers) or "none is configured"
        hint = f"Name one under transfers ({known})"
        document.wrong(("human",), f"{file.human!r} is not a target", hint)
    for number in file.numbers:
        _check_number(document, ("numbers", number), number)
    if document.found:
        raise together(document.found)
    return Line(
        transfers=file.transfers,
        human=file.human,
        voicemail=file.voicemail,
        manners=file.turn_taking,
        numbers=file.numbers,
    )


def _check_target(document: Document, name: str, target: Transfer) -> None:
    if len(name) > MAX_NAME_CHARS or not _NAME.fullmatch(name):
        document.wrong(
            ("transfers", name),
            f"a target cannot be called {name[:MAX_NAME_CHARS]!r}",
            "Use one to six words of small letters and digits, like a colleague",
        )
    _check_number(document, ("transfers", name, "number"), target.number)


def _check_number(document: Document, path: Path, number: str) -> None:
    if e164(number) != number:
        document.wrong(
            path,
            f"{number!r} is not a telephone number",
            'Write it in full and in quotes, like "+442079460000"',
        )


@cache
def line_schema() -> Schema:
    """What `phone.yaml` is checked against."""
    document = msgspec.json.schema(LineFile)
    for definition in document["$defs"].values():
        definition["additionalProperties"] = False
    return Schema(document)
