"""What all test modules share."""

import os
import tempfile
from collections.abc import Iterator

import pytest
import structlog

from agents.local.models import Models
from tests import exploring

exploring.choose()

# The PostgreSQL wheel keeps one lock for all its servers in this folder: of other runs of the
# tests on the machine this one is to know nothing.
_RUNTIME = tempfile.TemporaryDirectory()
os.environ["XDG_RUNTIME_DIR"] = _RUNTIME.name


_ALONE = ("test_whole_", "test_bench_load", "test_mutants", "test_call_oracle")
"""Files whose tests take seconds of real time each and share nothing worth keeping together."""
_LONG = ("test_try", "test_cli.", "test_crashes", "test_cli_config")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the tests to the processes: a file's tests go together, but for those that wait for
    real time. What takes longest begins first, so that no process is left with it at the end."""
    for item in items:
        if not item.path.name.startswith(_ALONE):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    name = item.path.name
    return 0 if name.startswith(_LONG) else 1 if name.startswith(_ALONE) else 2


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
