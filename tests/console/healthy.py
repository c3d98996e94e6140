"""A week of calls, counted as a service counts them, without making any."""

import datetime as dt
import random

import msgspec

from telephony.console.parts import Parts
from telephony.health.facts import facts
from telephony.health.spans import rows_of
from telephony.health.state import EngineState, EngineView, ModelEnd, ProcessState
from telephony.transcripts.entry import (
    AgentLine,
    Alarm,
    AlarmLine,
    AnyEntry,
    CallerLine,
    EndedReason,
    EndLine,
    Fate,
    SeatLine,
    ToolLine,
    TruncationLine,
    TurnLine,
)
from telephony.transcripts.summary import Summary
from tools.costbook import CostBook
from tools.costs import CallCost
from tools.counts import Counted
from tools.rollups import Rollups

REASONS = ("caller_hung_up", "agent_hung_up", "transferred", "idle", "engine_failed", "no_start")
STATE = ProcessState(
    live_calls=7,
    max_calls=50,
    accepting=True,
    engines=(
        EngineView("realtime", EngineState.RESTING, "gpt-realtime-2.1"),
        EngineView("turns", EngineState.FULL, "gpt-audio"),
        EngineView("local", EngineState.READY),
    ),
    models=(
        ModelEnd("FRONTDESK_MODEL", "gpt-realtime", "2027-01-20", 61, "gpt-realtime", "next"),
        ModelEnd("FRONTDESK_TURNS_MODEL", "gpt-old", "2026-11-01", -19, "gpt-audio", "gpt-audio"),
    ),
    trouble=("disk_full",),
    version="1.2.3",
)


def entries(chance: random.Random, tool: str) -> list[AnyEntry]:
    model = chance.lognormvariate(6.2, 0.5)
    stopped = 3_000
    noticed = stopped + chance.randint(180, 420)
    answered = noticed + round(model)
    sent = answered + chance.randint(1, 25)
    played = sent + chance.randint(40, 120)
    found: list[AnyEntry] = [
        AgentLine("i1", 1, "Hello there.", "Hello", Fate.CUT, 500, 1_900, 400, 900),
        CallerLine("c1", "wait", 1_900 - chance.randint(120, 380), 3_000),
        TruncationLine("i1", 1, 400, 1_900, False, 400, 385, 400 + chance.randint(5, 30)),
        TurnLine(stopped, noticed, sent, played, answered),
    ]
    state = chance.choices(("done", "refused", "failed", "unknown"), (90, 6, 3, 1))[0]
    found.append(ToolLine("t1", tool, "{}", state, "{}", 4_000, 4_000 + chance.randint(80, 900)))
    if chance.random() < 0.05:
        found.append(AlarmLine(chance.choice(list(Alarm)), 6_000, 3))
    if chance.random() < 0.04:
        found.append(SeatLine(1, "local", "failed", 5_000))
    silence = round(chance.lognormvariate(6.5, 0.4))
    found.append(EndLine(EndedReason.CALLER_HUNG_UP, 61_000, "", silence, silence))
    return found


def counted(
    parts: Parts, calls: int = 300, tool: str = "book", persona: str = "", prefix: str = "CA"
) -> None:
    """Calls of the last week, most of them today."""
    chance, now = random.Random(6), parts.clock()
    some, costs = [], []
    for number in range(calls):
        hours = min(150.0, chance.expovariate(1 / 18))
        began = now - dt.timedelta(hours=hours)
        who = persona or chance.choice(("", "desk", "sales"))
        reason = chance.choices(REASONS, (60, 20, 10, 5, 2, 3))[0]
        summary = Summary(
            call_id=f"{prefix}{number}",
            started_at=began.isoformat(),
            engine="" if reason == "no_start" else "realtime",
            persona=who,
            ended_reason=reason,
            duration_ms=chance.randint(20_000, 300_000),
        )
        found = facts(summary, entries(chance, tool) if summary.engine else ())
        assert found is not None
        some.append(Counted(found.call_id, rows_of(found, now)))
        costs.append(
            CallCost(
                call_id=found.call_id,
                day=began.date(),
                persona=who,
                caller="",
                called="",
                engine_micros=chance.randint(20_000, 250_000),
                transcription_micros=900,
                carrier_micros=25_000,
                unknown=False,
            )
        )
    Rollups(parts.store).add(some, now)
    CostBook(parts.store, "seed").keep(costs)


def said(parts: Parts, state: ProcessState = STATE, owner: str = "abcdef0123") -> None:
    """A process that fares so."""
    now = parts.clock()
    text = msgspec.json.encode(state).decode()
    Rollups(parts.store).say(owner, text, now, now - dt.timedelta(minutes=5))
