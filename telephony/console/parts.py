"""What the routes of the API and the pages are made from: one object that all of them are given."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from telephony.calllog import CallLog
from telephony.console.access.access import Access
from telephony.console.desk import ConfigDesk
from telephony.console.workshop import Workshop
from telephony.live.desk import LiveDesk
from telephony.purse import Book
from telephony.settings import Settings
from telephony.trials import Trials
from tools.approvals import Approvals
from tools.booking.waiting import Waiting
from tools.store import Store


@dataclass(frozen=True)
class Parts:
    """A new part of the console adds a field here, and whoever puts Parts together fills it."""

    settings: Settings
    store: Store
    access: Access
    config: ConfigDesk
    workshop: Workshop
    approvals: Approvals
    waiting: Callable[[], Waiting]
    book: Book
    calls: CallLog
    live: LiveDesk
    trials: Trials | None
    """None where no calls are answered in this process."""
    clock: Callable[[], dt.datetime]
    """The time of day in the shop's zone."""
