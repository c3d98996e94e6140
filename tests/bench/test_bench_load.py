"""The load benchmark in small: that it measures everything it says it does, never how fast."""

from pathlib import Path

import pytest

from tests.bench.load.__main__ import _installed, arguments
from tests.bench.load.figures import Figures, Spread, median, spread, table
from tests.bench.load.peers import PEERS, Peer
from tests.bench.load.run import Wish, measure

_STARVED_MS = 500


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("audio", ["pcm", "ulaw"])
async def test_a_few_calls_fill_in_every_figure(audio: str) -> None:
    told: list[str] = []
    wish = Wish(audio, calls=4, seconds=4.0, server_core=None, settle_s=0.5)
    figures = await measure(wish, told.append)
    if figures.failed_calls and (figures.rig_late_ms.p99 or 0) > _STARVED_MS:
        # Phones that were not run for so long are rightly taken for dead lines.
        figures = await measure(wish, told.append)
    assert (figures.failed_calls, figures.frames_lost, figures.complaints) == (0, 0, ())
    assert figures.up_ms.count >= 4 * 4 * 50 * 0.8
    assert figures.down_ms.count >= 4
    assert figures.barge_in_ms.count >= 1
    # A caller may be in time to hear a reply to its end: then there was nothing to cut.
    assert figures.truncation_error_ms.count >= 1
    assert figures.rig_late_ms.count >= 4 * 4 * 50 * 0.8
    assert figures.cpu_ms_per_call_second > 0
    assert figures.rss_mb_per_call != 0
    assert 0 < figures.talking < 1
    assert told[0].startswith(f"{audio}, 4 calls: the server is ready")


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_the_cost_of_another_way_to_be_interrupted_is_measured_as_well() -> None:
    wish = Wish("ulaw", calls=2, seconds=4.0, server_core=None, barge_in="immediate", settle_s=0.5)
    figures = await measure(wish, lambda _: None)
    assert (figures.failed_calls, figures.frames_lost, figures.complaints) == (0, 0, ())
    assert figures.cpu_ms_per_call_second > 0
    assert figures.up_ms.count >= 2 * 4 * 50 * 0.8


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_a_peer_is_measured_in_the_same_way() -> None:
    wish = Wish("ulaw", calls=2, seconds=2.0, server_core=None, settle_s=0.5, peer="minimal sample")
    figures = await measure(wish, lambda _: None)
    assert figures.server == "minimal sample"
    assert figures.cpu_ms_per_call_second > 0
    assert figures.up_ms.count >= 2 * 2 * 50 * 0.8
    assert table([figures]).splitlines()[-1].startswith("| minimal sample, mu-law, passed through")


def test_a_peer_that_is_not_installed_is_left_out_and_said_to_be(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Peer("openai_agents.py", "not-made", "ulaw")
    monkeypatch.setitem(PEERS, "openai-agents", elsewhere)
    assert list(_installed(["minimal sample", "openai-agents"])) == [("minimal sample", "ulaw")]
    assert "openai-agents is not installed: left out" in capsys.readouterr().err


def test_every_peer_has_its_script() -> None:
    folder = Path(__file__).parent / "peers"
    assert {peer.script for peer in PEERS.values()} | {"front.py"} == {
        path.name for path in folder.glob("*.py")
    }


def row(**changes: object) -> Figures:
    plain: dict[str, object] = {
        "audio": "pcm",
        "calls": 10,
        "seconds": 30.0,
        "cpu_ms_per_call_second": 5.0,
        "up_ms": Spread(0.5, 2.0, 100),
        "down_ms": Spread(0.7, 3.0, 50),
        "barge_in_ms": Spread(0.6, 1.0, 9),
        "truncation_error_ms": Spread(3.0, 4.0, 9),
        "frames_lost": 0,
        "missed_interruptions": 0,
        "failed_calls": 0,
        "rss_mb_per_call": 0.2,
        "talking": 0.5,
        "rig_cpu": 0.1,
        "rig_late_ms": Spread(1.0, 1.0, 100),
    }
    return Figures(**{**plain, **changes})  # type: ignore[arg-type]


def test_a_spread_of_a_hundred_values_has_its_middle_and_its_last_but_one() -> None:
    assert spread([float(n) for n in range(100)]) == Spread(50.0, 99.0, 100)
    assert spread([float(n) for n in range(1_000)]) == Spread(500.0, 990.0, 1_000)
    assert spread([]) == Spread(None, None, 0)


def test_runs_are_joined_by_medians_but_no_loss_is_forgotten() -> None:
    joined = median(
        [
            row(cpu_ms_per_call_second=5.0, failed_calls=1, up_ms=Spread(0.1, 9.0, 10)),
            row(cpu_ms_per_call_second=9.0, frames_lost=2, up_ms=Spread(0.2, 1.0, 10)),
            row(cpu_ms_per_call_second=6.0, complaints=("odd",), up_ms=Spread(None, None, 0)),
        ]
    )
    assert joined.cpu_ms_per_call_second == 6.0
    assert (joined.failed_calls, joined.frames_lost, joined.complaints) == (1, 2, ("odd",))
    assert joined.up_ms.p50 == pytest.approx(0.15)
    assert (joined.up_ms.p99, joined.up_ms.count) == (5.0, 20)
    assert joined.down_ms == Spread(0.7, 3.0, 150)


def test_a_row_of_the_table_shows_what_was_not_measured_as_a_dash() -> None:
    head, rule, line = table([row(barge_in_ms=Spread(None, None, 0))]).splitlines()
    assert head.count("|") == rule.count("|") == line.count("|")
    assert line.startswith("| 24 kHz PCM, resampled | 10 | 5.0 | 0.5 / 2.0 | 0.7 / 3.0 | - |")


@pytest.mark.parametrize("wrong", [["--calls", "0"], ["--seconds", "x"], ["--audio", "mp3"]])
def test_wrong_usage_is_refused_before_anything_starts(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        arguments(wrong)
    assert refused.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_help_says_what_will_happen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    for words in ("--calls", "--json", "--runs", "default: 10 50 100", "loopback", "Exit code"):
        assert words in said
