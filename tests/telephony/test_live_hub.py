"""The calls of a process and who watches them: told soon, in small pieces, holding up nothing."""

import asyncio

import pytest

from agents.engine import CallerSpeechStarted, CallerSpeechStopped, CallerTranscript, Inform
from telephony.call.events import Act, CallerAudio, DtmfPressed, StreamStopped
from telephony.live.hub import FLUSH_S, Hub
from telephony.live.reader import Reader
from telephony.live.wire import AnyAnswer, Calls, Changes, Done, Gone, Lines, Sound
from telephony.transcripts.entry import EndedReason
from tests.telephony.live_calls import OnCall
from tests.telephony.script import seconds


@pytest.fixture
async def hub() -> Hub:
    return Hub()


def live(hub: Hub, call_id: str = "CA1") -> OnCall:
    call = OnCall(hub, call_id)
    call.begins()
    return call


async def told(reader: Reader) -> list[AnyAnswer]:
    async with asyncio.timeout(5.0):
        return await reader.take()


async def test_a_reader_is_told_how_things_stand_and_then_what_changes(hub: Hub) -> None:
    call, _ = live(hub), live(hub, "CA2")
    reader = Reader()
    hub.join(reader)
    (stand,) = await told(reader)
    assert isinstance(stand, Calls)
    assert [view.call_id for view in stand.calls] == ["CA1", "CA2"]
    call.happens(CallerSpeechStarted("u1", 0))
    assert await told(reader) == [Changes(({"call_id": "CA1", "floor": "caller"},))]


async def test_many_changes_are_told_at_once(hub: Hub) -> None:
    call, reader = live(hub), Reader()
    hub.join(reader)
    await told(reader)
    for number in range(50):
        call.happens(DtmfPressed("1"), CallerAudio(seconds(0.02), number * 20))
    await asyncio.sleep(FLUSH_S / 2)
    (changes,) = await told(reader)
    assert changes == Changes(({"call_id": "CA1", "lines": 50},))


async def test_a_call_that_begins_is_told_whole_and_one_that_ends_is_gone(hub: Hub) -> None:
    reader = Reader()
    hub.join(reader)
    await told(reader)
    call = live(hub)
    (began,) = await told(reader)
    assert isinstance(began, Changes)
    assert began.changes[0]["caller"] == "+14155550100"
    call.happens(StreamStopped())
    hub.over("CA1")
    assert (await told(reader))[-1] == Gone(("CA1",))
    assert hub.views() == ()


@pytest.mark.parametrize("sound", [False, True])
async def test_who_asks_for_a_call_that_rings_waits_till_it_begins(sound: bool) -> None:
    hub, reader = Hub({"CA1"}.__contains__), Reader("CA1", sound=sound)
    hub.join(reader)
    live(hub, "CA2")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3 * FLUSH_S):
            await reader.take()
    call = live(hub)
    stand = (await told(reader))[0]
    assert isinstance(stand, Calls)
    assert [view.call_id for view in stand.calls] == ["CA1"]
    call.happens(StreamStopped())
    hub.over("CA1")
    assert (await told(reader))[-1] == Gone(("CA1",))


async def test_who_left_before_a_call_began_is_told_nothing_of_it() -> None:
    hub, left, stays = Hub({"CA1"}.__contains__), Reader("CA1"), Reader("CA1")
    for reader in (left, stays):
        hub.join(reader)
    hub.leave(left)
    live(hub)
    assert isinstance((await told(stays))[0], Calls)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3 * FLUSH_S):
            await left.take()


