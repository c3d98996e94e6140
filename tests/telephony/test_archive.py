"""Reading stored calls back, whatever a crash or a later program left on disk."""

import asyncio
import datetime as dt
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.call.commands import Track
from telephony.call.events import DtmfPressed
from telephony.transcripts.archive import (
    Archive,
    NotFound,
    export_json,
    export_text,
    journal,
    journal_problem,
    stored,
    transcript,
)
from telephony.transcripts.entry import AnyEntry, CallerLine, EndedReason, EndLine
from telephony.transcripts.files import part_of
from telephony.transcripts.journal import Journal, JournalWriter
from telephony.transcripts.records import Header
from tests.exploring import examples

NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
ENTRIES: tuple[AnyEntry, ...] = (
    CallerLine("i2", "at ten", 2_000, 2_500),
    CallerLine("i1", "tomorrow", 1_000, 1_500),
    EndLine(EndedReason.CALLER_HUNG_UP, 4_000),
)


def store(data_dir: Path, *calls: tuple[str, dt.datetime], close: bool = True) -> None:
    async def run() -> None:
        writer = JournalWriter(data_dir, period_s=0.01)
        for name, started_at in calls:
            call_id, part = part_of(name)
            journal = Journal.open(
                writer,
                call_id=call_id,
                started_at=started_at,
                engine="local",
                part=part,
                failed=print,
            )
            journal.event(0.5, DtmfPressed("1"), [])
            journal.audio(Track.CALLER, 0, b"abc")
            for entry in ENTRIES:
                journal.record(entry)
            if close:
                journal.close(EndedReason.CALLER_HUNG_UP)
                assert await journal.written(5)
            while journal._spool.written != journal._spool.queued:
                await asyncio.sleep(0.01)
        await writer.shut(1)

    asyncio.run(run())


def folder_of(data_dir: Path) -> Path:
    return next((data_dir / "calls").glob("*/*"))


def test_an_empty_archive_has_no_calls(tmp_path: Path) -> None:
    assert Archive(tmp_path).newest(10) == []


def test_calls_are_listed_newest_first_and_paged(tmp_path: Path) -> None:
    day, hour = dt.timedelta(days=1), dt.timedelta(hours=1)
    store(tmp_path, ("a", NOON), ("b", NOON - hour), ("c", NOON - day), ("d", NOON + day))
    archive = Archive(tmp_path)
    assert [call.summary.call_id for call in archive.newest(10)] == ["d", "a", "b", "c"]
    assert [call.summary.call_id for call in archive.newest(2)] == ["d", "a"]
    assert [call.summary.call_id for call in archive.newest(2, skip=1)] == ["a", "b"]
    assert archive.newest(2, skip=4) == []


def test_a_call_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    store(tmp_path, ("CA10", NOON), ("CA1", NOON), ("CB2", NOON))
    archive = Archive(tmp_path)
    assert archive.find("CB").summary.call_id == "CB2"
    assert archive.find("CA10").summary.call_id == "CA10"
    # A whole id is found even where another one begins with it.
    assert archive.find("CA1").summary.call_id == "CA1"


def test_a_call_that_several_processes_carried_is_one_call(tmp_path: Path) -> None:
    store(tmp_path, ("CA1", NOON), ("CA1+2", NOON), ("CA1+11", NOON), ("CA2", NOON))
    archive = Archive(tmp_path)
    assert sorted(call.folder.name for call in archive.newest(10)) == ["CA1+11", "CA2"]
    assert archive.find("CA1").folder.name == "CA1+11"


def test_a_whole_id_finds_its_call_and_nothing_else_does(tmp_path: Path) -> None:
    day = dt.timedelta(days=1)
    calls = ("CA10", NOON), ("CA1", NOON - day), ("CA1+2", NOON - day), ("CA2+2", NOON)
    store(tmp_path, *calls)
    archive = Archive(tmp_path)
    found = [archive.exactly(call_id).folder.name for call_id in ("CA10", "CA1", "CA2")]
    # Of a call that several processes carried, the last; the first may have left nothing.
    assert found == ["CA10", "CA1+2", "CA2+2"]
    for call_id in ("CA", "CA1+2", "CA3", "", "..", "../CA1", "CA1/call.json", "CA1\n", "a" * 200):
        with pytest.raises(NotFound):
            archive.exactly(call_id)


