"""Does the HTTP API keep to its own description, whatever it is sent?"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.checks import missing_required_header, unsupported_method

from tests.exploring import examples
from tests.telephony.api_client import KEY, Office, new_database
from tests.tree import ROOT, modules

HEADERS = {"Authorization": f"Bearer {KEY}"}
CHECKS = [
    content_type_conformance,
    missing_required_header,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API over two versions and one that is published."""
    folder = tmp_path_factory.mktemp("api")
    new_database(folder)
    office = Office(folder)
    tag = office.added("shop.yaml", "one")
    office.put("shop.yaml", "two", if_match=tag)
    office.versions.publish(1, "ann", "")
    yield schemathesis.openapi.from_asgi("/api/v1/openapi.json", office.app, headers=HEADERS)
    office.store.close()


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_every_answer_is_as_described(description: Any, mode: schemathesis.GenerationMode) -> None:
    """Requests that fit the description, and requests that do not."""
    tried = [explored(result.ok(), mode) for result in description.get_all_operations()]
    assert sum(tried) >= 13


def explored(operation: Any, mode: schemathesis.GenerationMode) -> bool:
    """False where nothing can be sent that does not fit."""

    @settings(max_examples=examples(10), suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers=HEADERS, checks=CHECKS)

    try:
        answers()
    except Unsatisfiable:
        return False
    return True


def test_every_request_and_every_word_of_a_problem_is_in_the_docs(description: Any) -> None:
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    named = {
        f"{method.upper()} {path}"
        for path, methods in description.raw_schema["paths"].items()
        for method in methods
    }
    assert {name for name in named if f"`{name}`" not in text} == set()
    source = "".join(module.source for module in modules("telephony/console"))
    words = set(re.findall(r'(?:Refused|__init__)\(\s*\d{3}, "([\w-]+)"', source))
    words |= set(re.findall(r'\d{3}: "([\w-]+)"', source)) - {"not-modified"}
    assert len(words) > 15
    assert {word for word in words - {"not-modified"} if f"`{word}`" not in text} == set()
