"""Nothing that happened is lost, doubled or told untruly, whatever receivers do."""

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from tests.tools.http_double import (
    Double,
    Names,
    Reply,
    answer,
    drip,
    hang_up,
    never,
    raw,
    redirect,
)
from tools.hooks import sender as sending
from tools.hooks.endpoints import MOST_ENDPOINTS, Change, Endpoint, Endpoints, NoEndpoint
from tools.hooks.outbox import Delivery, NoDelivery, Outbox, Sending, put
from tools.hooks.sender import Sender
from tools.hooks.spec import MOST_TRIES, BadEndpoint, Event, EventType, event_id
from tools.http.door import Door
from tools.spec import BackendError
from tools.store import Store

NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
LOOPBACK = ("127.0.0.0/8",)
LEASE = dt.timedelta(seconds=60)


def happened(
    number: int = 1, kind: EventType = EventType.CALL_ENDED, at: dt.datetime = NOON
) -> Event:
    call_id = f"CA{number}"
    numbers = {"from": "+442079460001"}
    return Event(event_id(kind.value, call_id), kind, at, call_id, {"call_id": call_id}, numbers)


class Desk:
    """An outbox with receivers, and the clock."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.endpoints = Endpoints(store, LOOPBACK)
        self.outbox = Outbox(store)
        self.now = NOON
        self.counted: Counter[str] = Counter()
        self.names: Names | None = None

    def clock(self) -> dt.datetime:
        return self.now

    def add(self, url: str, **wanted: Any) -> tuple[Endpoint, str]:
        return self.endpoints.add(Change(url=url, **wanted), "anna", NOON)

    def claim(self, *busy: int) -> Sending | None:
        return self.outbox.claim(self.now, LEASE, busy)

    def only(self) -> Delivery:
        (delivery,) = self.outbox.deliveries()
        return delivery

    @asynccontextmanager
    async def sender(self, private: tuple[str, ...] = LOOPBACK) -> AsyncIterator[Sender]:
        tasks: list[asyncio.Task[None]] = []
        names = self.names
        door = Door(lambda: names) if names is not None else Door()
        yield Sender(
            self.outbox,
            door,
            private,
            self.clock,
            lambda: 0.5,
            lambda name, work: tasks.append(asyncio.get_running_loop().create_task(work)),
            lambda code: self.counted.update([code]),
        )
        await asyncio.gather(*tasks)
        await door.close()

    async def send(self, **given: Any) -> int:
        """All that is due now; how much that was."""
        sent = 0
        while True:
            async with self.sender(**given) as sender:
                if not await sender.once():
                    return sent
            sent += 1


@pytest.fixture
def desk(plain: Store) -> Desk:
    return Desk(plain)


# ---- the outbox ---------------------------------------------------------------------------------


def test_what_happened_is_told_to_all_who_want_to_know(store: Store) -> None:
    desk = Desk(store)
    every, _ = desk.add("https://a.example/")
    desk.add("https://b.example/", events=("tool.done",))
    off, _ = desk.add("https://c.example/")
    desk.endpoints.change(off.id, Change(enabled=False))
    desk.outbox.put([happened(), happened(2, at=NOON - dt.timedelta(seconds=1))], NOON)
    assert [(each.endpoint_id, each.call_id) for each in desk.outbox.deliveries()] == [
        (every.id, "CA1")
    ]


def test_telling_it_again_changes_nothing(store: Store) -> None:
    desk = Desk(store)
    desk.add("https://a.example/")
    for _ in range(3):
        desk.outbox.put([happened(), happened()], NOON)
    assert len(desk.outbox.deliveries()) == 1


def test_it_is_written_with_what_happened_or_not_at_all(store: Store) -> None:
    desk = Desk(store)
    desk.add("https://a.example/")

    def breaks(connection: sa.Connection) -> None:
        put(connection, [happened()], NOON)
        raise BackendError("no", permanent=False)

    with pytest.raises(BackendError):
        store.write(breaks)
    assert desk.outbox.deliveries() == []


def test_one_has_it_at_a_time_and_anybody_after_the_lease(store: Store) -> None:
    desk = Desk(store)
    desk.add("https://a.example/")
    desk.outbox.put([happened()], NOON)
    assert desk.outbox.is_due(NOON)
    first = desk.claim()
    assert first is not None
    assert desk.claim() is None
    assert not desk.outbox.is_due(NOON)
    desk.now += LEASE
    again = desk.claim()
    assert again is not None
    assert (again.id, again.body, again.tries) == (first.id, first.body, 2)


def test_nobody_is_told_two_things_at_once(store: Store) -> None:
    desk = Desk(store)
    endpoint, _ = desk.add("https://a.example/")
    desk.outbox.put([happened(1), happened(2)], NOON)
    assert desk.claim(endpoint.id) is None
    assert desk.claim() is not None


def test_numbers_are_for_who_has_asked_for_them(desk: Desk) -> None:
    desk.add("https://a.example/")
    desk.add("https://b.example/", numbers=True)
    desk.outbox.put([happened()], NOON)
    first, second = desk.claim(), desk.claim()
    assert first is not None
    assert second is not None
    assert b"+44" not in first.body
    assert json.loads(second.body)["data"]["from"] == "+442079460001"


def test_words_are_for_who_has_asked_for_them(desk: Desk) -> None:
    asked: list[str] = []

    def words() -> dict[str, str]:
        asked.append("words")
        return {"transcript": "hello"}

    def told(number: int) -> dict[int, dict[str, Any]]:
        event = msgspec.structs.replace(happened(number), words=words)
        desk.outbox.put([event], NOON)
        found = {}
        while (sending := desk.claim()) is not None:
            found[sending.endpoint_id] = json.loads(sending.body)["data"]
            desk.outbox.taken(sending, 200, NOON)
        return found

    plain, _ = desk.add("https://a.example/", numbers=True)
    assert told(1) == {plain.id: {"call_id": "CA1", "from": "+442079460001"}}
    assert not asked, "where nobody asks, nobody looks"
    curious, _ = desk.add("https://b.example/", words=True)
    assert told(2) == {
        plain.id: {"call_id": "CA2", "from": "+442079460001"},
        curious.id: {"call_id": "CA2", "transcript": "hello"},
    }
    desk.endpoints.change(curious.id, Change(words=False))
    assert told(3)[curious.id] == {"call_id": "CA3"}


def test_a_new_secret_signs_beside_the_old_one_for_a_day(desk: Desk) -> None:
    endpoint, old = desk.add("https://a.example/")
    new = desk.endpoints.rotate(endpoint.id, NOON)
    desk.outbox.put([happened(1), happened(2)], NOON)
    both = desk.claim()
    desk.now += dt.timedelta(hours=24)
    one = desk.claim()
    assert both is not None
    assert one is not None
    assert (both.secrets, one.secrets) == ((new, old), (new,))


def test_endpoints_are_changed_counted_and_removed(store: Store) -> None:
    desk = Desk(store)
    endpoint, _ = desk.add("https://a.example/", description="  our \n CRM ", events=())
    assert endpoint.description == "our CRM"
    desk.outbox.put([happened(1)], NOON)
    before, after = desk.endpoints.change(
        endpoint.id, Change(url="https://b.example/", events=("tool.done", "call.ended"))
    )
    assert (before.url, after.url, after.pending) == (
        "https://a.example/",
        "https://b.example/",
        1,
    )
    assert after.events == ("call.ended", "tool.done")
    assert desk.endpoints.change(endpoint.id, Change())[1] == after
    assert desk.endpoints.all() == [after]
    desk.endpoints.remove(endpoint.id)
    assert desk.outbox.deliveries() == []
    for act in (desk.endpoints.find, desk.endpoints.remove):
        with pytest.raises(NoEndpoint):
            act(endpoint.id)
    with pytest.raises(NoEndpoint):
        desk.endpoints.rotate(endpoint.id, NOON)


def test_bad_endpoints_are_refused(desk: Desk) -> None:
    for wanted in (Change(), Change(url="x"), Change(url="https://a.example/", events=("no",))):
        with pytest.raises(BadEndpoint):
            desk.endpoints.add(wanted, "anna", NOON)
    for _ in range(MOST_ENDPOINTS):
        desk.add("https://a.example/")
    with pytest.raises(BadEndpoint, match="remove one"):
        desk.add("https://a.example/")


def test_what_is_old_or_of_a_deleted_call_is_forgotten(store: Store) -> None:
    desk = Desk(store)
    desk.add("https://a.example/")
    desk.outbox.put([happened(1)], NOON - dt.timedelta(days=31))
    desk.outbox.put([happened(2), happened(3)], NOON)
    desk.outbox.purge(NOON - dt.timedelta(days=30))
    assert desk.outbox.forget("CA3")
    assert not desk.outbox.forget("CA3"), "there is nothing left of it"
    assert desk.only().call_id == "CA2"


# ---- receivers that behave ----------------------------------------------------------------------


async def test_a_receiver_can_prove_who_sent_it(desk: Desk) -> None:
    async with Double(answer(204, body=b"")) as receiver:
        _, secret = desk.add(receiver.url("/hook?a=1"))
        desk.outbox.put([happened()], NOON)
        assert await desk.send() == 1
        (seen,) = receiver.seen
    assert (seen.method, seen.target) == ("POST", "/hook?a=1")
    message, at = seen.headers["webhook-id"], seen.headers["webhook-timestamp"]
    assert (message, at) == (happened().id, str(int(NOON.timestamp())))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message}.{at}.".encode() + seen.body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert seen.headers["webhook-signature"] == f"v1,{wanted}"
    assert (desk.only().state, desk.only().status, desk.only().tries) == ("taken", 204, 1)
    assert desk.counted == {"webhooks.taken": 1}


async def test_a_test_is_told_to_one_receiver_whatever_it_wants(desk: Desk) -> None:
    async with Double(answer()) as receiver:
        endpoint, _ = desk.add(receiver.url(), events=("tool.done",))
        desk.outbox.test(endpoint.id, happened(0, EventType.TEST), NOON)
        await desk.send()
        assert receiver.seen[0].json["type"] == "test"


# ---- receivers that do not ----------------------------------------------------------------------

BAD: dict[str, tuple[Callable[[], Reply], int, str]] = {
    "says it broke": (lambda: answer(500), 500, "status_500"),
    "says it is not there": (lambda: answer(404), 404, "status_404"),
    "sends us elsewhere": (lambda: redirect(307, "https://b.example/"), 307, "status_307"),
    "hangs up": (hang_up, 0, "connection_lost"),
    "talks nonsense": (lambda: raw(b"\x00\x01nonsense\r\n\r\n"), 0, "answer_unreadable"),
    "breaks off in its head": (
        lambda: raw(b"HTTP/1.1 200 O", then_reset=True),
        0,
        "connection_lost",
    ),
}


@pytest.mark.parametrize("how", BAD)
async def test_fault_a_receiver_that_fails_is_told_again(desk: Desk, how: str) -> None:
    reply, status, trouble = BAD[how]
    async with Double(reply(), answer()) as receiver:
        desk.add(receiver.url())
        desk.outbox.put([happened()], NOON)
        await desk.send()
        only = desk.only()
        assert (only.state, only.status, only.trouble) == ("pending", status, trouble)
        assert only.not_before == NOON + dt.timedelta(seconds=5)
        assert await desk.send() == 0
        desk.now += dt.timedelta(seconds=5)
        await desk.send()
        assert desk.only().state == "taken"
        first, second = receiver.seen
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


@pytest.mark.parametrize("reply", [never, drip], ids=["never answers", "answers without end"])
async def test_fault_a_receiver_that_is_slow_holds_up_nobody(
    desk: Desk, reply: Callable[[], Reply], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "ANSWER_S", 0.2)
    async with Double(reply()) as slow, Double(answer()) as good:
        late, _ = desk.add(slow.url())
        desk.add(good.url())
        desk.outbox.put([happened(1), happened(2)], NOON)
        await desk.send()
        assert len(good.seen) == 2
    states = Counter((each.endpoint_id == late.id, each.state) for each in desk.outbox.deliveries())
    told = "pending" if reply is never else "taken"
    assert states == {(True, told): 2, (False, "taken"): 2}


async def test_fault_a_receiver_that_is_not_there(desk: Desk) -> None:
    async with Double(answer()) as receiver:
        url = receiver.url()
    desk.add(url)
    desk.outbox.put([happened()], NOON)
    await desk.send()
    assert desk.only().trouble == "connection_refused"


async def test_a_receiver_s_wish_for_a_pause_is_heeded(desk: Desk) -> None:
    async with Double(answer(503, headers={"Retry-After": "90"})) as receiver:
        desk.add(receiver.url())
        desk.outbox.put([happened()], NOON)
        await desk.send()
    assert desk.only().not_before == NOON + dt.timedelta(seconds=90)


async def test_after_all_its_tries_it_is_kept_for_people_and_can_be_replayed(desk: Desk) -> None:
    async with Double(answer(500)) as receiver:
        endpoint, _ = desk.add(receiver.url())
        desk.outbox.put([happened()], NOON)
        for _ in range(MOST_TRIES):
            await desk.send()
            desk.now += dt.timedelta(hours=9)
        assert len(receiver.seen) == MOST_TRIES
        dead = desk.only()
        assert (dead.state, dead.status, dead.tries) == ("dead", 500, MOST_TRIES)
        assert desk.endpoints.find(endpoint.id).dead == 1
        receiver.replies = [answer()]
        assert desk.outbox.replay_dead(endpoint.id, desk.now) == 1
        assert desk.outbox.replay_dead(endpoint.id, desk.now) == 0
        await desk.send()
        assert desk.only().state == "taken"
        desk.outbox.replay(dead.id, desk.now)
        await desk.send()
        assert {each.headers["webhook-id"] for each in receiver.seen} == {happened().id}
    with pytest.raises(NoDelivery):
        desk.outbox.replay(999, desk.now)


async def test_a_receiver_that_is_gone_is_switched_off(desk: Desk) -> None:
    async with Double(answer(410)) as receiver:
        endpoint, _ = desk.add(receiver.url())
        desk.outbox.put([happened(1), happened(2)], NOON)
        assert await desk.send() == 1
    found = desk.endpoints.find(endpoint.id)
    assert (found.enabled, found.trouble, found.pending, found.dead) == (
        False,
        "answered 410 Gone",
        1,
        1,
    )
    assert desk.endpoints.change(endpoint.id, Change(enabled=True))[1].trouble == ""


# ---- where it must not go -----------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"])
async def test_fault_a_name_that_leads_inside_is_not_asked(desk: Desk, address: str) -> None:
    desk.names = Names([address])
    desk.add("https://hook.example/")
    desk.outbox.put([happened()], NOON)
    await desk.send(private=())
    assert (desk.only().state, desk.only().trouble) == ("dead", "address_not_allowed")
    assert desk.names.asked == ["hook.example"]


async def test_fault_an_address_that_is_no_longer_allowed_is_not_asked(desk: Desk) -> None:
    async with Double(answer()) as receiver:
        desk.add(receiver.url())
        desk.outbox.put([happened()], NOON)
        await desk.send(private=())
        assert receiver.seen == []
    assert desk.only().trouble == "address_not_allowed"


# ---- trouble of our own -------------------------------------------------------------------------


class Forgets(Outbox):
    """Its database goes away once something was sent."""

    def taken(self, sending: Sending, status: int, now: dt.datetime) -> None:
        raise BackendError("gone", permanent=False)


async def test_fault_what_was_sent_and_not_marked_is_sent_again_under_its_id(desk: Desk) -> None:
    async with Double(answer()) as receiver:
        desk.add(receiver.url())
        desk.outbox.put([happened()], NOON)
        desk.outbox = Forgets(desk.store)
        await desk.send()
        assert desk.only().state == "pending"
        desk.outbox = Outbox(desk.store)
        desk.now += LEASE
        await desk.send()
        assert len({each.headers["webhook-id"] for each in receiver.seen}) == 1
        assert len(receiver.seen) == 2
    assert desk.only().state == "taken"


class Down(Outbox):
    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.looks = 0
        self.looked = asyncio.Event()

    def is_due(self, now: dt.datetime) -> bool:
        self.looks += 1
        if self.looks == 1:
            raise BackendError("down", permanent=False)
        return super().is_due(now)


async def test_fault_a_database_that_is_down_does_not_end_the_sending(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "IDLE_S", 0.01)
    async with Double(answer()) as receiver:
        desk.add(receiver.url())
        desk.outbox.put([happened(1), happened(2)], NOON)
        desk.outbox = Down(desk.store)
        async with desk.sender() as sender:
            run = asyncio.get_running_loop().create_task(sender.run())
            while len(receiver.seen) < 2:
                receiver.got.clear()
                await receiver.got.wait()
            run.cancel()
            await asyncio.wait({run})
    assert {each.json["data"]["call_id"] for each in receiver.seen} == {"CA1", "CA2"}


async def test_old_ones_are_forgotten_while_it_runs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PURGE_S", 0.0)
    desk.add("https://a.example/")
    desk.outbox.put([happened()], NOON)
    desk.now += dt.timedelta(days=31)
    async with desk.sender() as sender:
        run = asyncio.get_running_loop().create_task(sender.purge(dt.timedelta(days=30)))
        while await asyncio.to_thread(desk.outbox.deliveries):
            await asyncio.sleep(0.01)
        run.cancel()
        await asyncio.wait({run})
