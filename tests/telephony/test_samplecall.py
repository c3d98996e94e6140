"""The sample: there before any call, never beside one, and always called what it is."""

from pathlib import Path

import pytest

from telephony import samplecall
from telephony.samplecall import CALL_ID, DAY, FILES, put_sample
from telephony.transcripts.archive import Archive, transcript
from telephony.transcripts.entry import AgentLine, EndedReason, Fate, ToolLine
from telephony.transcripts.index.keeping import read
from tests.telephony.callindex.folders import written


def test_an_empty_archive_gets_a_whole_call_once(tmp_path: Path) -> None:
    assert put_sample(tmp_path)
    (call,) = Archive(tmp_path).newest(10)
    assert (call.summary.call_id, call.finished) == (CALL_ID, True)
    assert call.summary.started_at.startswith(DAY)
    assert sorted(path.name for path in call.folder.iterdir()) == sorted(FILES)
    assert {path.stat().st_mode & 0o777 for path in call.folder.iterdir()} == {0o600}
    assert call.folder.stat().st_mode & 0o777 == 0o700
    assert not put_sample(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["calls"]


def test_it_is_a_real_call_with_what_there_is_to_see(tmp_path: Path) -> None:
    put_sample(tmp_path)
    (call,) = Archive(tmp_path).newest(1)
    assert call.summary.ended_reason == EndedReason.AGENT_HUNG_UP.value
    lines = transcript(call)
    assert lines.problems == ()
    assert any(isinstance(each, AgentLine) and each.fate is Fate.CUT for each in lines.entries)
    assert any(isinstance(each, ToolLine) and each.state == "done" for each in lines.entries)
    assert len(call.recordings) == 3
    for path in call.recordings.values():
        with path.open("rb") as stream:
            assert stream.read(4) == b"RIFF"
            assert len(stream.read()) > 8_000 * 60, "a minute of mu-law"


def test_wherever_it_is_shown_it_is_called_a_sample(tmp_path: Path) -> None:
    put_sample(tmp_path)
    call = read(tmp_path / "calls" / DAY / CALL_ID)
    assert call is not None
    assert call.row.sample


async def test_where_there_is_a_call_there_is_no_sample(tmp_path: Path) -> None:
    await written(tmp_path, "CA1")
    assert not put_sample(tmp_path)
    assert [call.summary.call_id for call in Archive(tmp_path).newest(10)] == ["CA1"]


def test_a_start_that_broke_off_leaves_no_half_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samplecall, "FILES", (*FILES, "missing"))
    with pytest.raises(KeyError):
        put_sample(tmp_path)
    assert Archive(tmp_path).newest(1) == []
    monkeypatch.undo()
    assert put_sample(tmp_path)
