"""Figures of several workers in one answer."""

from prometheus_client import generate_latest

from telephony.metrics import Metrics
from telephony.workers.channel import Answered, Asked, Channel, FiguresAsked, Unreachable
from telephony.workers.figures import CrewFigures


class Workers(Channel):
    """Two that answer, and one that does not."""

    def __init__(self) -> None:
        super().__init__({})
        self.metrics = [Metrics(), Metrics()]

    def ask_now(self, worker: int, message: Asked | FiguresAsked) -> Answered:
        assert message == FiguresAsked()
        if worker == 2:
            raise Unreachable
        return Answered(200, (), self.metrics[worker].text())


def test_each_figure_tells_whose_it_is() -> None:
    workers = Workers()
    for number, metrics in enumerate(workers.metrics):
        for _ in range(number + 1):
            metrics.count("odd")
        metrics.loop_late(0.003)
    figures = CrewFigures(workers, lambda: (0, 1, 2))
    figures.restarts = 4
    text = generate_latest(figures.registry()).decode()
    assert 'frontdesk_events_total{code="odd",worker="0"} 1.0' in text
    assert 'frontdesk_events_total{code="odd",worker="1"} 2.0' in text
    assert 'frontdesk_loop_late_seconds_bucket{le="0.005",worker="1"} 1.0' in text
    assert "frontdesk_worker_restarts_total 4.0" in text
    assert 'worker="2"' not in text
    assert text.count("# TYPE frontdesk_events_total counter") == 1
