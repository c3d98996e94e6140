"""The lab at work over loopback: it must find out the naive, and find ours to be true."""

import asyncio
import json
import socket
from pathlib import Path

import msgspec
import pytest

from telephony.cli.main import run
from telephony.lab.measure import Figures
from telephony.lab.own import own_target
from telephony.lab.phone import DialledTarget, DirectTarget, TargetUnreachable
from telephony.lab.run import NoSession, open_lab, record
from telephony.lab.scenarios import (
    Kind,
    Leave,
    Part,
    Reply,
    Scenario,
    Sound,
    When,
    interruptions,
    scenarios,
)
from telephony.settings import load
from tests.telephony.naive_bridge import Reckoning, naive_bridge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(50)]

ONE = Scenario(
    "one-item",
    "Interrupted once.",
    Kind.INTERRUPTION,
    (Reply((5_000,)),) * 2,
    interruptions(1_200),
)
QUEUED = Scenario(
    "queued",
    "Interrupted while the second item waits behind the first.",
    Kind.INTERRUPTION,
    (Reply((2_500, 3_000)),) * 2,
    interruptions(1_200),
)
NETWORK = msgspec.structs.replace(ONE, name="network", delay_ms=40, jitter_ms=10)
COUGH = Scenario(
    "cough",
    "One cough.",
    Kind.FALSE_STOP,
    (Reply((2_500,)),) * 3,
    (Part(Sound.COUGH, When.TALKING, 800),),
    Leave.QUIET,
)
GOODBYE = Scenario(
    "goodbye",
    "At once.",
    Kind.GOODBYE,
    (Reply((2_000,), hangs_up=True),),
    (),
    Leave.NEVER,
    most_ms=9_000,
)


@pytest.fixture(scope="session")
def recordings() -> dict[str, bytes]:
    return record()


async def measured(
    recordings: dict[str, bytes],
    reckoning: Reckoning,
    *chosen: Scenario,
    leaks: bool = False,
    leak_after_s: float = 1.0,
) -> Figures:
    said: list[str] = []
    async with open_lab(recordings=recordings) as lab:
        model_url = lab.model.base_url.replace("http", "ws", 1)
        async with naive_bridge(model_url, reckoning, leaks=leaks) as url:
            target = DirectTarget(url, {"token": "x"})
            outcome = await lab.run(
                target, chosen, said.append, at_once=3, leak_after_s=leak_after_s
            )
    assert len(said) == len(chosen)
    return outcome.figures


async def test_a_bridge_that_truncates_at_what_it_sent_is_found_out(
    recordings: dict[str, bytes],
) -> None:
    figures = await measured(recordings, Reckoning.SENT, ONE, QUEUED, GOODBYE)
    error = figures.truncation_error_ms
    assert error.p50 is not None
    assert error.p50 > 1_000
    assert figures.truncations_rejected >= 1  # two items counted as one
    assert figures.truncations_missing >= 1  # the item that was playing
    assert figures.stop_ms.n == 2
    assert figures.stop_ms.max is not None
    assert figures.stop_ms.max < 250
    assert figures.goodbye_cut_off.cut == figures.goodbye_cut_off.n == 1
    assert figures.goodbye_cut_off.lost_ms > 1_000
    assert figures.leaked_sessions == 0


async def test_a_bridge_that_goes_by_the_clock_is_found_out_where_items_queue(
    recordings: dict[str, bytes],
) -> None:
    figures = await measured(recordings, Reckoning.CLOCK, QUEUED, COUGH)
    # The second item was called heard while the caller was still listening to the first.
    worst = figures.truncation_error_ms.max
    assert worst is not None
    assert worst > 500
    assert figures.truncations_missing >= 1
    assert (figures.false_stops["cough"].stopped, figures.false_stops["cough"].n) == (1, 1)


async def test_a_bridge_that_tells_nothing_and_forgets_its_sessions_is_found_out(
    recordings: dict[str, bytes],
) -> None:
    figures = await measured(recordings, Reckoning.NEVER, ONE, leaks=True, leak_after_s=0.5)
    assert figures.truncations_missing == 1
    assert figures.truncation_error_ms.n == 0
    assert figures.belief_error_ms.p50 is not None
    assert figures.belief_error_ms.p50 > 1_000
    assert figures.leaked_sessions == 1


