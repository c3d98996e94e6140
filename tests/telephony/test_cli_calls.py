"""`frontdesk calls reindex`: from the files to the index, as often as one likes."""

from pathlib import Path

import pytest

from telephony.cli.main import run
from telephony.transcripts.index.asked import Asked
from telephony.transcripts.index.search import Search
from telephony.variables import VARIABLES
from tests.databases import new_database
from tests.telephony.callindex.folders import written
from tools.store import open_store


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRONTDESK_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def in_index(data_dir: Path) -> list[str]:
    store = open_store(f"sqlite:///{data_dir / 'frontdesk.db'}")
    try:
        return [found.row.call_id for found in Search(store).page(Asked()).calls]
    finally:
        store.close()


async def test_stored_calls_are_read_into_the_index_with_progress(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir.mkdir()
    new_database(data_dir / "frontdesk.db")
    for number in range(3):
        await written(data_dir, f"CA{number}", minutes=number)
    assert run(["calls", "reindex"]) == 0
    told = capsys.readouterr()
    assert told.out == "3 calls were read into the index, which has 3.\n"
    assert told.err == "3 of 3 calls\n"
    assert in_index(data_dir) == ["CA2", "CA1", "CA0"]
    await written(data_dir, "CA3", minutes=3)
    assert run(["calls", "reindex", "--missing"]) == 0
    assert capsys.readouterr().out == "1 calls were read into the index, which has 4.\n"


def test_without_calls_there_is_nothing_to_read(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["calls", "reindex"]) == 0
    assert "0 calls" in capsys.readouterr().out
    assert in_index(data_dir) == []
