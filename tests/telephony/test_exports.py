"""Transcripts that are handed on: JSON Lines, WebVTT and CSV, and what is read back of them."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.exports import jsonl, sheet, vtt
from telephony.exports.sealed import DISCREET, FULL, SCHEMA, VERSION, BadExport, Exported, digest_of
from telephony.transcripts.discretion import discreet, discreet_summary
from telephony.transcripts.entry import AgentLine, CallerLine, DtmfLine, Fate, ToolLine
from telephony.transcripts.summary import Summary
from telephony.transcripts.text import in_order
from tests.console.hostile import CORPUS
from tests.telephony.stored_call import CALL, CALLER, ENTRIES, MONDAY

GOLDEN = Path(__file__).parent / "golden"
SUMMARY = Summary(
    call_id=CALL,
    started_at=MONDAY.isoformat(timespec="milliseconds"),
    engine="realtime",
    from_number=CALLER,
    config_version=3,
    ended_reason="caller_hung_up",
    duration_ms=6_000,
)
WHOLE = Exported(call=SUMMARY, finished=True, view=FULL, entries=tuple(in_order(ENTRIES)))
LESS = Exported(
    call=discreet_summary(SUMMARY),
    finished=True,
    view=DISCREET,
    entries=tuple(discreet(WHOLE.entries)),
    problems=("transcript.jsonl, line 4: torn or no JSON",),
)
Form = tuple[Callable[[Exported], bytes], Callable[[bytes], object], Callable[[Exported], object]]
"""How it is written, how it is read, and what is to be read."""
FORMS: dict[str, Form] = {
    "jsonl": (jsonl.written, jsonl.read, lambda exported: exported),
    "vtt": (vtt.written, vtt.read, vtt.cues),
    "csv": (sheet.written, sheet.read, sheet.sheet),
}


@pytest.mark.parametrize("form", FORMS)
def test_requirement_d7_an_export_is_written_as_the_golden_file_has_it(form: str) -> None:
    """To change what a field means is to change the version; tests/telephony/golden.py writes the
    files anew."""
    written, _, _ = FORMS[form]
    assert written(WHOLE) == (GOLDEN / f"transcript.{form}").read_bytes()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("exported", [WHOLE, LESS], ids=["full", "discreet"])
def test_requirement_d7_what_is_read_back_equals_what_was_written(
    form: str, exported: Exported
) -> None:
    written, read, meant = FORMS[form]
    assert read(written(exported)) == meant(exported)


def test_requirement_d7_every_form_names_schema_version_view_and_one_digest() -> None:
    seal = digest_of(WHOLE)
    lines = jsonl.written(WHOLE).splitlines()
    head, tail = json.loads(lines[0]), json.loads(lines[-1])
    assert (head["schema"], head["version"], head["view"]) == (SCHEMA, VERSION, FULL)
    assert tail == {"type": "Seal", "entries": len(ENTRIES), "sha256": seal}
    # Anybody can work it out with the tools they have.
    assert hashlib.sha256(b"".join(line + b"\n" for line in lines[:-1])).hexdigest() == seal
    assert vtt.read(vtt.written(WHOLE)).sha256 == seal
    assert sheet.read(sheet.written(WHOLE)).sha256 == seal
    assert digest_of(LESS) != seal


def test_requirement_d7_what_was_changed_since_is_noticed() -> None:
    data = jsonl.written(WHOLE)
    for at in range(0, len(data) - 1, 97):
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(BadExport):
            jsonl.read(bytes(changed))
    lines = data.splitlines(keepends=True)
    with pytest.raises(BadExport, match="changed"):
        jsonl.read(b"".join([*lines[:3], *lines[4:]]))


def test_requirement_d7_what_was_taken_out_is_flagged() -> None:
    line = CallerLine("i", "It is [card number], again [card number], [email].", 1, 2)
    exported = msgspec.structs.replace(WHOLE, entries=(line, DtmfLine("1", 3)))
    _, first, second, _ = map(json.loads, jsonl.written(exported).splitlines())
    assert first["redacted"] == ["card number", "email"]
    assert "redacted" not in second
    rows = list(csv.DictReader(io.StringIO(sheet.written(exported).decode("utf-8-sig"))))
    assert [row["redacted"] for row in rows] == ["card number email", ""]
    assert jsonl.read(jsonl.written(exported)) == exported


def test_requirement_d7_what_was_generated_stands_apart_from_what_was_heard() -> None:
    rows = list(csv.DictReader(io.StringIO(sheet.written(WHOLE).decode("utf-8-sig"))))
    greeting = next(row for row in rows if row["type"] == "AgentLine")
    assert greeting["generated"] == "Thanks for calling, how may I help you?"
    assert greeting["heard"] == "Thanks for calling, how"
    assert (greeting["heard_at_least_ms"], greeting["heard_at_most_ms"]) == ("1480", "1540")
    cues = vtt.cues(WHOLE).cues
    assert [(cue.speaker, cue.text) for cue in cues] == [
        ("agent", "Thanks for calling, how"),
        ("caller", "A haircut tomorrow at ten, for Ann Lee."),
        ("agent", "You are booked."),
    ]
    text = vtt.written(WHOLE).decode()
    assert "NOTE 00:00:00.500 never heard: may I help you?" in text
    assert "NOTE 00:00:05.600 never heard: I have sent you a text." in text


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"{}\n", b"\xff\xfe", b"[" * 5_000, b"WEBVTT\n\nNOTE x\n\n", b"a,b\r\n1,2\r\n"],
)
@pytest.mark.parametrize("form", FORMS)
def test_what_is_no_export_is_refused(form: str, data: bytes) -> None:
    with pytest.raises(BadExport):
        FORMS[form][1](data)


@pytest.mark.parametrize("form", FORMS)
def test_another_version_is_refused(form: str) -> None:
    written, read, _ = FORMS[form]
    data = written(WHOLE)
    for old, new in ((b'"version":1', b'"version":2'), (b"transcript 1", b"transcript 2")):
        data = data.replace(old, new)
    with pytest.raises(BadExport):
        read(data)


def test_a_cue_that_makes_no_sense_is_refused() -> None:
    text = vtt.written(WHOLE).decode()
    for old, new in (("<v Caller>", "<v Nobody>"), ("00:00:02.000 -->", "soon -->")):
        with pytest.raises(BadExport):
            vtt.read(text.replace(old, new).encode())


def hostile(text: str) -> Exported:
    entries = (
        CallerLine("i1", text, 10, 5),
        AgentLine("i2", 1, text, text, Fate.HEARD, 20, 30, 10, 10),
        AgentLine("i3", 1, text, "", Fate.NEVER_PLAYED, 25, 30, 0, 10),
        ToolLine(text, text, text, text, text, 40, 50),
    )
    return msgspec.structs.replace(WHOLE, entries=entries)


@pytest.mark.parametrize(
    "text", [*CORPUS, "a --> b", "x\n\nNOTE y", "=1+1", "@SUM(A1)", "'quoted", ""]
)
@pytest.mark.parametrize("form", FORMS)
def test_fault_c3_what_was_said_stays_text_in_every_form(form: str, text: str) -> None:
    written, read, meant = FORMS[form]
    data = written(hostile(text))
    assert read(data) == meant(hostile(text))
    if form == "vtt":
        blocks = data.decode().rstrip("\n").split("\n\n")[2:]
        cues = [block for block in blocks if not block.startswith("NOTE")]
        assert all(block.count("\n") == 1 and block.count("<") == 1 for block in cues)
        assert all("-->" not in block for block in blocks if block.startswith("NOTE"))


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r"])
def test_fault_c12_no_cell_begins_as_a_formula_does(begins: str) -> None:
    data = sheet.written(hostile(f'{begins}HYPERLINK("http://x","y")')).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(data, newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


@given(st.text(max_size=60))
def test_any_words_come_back_as_they_were(text: str) -> None:
    for written, read, meant in FORMS.values():
        assert read(written(hostile(text))) == meant(hostile(text))