async def test_ours_says_what_the_caller_heard(
    recordings: dict[str, bytes], tmp_path: Path
) -> None:
    async with (
        open_lab(recordings=recordings) as lab,
        own_target(load({}, tmp_path), lab.model.base_url) as target,
    ):
        chosen = (ONE, QUEUED, NETWORK, GOODBYE)
        outcome = await lab.run(target, chosen, lambda _: None, at_once=4)
    figures = outcome.figures
    assert figures.truncation_error_ms.n >= 4
    assert figures.truncation_error_ms.max is not None
    assert figures.truncation_error_ms.max <= 60
    assert figures.belief_error_ms == figures.truncation_error_ms
    assert (figures.truncations_rejected, figures.truncations_missing) == (0, 0)
    assert figures.late_audio_ms == 0
    assert figures.leaked_sessions == 0
    assert (figures.goodbye_cut_off.cut, figures.goodbye_cut_off.not_hung_up) == (0, 0)
    assert figures.goodbye_cut_off.n == 1
    assert figures.stop_ms.n == 3
    assert figures.unanswered == 0


async def test_a_target_that_is_rung_up_gets_its_parameters_from_its_own_webhook(
    recordings: dict[str, bytes], tmp_path: Path
) -> None:
    """The stream may be dialled elsewhere than its TwiML says: behind a proxy, for one."""
    async with (
        open_lab(recordings=recordings) as lab,
        own_target(load({}, tmp_path), lab.model.base_url) as ours,
    ):
        address = ours.address
        stream = address.replace("http", "ws", 1) + "/twilio/media"
        elsewhere = DialledTarget(ours.twilio, address + "/twilio/voice", stream)
        short = msgspec.structs.replace(ONE, parts=(), most_ms=1_500)
        outcome = await lab.run(elsewhere, [short], lambda _: None)
        assert elsewhere.name == stream
        assert outcome.figures.leaked_sessions == 0
        lost = DialledTarget(ours.twilio, address + "/nowhere")
        with pytest.raises(TargetUnreachable, match="HTTP 404"):
            await lab.run(lost, [short], lambda _: None)


async def test_a_target_that_knows_another_model_is_told_so(recordings: dict[str, bytes]) -> None:
    async with open_lab(recordings=recordings) as lab, open_lab(recordings=recordings) as other:
        model_url = other.model.base_url.replace("http", "ws", 1)
        async with naive_bridge(model_url, Reckoning.SENT) as url:
            short = msgspec.structs.replace(ONE, parts=(), most_ms=300)
            with pytest.raises(NoSession, match="point its OPENAI_BASE_URL there"):
                await lab.run(DirectTarget(url, {}), [short], lambda _: None)


async def test_a_target_that_refuses_the_stream_is_one_sentence(
    recordings: dict[str, bytes],
) -> None:
    async with open_lab(recordings=recordings) as lab:
        target = DirectTarget("ws://127.0.0.1:1/media", {}, "token")
        with pytest.raises(TargetUnreachable, match="did not take the stream: 31902"):
            await lab.run(target, [ONE], lambda _: None)


# ---- the command ------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_measures_another_server(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in the documentation: a port is agreed on, the other server is started on its own."""

    async def serve_and_measure() -> int:
        port = _free_port()
        async with naive_bridge(f"ws://127.0.0.1:{port}/v1", Reckoning.SENT) as url:
            other = ("--target", url, "--model-port", str(port), "--parameter", "token=secret")
            told = ("--scenario", "goodbye", "--leak-after", "1", "--json", "--html", "lab.html")
            return await asyncio.to_thread(run, ["lab", *other, *told])

    assert asyncio.run(serve_and_measure()) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["goodbye_cut_off"]["cut"] == told["goodbye_cut_off"]["n"] == 1
    assert told["target"].startswith("ws://127.0.0.1")
    assert [one["name"] for one in told["scenarios"]] == ["goodbye"]
    assert set(told["truncation_error_ms"]) == {"p50", "p99", "max", "n"}
    assert set(told["false_stops"]) == {"noise", "cough", "backchannel", "echo"}
    assert "OPENAI_BASE_URL=http://127.0.0.1:" in err
    assert "goodbye: The model says goodbye" in err
    assert "<title>Barge-in lab: ws://127.0.0.1" in (place / "lab.html").read_text()
    assert "secret" not in out + err


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--target", "ws://127.0.0.1:1/x", "--wait", "0"), 1, "Nobody answered at ws://127.0.0.1"),
        (("--webhook", "http://127.0.0.1:1/x", "--wait", "0"), 1, "Nobody answered at http://127"),
        (("--target", "http://127.0.0.1/x"), 2, "is not wss"),
        (("--webhook", "ftp://127.0.0.1/x"), 2, "is not an https:// URL"),
        (("--target", "ws://127.0.0.1:1/x", "--parameter", "x"), 2, "write NAME=VALUE"),
        (("--scenario", "nothing"), 2, "is not one of"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    assert run(["lab", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err


def test_every_scenario_has_a_name_of_its_own_and_is_over_in_time() -> None:
    every = scenarios()
    assert len({one.name for one in every}) == len(every)
    assert all(one.most_ms <= 60_000 for one in every)
