"""What all test modules share."""

import gc
import inspect
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from xdist.scheduler.loadscope import LoadScopeScheduling

from agents.local.models import Models
from tests import exploring

exploring.choose()

# The PostgreSQL wheel keeps one lock for all its servers in this folder: of other runs of the
# tests on the machine this one is to know nothing.
_RUNTIME = tempfile.TemporaryDirectory()
os.environ["XDG_RUNTIME_DIR"] = _RUNTIME.name


_WAITING = (
    "test_whole_", "test_try", "test_serve", "test_bench_load", "test_bench_soak",
    "test_trial_page", "test_fault_c13", "test_lab_loopback", "test_local_engine",
)  # fmt: skip
"""Files whose tests wait for real time most of the time, with a phone that stutters if it is not
run in time."""
_LONG = (
    "test_mutants", "test_call_oracle", "test_cli", "test_crashes", "test_crm_crash",
    "test_local_recogniser", "test_api", "test_approvals", "test_console_",
    "test_faults_access", "test_calls_api", "test_tools", "test_call_browser",
)  # fmt: skip
"""Those that take longest: before all others, so that no process is left with one at the end."""
_APART = ("test_whole_", "test_bench_load", "test_serve", "test_call_oracle", "test_mutants")
"""Files whose tests share nothing worth keeping them in one process for."""
_BESIDE = ("gw0", "gw1")
_ENOUGH = 5
"""Of so many processes two do work while the others wait, and only when a phone does not want the
processor."""


def pytest_configure(config: pytest.Config) -> None:
    own: dict[str, Any] = getattr(config, "workerinput", {})
    if own.get("workerid") in _BESIDE and own["workercount"] >= _ENOUGH:
        os.nice(5)


class Dealer(LoadScopeScheduling):  # type: ignore[misc]
    """Deals the tests to the processes: a file's tests go together, but for those of `_APART`."""

    def _split_scope(self, nodeid: str) -> str:
        apart = _name(nodeid).startswith(_APART)
        return nodeid if apart else nodeid.partition("::")[0]

    def _assign_work_unit(self, node: Any) -> None:
        if node.gateway.id in _BESIDE and self.numnodes >= _ENOUGH:
            work = (scope for scope in self.workqueue if not _name(scope).startswith(_WAITING))
            if (first := next(work, None)) is not None:
                self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


def _name(scope: str) -> str:
    """Of the file."""
    return Path(scope.partition("::")[0]).name


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Dealer:
    return Dealer(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)
    # Beside others a phone or a browser may get the processor too late; what it was is shown.
    if "PYTEST_XDIST_WORKER" in os.environ:
        for item in filter(_waits, items):
            item.add_marker(pytest.mark.flaky(reruns=2))


def _waits(item: pytest.Item) -> bool:
    """Whether it goes by a clock that the machine may be late for."""
    loop = inspect.iscoroutinefunction(getattr(item, "obj", None))
    browser = "browser" in getattr(item, "fixturenames", ())
    return loop or browser or item.path.name.startswith(_WAITING)


def _turn(item: pytest.Item) -> int:
    name = item.path.name
    return 0 if name.startswith(_WAITING) else 1 if name.startswith(_LONG) else 2


# Ten thousand tests and all they import are no garbage. Left to itself, the collector looks through
# them again and again: while they are gathered, and then for as long as they run.
gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.fixture(autouse=True)
def own_logs() -> None:
    """No test goes by how a command of an earlier one has set up the logs."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def models() -> Iterator[Models]:
    """The embedded engine's models, loaded once for all tests."""
    models = Models()
    models.load()
    yield models
    models.close()
