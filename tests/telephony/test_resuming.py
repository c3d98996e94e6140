"""A call between two processes: taken over whole, with the configuration it began with."""

import asyncio
import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from telephony.custody import Custody
from telephony.livestate import Head
from telephony.resuming import Resuming
from telephony.switchboard import Whose
from telephony.transcripts.entry import EndedReason
from telephony.twilio.ports import Offer
from tests.databases import new_store
from tools.config import ConfigError
from tools.livecalls import LiveCall, LiveCalls
from tools.spec import BackendError
from tools.store import Store
from tools.versions.current import Current, Live

BEGAN = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
OFFER = Offer("CA1", "AC1", "+14155550100", "+14155550199")


class Second:
    """A process that is asked about calls it did not begin, at version 7."""

    def __init__(self, store: Store) -> None:
        self.counted: Counter[str] = Counter()
        self.warmed: list[Any] = []
        self.fails: BaseException | None = None
        self.custody = Custody(store, lambda: BEGAN, self._count, lambda _: None)
        current: Any = Current(Live(7, "now"))
        build: Any = self._build
        self.resuming = Resuming(
            self.custody, current, build, lambda live, _: self.warmed.append(live), self._count
        )

    def _count(self, code: str) -> None:
        self.counted[code] += 1

    async def _build(self, version: int) -> str:
        if self.fails is not None:
            raise self.fails
        return f"of {version}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return new_store(tmp_path / "frontdesk.db")


async def began(store: Store, version: int = 7) -> None:
    first = Custody(store, lambda: BEGAN, lambda _: None, lambda _: None)
    await first.flush(first.open(Head(OFFER, BEGAN, version), list, None))


async def test_a_call_is_claimed_once_by_the_stream_that_brings_it(store: Store) -> None:
    await began(store)
    second = Second(store)
    assert await second.resuming.take(OFFER) is Whose.OURS
    assert second.warmed == [Live(7, "now")]
    claimed = second.resuming.claim("CA1")
    assert claimed is not None
    assert claimed[0].version == 7
    assert claimed[1].head.offer == OFFER
    assert second.resuming.claim("CA1") is None


async def test_fault_c7_it_goes_by_the_version_it_began_with(store: Store) -> None:
    await began(store, version=5)
    second = Second(store)
    assert await second.resuming.take(OFFER) is Whose.OURS
    assert second.warmed == [Live(5, "of 5")]


@pytest.mark.parametrize(
    "error", [TimeoutError(), ConfigError("x", "y", "z"), BackendError("down", permanent=False)]
)
async def test_a_version_that_cannot_be_had_does_not_keep_the_caller(
    store: Store, error: BaseException
) -> None:
    await began(store, version=5)
    second = Second(store)
    second.fails = error
    assert await second.resuming.take(OFFER) is Whose.OURS
    assert second.warmed == [Live(7, "now")]
    assert second.counted["call_resumed_on_another_version"] == 1


async def test_a_call_nobody_wrote_about_is_nobody_s(store: Store) -> None:
    assert await Second(store).resuming.take(OFFER) is Whose.NOBODYS


@pytest.mark.parametrize(
    ("ended", "reason"),
    [("idle", EndedReason.IDLE), ("of a later version", EndedReason.INTERNAL_ERROR)],
)
async def test_a_call_that_is_over_stays_over(
    store: Store, ended: str, reason: EndedReason
) -> None:
    over = LiveCall("CA1", 1, "", "", ended=ended)
    await asyncio.to_thread(LiveCalls(store).keep, "first", [over], BEGAN)
    assert await Second(store).resuming.take(OFFER) is reason


async def test_fault_p16_what_cannot_be_read_is_told_as_broken(store: Store) -> None:
    await asyncio.to_thread(LiveCalls(store).keep, "first", [LiveCall("CA1", 1, "?", "?")], BEGAN)
    second = Second(store)
    assert await second.resuming.take(OFFER) is EndedReason.INTERNAL_ERROR
    assert second.counted["call_unreadable"] == 1


async def test_fault_s2_a_database_that_is_down_is_asked_again_later(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object) -> None:
        raise BackendError("down", permanent=False)

    monkeypatch.setattr(LiveCalls, "take", down)
    second = Second(store)
    assert await second.resuming.take(OFFER) is Whose.UNKNOWN
    assert second.counted["call_not_taken"] == 1
