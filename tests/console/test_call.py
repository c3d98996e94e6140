"""One call in the console and the API: who sees what of it, and which files it gives."""

import base64
import datetime as dt
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from telephony.console import onecallview, reading
from telephony.console.access.roles import Role
from telephony.console.onecall import CHUNK_BYTES, Form
from telephony.exports import jsonl, sheet, vtt
from telephony.transcripts.archive import Archive, StoredCall, transcript
from telephony.transcripts.entry import (
    AgentLine,
    Agreement,
    AnyEntry,
    CallerLine,
    ClaimLine,
    ConsentLine,
    DtmfLine,
    EndedReason,
    EndLine,
    Fate,
    SeatLine,
    ToolLine,
)
from telephony.transcripts.recordings import Recording, recording
from tests.console.hostile import CORPUS, assert_inert
from tests.console.house import Console, copied
from tests.telephony.stored_call import CALL, CALLER, ENTRIES, store
from tools.receipts import Begun, Claim, Receipts
from tools.spec import BackendError, Risk, ToolState

HOSTILE = "CAhostile"
RUNNING = "CArunning"
SILENT = "CAsilent"
UNAGREED = "CAunagreed"
PAGE = f"/console/calls/{CALL}"
API = f"/api/v1/calls/{CALL}"
SECRET = "460123"
"""Of the caller's number."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, console_database: Path) -> Iterator[Console]:
    """The console over a few stored calls."""
    folder = tmp_path_factory.mktemp("calls")
    console = Console(copied(console_database, folder))
    store(folder)
    store(folder, hostile(), call_id=HOSTILE, from_number=CORPUS[0])
    store(folder, ENTRIES[:4], call_id=RUNNING, close=False)
    store(folder, ENTRIES, call_id=SILENT, audio=False)
    store(folder, unagreed(), call_id=UNAGREED, audio=False)
    receive(Receipts(console.store))
    yield console
    console.close()


def hostile() -> list[AnyEntry]:
    lines: list[AnyEntry] = []
    for at, text in enumerate(CORPUS):
        lines += [
            CallerLine(text, text, at, at),
            AgentLine("a", at, text, text, Fate.CUT, at, at, 1, 2, text, 1, 2),
            ToolLine(text, text, msgspec.json.encode({text: text}).decode(), text, text, at, at),
            ClaimLine("c", (text,), text, text, at),
            DtmfLine(text, at),
            SeatLine(1, text, text, at),
        ]
    return [*lines, EndLine(EndedReason.IDLE, 100, detail=CORPUS[0])]


def unagreed() -> list[AnyEntry]:
    """All that is kept of a caller who refused."""
    return [
        ConsentLine(Agreement.REFUSED, "voice", "v1", "", 1, 9_000),
        ToolLine("t1", "available_times", "", "done", "", 20_000, 20_012),
        EndLine(EndedReason.CALLER_HUNG_UP, 48_000, silence_ms=1_240),
    ]


def receive(receipts: Receipts) -> None:
    now = dt.datetime.now(dt.UTC)
    claim = Claim(CALL, "call_a", "book_appointment", Risk.WRITE_OWN, "digest", now, now)
    begun = receipts.begin(claim)
    assert isinstance(begun, Begun)
    receipts.finish(begun.receipt.id, ToolState.DONE, "{}", now)


# ---- the page -----------------------------------------------------------------------------------


def test_the_page_tells_the_whole_call(office: Console) -> None:
    text = office.client(Role.EDITOR).get(PAGE).text
    assert_inert(text)
    assert re.search(r'data-s="500" data-e="1000">Thanks</span>|data-s="500"[^>]*>Thanks<', text)
    assert re.search(r'<del class="unheard"[^>]*title="The caller heard 1,500 ms of 2,800 ms', text)
    assert "at least 1,480 ms and at most 1,540 ms" in text
    assert "Never played: the caller heard nothing of it." in text
    assert "the number they called from" in text
    assert "said by nobody, as far as the words show" in text
    assert "Receipt 1, done" in text
    assert "session 2, turns: the session before it failed" in text
    assert "stopped, as send_text was not asked for" in text
    assert "at least $0.0097" in text
    assert 'href="/console/tools/versions/3"' in text
    assert "850 ms without a sound" in text
    assert f'src="{PAGE}/recordings/stereo.wav"' in text


def test_where_an_argument_was_said_leads_to_the_caller_s_words(office: Console) -> None:
    text = office.client(Role.EDITOR).get(PAGE).text
    (place,) = re.findall(
        r'<dd>Ann Lee\s*<span[^>]*>said by the caller at <a href="#(line-\d+)"', text
    )
    line = text.partition(f'id="{place}"')[2]
    assert ">haircut</span>" in line.partition("</li>")[0]


def test_the_same_is_there_as_json(office: Console) -> None:
    answer = office.client(Role.EDITOR).get(f"{API}/transcript")
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert (found["schema"], found["version"], found["view"]) == ("frontdesk.call", 1, "full")
    assert found["call"]["from_number"] == CALLER
    (wait,) = found["story"]["waits"]
    assert wait["latency"] == {
        "endpointing_ms": 500, "model_ms": 250, "queue_ms": 50, "carrier_ms": 50,
        "answer_ms": 300, "turn_ms": 850,
    }  # fmt: skip
    assert found["recordings"] == ["stereo.wav", "caller.wav", "agent.wav", "sent.wav"]
    program = office.stranger().get(f"{API}/transcript", headers=office.key(Role.EDITOR))
    assert program.json() == found


@pytest.mark.parametrize(
    "path",
    [
        "CA",
        "CA9",
        CALL[:-1],
        f"{CALL}%2Fjournal.bin",
        "a%00b",
        "%2e%2e%2fetc",
        f"{CALL}+2",
        "x" * 99,
    ],
)
def test_only_a_whole_id_names_a_call(office: Console, path: str) -> None:
    visitor = office.client(Role.ADMIN)
    assert visitor.get(f"/console/calls/{path}").status_code == 404
    assert visitor.get(f"/api/v1/calls/{path}/transcript").status_code == 404


def test_a_call_that_is_on_shows_as_far_as_it_goes(office: Console) -> None:
    text = office.client(Role.EDITOR).get(f"/console/calls/{RUNNING}").text
    assert 'data-running="yes"' in text
    assert "A haircut tomorrow" in re.sub(r"</?span[^>]*>", "", text)
    found = office.client(Role.EDITOR).get(f"/api/v1/calls/{RUNNING}/transcript").json()
    assert (found["finished"], found["running"]) == (False, True)


def test_a_call_nobody_writes_to_any_more_was_broken_off(console: Console) -> None:
    folder = store(console.parts.settings.data_dir, ENTRIES[:4], call_id=RUNNING, close=False)
    long_ago = (folder / "journal.bin").stat().st_mtime - 3_600
    os.utime(folder / "journal.bin", (long_ago, long_ago))
    text = console.client(Role.EDITOR).get(f"/console/calls/{RUNNING}").text
    assert 'data-running="no"' in text
    assert "broken off" in text


def test_without_a_recording_there_is_no_player(office: Console) -> None:
    visitor = office.client(Role.EDITOR)
    text = visitor.get(f"/console/calls/{SILENT}").text
    assert "data-player" not in text
    assert visitor.get(f"/api/v1/calls/{SILENT}/recordings/stereo.wav").status_code == 404
    assert "data:audio" not in visitor.get(f"/api/v1/calls/{SILENT}/downloads/call.html").text


def test_fault_c3_whatever_was_said_or_answered_stays_text(office: Console) -> None:
    for role in (Role.EDITOR, Role.VIEWER):
        assert_inert(office.client(role).get(f"/console/calls/{HOSTILE}").text)
    assert_inert(office.client(Role.EDITOR).get(f"/console/calls/{HOSTILE}/journal").text)


def test_the_page_is_there_while_the_ledger_is_not(
    office: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: Receipts, call_id: str) -> None:
        raise BackendError(f"{self} {call_id}", permanent=False)

    monkeypatch.setattr(Receipts, "of_requests", away)
    text = office.client(Role.EDITOR).get(PAGE).text
    assert "The ledger of effects cannot be read just now" in text
    assert "haircut" in text


def test_what_could_not_be_stored_is_said(console: Console) -> None:
    folder = store(console.parts.settings.data_dir)
    summary = json.loads((folder / "call.json").read_text())
    summary |= {"storage_trouble": "disk_full", "dropped": 3}
    (folder / "call.json").write_text(json.dumps(summary))
    with (folder / "transcript.jsonl").open("a") as file:
        file.write("torn {")
    text = console.client(Role.EDITOR).get(PAGE).text
    assert "Not everything could be stored: disk_full." in text
    assert "3 records of this call could not be kept." in text
    assert "torn or no JSON" in text


def test_a_torn_call_is_told_as_far_as_it_can_be(console: Console) -> None:
    folder = store(console.parts.settings.data_dir, close=False)
    (folder / "journal.bin").unlink()
    visitor = console.client(Role.EDITOR)
    assert "broken off" in visitor.get(PAGE).text
    assert visitor.get(f"{API}/recordings/stereo.wav").status_code == 200


def test_a_recording_that_cannot_be_read_leaves_the_rest(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(console.parts.settings.data_dir)

    def unreadable(_call: StoredCall, _name: str) -> Recording:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(onecallview, "recording", unreadable)
    visitor = console.client(Role.EDITOR)
    assert "haircut" in visitor.get(PAGE).text
    assert visitor.get(f"{API}/recordings/stereo.wav").status_code == 404


# ---- who may see what ---------------------------------------------------------------------------


def test_who_may_not_hear_sees_less_and_no_sound(office: Console) -> None:
    viewer = office.client(Role.VIEWER)
    for path in (PAGE, f"{API}/transcript"):
        text = viewer.get(path).text
        assert SECRET not in text
        assert "Zebedee" not in text
    assert "Discreet view" in viewer.get(PAGE).text
    assert "data-player" not in viewer.get(PAGE).text
    assert viewer.get(f"{API}/transcript").json()["recordings"] == []
    for path in (
        f"{API}/recordings/caller.wav", f"{API}/recordings/stereo.wav", f"{API}/waveform",
        f"{API}/events", f"{PAGE}/journal", f"{PAGE}/recordings/agent.wav",
    ):  # fmt: skip
        assert viewer.get(path).status_code == 403, path


@pytest.mark.parametrize("form", list(Form))
def test_no_file_tells_a_viewer_more_than_the_page(office: Console, form: Form) -> None:
    answer = office.client(Role.VIEWER).get(f"{API}/downloads/{form.value}")
    assert answer.status_code == 200
    assert SECRET not in answer.text
    assert "Zebedee" not in answer.text
    assert "data:audio" not in answer.text


def test_strangers_see_nothing(office: Console) -> None:
    stranger = office.stranger()
    for path in (
        "transcript",
        "waveform",
        "events",
        "recordings/caller.wav",
        "downloads/call.html",
    ):
        assert stranger.get(f"{API}/{path}", headers={"Accept": "*/*"}).status_code == 401
        assert stranger.get(f"{PAGE}/{path}", headers={"Accept": "*/*"}).status_code == 401


def test_reading_and_hearing_is_written_down_once_for_one_visit(console: Console) -> None:
    store(console.parts.settings.data_dir)
    visitor = console.client(Role.EDITOR)
    for _ in range(3):
        visitor.get(PAGE)
        visitor.get(f"{PAGE}/recordings/stereo.wav", headers={"Range": "bytes=5-9"})
    visitor.get(f"{PAGE}/journal")
    visitor.get(f"{PAGE}/downloads/transcript.csv")
    visitor.get("/console/calls/CAnone")
    done = [
        (entry.who, entry.action, entry.object)
        for entry in reversed(console.access.audit.entries(50))
        if entry.action.startswith("call.")
    ]
    call = f"call {CALL}"
    assert done == [
        ("editor", "call.read", call),
        ("editor", "call.hear stereo.wav", call),
        ("editor", "call.read journal", call),
        ("editor", "call.download transcript.csv", call),
    ]
    console.client(Role.ADMIN).get(PAGE)
    (newest,) = console.access.audit.entries(1)
    assert (newest.who, newest.action) == ("admin", "call.read")


def test_who_reads_much_is_written_down_again_rather_than_forgotten(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_MOST_REMEMBERED", 1)
    for call_id in ("CA1", "CA2"):
        store(console.parts.settings.data_dir, call_id=call_id)
    visitor = console.client(Role.EDITOR)
    for call_id in ("CA1", "CA1", "CA2", "CA1"):
        visitor.get(f"/console/calls/{call_id}")
    read = [each.object for each in console.access.audit.entries(9) if each.action == "call.read"]
    assert read == ["call CA1", "call CA2", "call CA1"]


# ---- sound --------------------------------------------------------------------------------------


def test_a_recording_is_had_whole_or_in_part(office: Console) -> None:
    visitor = office.client(Role.EDITOR)
    found = recording(Archive(office.parts.settings.data_dir).exactly(CALL), "stereo.wav")
    assert found is not None
    data = found.read(0, found.length)
    whole = visitor.get(f"{API}/recordings/stereo.wav")
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/wav")
    assert whole.content == data
    assert whole.headers["accept-ranges"] == "bytes"
    for asked, first, last in (
        ("bytes=0-", 0, len(data)),
        ("bytes=100-299", 100, 300),
        ("bytes=-7", len(data) - 7, len(data)),
    ):
        part = visitor.get(f"{API}/recordings/stereo.wav", headers={"Range": asked})
        assert part.status_code == 206
        assert part.content == data[first:last]
        assert part.headers["content-range"] == f"bytes {first}-{last - 1}/{len(data)}"
        assert part.headers["content-length"] == str(last - first)
    beyond = visitor.get(f"{API}/recordings/stereo.wav", headers={"Range": f"bytes={len(data)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(data)}")


def test_a_part_of_what_has_changed_meanwhile_is_not_given(office: Console) -> None:
    visitor = office.client(Role.EDITOR)
    path = f"{API}/recordings/caller.wav"
    tag = visitor.get(path).headers["etag"]
    headers = {"Range": "bytes=0-9"}
    assert visitor.get(path, headers={**headers, "If-Range": tag}).status_code == 206
    assert visitor.get(path, headers={**headers, "If-Range": '"other"'}).status_code == 200


def test_a_long_recording_comes_in_pieces(console: Console) -> None:
    folder = store(console.parts.settings.data_dir)
    ulaw = bytes(range(256)) * (CHUNK_BYTES // 256 * 2 + 3)
    from_header = (folder / "caller.wav").read_bytes()[:58]
    (folder / "caller.wav").write_bytes(sized(from_header, len(ulaw)) + ulaw)
    answer = console.client(Role.EDITOR).get(f"{API}/recordings/caller.wav")
    assert answer.content[58:] == ulaw


def sized(header: bytes, data_bytes: int) -> bytes:
    return header[:54] + data_bytes.to_bytes(4, "little")


def test_the_waveform_has_both_sides_and_what_was_never_played(office: Console) -> None:
    drawn = office.client(Role.EDITOR).get(f"{API}/waveform").json()
    each = drawn["each_ms"]
    tracks = {name: base64.b64decode(drawn[name]) for name in ("caller", "agent", "lost")}

    def sounds(name: str, ms: int) -> bool:
        return tracks[name][int(ms // each)] > 0

    assert each == 20
    assert [sounds("agent", ms) for ms in (300, 1_000, 2_500, 5_000)] == [False, True, False, True]
    assert [sounds("caller", ms) for ms in (1_000, 2_500, 5_000)] == [False, True, False]
    assert [sounds("lost", ms) for ms in (1_000, 2_500, 5_000, 5_800)] == [False, True, False, True]


# ---- journal ------------------------------------------------------------------------------------


def test_the_journal_is_read_page_by_page(office: Console) -> None:
    visitor = office.client(Role.EDITOR)
    found = visitor.get(f"{API}/events").json()
    assert [row["kind"] for row in found["rows"]] == ["header", "DtmfPressed", "checkpoint"]
    assert (found["next"], found["damage"]) == (None, None)
    everything = visitor.get(f"{API}/events?everything=true").json()["rows"]
    assert [row["number"] for row in everything] == [0, 1, 2, 3, 0]
    assert visitor.get(f"{API}/events?place=x").status_code == 422
    assert visitor.get(f"{API}/events?place=7.1").json()["damage"]
    assert visitor.get(f"{API}/events?place=99999999999.0").json()["rows"] == []
    text = visitor.get(f"{PAGE}/journal?everything=true").text
    assert_inert(text)
    assert "MarkEchoed" in text
    assert visitor.get("/console/calls/CAnone/journal").status_code == 404


def test_a_call_without_a_journal_says_so(console: Console) -> None:
    folder = store(console.parts.settings.data_dir)
    (folder / "journal.bin").unlink()
    visitor = console.client(Role.EDITOR)
    assert visitor.get(f"{API}/events").status_code == 404
    assert visitor.get(PAGE).status_code == 200
    assert visitor.get(f"{API}/recordings/caller.wav").status_code == 200


# ---- downloads ----------------------------------------------------------------------------------


def test_every_file_comes_under_the_call_s_name(office: Console) -> None:
    for form in Form:
        answer = office.client(Role.EDITOR).get(f"{PAGE}/downloads/{form.value}")
        suffix = form.value.partition(".")[2]
        named = f'attachment; filename="{CALL}.{suffix}"'
        assert (answer.status_code, answer.headers["content-disposition"]) == (200, named)
    assert office.client(Role.EDITOR).get(f"{PAGE}/downloads/call.exe").status_code == 422


def test_requirement_d7_files_hold_what_was_stored(office: Console) -> None:
    visitor = office.client(Role.EDITOR)
    stored = transcript(Archive(office.parts.settings.data_dir).exactly(CALL))
    back = jsonl.read(visitor.get(f"{API}/downloads/transcript.jsonl").content)
    assert back.entries == stored.entries
    assert vtt.read(visitor.get(f"{API}/downloads/transcript.vtt").content) == vtt.cues(back)
    assert sheet.read(visitor.get(f"{API}/downloads/transcript.csv").content) == sheet.sheet(back)
    whole = json.loads(visitor.get(f"{API}/downloads/call.json").content)
    assert whole["sha256"] == vtt.cues(back).sha256


def test_the_file_that_opens_anywhere_lets_nothing_run_but_its_own_script(office: Console) -> None:
    text = office.client(Role.EDITOR).get(f"{API}/downloads/call.html").text
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe" not in policy
    assert "connect-src" not in policy
    assert not re.search(r'(?:src|href)="(?!data:audio/wav;base64,|#)', text)
    (sound,) = re.findall(r'src="data:audio/wav;base64,([^"]*)"', text)
    found = recording(Archive(office.parts.settings.data_dir).exactly(CALL), "stereo.wav")
    assert found is not None
    assert base64.b64decode(sound, validate=True) == found.read(0, found.length)


def test_a_call_whose_caller_did_not_agree_says_why_there_is_nothing_to_hear(
    office: Console,
) -> None:
    page = office.client(Role.ADMIN).get(f"/console/calls/{UNAGREED}").text
    assert "did not agree to be recorded" in page
    assert "frontdesk replay" not in page, "its journal cannot be run again"
    assert "<summary>Answer</summary>" not in page
    assert "1,240 ms without a sound</dd>" in page, "and nothing of words, which nobody measured"
    file = office.client(Role.ADMIN).get(f"/console/calls/{UNAGREED}/downloads/call.html").text
    assert "did not agree to be recorded" in file
    assert "did not agree" not in office.client(Role.ADMIN).get(PAGE).text
