"""What belongs to a call is weighed; what all of them share is not."""

import sys
from collections import Counter

import pytest

from telephony.call.events import CallEvent, HangUpAsked
from telephony.callweight import CallWeights, weigh
from telephony.transcripts.entry import EndedReason

OWN = ("tests.telephony.test_callweight",)
MB = 2**20


class Part:
    """Of a call."""

    def __init__(self, kept: object) -> None:
        self.kept = kept


class Held:
    """A session, as far as it is weighed."""

    def __init__(self, call_id: str, kept: object) -> None:
        self.call_id = call_id
        self.kept = kept
        self.ended: EndedReason | None = None
        self.told: list[CallEvent] = []

    def deliver(self, event: CallEvent) -> None:
        self.told.append(event)


def test_all_that_a_call_holds_counts_once() -> None:
    piece = bytes(1_000)
    held = Held("CA1", {"a": [piece, piece], "b": (bytes(2_000),)})
    weight = weigh(held, OWN)
    assert 3_000 <= weight.bytes_ < 6_000


def test_the_heaviest_part_is_named() -> None:
    held = Held("CA1", [Part(bytearray(50_000)), bytes(100)])
    weight = weigh(held, OWN)
    assert next(iter(weight.of)) == "Part"
    assert weight.of["Part"] >= 50_000


def test_what_others_own_does_not_count() -> None:
    shared = Counter({"library": 1})
    shared.update({str(number): number for number in range(50_000)})
    assert weigh(Held("CA1", sys.modules["tests"]), OWN).bytes_ < 10_000
    assert weigh(Held("CA1", Part(len)), OWN).bytes_ < 10_000


def test_a_call_without_end_is_weighed_in_bounded_time() -> None:
    endless: list[object] = []
    endless.append(endless)
    endless.extend([number] for number in range(1_000))
    assert weigh(Held("CA1", endless), OWN, most=100).bytes_ > 0


class House:
    def __init__(self, *sessions: Held) -> None:
        self.resident = 100 * MB
        self.counted: Counter[str] = Counter()
        self.weights = CallWeights(
            4 * MB,
            lambda: sessions,  # type: ignore[arg-type, return-value]
            lambda code: self.counted.update([code]),
            lambda: self.resident,
        )


async def test_fault_p7_the_call_that_is_too_heavy_is_ended_and_no_other() -> None:
    heavy, light = Held("CA1", [bytes(5 * MB)]), Held("CA2", [bytes(1_000)])
    house = House(light, heavy)
    await house.weights.look()
    assert heavy.told == [HangUpAsked("internal_error")]
    assert light.told == []
    assert house.counted == {"call_too_heavy": 1}


async def test_a_call_that_is_ending_is_not_ended_again() -> None:
    heavy = Held("CA1", [bytes(5 * MB)])
    heavy.ended = EndedReason.CALLER_HUNG_UP
    await House(heavy).weights.look()
    assert heavy.told == []


@pytest.mark.parametrize(("grown", "told"), [(0, 0), (MB - 1, 0), (MB, 1)])
async def test_calls_are_weighed_only_while_the_process_grows(grown: int, told: int) -> None:
    held = Held("CA1", [])
    house = House(held)
    await house.weights.look()
    held.kept = [bytes(5 * MB)]
    house.resident += grown
    await house.weights.look()
    assert len(held.told) == told


async def test_memory_that_was_given_back_may_grow_again() -> None:
    held = Held("CA1", [])
    house = House(held)
    for resident in (100, 50, 52):
        house.resident = resident * MB
        await house.weights.look()
    held.kept = [bytes(5 * MB)]
    house.resident = 54 * MB
    await house.weights.look()
    assert len(held.told) == 1
