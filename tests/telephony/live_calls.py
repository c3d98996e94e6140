"""Calls as those who watch them see them: a hub with calls of the pure core behind it."""

import datetime as dt
from typing import Self

from telephony.call.events import CallEvent
from telephony.live.hub import Hub
from telephony.live.picture import Head, Peek
from tests.telephony.script import Script

BEGAN = dt.datetime(2026, 11, 20, 15, 0, tzinfo=dt.UTC)


def head(call_id: str = "CA1") -> Head:
    return Head(call_id, "+14155550100", "+14155550199", "anna", "realtime", BEGAN, ("sales",))


class OnCall(Script):
    """A call that a hub knows of; events may come from the hub as well."""

    def __init__(self, hub: Hub, call_id: str = "CA1") -> None:
        super().__init__()
        self.hub = hub
        self.call_id = call_id
        hub.begin(head(call_id), self.deliver, self.peek)

    def peek(self) -> Peek:
        heard = self.call.being_heard()
        return Peek(self.call.phase, heard[-1][1] if heard else "")

    def deliver(self, event: CallEvent) -> None:
        self.happens(event)

    def happens(self, *events: CallEvent) -> Self:
        for event in events:
            super().happens(event)
            self.hub.observe(self.call_id, self.now, event, self.last)
        return self
