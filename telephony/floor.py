"""What bears the calls of one process: its crew, the room there is on the machine, how it fares."""

from collections.abc import Callable

from telephony.callweight import CallWeights
from telephony.casting import Cast
from telephony.chores import Start
from telephony.metrics import Metrics
from telephony.room import Room
from telephony.rules import handed_over
from telephony.settings import Settings
from telephony.strain import Strain
from telephony.switchboard import BUSY_ONWARD, Switchboard
from telephony.twilio.ports import Diverted, Offer
from telephony.workers.board import State
from telephony.workers.crew import Crew


class Floor:
    """Made on the event loop."""

    def __init__(
        self, settings: Settings, crew: Crew, metrics: Metrics, count: Callable[[str], None]
    ) -> None:
        self.crew = crew
        self._count = count
        self._call_bytes = settings.max_call_mb * 2**20
        self._hands_over = settings.when_full == "hand_over"
        self.strain = Strain(settings.late_ms / 1000, crew, metrics, count)
        self.room = Room(settings.max_calls, crew, self.strain.why_not)
        metrics.capacity(settings.max_calls)

    def start(self, start: Start, switchboard: Switchboard) -> None:
        """What goes on as long as the process."""
        start("strain", self._watch(switchboard))
        if self._call_bytes:
            weights = CallWeights(self._call_bytes, lambda: switchboard.sessions, self._count)
            start("weights", weights.run())

    async def _watch(self, switchboard: Switchboard) -> None:
        """Tell the crew how it fares here."""

        def state() -> State:
            if not switchboard.open:
                return State.DRAINING
            return State.FULL if switchboard.why_not else State.TAKING

        await self.strain.run(state)

    def onward(self, cast: Cast, offer: Offer) -> Diverted | None:
        """To whom a call is passed on for which there is no room."""
        return handed_over(cast.line(offer.to), BUSY_ONWARD) if self._hands_over else None
