"""Does the process run, would it take a call now, and how does it fare?"""

from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from telephony.floor import Floor
from telephony.health.state import EngineView, ModelEnd, ProcessState
from telephony.switchboard import Switchboard
from telephony.version import VERSION


class Readiness:
    """Answers at once, by what is known already."""

    def __init__(
        self,
        switchboard: Switchboard,
        floor: Floor,
        works: Callable[[], bool],
        disk: Callable[[], str | None],
        engines: Callable[[], tuple[EngineView, ...]],
        models: Callable[[], list[ModelEnd]],
    ) -> None:
        """`works` tells whether an engine would carry a call that comes now, `disk` why it does
        not take what it is given, `models` which of them are to go."""
        self._switchboard = switchboard
        self._floor = floor
        self._works = works
        self._disk = disk
        self._engines = engines
        self._models = models

    def router(self) -> APIRouter:
        """`/healthz` and `/readyz`."""
        router = APIRouter()

        @router.get("/healthz")
        async def health() -> Response:
            """The process runs and its event loop turns."""
            return JSONResponse({"status": "ok"})

        @router.get("/readyz")
        async def ready() -> Response:
            """Whether any worker would take a new call, and if not, why this one would not."""
            crew = self._floor.crew
            problems = [] if crew.another_takes else self.problems()
            body = {
                "ready": not problems,
                "problems": problems,
                "live_calls": crew.live,
                "capacity": self._floor.room.limit,
                "workers": crew.views(),
            }
            return JSONResponse(body, status_code=503 if problems else 200)

        return router

    def problems(self) -> list[str]:
        """Why a new call would not be taken, as codes."""
        found = []
        why_not = self._switchboard.why_not
        if why_not or not self._switchboard.open:
            found.append("not_accepting")
        if why_not:
            found.append(why_not)
        if not self._works():
            found.append("no_engine")
        if trouble := self._disk():
            found.append(trouble)
        return found

    def state(self) -> ProcessState:
        """For whoever asks any process how all of them fare."""
        return ProcessState(
            live_calls=self._switchboard.live,
            max_calls=self._floor.room.limit,
            accepting=self._switchboard.accepting,
            engines=self._engines(),
            models=tuple(self._models()),
            trouble=tuple(self.problems()),
            version=VERSION,
        )
