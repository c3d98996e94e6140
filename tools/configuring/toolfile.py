"""What a tool's file may say: each field is declared here, once.

From these declarations come the check of the file, the JSON Schema for editors and the tables of
docs/config.md.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from tools.configuring.hours import WeeklyHours
from tools.mcp.section import several
from tools.spec import Risk

TOOL_NAME = r"^[a-z][a-z0-9_]{0,63}$"
PARAMETER_NAME = r"^[a-zA-Z][a-zA-Z0-9_]{0,63}$"
E164 = r"^\+[1-9][0-9]{6,14}$"
SECTIONS = ("http", "mcp")
"""Handlers whose tools are described by a section of the file with the same name."""

Kind = Literal[
    "text", "integer", "number", "boolean", "date", "time", "phone", "name", "digits-reference"
]
Plain = str | int | float | bool
ToolName = Annotated[
    str,
    msgspec.Meta(
        pattern=TOOL_NAME,
        extra_json_schema={"x-form": "small letters, digits and _, like book_appointment"},
    ),
]
ParameterName = Annotated[
    str,
    msgspec.Meta(
        pattern=PARAMETER_NAME,
        extra_json_schema={"x-form": "it with letters, digits and _, like party_size"},
    ),
]
OwnNumber = Annotated[
    str,
    msgspec.Meta(
        pattern=E164, extra_json_schema={"x-form": 'it in full and in quotes: "+442079460000"'}
    ),
]
Names = Annotated[list[str], msgspec.Meta(max_length=40)]
Arguments = dict[str, Any]


def _said(description: str, most: int = 200) -> msgspec.Meta:
    return msgspec.Meta(description=description, min_length=1, max_length=most)


def _about(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class Parameter(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """One thing a tool has to be told. For `booking`, `crm` and `calls` it can only narrow."""

    type: (
        Annotated[Kind, _about("What it is; `text` unless the handler says otherwise.")] | UnsetType
    ) = UNSET
    help: Annotated[str, _said("What it means, for the model.", 400)] | UnsetType = UNSET
    ask: Annotated[str, _said("How a caller is asked for it.")] | UnsetType = UNSET
    required: (
        Annotated[bool, _about("Whether the caller has to say it; yes, unless there is a default.")]
        | UnsetType
    ) = UNSET
    default: Annotated[Plain, _about("What holds when the caller did not say it.")] | UnsetType = (
        UNSET
    )
    value: (
        Annotated[Plain, _about("What always holds; the model neither sees nor gives it.")]
        | UnsetType
    ) = UNSET
    hide: Annotated[bool, _about("Keep it from the model; only what may be left out.")] = False
    choices: (
        Annotated[
            list[Plain], msgspec.Meta(min_length=1, max_length=200, description="All it may be.")
        ]
        | UnsetType
    ) = UNSET
    choices_from: (
        Annotated[ToolName, _about("A read tool whose `choices` it is picked from.")] | UnsetType
    ) = UNSET
    min: Annotated[int | float, _about("The least a number may be.")] | UnsetType = UNSET
    max: Annotated[int | float, _about("The most a number may be.")] | UnsetType = UNSET
    min_length: (
        Annotated[int, msgspec.Meta(ge=0, le=4_000, description="The fewest characters.")]
        | UnsetType
    ) = UNSET
    max_length: (
        Annotated[
            int, msgspec.Meta(ge=1, le=4_000, description="The most characters; 200 if not said.")
        ]
        | UnsetType
    ) = UNSET
    pattern: (
        Annotated[str, _said("A regular expression it must match; only plain, quick ones.")]
        | UnsetType
    ) = UNSET


class LimitsPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often it may run; what is left out is not limited."""

    per_turn: (
        Annotated[int, msgspec.Meta(ge=1, le=100, description="In one turn of the caller.")]
        | UnsetType
    ) = UNSET
    per_call: (
        Annotated[int, msgspec.Meta(ge=1, le=1_000, description="In one call.")] | UnsetType
    ) = UNSET
    per_day: (
        Annotated[
            int, msgspec.Meta(ge=1, le=100_000, description="A day, for one caller's number.")
        ]
        | UnsetType
    ) = UNSET


class AudiencePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who is offered it; what is left out does not matter."""

    personas: Annotated[Names, _about("Only calls that these personas answer.")] = []
    numbers: Annotated[
        list[OwnNumber],
        msgspec.Meta(max_length=200, description="Only calls to these numbers of yours."),
    ] = []
    hours: Annotated[
        WeeklyHours, _about("Only calls that begin in these hours, on the shop's clock.")
    ] = WeeklyHours()


class ApprovalPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A person decides before it runs."""

    deadline_s: Annotated[
        float, msgspec.Meta(ge=5, le=300, description="How long they have, in seconds.")
    ] = 45.0
    otherwise: Annotated[
        Literal["refuse", "allow"], _about("What holds when nobody has decided by then.")
    ] = "refuse"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A tool that ran before."""

    tool: Annotated[str, _about("Its name.")]
    arguments: Annotated[Arguments, _about("What it was given.")] = {}


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a caller says, what the tool is given, what comes back: run as a test."""

    says: Annotated[str, _said("What the caller says.", 400)]
    arguments: Annotated[Arguments, _about("What the model makes of it.")] = {}
    gives: Annotated[
        Arguments,
        _about(
            "What must be in the answer, `*` standing for anything; `status` is done, refused,"
            " failed or invalid. Just `status: done` if not said."
        ),
    ] = msgspec.field(default_factory=lambda: {"status": "done"})
    now: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}$",
            description="When, on the shop's clock.",
            extra_json_schema={"x-form": "it like 2026-03-03 09:00"},
        ),
    ] = "2026-03-03 08:00"
    caller: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(?:withheld|\+[1-9][0-9]{6,14})$",
            description="The number the caller calls from, or `withheld`.",
            extra_json_schema={"x-form": 'withheld, or a number like "+442079460001"'},
        ),
    ] = "+442079460001"
    after: Annotated[
        list[Step], msgspec.Meta(max_length=10, description="What the same caller did before.")
    ] = []


class ToolFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing the agent can do: one file in `tools/`."""

    handler: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=80,
            description="What carries it out: one of `booking`, `crm` or `calls`, like"
            " `booking.book_appointment`, or `http` or `mcp`.",
        ),
    ]
    name: (
        Annotated[ToolName, _about("How the model calls it; the file's name if not said.")]
        | UnsetType
    ) = UNSET
    description: (
        Annotated[str, _said("What it does, for the model; the handler's own if not said.", 1_000)]
        | UnsetType
    ) = UNSET
    phrases: (
        Annotated[
            list[Annotated[str, _said("", 120)]],
            msgspec.Meta(max_length=40, description="What callers say when they want it."),
        ]
        | UnsetType
    ) = UNSET
    parameters: Annotated[
        dict[ParameterName, Parameter],
        msgspec.Meta(max_length=40, description="What it has to be told, by name."),
    ] = {}
    risk: (
        Annotated[
            Literal["read", "write-own", "write-other", "message", "money", "delete"],
            _about("What it can do to the world; can be raised above the handler's own."),
        ]
        | UnsetType
    ) = UNSET
    deadline_s: (
        Annotated[
            float, msgspec.Meta(ge=0.5, le=60, description="How long it may take; 8 if not said.")
        ]
        | UnsetType
    ) = UNSET
    filler: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=100,
                description="Said when it takes long; the persona's filler if not said.",
            ),
        ]
        | UnsetType
    ) = UNSET
    confirm: (
        Annotated[Names, _about("Parameters that are read back, heard and answered yes first.")]
        | UnsetType
    ) = UNSET
    must_be_said: (
        Annotated[Names, _about("Parameters whose values the caller must have said.")] | UnsetType
    ) = UNSET
    requires: (
        Annotated[Names, _about("Tools that must have been done in the call before.")] | UnsetType
    ) = UNSET
    limits: Annotated[LimitsPart, _about("How often it may run.")] = LimitsPart()
    audience: Annotated[AudiencePart, _about("Who is offered it; everybody if not said.")] = (
        AudiencePart()
    )
    approval: Annotated[ApprovalPart, _about("A person decides before it runs.")] | UnsetType = (
        UNSET
    )
    claims: (
        Annotated[Names, _about("What a sentence says that claims this was done.")] | UnsetType
    ) = UNSET
    redact: Annotated[
        Names, _about("Parameters and fields of the answer kept out of logs and transcripts.")
    ] = []
    idempotent: (
        Annotated[bool, _about("Whether running it twice changes nothing more: it may be retried.")]
        | UnsetType
    ) = UNSET
    http: Annotated[dict[str, Any], _about("For `handler: http`: the request.")] | UnsetType = UNSET
    mcp: (
        Annotated[dict[str, Any], _about("For `handler: mcp`: the server, and its tool or tools.")]
        | UnsetType
    ) = UNSET
    examples: Annotated[
        list[Example], msgspec.Meta(max_length=40, description="Run as tests, and at every save.")
    ] = []

    @property
    def section(self) -> dict[str, Any] | None:
        """What `http:` or `mcp:` says, for a handler of that name."""
        found = {"http": self.http, "mcp": self.mcp}.get(self.handler, UNSET)
        return None if found is UNSET else found

    @property
    def several(self) -> tuple[str, ...] | None:
        """What its tools are called, as far as it tells, if it is about several of one server;
        None: it is about one tool."""
        return None if self.handler != "mcp" or self.mcp is UNSET else several(self.mcp)


RISKS = tuple(Risk)
"""From harmless to grave: a file may move a tool to the right."""
