"""Figures for a monitoring system, in Prometheus' format, on a port of their own."""

import asyncio
from collections.abc import Callable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)

from agents.money import MICROS, Cost
from telephony.call.commands import CallCommand, Record
from telephony.health.facts import reactions
from telephony.health.state import EngineState, EngineView
from telephony.transcripts.entry import (
    AlarmLine,
    AnyEntry,
    EndedReason,
    EndLine,
    SeatLine,
    ToolLine,
    TruncationLine,
    TurnLine,
)
from telephony.transcripts.latency import latency

_TURN_BUCKETS_S = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
_LATE_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
_REACTION_BUCKETS_S = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0, 2.0)


class Metrics:
    """The figures of one process. Cheap to change; read by the listener's own thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter(
            "frontdesk_events", "What happened, by code.", ["code"], registry=self.registry
        )
        self._live = Gauge("frontdesk_live_calls", "Calls now.", registry=self.registry)
        self._tasks = Gauge(
            "frontdesk_tasks",
            "Tasks of the event loop now; no more than before when all calls are over.",
            registry=self.registry,
        )
        self._ended = Counter(
            "frontdesk_calls",
            "Calls that have ended, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self._turn = Histogram(
            "frontdesk_turn_seconds",
            "What a caller waits for an answer: endpointing, model, queue (both: answer), carrier,"
            " and all of it (turn).",
            ["part"],
            buckets=_TURN_BUCKETS_S,
            registry=self.registry,
        )
        self._money()
        self._quality()
        self._machine()

    def _quality(self) -> None:
        self._barge_in = Histogram(
            "frontdesk_barge_in_seconds",
            "From a caller's first sound until our voice was silent for them; known once a call is"
            " over.",
            buckets=_REACTION_BUCKETS_S,
            registry=self.registry,
        )
        self._truncation = Histogram(
            "frontdesk_truncation_bound_seconds",
            "How far apart the bounds are of what was heard of a reply that was cut.",
            buckets=_REACTION_BUCKETS_S,
            registry=self.registry,
        )
        self._silence = Histogram(
            "frontdesk_owed_silence_seconds",
            "A call's longest wait: in silence, or with nothing but fillers (wordless).",
            ["kind"],
            buckets=_TURN_BUCKETS_S,
            registry=self.registry,
        )
        self._tools = Histogram(
            "frontdesk_tool_seconds",
            "What tools took that ran, by name and how they ended.",
            ["tool", "state"],
            buckets=_TURN_BUCKETS_S,
            registry=self.registry,
        )
        self._alarms = Counter(
            "frontdesk_line_alarms",
            "Calls whose line was not well, by what was wrong.",
            ["kind"],
            registry=self.registry,
        )
        self._switches = Counter(
            "frontdesk_engine_switches",
            "Sessions that took a call over, by their engine and why.",
            ["engine", "why"],
            registry=self.registry,
        )
        self._ready = Gauge(
            "frontdesk_engine_ready",
            "Whether calls may come to this engine now: 1, or 0 while it rests or is full.",
            ["engine"],
            registry=self.registry,
        )

    def _machine(self) -> None:
        self._late = Histogram(
            "frontdesk_loop_late_seconds",
            "How late the event loop does what is due.",
            buckets=_LATE_BUCKETS_S,
            registry=self.registry,
        )
        self._capacity = Gauge(
            "frontdesk_capacity_calls",
            "Calls that may be on at one time, on this machine.",
            registry=self.registry,
        )
        self._accepting = Gauge(
            "frontdesk_accepting",
            "Whether one more call would be taken now: 1 or 0.",
            registry=self.registry,
        )
        self._files = Gauge(
            "frontdesk_open_files", "File descriptors in use.", registry=self.registry
        )
        self._files_limit = Gauge(
            "frontdesk_open_files_limit",
            "File descriptors that may be in use.",
            registry=self.registry,
        )

    def _money(self) -> None:
        self._cost = Counter(
            "frontdesk_cost_usd",
            "What calls have cost, as far as it is known.",
            ["persona", "what"],
            registry=self.registry,
        )
        self._unknown = Counter(
            "frontdesk_cost_unknown",
            "What calls have used that has no price.",
            ["persona", "what"],
            registry=self.registry,
        )
        self._days_left = Gauge(
            "frontdesk_model_days_left",
            "Days until a model that is set is shut down.",
            ["model"],
            registry=self.registry,
        )

    def count(self, code: str) -> None:
        self._events.labels(code).inc()

    def live_from(self, calls: Callable[[], int], accepting: Callable[[], bool]) -> None:
        self._live.set_function(calls)
        self._accepting.set_function(accepting)

    def files_from(self, used: Callable[[], int], limit: Callable[[], int]) -> None:
        self._files.set_function(used)
        self._files_limit.set_function(limit)

    def capacity(self, calls: int) -> None:
        self._capacity.set(calls)

    def loop_late(self, late_s: float) -> None:
        self._late.observe(late_s)

    def text(self) -> bytes:
        """All of it, in Prometheus' format."""
        return generate_latest(self.registry)

    def tasks_of(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tasks.set_function(lambda: len(asyncio.all_tasks(loop)))

    def ended(self, reason: EndedReason) -> None:
        self._ended.labels(reason.value).inc()

    def cost(self, persona: str, what: str, cost: Cost) -> None:
        self._cost.labels(persona, what).inc(cost.micros / MICROS)
        if cost.unknown:
            self._unknown.labels(persona, what).inc()

    def days_left(self, model: str, days: int) -> None:
        self._days_left.labels(model).set(days)

    def observe(self, commands: Sequence[CallCommand]) -> None:
        """What a call wrote down."""
        for command in commands:
            match command:
                case Record(entry):
                    self._line(entry)
                case _:
                    pass

    def _line(self, entry: AnyEntry) -> None:
        match entry:
            case TurnLine():
                self.turn(entry)
            case ToolLine(repeated=False):
                took_s = max(0, entry.end_ms - entry.start_ms) / 1000
                self._tools.labels(entry.name, entry.state).observe(took_s)
            case TruncationLine(heard_at_least_ms=least, heard_at_most_ms=most) if least >= 0:
                self._truncation.observe((most - least) / 1000)
            case AlarmLine(kind=kind):
                self._alarms.labels(kind.value).inc()
            case SeatLine(engine=engine, why=why):
                self._switches.labels(engine, why).inc()
            case EndLine():
                self._wait("silence", entry.silence_ms)
                self._wait("wordless", entry.wordless_ms)
            case _:
                pass

    def _wait(self, kind: str, ms: int) -> None:
        if ms >= 0:
            self._silence.labels(kind).observe(ms / 1000)

    def finished(self, entries: Sequence[AnyEntry]) -> None:
        """What can only be told of a call as a whole. May be called from any thread."""
        for reaction_ms in reactions(entries):
            self._barge_in.observe(reaction_ms / 1000)

    def engines(self, engines: Sequence[EngineView]) -> None:
        for engine in engines:
            self._ready.labels(engine.name).set(engine.state is EngineState.READY)

    def turn(self, line: TurnLine) -> None:
        """A step that did not happen is not counted."""
        waited = latency(line)
        for part, ms in (
            ("endpointing", waited.endpointing_ms),
            ("model", waited.model_ms),
            ("queue", waited.queue_ms),
            ("answer", waited.answer_ms),
            ("carrier", waited.carrier_ms),
            ("turn", waited.turn_ms),
        ):
            if ms is not None:
                self._turn.labels(part).observe(ms / 1000)


def port_refused(port: int, error: OSError) -> OSError:
    what = f"127.0.0.1:{port} cannot be had ({error.strerror})"
    cure = "Set it to a free port, or to 0 for none."
    return OSError(error.errno, f"FRONTDESK_METRICS_PORT: {what}. {cure}")


class MetricsListener:
    """Serves the figures on loopback: they are not for whoever can reach the telephone side."""

    def __init__(self, registry: CollectorRegistry, port: int) -> None:
        """Raises OSError, for people to read, for a port that cannot be had."""
        try:
            self._server, self._thread = start_http_server(
                port, addr="127.0.0.1", registry=registry
            )
        except OSError as error:
            raise port_refused(port, error) from None

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def close(self) -> None:
        """Blocks for up to half a second."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
