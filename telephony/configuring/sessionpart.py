"""What a persona's file may say of its Realtime session, and what becomes of it.

Whether the server or the call answers and interrupts follows from `barge_in`, and stands not here.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from agents.realtime.settings import (
    TOOL_CHOICES,
    RealtimeSettings,
    SemanticVad,
    ServerVad,
    Truncation,
)
from tools.validation import Problem

_OF_SERVER_VAD = ("threshold", "prefix_padding_ms", "silence_duration_ms", "idle_timeout_ms")
_OF_SEMANTIC_VAD = ("eagerness",)
_OF_RATIO = ("retention_ratio", "post_instructions_tokens")
_PLAIN = (
    "speed",
    "transcription_model",
    "transcription_prompt",
    "max_output_tokens",
    "reasoning_effort",
    "tool_choice",
    "parallel_tool_calls",
    "tracing",
)
"""Fields of RealtimeSettings with the same names."""


def _about(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class SessionPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The Realtime session of this persona; what is left out is as in the settings."""

    turn_detection: (
        Annotated[
            Literal["server_vad", "semantic_vad"],
            _about("How it is decided that the caller has finished."),
        ]
        | UnsetType
    ) = UNSET
    threshold: (
        Annotated[
            float,
            msgspec.Meta(
                ge=0, le=1, description="For server_vad: how sure it must be that it hears speech."
            ),
        ]
        | UnsetType
    ) = UNSET
    prefix_padding_ms: (
        Annotated[
            int,
            msgspec.Meta(
                ge=0, le=5_000, description="For server_vad: audio kept from before the speech."
            ),
        ]
        | UnsetType
    ) = UNSET
    silence_duration_ms: (
        Annotated[
            int,
            msgspec.Meta(ge=100, le=5_000, description="For server_vad: silence that ends a turn."),
        ]
        | UnsetType
    ) = UNSET
    idle_timeout_ms: (
        Annotated[
            int,
            msgspec.Meta(
                ge=5_000,
                le=30_000,
                description="For server_vad: silence after which the model asks by itself; never"
                " if not said, as the call asks too.",
            ),
        ]
        | UnsetType
    ) = UNSET
    eagerness: (
        Annotated[
            Literal["low", "medium", "high", "auto"],
            _about("For semantic_vad: how soon it takes a turn for finished."),
        ]
        | UnsetType
    ) = UNSET
    noise_reduction: (
        Annotated[
            Literal["off", "near_field", "far_field"], _about("What is done before it listens.")
        ]
        | UnsetType
    ) = UNSET
    transcription_model: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=r"^[0-9A-Za-z][0-9A-Za-z._:/-]{0,127}$",
                description="Writes down what the caller says.",
                extra_json_schema={"x-form": "a model id"},
            ),
        ]
        | UnsetType
    ) = UNSET
    transcription_prompt: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=1, max_length=1_000, description="Names and words it should expect."
            ),
        ]
        | UnsetType
    ) = UNSET
    languages: (
        Annotated[
            list[
                Annotated[
                    str,
                    msgspec.Meta(
                        pattern=r"^[a-z]{2,3}(?:-[A-Z]{2})?$",
                        extra_json_schema={"x-form": "it like en or en-GB"},
                    ),
                ]
            ],
            msgspec.Meta(
                min_length=1,
                max_length=10,
                description="What callers may speak; the persona's language if not said.",
            ),
        ]
        | UnsetType
    ) = UNSET
    speed: (
        Annotated[
            float,
            msgspec.Meta(ge=0.25, le=1.5, description="Of the voice; 1 is as it comes."),
        ]
        | UnsetType
    ) = UNSET
    max_output_tokens: (
        Annotated[
            int,
            msgspec.Meta(ge=1, le=4_096, description="Of one reply, tool calls included."),
        ]
        | UnsetType
    ) = UNSET
    reasoning_effort: (
        Annotated[
            Literal["minimal", "low", "medium", "high", "xhigh"],
            _about("Only for models that reason; others are not told."),
        ]
        | UnsetType
    ) = UNSET
    truncation: (
        Annotated[
            Literal["auto", "disabled", "retention_ratio"],
            _about("What the server does with a conversation that has grown long."),
        ]
        | UnsetType
    ) = UNSET
    retention_ratio: (
        Annotated[
            float,
            msgspec.Meta(ge=0, le=1, description="How much it keeps, where it drops the oldest."),
        ]
        | UnsetType
    ) = UNSET
    post_instructions_tokens: (
        Annotated[
            int,
            msgspec.Meta(
                ge=500, le=128_000, description="How long the conversation grows before that."
            ),
        ]
        | UnsetType
    ) = UNSET
    tool_choice: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=r"^[a-zA-Z0-9_-]{1,64}$",
                description="`auto`, `none`, `required`, or the one tool it must call.",
                extra_json_schema={"x-form": "auto, none, required or the name of a tool"},
            ),
        ]
        | UnsetType
    ) = UNSET
    parallel_tool_calls: (
        Annotated[
            bool, _about("Several tools at once; only for models that reason, others are not told.")
        ]
        | UnsetType
    ) = UNSET
    tracing: (
        Annotated[bool, _about("Whether conversations show in the vendor's dashboard; no.")]
        | UnsetType
    ) = UNSET


