"""A transcript as CSV for spreadsheets: a row for each line, and nothing that a cell could run."""

import csv
import io
from collections.abc import Iterator

import msgspec

from telephony.exports.sealed import (
    SCHEMA,
    VERSION,
    BadExport,
    Exported,
    digest_of,
    taken_out,
)
from telephony.plain import plain
from telephony.transcripts.entry import AgentLine, AnyEntry, CallerLine, ToolLine
from telephony.transcripts.text import begins_ms, remark

COLUMNS = (
    "schema", "call_id", "view", "sha256", "number", "type", "start_ms", "end_ms", "speaker",
    "generated", "heard", "fate", "heard_at_least_ms", "heard_at_most_ms", "detail", "redacted",
)  # fmt: skip
_ACTS = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a spreadsheet may take for the beginning of a formula; the apostrophe that stops it, too."""


class Row(msgspec.Struct, frozen=True):
    """One line of the transcript as a spreadsheet has it; every cell is text."""

    type: str
    start_ms: str
    end_ms: str = ""
    speaker: str = ""
    generated: str = ""
    heard: str = ""
    fate: str = ""
    heard_at_least_ms: str = ""
    heard_at_most_ms: str = ""
    detail: str = ""
    redacted: str = ""


class Sheet(msgspec.Struct, frozen=True):
    """What can be read back of a file."""

    call_id: str
    view: str
    sha256: str
    """The digest of the transcript it was made from."""
    rows: tuple[Row, ...]


def sheet(exported: Exported) -> Sheet:
    """Everything that has a place in a table."""
    rows = tuple(map(_row, exported.entries))
    return Sheet(plain(exported.call.call_id), exported.view, digest_of(exported), rows)


def written(exported: Exported) -> bytes:
    """UTF-8 with the mark spreadsheets look for, lines ending as RFC 4180 wants them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells(sheet(exported)))
    return text.getvalue().encode("utf-8-sig")


def read(data: bytes) -> Sheet:
    """What `sheet` has given to write; raises BadExport."""
    try:
        head, *lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    except (ValueError, csv.Error):
        raise BadExport("This is no CSV.") from None
    if tuple(head) != COLUMNS or any(len(line) != len(COLUMNS) for line in lines) or not lines:
        raise BadExport("This is no CSV of a transcript of ours.")
    cells = [[_bare(cell) for cell in line] for line in lines]
    schema, call_id, view, sha256 = cells[0][:4]
    if schema != f"{SCHEMA} {VERSION}":
        raise BadExport(f"This is {schema}, not {SCHEMA} {VERSION}.")
    return Sheet(call_id, view, sha256, tuple(Row(*line[5:]) for line in cells))


def safe(cell: str) -> str:
    """The cell as text in every spreadsheet: an apostrophe before what could be a formula."""
    return f"'{cell}" if cell.startswith(_ACTS) else cell


def _bare(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell


def _cells(of: Sheet) -> Iterator[list[str]]:
    same = (f"{SCHEMA} {VERSION}", of.call_id, of.view, of.sha256)
    for number, row in enumerate(of.rows, start=1):
        cells = (*same, str(number), *msgspec.structs.astuple(row))
        yield [safe(str(cell)) for cell in cells]


def _row(entry: AnyEntry) -> Row:
    common = Row(
        type=type(entry).__name__,
        start_ms=str(begins_ms(entry)),
        redacted=" ".join(taken_out(entry)),
    )
    return msgspec.structs.replace(common, **_more(entry))


def _more(entry: AnyEntry) -> dict[str, str]:
    match entry:
        case CallerLine():
            said = plain(entry.text)
            return {"end_ms": str(entry.end_ms), "speaker": "caller", "heard": said}
        case AgentLine():
            return {
                "end_ms": str(entry.end_ms),
                "speaker": "agent",
                "generated": plain(entry.text),
                "heard": plain(entry.heard),
                "fate": entry.fate.value,
                "heard_at_least_ms": str(entry.heard_at_least_ms),
                "heard_at_most_ms": str(entry.heard_at_most_ms),
            }
        case ToolLine():
            return {"end_ms": str(entry.end_ms), "detail": (remark(entry) or ("", ""))[1]}
        case _:
            return {"detail": (remark(entry) or ("", ""))[1]}
