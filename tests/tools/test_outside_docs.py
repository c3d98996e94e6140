"""Do the documents about tools from outside, and about adding a module, say what is so?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.test_docs import TEXTS, blocks
from tests.tools.http_double import base
from tests.tree import ROOT
from tools.config import Document
from tools.http import check as http_check
from tools.http.section import Check, HttpSection, Pick, Reading
from tools.mcp import check as mcp_check
from tools.mcp.section import McpSection, ToolOf
from tools.spec import Risk

EXAMPLE = Path("tests/tools/example_module")


@pytest.mark.parametrize("name", ["offer.py", "test_offer.py"])
def test_contributing_shows_the_example_as_it_is(name: str) -> None:
    text = (ROOT / EXAMPLE / name).read_text(encoding="utf-8")
    shown = list(blocks(TEXTS["CONTRIBUTING.md"], "python"))
    # Where the example lies in the tests, a module of one's own lies in tools.
    own = text.replace("tests.tools.example_module.offer", "tools.orders.offer")
    assert own in shown


def rows(shape: type[msgspec.Struct]) -> Iterator[str]:
    document = msgspec.json.schema(shape)
    own = document["$defs"][document["$ref"].rpartition("/")[2]]
    for name, field in own["properties"].items():
        said = default(field, name in own.get("required", ()))
        yield f"| `{name}` | {field['description']} | {said} |"


def default(field: dict[str, Any], required: bool) -> str:
    if required:
        return "required"
    match field.get("default"):
        case str() | int() | float() as plain if plain not in ("", False):
            return f"`{plain}`"
        case list() as several if several:
            return ", ".join(f"`{each}`" for each in several)
        case _:
            return ""


@pytest.mark.parametrize(
    ("document", "shape"),
    [
        ("docs/http-tools.md", HttpSection),
        ("docs/http-tools.md", Reading),
        ("docs/http-tools.md", Pick),
        ("docs/http-tools.md", Check),
        ("docs/mcp-tools.md", McpSection),
        ("docs/mcp-tools.md", ToolOf),
    ],
)
def test_the_tables_are_those_of_the_declarations(
    document: str, shape: type[msgspec.Struct]
) -> None:
    assert "\n".join(rows(shape)) in TEXTS[document]


def sections(document: str, name: str) -> list[dict[str, Any]]:
    files = [Document(text, document).data for text in blocks(TEXTS[document], "yaml")]
    return [file[name] for file in files if name in file]


def test_the_examples_of_http_are_good() -> None:
    known = base("order", "words", risk=Risk.WRITE_OTHER, idempotent=True)
    examples = sections("docs/http-tools.md", "http")
    assert len(examples) == 2
    for section in examples:
        kind = known if section.get("method", "GET") != "GET" else base("order")
        assert http_check.problems(section, kind, {"ORDERS_KEY"}) == []


def test_the_examples_of_mcp_are_good() -> None:
    examples = sections("docs/mcp-tools.md", "mcp")
    assert len(examples) == 3
    for section in examples:
        assert mcp_check.problems(section, {"TICKETS_TOKEN"}) == []
