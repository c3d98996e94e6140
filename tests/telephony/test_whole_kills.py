"""A server killed, and one restarted, under callers who book: a few points of `make kills`."""

from pathlib import Path

import pytest

from tests.telephony.kills import one, restart

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


async def test_fault_p3_a_server_that_is_killed_loses_no_call_and_books_nothing_twice(
    tmp_path: Path,
) -> None:
    world = await one(tmp_path, 3, seed=7)
    assert world.live_at_kill == 3
    assert any(len(report.streams) > 1 for report in world.reports)


async def test_fault_p1_a_rolling_restart_under_load_drops_no_call(tmp_path: Path) -> None:
    world = await one(tmp_path, 3, seed=3, act=restart)
    assert world.live_at_kill == 3