async def test_who_follows_a_call_reads_its_words_from_the_beginning(hub: Hub) -> None:
    call = live(hub)
    call.happens(CallerTranscript("u1", "Hello?"))
    reader = Reader("CA1")
    hub.join(reader)
    stand, before = await told(reader)
    assert isinstance(stand, Calls)
    assert isinstance(before, Lines)
    assert (before.first, [entry.text for entry in before.entries]) == (0, ["Hello?"])  # type: ignore[union-attr]
    call.happens(CallerSpeechStarted("u2", 0), CallerSpeechStopped("u2", 500))
    call.happens(CallerTranscript("u2", "Anybody?"))
    more, changed = await told(reader)
    assert isinstance(more, Lines)
    assert (more.first, [entry.text for entry in more.entries]) == (1, ["Anybody?"])  # type: ignore[union-attr]
    assert isinstance(changed, Changes)


async def test_one_who_joins_takes_no_news_from_those_who_were_there(hub: Hub) -> None:
    call, first, second = live(hub), Reader("CA1"), Reader()
    hub.join(first)
    await told(first)
    call.happens(CallerTranscript("u1", "Hello?"))
    hub.join(second)
    assert [type(each) for each in await told(first)] == [Lines, Changes]


async def test_who_listens_gets_both_sides_and_nobody_else_gets_any(hub: Hub) -> None:
    call, listener, watcher = live(hub), Reader("CA1", sound=True), Reader()
    call.happens(CallerAudio(seconds(0.02), 0))
    hub.join(listener)
    hub.join(watcher)
    await told(listener)
    call.wait(0.1).happens(CallerAudio(b"\x11" * 160, 80))
    (heard,) = await told(listener)
    assert heard == Sound("caller", 640, b"\x11" * 160)
    call.speaks(seconds(1.0)).wait(1.0).echoes(*call.marks()[1:])
    sounds = [each for each in await told(listener) if isinstance(each, Sound)]
    assert {each.track for each in sounds} == {"heard"}
    assert sum(len(each.ulaw) for each in sounds) == 8_000
    assert not any(isinstance(each, Sound) for each in await told(watcher))


@pytest.mark.parametrize("sound", [False, True])
async def test_of_a_call_there_is_not_a_reader_hears_that_it_is_gone(hub: Hub, sound: bool) -> None:
    reader = Reader("CA9", sound=sound)
    hub.join(reader)
    assert await told(reader) == [Gone(("CA9",))]
    hub.leave(reader)


async def test_what_somebody_wants_reaches_the_call_and_its_answer_comes_back(hub: Hub) -> None:
    call = live(hub)
    assert hub.do("CA1", Act.WHISPER, "ann", "Ask for the name.") == Done("")
    assert [each for each in call.said if isinstance(each, Inform)]
    assert hub.do("CA1", Act.TRANSFER, "ann", "nobody") == Done("impossible")
    assert hub.do("CA9", Act.HANG_UP, "ann", "") == Done("gone")
    call.happens(StreamStopped())
    assert hub.do("CA1", Act.HANG_UP, "ann", "") == Done("gone")


async def test_who_leaves_is_told_nothing_more_and_costs_nothing(hub: Hub) -> None:
    call = live(hub)
    for reader in (Reader(), Reader("CA1"), Reader("CA1", sound=True)):
        hub.join(reader)
        await told(reader)
        hub.leave(reader)
        call.happens(DtmfPressed("1"), CallerAudio(seconds(0.02), 0))
        assert not reader.box


async def test_who_follows_a_call_that_goes_on_elsewhere_is_not_told_it_is_over(hub: Hub) -> None:
    live(hub)
    board, follower, listener = Reader(), Reader("CA1"), Reader("CA1", sound=True)
    for reader in (board, follower, listener):
        hub.join(reader)
        await told(reader)
    hub.over("CA1", EndedReason.MIGRATED)
    assert await told(board) == [Gone(("CA1",))]
    assert not board.left
    for reader in (follower, listener):
        assert await told(reader) == []
        assert reader.left


async def test_news_of_a_call_that_nobody_announced_is_no_news(hub: Hub) -> None:
    hub.observe("CA9", 0.0, DtmfPressed("1"), [])
    hub.over("CA9")
    assert hub.views() == ()
