"""What a persona may say of the turn-based engine, and what of it reaches the engine."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from agents.turns.settings import TurnsSettings


class TurnsPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the turn-based engine listens and speaks; what is left out is as built in."""

    end_silence_ms: (
        Annotated[
            int,
            msgspec.Meta(ge=200, le=3_000, description="Silence that ends the caller's turn."),
        ]
        | UnsetType
    ) = UNSET
    patient_silence_ms: (
        Annotated[
            int,
            msgspec.Meta(
                ge=200, le=5_000, description="The same for callers who pause, at the most."
            ),
        ]
        | UnsetType
    ) = UNSET
    max_turn_s: (
        Annotated[
            int, msgspec.Meta(ge=5, le=120, description="A longer turn is taken as it stands.")
        ]
        | UnsetType
    ) = UNSET
    speed: (
        Annotated[
            float,
            msgspec.Meta(ge=0.5, le=1.5, description="Asked for in words: the API takes none."),
        ]
        | UnsetType
    ) = UNSET
    max_output_tokens: (
        Annotated[
            int,
            msgspec.Meta(
                ge=64, le=16_384, description="Of one reply; about 20 are a second of speech."
            ),
        ]
        | UnsetType
    ) = UNSET

    def applied(self, settings: TurnsSettings) -> TurnsSettings:
        """The settings of a call with this persona."""
        said = {
            field: value
            for field, value in msgspec.structs.asdict(self).items()
            if value is not UNSET
        }
        ends = {field: said.pop(field) for field in _ENDPOINTS if field in said}
        if "max_turn_s" in said:
            ends["max_turn_ms"] = said.pop("max_turn_s") * 1000
        endpoints = msgspec.structs.replace(settings.endpoints, **ends)
        return msgspec.structs.replace(settings, endpoints=endpoints, **said)


_ENDPOINTS = ("end_silence_ms", "patient_silence_ms")
