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
