"""Recordings as files any part of which can be had, the stereo one made of two."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.transcripts import recordings, wav
from telephony.transcripts.archive import Archive, StoredCall
from telephony.transcripts.recordings import Recording, recording, track
from telephony.transcripts.summary import Summary
from tests.telephony.stored_call import ANSWER_ULAW, CALL, CALLER_ULAW, GREETING_ULAW, store

LEFT, RIGHT = random.Random(1).randbytes(501), random.Random(2).randbytes(777)


def written(folder: Path, name: str, ulaw: bytes) -> Path:
    path = folder / name
    path.write_bytes(wav.header(len(ulaw)) + ulaw + b"\0" * (len(ulaw) & 1))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("CA1")
    written(folder, "caller.wav", LEFT)
    written(folder, "agent.wav", RIGHT)
    return folder


def call(folder: Path) -> StoredCall:
    return StoredCall(folder, Summary(call_id="CA1", started_at="", engine="local"), finished=True)


def whole(found: Recording | None) -> bytes:
    assert found is not None
    return found.read(0, found.length)


def test_a_recording_of_one_side_is_its_file(folder: Path) -> None:
    for name in ("caller.wav", "agent.wav"):
        assert whole(recording(call(folder), name)) == (folder / name).read_bytes()
    assert recording(call(folder), "sent.wav") is None
    assert recording(call(folder), "../call.json") is None


def test_both_sides_take_turns_and_the_shorter_is_filled_up_with_silence(folder: Path) -> None:
    found = recording(call(folder), recordings.STEREO)
    assert found is not None
    assert found.samples == len(RIGHT)
    data = whole(found)
    assert len(data) == found.length
    frames = np.frombuffer(wav.samples_in(data), np.uint8).reshape(-1, 2)
    assert frames[:, 0].tobytes() == LEFT + b"\xff" * (len(RIGHT) - len(LEFT))
    assert frames[:, 1].tobytes() == RIGHT


def test_players_are_told_what_it_is(folder: Path) -> None:
    head = whole(recording(call(folder), recordings.STEREO))[: wav.HEADER_BYTES]
    format_, channels, rate = (head[20:22], head[22:24], head[24:28])
    assert [int.from_bytes(each, "little") for each in (format_, channels, rate)] == [7, 2, 8_000]
    assert int.from_bytes(head[46:50], "little") == len(RIGHT)


@given(data=st.data())
def test_any_part_is_that_part_of_the_whole(folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["caller.wav", "agent.wav", "stereo.wav"]))
    found = recording(call(folder), name)
    assert found is not None
    first = data.draw(st.integers(0, found.length))
    last = data.draw(st.integers(first, found.length + 50))
    assert found.read(first, last) == whole(found)[first:last]


def test_a_side_that_is_missing_is_silent(tmp_path: Path) -> None:
    written(tmp_path, "caller.wav", LEFT)
    data = whole(recording(call(tmp_path), recordings.STEREO))
    frames = np.frombuffer(wav.samples_in(data), np.uint8).reshape(-1, 2)
    assert set(frames[:, 1]) == {0xFF}
    empty = tmp_path / "empty"
    empty.mkdir()
    assert recording(call(empty), recordings.STEREO) is None
    assert track(call(empty), "agent.wav") == b""


def test_a_torn_file_is_as_long_as_what_is_there(tmp_path: Path) -> None:
    path = written(tmp_path, "caller.wav", LEFT)
    path.write_bytes(path.read_bytes()[:200])
    found = recording(call(tmp_path), "caller.wav")
    assert found is not None
    assert found.samples == 200 - wav.HEADER_BYTES
    for data in (b"", b"RIFF", bytes(58)):
        path.write_bytes(data)
        assert len(whole(recording(call(tmp_path), "caller.wav"))) == wav.HEADER_BYTES


def test_a_file_that_grows_is_as_long_as_its_header_says(tmp_path: Path) -> None:
    path = written(tmp_path, "caller.wav", LEFT)
    with path.open("ab") as file:
        file.write(b"\x01" * 4_000)
    found = recording(call(tmp_path), "caller.wav")
    assert found is not None
    assert found.samples == len(LEFT)
    assert track(call(tmp_path), "caller.wav") == LEFT


def test_the_stored_call_sounds_as_it_was(tmp_path: Path) -> None:
    store(tmp_path)
    stored = Archive(tmp_path).exactly(CALL)
    assert track(stored, "caller.wav")[16_000:28_000] == CALLER_ULAW
    heard = track(stored, "agent.wav")
    assert heard[4_000:16_000] == GREETING_ULAW[:12_000]
    assert heard[16_000 : 4_350 * 8] == b"\xff" * (4_350 * 8 - 16_000)
    assert heard[4_350 * 8 :] == ANSWER_ULAW
