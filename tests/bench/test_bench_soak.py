"""The soak: how growth is told from noise, and a small churn of calls on a real server."""

import pytest

from tests.bench.soak.__main__ import arguments
from tests.bench.soak.churn import Outcome, Wish, soak
from tests.bench.soak.phone import Fate, life
from tests.bench.soak.report import STARVED_S, report, starved, troubles
from tests.bench.soak.slope import MOST_BYTES_PER_CALL, Sample, counted, left_over, trends

MB = 1 << 20
SEED = 7
"""Of a churn in which every fate comes early."""


def sample(at_s: float, **changes: float) -> Sample:
    plain: dict[str, float] = {
        "rss_bytes": 300 * MB,
        "descriptors": 100,
        "threads": 20,
        "tasks": 80,
        "live": 10,
        "ended": int(at_s / 5),
    }
    return Sample(at_s=at_s, **{**plain, **changes})  # type: ignore[arg-type]


def growing(name: str, per_hour: float, hours: float = 0.5) -> list[Sample]:
    """A figure that also goes up and down, as churning calls make it."""
    found = []
    for number in range(int(hours * 720)):
        at_s, noise = number * 5.0, (number * 7919) % 13 - 6
        plain = getattr(sample(0), name)
        scale = MB // 8 if name == "rss_bytes" else 1
        value = plain + round(per_hour * at_s / 3_600) + noise * scale
        found.append(sample(at_s, **{name: value}))
    return found


@pytest.mark.parametrize("name", ["rss_bytes", "descriptors", "threads", "tasks"])
def test_what_only_goes_up_and_down_is_flat(name: str) -> None:
    assert all(trend.flat for trend in trends(growing(name, 0.0)))


@pytest.mark.parametrize(
    ("name", "per_hour"),
    [("rss_bytes", 60.0 * MB), ("descriptors", 60.0), ("threads", 12.0), ("tasks", 60.0)],
)
def test_fault_p14_a_leak_of_one_in_a_minute_is_noticed_in_half_an_hour(
    name: str, per_hour: float
) -> None:
    """720 calls end in an hour here: a twelfth of a descriptor or 85 KiB for each of them."""
    (leak,) = [trend for trend in trends(growing(name, per_hour)) if not trend.flat]
    assert leak.name == name
    assert leak.per_hour == pytest.approx(per_hour, rel=0.15)


def test_what_is_loaded_once_is_no_leak() -> None:
    samples = [sample(number * 5.0, rss_bytes=min(300, 200 + number) * MB) for number in range(400)]
    assert all(trend.flat for trend in trends(samples))
    assert counted(samples)[0].at_s == 500.0
    assert counted([]) == []


def test_an_hour_of_remembered_webhooks_is_no_leak_and_more_is_one() -> None:
    kept = [sample(n * 5.0, rss_bytes=300 * MB + n * MOST_BYTES_PER_CALL) for n in range(360)]
    assert all(trend.flat for trend in trends(kept))
    more = [sample(n * 5.0, rss_bytes=300 * MB + n * 4 * MOST_BYTES_PER_CALL) for n in range(360)]
    assert [trend.name for trend in trends(more) if not trend.flat] == ["rss_bytes"]


def test_what_is_left_when_all_calls_are_over_is_named() -> None:
    before = sample(0.0, live=0)
    assert left_over(before, sample(9.0, live=0, descriptors=102, rss_bytes=900 * MB)) == []
    assert left_over(before, sample(9.0, live=1, descriptors=105, tasks=90, threads=20)) == [
        "5 descriptors",
        "10 tasks",
        "1 live",
    ]


def outcome(**changes: object) -> Outcome:
    plain: dict[str, object] = {
        "wish": Wish("pcm", 10, 1_800.0, None),
        "samples": tuple(sample(number * 5.0) for number in range(100)),
        "before": sample(0.0, live=0),
        "after": sample(500.0, live=0),
        "ended": 99,
        "failures": (),
        "faults": {"call: leg dropped": 20},
        "sessions": 120,
        "complaints": (),
        "errors": (),
        "cpu": 0.5,
    }
    return Outcome(**{**plain, **changes})  # type: ignore[arg-type]


def test_a_report_tells_what_was_done_and_whether_it_was_passed() -> None:
    page = report(outcome(), "2026-11-20")
    assert "# Soak, 2026-11-20" in page
    assert "**Passed**: 0 calls failed." in page
    assert "| call: leg dropped | 20 |" in page
    assert "| resident memory, MB | 300.0 | 0.0 | 0.0 |" in page
    assert page.count("\n| 4") >= 4


def test_a_machine_that_was_too_busy_is_told_of() -> None:
    late = outcome(samples=tuple(sample(number * 5.0, late_s=1.25) for number in range(100)))
    assert "the callers themselves were not run for 1.2 s" in report(late, "2026-11-20")
    assert "not run" not in report(outcome(), "2026-11-20")


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({"failures": ("call 7",)}, "failed: call 7"),
        ({"errors": ("x",)}, "logged: x"),
        ({"complaints": ("y",)}, "the model complains: y"),
        ({"after": sample(500.0, live=0, tasks=99)}, "left over: 19 tasks"),
        ({"samples": tuple(growing("tasks", 60.0))}, "grows: tasks"),
    ],
)
def test_whatever_went_wrong_fails_a_soak(changes: dict[str, object], trouble: str) -> None:
    assert troubles(outcome(**changes)) == [trouble]
    assert f"**Not passed**: {len(changes.get('failures', ()))} calls" in report(  # type: ignore[arg-type]
        outcome(**changes), "2026-11-20"
    )


def test_lives_are_drawn_from_their_seed_and_of_every_kind() -> None:
    lives = [life(seed, 15.0, 90.0) for seed in range(200)]
    assert lives == [life(seed, 15.0, 90.0) for seed in range(200)]
    assert {each.fate for each in lives} == set(Fate)
    assert all(15.0 <= each.length_s <= 90.0 for each in lives)
    assert all(0 < each.fate_s < each.length_s for each in lives)


def test_wrong_usage_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(["--minutes", "x"])
    assert "--minutes" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_fault_p14_a_small_churn_with_faults_loses_no_call_and_leaves_nothing() -> None:
    told: list[str] = []
    wish = Wish(
        "ulaw", 5, 6.0, None, shortest_s=1.0, longest_s=3.0, look_s=0.3, settle_s=1.5, seed=SEED
    )
    found = await soak(wish, told.append)
    if troubles(found) and starved(found) > STARVED_S:
        found = await soak(wish, told.append)
    assert found.failures == ()
    assert left_over(found.before, found.after) == []
    assert (found.errors, found.complaints) == ((), ())
    assert found.ended >= 8
    assert {f"call: {fate.value}" for fate in Fate} <= found.faults.keys()
    assert len(found.samples) >= 10
    assert any(sample.live for sample in found.samples)
