"""The figures of all workers in one answer, each with its worker as a label."""

from collections.abc import Callable, Iterable, Iterator

import structlog
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from telephony.workers.channel import Channel, FiguresAsked, Unreachable

log = structlog.get_logger()


class CrewFigures(Collector):
    """Asks each worker when it is read, in the thread of whoever reads."""

    def __init__(self, channel: Channel, there: Callable[[], Iterable[int]]) -> None:
        """`there` gives the workers that are up."""
        self._channel = channel
        self._there = there
        self.restarts = 0

    def registry(self) -> CollectorRegistry:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return registry

    def describe(self) -> Iterable[Metric]:
        """Nothing is known before it is asked."""
        return ()

    def collect(self) -> Iterator[Metric]:
        found: dict[str, Metric] = {}
        for worker in self._there():
            try:
                text = self._channel.ask_now(worker, FiguresAsked()).body.decode()
            except Unreachable:
                log.warning("worker_unreachable", other=worker)
                continue
            for family in text_string_to_metric_families(text):
                _add(found, family, str(worker))
        yield from found.values()
        restarts = Metric(
            "frontdesk_worker_restarts", "Workers that were started again.", "counter"
        )
        restarts.add_sample("frontdesk_worker_restarts_total", {}, self.restarts)
        yield restarts


def _add(found: dict[str, Metric], family: Metric, worker: str) -> None:
    name = family.name
    whole = found.setdefault(name, Metric(name, family.documentation, family.type))
    for sample in family.samples:
        whole.samples.append(sample._replace(labels={**sample.labels, "worker": worker}))
