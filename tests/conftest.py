"""What all test modules share."""

from collections.abc import Iterator

import pytest

from agents.local.models import Models
from tests import exploring

exploring.choose()


@pytest.fixture(scope="session")
def models() -> Iterator[Models]:
    """The embedded engine's models, loaded once for all tests."""
    models = Models()
    models.load()
    yield models
    models.close()