@pytest.mark.parametrize(
    ("call_id", "answer"),
    [("CA", "2 calls begin with 'CA'"), ("X", "no call 'X'"), ("", "no call"), ("../", "no call")],
)
def test_an_id_of_no_call_or_of_several_is_answered(
    tmp_path: Path, call_id: str, answer: str
) -> None:
    store(tmp_path, ("CA10", NOON), ("CA1", NOON))
    with pytest.raises(NotFound, match=answer):
        Archive(tmp_path).find(call_id)


def test_entries_come_in_order_of_speaking(tmp_path: Path) -> None:
    store(tmp_path, ("CA1", NOON))
    lines = transcript(Archive(tmp_path).find("CA1"))
    assert lines.entries == (ENTRIES[1], ENTRIES[0], ENTRIES[2])
    assert lines.problems == ()


def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    store(tmp_path, ("CA1", NOON))
    path = folder_of(tmp_path) / "transcript.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    lines = transcript(stored(path.parent))
    assert lines.entries == (ENTRIES[1], ENTRIES[0])
    assert lines.problems == ("transcript.jsonl, line 3: torn or no JSON",)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"type":"MoodLine","mood":"cheerful"}', "unknown kind of entry 'MoodLine'"),
        (b'{"type":"CallerLine"}', "unknown kind of entry 'CallerLine'"),
        (b"[]", "torn or no JSON"),
        (b"{}", "no entry"),
        (b"\xff\xfe", "torn or no JSON"),
        (b"[" * 5_000, "torn or no JSON"),
    ],
)
def test_lines_that_cannot_be_read_are_told_and_skipped(
    tmp_path: Path, line: bytes, problem: str
) -> None:
    store(tmp_path, ("CA1", NOON))
    path = folder_of(tmp_path) / "transcript.jsonl"
    path.write_bytes(line + b"\n" + path.read_bytes())
    lines = transcript(stored(path.parent))
    assert len(lines.entries) == 3
    assert lines.problems == (f"transcript.jsonl, line 1: {problem}",)


def test_entries_of_a_later_program_may_know_more(tmp_path: Path) -> None:
    store(tmp_path, ("CA1", NOON))
    path = folder_of(tmp_path) / "transcript.jsonl"
    path.write_text('{"type":"DtmfLine","digit":"1","at_ms":5,"tone_ms":80}\n')
    assert len(transcript(stored(path.parent)).entries) == 1


