"""A booking survives the death of its process, and happens once."""

import datetime as dt
import json
import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa

from tests.tools.crash import POINTS
from tests.tools.desk import NOW, Desk, said
from tools.booking.bookings import Bookings
from tools.booking.shop import default_shop
from tools.booking.tables import CELLS
from tools.catalogue import build
from tools.spec import ToolState
from tools.store import Store

WISH = {"service": "haircut", "date": "2026-03-04", "time": "10:00", "name": "Ann"}


def killed_at(url: str, point: str) -> None:
    program = [sys.executable, "-m", "tests.tools.crash", url, point, json.dumps(WISH)]
    assert subprocess.run(program, timeout=40, check=False).returncode == -signal.SIGKILL


@pytest.mark.parametrize("point", POINTS)
async def test_fault_x8_kill_9_between_intent_and_outcome(
    store_url: str, store: Store, point: str
) -> None:
    killed_at(store_url, point)
    after = Desk(build(default_shop(), store), store, NOW + dt.timedelta(minutes=2))
    (left,) = after.receipts.of_call("CA1")
    assert left.state is None

    again = await after.ask("book_appointment", WISH, tool_call_id="t1")
    assert again.repeated
    if point == "after":
        assert again.state is ToolState.DONE
        assert "You are booked" in said(again)["message"]
    else:
        assert again.state is ToolState.FAILED
        retried = await after.ask("book_appointment", WISH, tool_call_id="t2")
        assert (retried.state, retried.repeated) == (ToolState.DONE, False)

    (booking,) = Bookings(store, default_shop()).of_call("CA1")
    assert booking.name == "Ann"
    cells = store.read(
        lambda c: c.execute(sa.select(sa.func.count()).select_from(CELLS)).scalar_one()
    )
    assert cells == 9
    twin = await after.ask("book_appointment", WISH, tool_call_id="t3")
    assert (twin.state, twin.repeated) == (ToolState.DONE, True)
