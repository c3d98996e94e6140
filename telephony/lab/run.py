"""The lab at work: one call after the other, and what was seen of each."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

import msgspec

from agents.tasks import Tasks
from telephony.lab.caller import LabCaller
from telephony.lab.material import Clip, Speech, clips
from telephony.lab.measure import CallFigures, Figures, figures, judge
from telephony.lab.model import Act, LabModel, Session
from telephony.lab.phone import Network, Target
from telephony.lab.records import CallSeen, PhoneSeen, SessionSeen
from telephony.lab.scenarios import Scenario, Sound
from telephony.lab.sentences import CALLER, SENTENCES
from telephony.simulator.phone import StreamEnd, StreamReport
from telephony.simulator.pico import Manner
from telephony.simulator.voices import LineVoice

LEAK_AFTER_S = 5.0
"""A model session still open so long after its call is a leak."""
_MODEL = Manner(voice="en-US", speed=1.0, pitch=1.1)
"""Not the caller's voice, or a target that knows its own echo would take the caller for it."""
OPENS_WITHIN_S = 10.0
"""After the call was placed: a target that has opened no session by then knows no model of ours."""


class NoSession(Exception):  # noqa: N818 - what the target did not do
    """The target took the call, but never turned to the lab's model."""


class Outcome(msgspec.Struct, frozen=True):
    """Everything measured."""

    figures: Figures
    calls: tuple[CallFigures, ...]


class Lab:
    """Model, voices and telephone; made by `open_lab`."""

    def __init__(self, model: LabModel, recordings: Mapping[str, bytes] | None) -> None:
        self.model = model
        self._recordings: Mapping[str, bytes] = recordings or {}
        self._clips: dict[Sound, tuple[Clip, ...]] = {}
        self._ended: list[tuple[float, Session]] = []
        # Whatever fails is raised where it is awaited.
        self._tasks = Tasks(lambda _name, _error: None)
        self._ringing = asyncio.Lock()

    async def run(
        self,
        target: Target,
        scenarios: Sequence[Scenario],
        progress: Callable[[str], None],
        *,
        repeat: int = 1,
        at_once: int = 1,
        leak_after_s: float = LEAK_AFTER_S,
    ) -> Outcome:
        """All scenarios, `repeat` times. Raises TargetUnreachable and NoSession."""
        plan = [(scenario, seed) for seed in range(repeat) for scenario in scenarios]
        await asyncio.to_thread(self._record)
        acts = [await asyncio.to_thread(self._prepare, *one) for one in plan]
        free = asyncio.Semaphore(at_once)
        calls = [
            self._tasks.start("lab call", self._in_turn(target, act, free, progress))
            for act in acts
        ]
        try:
            seen: list[CallSeen] = await asyncio.gather(*calls)
        finally:
            await self._tasks.cancel_all()
        leaked = await self._leaked(leak_after_s)
        # Not before: it is work, and would slow down a target in this very process.
        judged = [await asyncio.to_thread(judge, call) for call in seen]
        return Outcome(figures(judged, leaked), tuple(judged))

    def _record(self) -> None:
        self._recordings = self._recordings or record()
        self._clips = clips(self._recordings)

    def _prepare(self, scenario: Scenario, seed: int) -> Act:
        return Act(scenario, Speech(self._recordings, seed + 1), seed + 1)

    async def _in_turn(
        self,
        target: Target,
        act: Act,
        free: asyncio.Semaphore,
        progress: Callable[[str], None],
    ) -> CallSeen:
        async with free:
            progress(f"{act.scenario.name}: {act.scenario.about}")
            caller = LabCaller(act.scenario, self._clips, act.stage)
            report = await self._call(target, act, caller)
            ended_s = asyncio.get_running_loop().time()
            self._ended += [(ended_s, session) for session in act.sessions]
            return CallSeen(act.scenario, _phone_seen(report, caller), _busiest(act.sessions))

    async def _call(self, target: Target, act: Act, caller: LabCaller) -> StreamReport:
        """One call. The next may ring only once this one's session is known by its opening."""
        network = _network(act.scenario, act.seed)
        async with self._ringing:
            self.model.on(act)
            name = f"lab call {act.scenario.name}"
            call: asyncio.Task[StreamReport] = self._tasks.start(
                name, target.call(caller, network, act.scenario.most_ms / 1000)
            )
            opened = self._tasks.start(f"{name} opens", act.opened.wait())
            await asyncio.wait(
                (call, opened), timeout=OPENS_WITHIN_S, return_when=asyncio.FIRST_COMPLETED
            )
        if not act.opened.is_set():
            caller.hang_up = True
            await call
            raise NoSession(
                f"{target.name} took the call, but opened no session at {self.model.base_url}; "
                "point its OPENAI_BASE_URL there."
            )
        return await call

    async def _leaked(self, after_s: float) -> int:
        """Sessions that outlived their call by more than `after_s`."""
        now = asyncio.get_running_loop().time
        leaked = 0
        for ended_s, session in self._ended:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(session.closed.wait(), max(0.0, ended_s + after_s - now()))
            closed_s = session.closed_s
            leaked += closed_s is None or closed_s - ended_s > after_s
        return leaked


def record() -> dict[str, bytes]:
    """Everything that is said in the lab, by its text, as 8 kHz mu-law. Blocking.

    Raises pico.PicoFailed.
    """
    return LineVoice().record(CALLER) | LineVoice(_MODEL).record(SENTENCES)


@contextlib.asynccontextmanager
async def open_lab(
    port: int = 0, hang_up_tool: str = "", recordings: Mapping[str, bytes] | None = None
) -> AsyncGenerator[Lab]:
    """A lab whose model can be reached; raises OSError when `port` cannot be had.

    `recordings` are those of `record`, for several labs; None: they are made when needed.
    """
    async with LabModel(port, hang_up_tool) as model:
        yield Lab(model, recordings)
        if model.bugs:
            raise model.bugs[0]


def _network(scenario: Scenario, seed: int) -> Network | None:
    if not scenario.delay_ms and not scenario.jitter_ms:
        return None
    return Network(scenario.delay_ms / 1000, scenario.jitter_ms / 1000, seed)


def _phone_seen(report: StreamReport, caller: LabCaller) -> PhoneSeen:
    return PhoneSeen(
        began_s=report.began_s,
        heard_ulaw=report.heard_ulaw,
        clears=tuple(cleared.at for cleared in report.clears),
        spoke=tuple(caller.spoke),
        ended_by_target=report.end in (StreamEnd.API, StreamEnd.CLOSED, StreamEnd.BROKEN),
    )


def _busiest(sessions: Sequence[Session]) -> SessionSeen:
    """A target may open sessions it does not use."""
    return max((session.seen for session in sessions), key=lambda seen: len(seen.items))