def problems_of(part: SessionPart, tools: tuple[str, ...] | None) -> Iterator[Problem]:
    """What only several fields together, or the tools, can show; `tools` None: not known."""
    for fields, field, kind in (
        (_OF_SERVER_VAD, "turn_detection", "server_vad"),
        (_OF_SEMANTIC_VAD, "turn_detection", "semantic_vad"),
        (_OF_RATIO, "truncation", "retention_ratio"),
    ):
        chosen = getattr(part, field)
        if chosen in (UNSET, kind):
            continue
        for name in fields:
            if getattr(part, name) is not UNSET:
                what, hint = f"is for {kind}, but {field} is {chosen}", "Take one of them out"
                yield Problem(("session", name), what, hint)
    choice = part.tool_choice
    if tools is not None and choice not in (UNSET, *TOOL_CHOICES, *tools):
        hint = f"Known here: {', '.join((*TOOL_CHOICES, *sorted(tools)))}"
        yield Problem(("session", "tool_choice"), f"there is no tool {choice!r}", hint)


def session_settings(part: SessionPart, otherwise: RealtimeSettings) -> RealtimeSettings:
    """The settings of one persona's sessions."""
    said = _said(part, _PLAIN)
    if part.languages is not UNSET:
        said["languages"] = tuple(part.languages)
    if part.noise_reduction is not UNSET:
        said["noise_reduction"] = "" if part.noise_reduction == "off" else part.noise_reduction
    return msgspec.structs.replace(
        otherwise,
        turn_detection=_turn_detection(part, otherwise.turn_detection),
        truncation=_truncation(part, otherwise.truncation),
        **said,
    )


def _turn_detection(
    part: SessionPart, otherwise: ServerVad | SemanticVad
) -> ServerVad | SemanticVad:
    """What is said of the kind that is not chosen says nothing."""
    kinds: dict[str, type[ServerVad | SemanticVad]] = {
        "server_vad": ServerVad,
        "semantic_vad": SemanticVad,
    }
    kind = type(otherwise) if part.turn_detection is UNSET else kinds[part.turn_detection]
    base = otherwise if isinstance(otherwise, kind) else kind()
    fields = _OF_SERVER_VAD if kind is ServerVad else _OF_SEMANTIC_VAD
    return msgspec.structs.replace(base, **_said(part, fields))


def _truncation(part: SessionPart, otherwise: Truncation) -> Truncation:
    said = _said(part, _OF_RATIO)
    if part.truncation is not UNSET:
        said["strategy"] = part.truncation
    return msgspec.structs.replace(otherwise, **said)


def _said(part: SessionPart, fields: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(part, name) for name in fields}
    return {name: value for name, value in values.items() if value is not UNSET}