@settings(max_examples=examples(50))
@given(st.binary(max_size=300))
def test_any_file_can_stand_where_a_transcript_should(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("call")
    (folder / "transcript.jsonl").write_bytes(data)
    (folder / "journal.bin").write_bytes(data)
    (folder / "call.json").write_bytes(data)
    call = stored(folder)
    assert not call.finished
    assert transcript(call).entries == ()
    assert (journal_problem(call) is None) == (data == b"")


def test_a_call_that_never_closed_is_pieced_together(tmp_path: Path) -> None:
    store(tmp_path, ("CA1", NOON), close=False)
    [call] = Archive(tmp_path).newest(5)
    assert not call.finished
    assert call.summary.call_id == "CA1"
    assert call.summary.engine == "local"
    assert call.summary.turns == 2
    assert call.summary.duration_ms == 4_000


def test_a_folder_with_nothing_in_it_is_still_a_call(tmp_path: Path) -> None:
    (tmp_path / "calls" / "2026-11-20" / "CA1").mkdir(parents=True)
    [call] = Archive(tmp_path).newest(5)
    assert (call.summary.call_id, call.summary.started_at) == ("CA1", "2026-11-20")
    assert call.recordings == {}
    assert "journal.bin cannot be read" in str(journal_problem(call))


def test_a_damaged_journal_is_told(tmp_path: Path) -> None:
    store(tmp_path, ("CA1", NOON))
    call = Archive(tmp_path).find("CA1")
    assert journal_problem(call) is None
    whole = call.journal.read_bytes()
    call.journal.write_bytes(whole[:-3])
    assert "torn record" in str(journal_problem(call))
    call.journal.write_bytes(whole[:40] + b"\0" + whole[41:])
    assert "damaged at byte 0: wrong checksum" in str(journal_problem(call))


def test_a_journal_may_be_named_by_its_folder(tmp_path: Path) -> None:
    store(tmp_path, ("CA1", NOON))
    folder = folder_of(tmp_path)
    assert journal(folder) == journal(folder / "journal.bin")
    with pytest.raises(OSError, match="nowhere"):
        journal(tmp_path / "nowhere")


def test_a_call_exports_as_one_json_document(tmp_path: Path) -> None:
    store(tmp_path, ("CA1", NOON))
    document = json.loads(export_json(Archive(tmp_path).find("CA1")))
    assert document["schema"] == 1
    assert document["call"]["ended_reason"] == "caller_hung_up"
    assert [entry["type"] for entry in document["entries"]] == [
        "CallerLine",
        "CallerLine",
        "EndLine",
    ]
    assert document["entries"][0]["text"] == "tomorrow"
    assert list(document["recordings"]) == ["caller.wav"]
    assert document["finished"]


def test_a_call_exports_as_text(tmp_path: Path) -> None:
    store(tmp_path, ("CA1", NOON))
    text = export_text(Archive(tmp_path).find("CA1"))
    assert text == (
        "Call CA1, 2026-11-20T12:00:00.000+00:00, engine local\n"
        "From withheld to unknown\n"
        "00:04.000, caller hung up; 2 turns, 0 interruptions, 0 tool calls\n"
        "\n"
        "00:01.000  caller  tomorrow\n"
        "00:02.000  caller  at ten\n"
        "00:04.000  end     caller hung up\n"
    )


def test_an_export_says_what_the_call_cost(tmp_path: Path) -> None:
    store(tmp_path, ("CA1", NOON))
    folder = folder_of(tmp_path)
    summary = json.loads((folder / "call.json").read_text())
    summary["cost"] = {"micros": 19_700, "unknown": True}
    (folder / "call.json").write_text(json.dumps(summary))
    assert "\nCost at least $0.0197\n" in export_text(Archive(tmp_path).find("CA1"))


def test_an_export_says_what_could_not_be_stored(tmp_path: Path) -> None:
    store(tmp_path, ("CA1", NOON))
    folder = folder_of(tmp_path)
    summary = json.loads((folder / "call.json").read_text())
    summary |= {"dropped": 3, "storage_trouble": "disk_full"}
    (folder / "call.json").write_text(json.dumps(summary))
    (folder / "transcript.jsonl").write_text("{")
    text = export_text(stored(folder))
    assert "Not everything could be stored: disk_full, 3 records dropped" in text
    assert "! transcript.jsonl, line 1: torn or no JSON" in text


def test_fault_c7_the_version_a_call_went_by_stands_in_its_record(tmp_path: Path) -> None:
    async def run() -> None:
        writer = JournalWriter(tmp_path, period_s=0.01)
        for number, version in enumerate((0, 7)):
            journal = Journal.open(
                writer,
                call_id=f"CA{number}",
                started_at=NOON,
                engine="local",
                config_version=version,
                failed=print,
            )
            journal.close(EndedReason.CALLER_HUNG_UP)
            assert await journal.written(5)
        await writer.shut(1)

    asyncio.run(run())
    without, with_one = (Archive(tmp_path).find(f"CA{number}") for number in (0, 1))
    assert with_one.summary.config_version == 7
    assert "\nConfiguration version 7\n" in export_text(with_one)
    assert "version" not in export_text(without)
    # The journal alone tells it, too.
    (with_one.folder / "call.json").unlink()
    assert stored(with_one.folder).summary.config_version == 7


def test_records_of_earlier_programs_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "calls" / "2026-11-20" / "CA1"
    folder.mkdir(parents=True)
    old = {"call_id": "CA1", "started_at": "2026-11-20T12:00:00+00:00", "engine": "local"}
    (folder / "call.json").write_text(json.dumps(old))
    assert stored(folder).finished
    assert stored(folder).summary.config_version == 0
    header = msgspec.msgpack.encode({"type": "header", "schema": 1, **old})
    found = msgspec.msgpack.decode(header, type=Header)
    assert found.config_version == 0
