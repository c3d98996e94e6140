"""What can be said of a whole call in one small record: `call.json`."""

import msgspec

from agents.engine import Usage
from agents.money import FREE, Cost
from telephony.transcripts.cuts import Cuts
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    ChargeLine,
    ClaimLine,
    EndLine,
    OperatorLine,
    ToolLine,
    TruncationLine,
    UsageLine,
)
from telephony.transcripts.records import Header


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One call. A call that never ended in good order has no `ended_reason`."""

    call_id: str
    started_at: str
    engine: str
    from_number: str | None = None
    to_number: str | None = None
    config_version: int = 0
    """The version of the configuration it went by; 0 where none was kept."""
    persona: str = ""
    """Who answered; empty for the built-in one."""
    ended_reason: str | None = None
    duration_ms: int = 0
    turns: int = 0
    """Spoken lines of both sides."""
    interruptions: int = 0
    tool_calls: int = 0
    usage: Usage = Usage()
    cost: Cost | None = None
    """In micro-dollars; None where no prices were kept."""
    dropped: int = 0
    """Journal records and pieces of audio that could not be kept."""
    storage_trouble: str | None = None
    """Why, or what went wrong on the way: a code of `telephony.transcripts.journal`."""


class Tally:
    """Counts a call's transcript entries as they are written."""

    def __init__(self) -> None:
        self._turns = self._tool_calls = 0
        self._cuts = Cuts()
        self._usage = Usage()
        self._cost: Cost | None = None
        self._end: EndLine | None = None

    def add(self, entry: AnyEntry) -> None:
        match entry:
            case AgentLine():
                self._turns += 1
            case CallerLine():
                self._turns += 1
            case TruncationLine() | ClaimLine() | OperatorLine():
                self._cuts.add(entry)
            case ToolLine():
                self._tool_calls += 1
            case UsageLine(usage=usage, cost=cost):
                self._usage = _sum(self._usage, usage or Usage())
                self._costs(cost)
            case ChargeLine(cost=cost):
                self._costs(cost)
            case EndLine():
                self._end = entry
            case _:
                pass

    def _costs(self, cost: Cost | None) -> None:
        if cost is not None:
            self._cost = (self._cost or FREE) + cost

    def summary(
        self,
        header: Header,
        *,
        last_ms: int,
        reason: str | None = None,
        dropped: int = 0,
        storage_trouble: str | None = None,
    ) -> Summary:
        """`last_ms` is when the call was last heard of; `reason` stands in for a lost EndLine."""
        return Summary(
            call_id=header.call_id,
            started_at=header.started_at,
            engine=header.engine,
            from_number=header.from_number,
            to_number=header.to_number,
            config_version=header.config_version,
            persona=header.persona,
            ended_reason=self._end.reason.value if self._end else reason,
            duration_ms=self._end.at_ms if self._end else last_ms,
            turns=self._turns,
            interruptions=self._cuts.by_the_caller,
            tool_calls=self._tool_calls,
            usage=self._usage,
            cost=self._cost,
            dropped=dropped,
            storage_trouble=storage_trouble,
        )


def _sum(one: Usage, other: Usage) -> Usage:
    fields = Usage.__struct_fields__
    return Usage(**{name: getattr(one, name) + getattr(other, name) for name in fields})
