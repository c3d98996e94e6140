"""A call is one trace, without a word of the caller's, and never waited for."""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan

from agents.money import Cost
from telephony.health.facts import facts
from telephony.tracing.export import OtlpTraces, headers_of
from telephony.tracing.spans import spans
from telephony.transcripts.archive import StoredCall
from telephony.transcripts.entry import ClaimLine, TurnLine
from telephony.transcripts.summary import Summary
from tests.telephony.finished_calls import CALLER, ENTRIES, NOON, SECRET_WORDS

SUMMARY = Summary(
    call_id="CA1",
    started_at=NOON.isoformat(),
    engine="realtime",
    from_number=CALLER,
    ended_reason="caller_hung_up",
    duration_ms=61_000,
    cost=Cost(1_500_000),
)
ZERO_NS = int(NOON.timestamp()) * 10**9


class Collector:
    """Takes traces on the loopback, decodes them, and answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.hold = threading.Event()
        self.hold.set()
        self.came = threading.Semaphore(0)
        outer = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                outer.headers.append({name.lower(): text for name, text in self.headers.items()})
                outer.requests.append(ExportTraceServiceRequest.FromString(content))
                outer.came.release()
                outer.hold.wait(20)
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *given: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def spans(self) -> list[SentSpan]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


def send(traces: OtlpTraces, *call_ids: str) -> None:
    for call_id in call_ids:
        summary = Summary(call_id=call_id, started_at=NOON.isoformat(), engine="local")
        found = facts(summary, ENTRIES)
        assert found is not None
        traces.add(StoredCall(Path("/nowhere"), summary, finished=True), found, ENTRIES)


def told(span: SentSpan) -> dict[str, object]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "")
        for each in span.attributes
    }


def test_a_call_s_turns_and_tools_are_spans_below_it() -> None:
    call, *below = spans(SUMMARY, NOON, ENTRIES)
    assert (call.name, call.parent_id) == ("call", None)
    assert (call.start_ns, call.end_ns) == (ZERO_NS, ZERO_NS + 61 * 10**9)
    assert call.attributes["frontdesk.call.cost_usd"] == 1.5
    assert [each.name for each in below] == [
        "turn",
        "turn endpointing",
        "turn model",
        "turn queue",
        "turn carrier",
        "tool book",
        "tool note",
    ]
    turn, *parts, book, note = below
    assert {each.trace_id for each in below} == {call.trace_id}
    assert len({each.span_id for each in below} | {call.span_id}) == 8
    assert {each.parent_id for each in parts} == {turn.span_id}
    assert {each.parent_id for each in (turn, book, note)} == {call.span_id}
    assert [(each.end_ns - each.start_ns) // 10**6 for each in parts] == [250, 630, 20, 60]
    assert parts[-1].end_ns == turn.end_ns == ZERO_NS + 3_960 * 10**6
    assert turn.attributes["frontdesk.turn.turn_ms"] == 960
    assert (book.failed, note.failed) == ("", "unknown")
    assert [mark.name for mark in call.marks] == [
        "interruption",
        "engine",
        "alarm",
        "owed silence",
    ]


def test_nobody_s_words_and_numbers_are_in_it() -> None:
    claim = ClaimLine("i", ("book",), "never", SECRET_WORDS, 10)
    told = repr(spans(SUMMARY, NOON, (*ENTRIES, claim)))
    assert "claim stopped" in told
    assert SECRET_WORDS not in told
    assert CALLER not in told


def test_the_same_call_is_the_same_trace_and_another_another() -> None:
    assert spans(SUMMARY, NOON, ENTRIES) == spans(SUMMARY, NOON, ENTRIES)
    other = spans(Summary(call_id="CA2", started_at="", engine=""), NOON, ENTRIES)
    assert other[0].trace_id != spans(SUMMARY, NOON, ENTRIES)[0].trace_id


@pytest.mark.parametrize(
    ("reason", "failed"),
    [(None, "not_ended"), ("engine_failed", "engine_failed"), ("idle", "")],
)
def test_ends_that_are_failures(reason: str | None, failed: str) -> None:
    summary = Summary(call_id="CA", started_at="", engine="", ended_reason=reason)
    assert spans(summary, NOON, ())[0].failed == failed


def test_a_turn_whose_end_is_not_known_is_no_span() -> None:
    entries = (TurnLine(-1, 5, 9, 10), TurnLine(5, -1, -1, -1))
    assert len(spans(SUMMARY, NOON, entries)) == 1


def test_what_a_collector_gets(collector: Collector) -> None:
    counted: Counter[str] = Counter()
    traces = OtlpTraces(
        collector.url,
        headers_of("X-Key = secret=1 , nonsense,=x"),
        "one",
        lambda code: counted.update([code]),
    )
    send(traces, "CA1", "CA2")
    traces.close(20)
    assert counted == {"traces.sent": 2}
    assert collector.headers[0]["x-key"] == "secret=1"
    sent = collector.spans()
    assert len({span.trace_id for span in sent}) == 2
    calls = [span for span in sent if span.name == "call"]
    assert [told(span)["frontdesk.call.id"] for span in calls] == ["CA1", "CA2"]
    assert {len(span.trace_id) for span in sent} == {16}
    assert {len(span.span_id) for span in sent} == {8}
    (resource,) = {
        (each.key, each.value.string_value)
        for request in collector.requests
        for each in request.resource_spans[0].resource.attributes
        if each.key == "service.name"
    }
    assert resource == ("service.name", "frontdesk")
    failed = {span.name for span in sent if span.status.code == 2}
    assert failed == {"call", "tool note"}
    assert SECRET_WORDS.encode() not in b"".join(
        request.SerializeToString() for request in collector.requests
    )


def test_fault_a_collector_that_is_slow_costs_traces_and_nothing_else(
    collector: Collector,
) -> None:
    counted: Counter[str] = Counter()
    collector.hold.clear()
    traces = OtlpTraces(
        collector.url, {}, "one", lambda code: counted.update([code]), most_waiting=2
    )
    send(traces, "CA0")
    assert collector.came.acquire(timeout=20)
    send(traces, "CA1", "CA2", "CA3", "CA4")
    assert counted == {"traces.dropped": 2}
    traces.close(0.01)
    collector.hold.set()
    for _ in range(2):
        assert collector.came.acquire(timeout=20)


@pytest.mark.parametrize("status", [400, 404])
def test_fault_a_collector_that_refuses_is_counted(collector: Collector, status: int) -> None:
    counted: Counter[str] = Counter()
    collector.statuses = [status]
    traces = OtlpTraces(collector.url, {}, "one", lambda code: counted.update([code]))
    send(traces, "CA1", "CA2")
    traces.close(20)
    assert counted == {"traces.failed": 1, "traces.sent": 1}


def test_times_are_exact_to_the_millisecond_for_centuries() -> None:
    began = dt.datetime(2199, 12, 31, 23, 59, 59, 123_457, tzinfo=dt.UTC)
    (call,) = spans(SUMMARY, began, ())
    assert call.start_ns % 10**9 == 123_457_000
