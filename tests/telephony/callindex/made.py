"""Calls to put into the index, made up."""

import datetime as dt
from typing import Any

from telephony.transcripts.index.row import CallRow, Indexed

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
NOON_MS = round(NOON.timestamp() * 1000)
ANNA, BEN, OURS = "+442079460001", "+442079460002", "+442079460000"


def made(
    call_id: str,
    minutes: float = 0,
    *,
    caller: str = "",
    agent: str = "",
    tools: tuple[str, ...] = (),
    **fields: Any,
) -> Indexed:
    """A call that began so many minutes after noon; `caller` and `agent` are what they said,
    `by` and `called` numbers."""
    started_ms = NOON_MS + round(minutes * 60_000)
    day = dt.datetime.fromtimestamp(started_ms / 1000, dt.UTC).date()
    values: dict[str, Any] = {
        "folder": f"{day}/{call_id}",
        "outcome": "agent_hung_up",
        "engine": "realtime",
        "called": OURS,
        **fields,
    }
    values["caller"] = values.pop("by", ANNA)
    row = CallRow(call_id=call_id, started_ms=started_ms, **values)
    return Indexed(row, tools, caller, agent)
