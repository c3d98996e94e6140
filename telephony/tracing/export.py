"""Sends traces of calls to who collects them: from a thread of its own, never waited for."""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from telephony.health.facts import CallFacts
from telephony.tracing.spans import Span, spans
from telephony.transcripts.archive import StoredCall
from telephony.transcripts.entry import AnyEntry
from telephony.version import VERSION

log = structlog.get_logger()

MOST_WAITING = 1_000
"""Calls; more are dropped, and counted."""
ANSWER_S = 10.0
"""For one call, its retries included: the exporter tries again what may pass."""
_SCOPE = InstrumentationScope("frontdesk", VERSION)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class OtlpTraces:
    """See telephony.afterwards.Traces."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        instance: str,
        count: Callable[[str], None],
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """`url` is the whole of it, `/v1/traces` included. `count` is called from threads."""
        self._count = count
        self._exporter = OTLPSpanExporter(url, headers=dict(headers), timeout=ANSWER_S)
        self._resource = Resource(
            {
                "service.name": "frontdesk",
                "service.version": VERSION,
                "service.instance.id": instance,
            }
        )
        self._waiting: queue.Queue[tuple[Span, ...] | None] = queue.Queue(most_waiting)
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def add(self, call: StoredCall, found: CallFacts, entries: Sequence[AnyEntry]) -> None:
        """Queue a call; dropped where too many wait."""
        try:
            self._waiting.put_nowait(spans(call.summary, found.began_at, entries))
        except queue.Full:
            self._count("traces.dropped")

    def close(self, limit_s: float) -> None:
        """Send what waits, as far as there is time. Blocks."""
        try:
            self._waiting.put(None, timeout=limit_s)
        except queue.Full:
            return
        self._thread.join(limit_s)

    def _run(self) -> None:
        while (trace := self._waiting.get()) is not None:
            try:
                result = self._exporter.export([self._readable(span) for span in trace])
            except Exception:  # a pump: one call that cannot be sent must not keep back the others
                log.exception("trace_broke")
                result = SpanExportResult.FAILURE
            sent = result is SpanExportResult.SUCCESS
            self._count("traces.sent" if sent else "traces.failed")
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: Span) -> ReadableSpan:
        parent = None if span.parent_id is None else _context(span.trace_id, span.parent_id)
        return ReadableSpan(
            name=span.name,
            context=_context(span.trace_id, span.span_id),
            parent=parent,
            resource=self._resource,
            attributes=span.attributes,
            events=[Event(mark.name, mark.attributes, mark.at_ns) for mark in span.marks],
            kind=SpanKind.SERVER if parent is None else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, span.failed) if span.failed else Status(),
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=_SCOPE,
        )


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=_SAMPLED)


def headers_of(text: str) -> dict[str, str]:
    """`name=value` with commas between, as OTEL_EXPORTER_OTLP_HEADERS has them."""
    pairs = (part.partition("=") for part in text.split(","))
    return {name.strip().lower(): value.strip() for name, sign, value in pairs if sign and name}
