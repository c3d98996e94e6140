"""The routes of figures: how calls went, and how the processes fare."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query

from telephony.console.access.policy import needs
from telephony.console.access.roles import Right
from telephony.console.healthdesk import HealthDesk, Overview
from telephony.health.spans import Range
from telephony.health.state import ModelEnd, Process

Wanted = Annotated[Range, Query(alias="range", description="How far back; a day if not said.")]
Persona = Annotated[
    str | None,
    Query(max_length=200, description="Of this one only; empty for the built-in one."),
]


@dataclass(frozen=True)
class Processes:
    """Those that run, as they said within the last half minute."""

    processes: list[Process]
    models: list[ModelEnd]
    """Models that are set and are to be shut down, or have been, the soonest first."""


def health_router(desk: HealthDesk) -> APIRouter:
    """Everything under /health. Plain functions: they block, so FastAPI runs them in threads."""
    router = APIRouter(prefix="/health", tags=["health"], dependencies=[needs(Right.VIEW)])

    @router.get("", summary="How calls went")
    def overview(wanted: Wanted = Range.DAY, persona: Persona = None) -> Overview:
        """Counts are exact; percentiles are within `error` of the true ones, relative."""
        return desk.overview(wanted, persona)

    @router.get("/processes", summary="How engines, models and processes fare")
    def processes() -> Processes:
        found = desk.processes()
        return Processes(found, desk.models(found))

    return router
