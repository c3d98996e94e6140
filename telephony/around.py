"""What all calls of a service share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from telephony.accounts import Watch
from telephony.call.commands import Onward
from telephony.live.hub import Hub
from telephony.spare import Spare
from telephony.staff import Staff
from telephony.twilio.onward import Documents
from telephony.twilio.rest import CallControl
from tools.dispatch import Dispatcher


@dataclass(frozen=True)
class Around:
    """What all sessions share: see telephony.session.Surroundings."""

    dispatcher: Dispatcher
    control: CallControl
    documents: Documents
    staff: Staff
    count: Callable[[str], None]
    watch: Watch
    live: Hub
    spare: Spare = field(default_factory=Spare)

    def later(self, act: Callable[[], None]) -> None:
        self.spare.later(act)

    @property
    def show(self) -> Watch:
        return self.live.observe

    def onward(self, onward: Onward) -> bytes:
        return self.documents.onward(onward)

    def call_back(self, call_id: str, caller_number: str | None, why: str) -> None:
        self.staff.call_back(call_id, caller_number, why)
