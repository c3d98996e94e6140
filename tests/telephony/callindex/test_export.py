"""Exports: every call once, no formula, and never more than a batch in memory."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator

import pytest

from telephony.transcripts.index.asked import Asked, Cursor, Filters
from telephony.transcripts.index.export import BATCH, all_pages, cell, csv_lines, jsonl
from telephony.transcripts.index.index import CallIndex
from telephony.transcripts.index.page import Found, Page
from telephony.transcripts.index.search import Search
from tests.telephony.callindex.made import made
from tools.store import Store

WILD = [
    '=HYPERLINK("http://evil")',
    "+1+1",
    "-2",
    "@SUM(A1)",
    "\tx",
    "\r=1",
    "|cmd",
    "%0A",
    "plain",
]


@pytest.mark.parametrize("text", WILD)
def test_fault_c12_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == (text if text == "plain" else f"'{text}")
    assert cell((text, "b"))[0] not in "=+-@\t\r|%"


def test_numbers_stay_numbers() -> None:
    assert [cell(-1), cell(1.5), cell(None), cell(())] == ["-1", "1.5", "", ""]


def endless(calls: int) -> Iterator[tuple[Found, ...]]:
    """So many calls, made when they are asked for."""
    served = 0

    def page(asked: Asked) -> Page:
        nonlocal served
        size = min(asked.limit, calls - served)
        served += size
        one = [Found(made(f"CA{number}", persona="=x").row) for number in range(size)]
        return Page(tuple(one), Cursor(served, served) if served < calls else None, None)

    return all_pages(page, Asked(filters=Filters(tool="x"), limit=7))


@pytest.mark.parametrize("form", [csv_lines, jsonl])
def test_fault_c12_an_export_of_many_calls_stays_small_in_memory(form: object) -> None:
    def peak(calls: int) -> tuple[int, int]:
        tracemalloc.start()
        lines = 0
        for chunk in form(endless(calls)):  # type: ignore[operator]
            lines += chunk.count(b"\n")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return lines - (form is csv_lines), most

    lines, few = peak(4 * BATCH)
    more_lines, many = peak(16 * BATCH)
    assert (lines, more_lines) == (4 * BATCH, 16 * BATCH)
    assert many < few * 1.2, "four times the calls, the same memory"


def test_every_call_is_exported_once_with_all_that_is_asked(store: Store) -> None:
    CallIndex(store).put(
        [made(f"CA{number}", number, persona=WILD[number % 9], tools=("book", "note"),
              cost_micros=1_500_000 if number else -1, duration_ms=1_500)
         for number in range(30)]
    )  # fmt: skip
    page = Search(store).page
    text = b"".join(csv_lines(all_pages(page, Asked()))).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["call_id"] for row in rows] == [f"CA{number}" for number in range(29, -1, -1)]
    assert rows[0]["caller"] == "'+442079460001"
    assert (rows[0]["cost_usd"], rows[-1]["cost_usd"]) == ("1.500000", "")
    assert (rows[0]["tools"], rows[0]["duration_s"]) == ("book; note", "1.5")
    assert {row["persona"][:1] for row in rows} == {"'", "p"}
    lines = b"".join(jsonl(all_pages(page, Asked()))).decode().splitlines()
    objects = [json.loads(line) for line in lines]
    assert [each["call_id"] for each in objects] == [row["call_id"] for row in rows]
    assert objects[0]["caller"] == "+442079460001"
    assert objects[0]["tools"] == ["book", "note"]
    assert (objects[-1]["cost_usd"], objects[0]["owed_silence_ms"]) == (None, None)
