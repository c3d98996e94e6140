"""Figures for a monitoring system, in Prometheus' format, on a port of their own."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from agents.money import MICROS, Cost
from telephony.call.commands import CallCommand, Record
from telephony.transcripts.entry import EndedReason, TurnLine
from telephony.transcripts.latency import latency

_TURN_BUCKETS_S = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)


class Metrics:
    """The figures of one process. Cheap to change; read by the listener's own thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter(
            "frontdesk_events", "What happened, by code.", ["code"], registry=self.registry
        )
        self._live = Gauge("frontdesk_live_calls", "Calls now.", registry=self.registry)
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

    def live_from(self, calls: Callable[[], int]) -> None:
        self._live.set_function(calls)

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
                case Record(TurnLine() as line):
                    self.turn(line)
                case _:
                    pass

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

    def __init__(self, metrics: Metrics, port: int) -> None:
        """Raises OSError, for people to read, for a port that cannot be had."""
        try:
            self._server, self._thread = start_http_server(
                port, addr="127.0.0.1", registry=metrics.registry
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
