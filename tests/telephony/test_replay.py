"""A journal proves what a call decided, or says at which event it would decide otherwise."""

import tomllib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import AudioFormat, Capabilities, EngineReady
from agents.persona import Persona
from telephony.call.commands import CallCommand, Note, PlaceMark
from telephony.call.config import CallConfig
from telephony.call.events import (
    CallerAudio,
    CallEvent,
    DeadlineReached,
    DtmfPressed,
    HangUpAsked,
    MarkEchoed,
    StreamStarted,
    StreamStopped,
)
from telephony.call.machine import Call
from telephony.cli.replay import make_call
from telephony.transcripts.records import (
    Checkpoint,
    CommandDigest,
    Damage,
    Gap,
    Happened,
    Header,
    Reading,
    Record,
)
from telephony.transcripts.replay import Replayable, Verdict, replay
from telephony.version import VERSION
from tests.tree import ROOT

HEADER = Header(
    call_id="CA1", started_at="2026-11-20T10:00:00+00:00", engine="t", config=b"7", version="0.0.9"
)


class Counting:
    """Answers the n-th event with n notes, counted from its configuration."""

    def __init__(self, start: int) -> None:
        self._count = start

    def handle(self, event: CallEvent, now: float) -> list[CallCommand]:
        self._count += 1
        if event == DtmfPressed("*"):
            raise AssertionError("star")
        return [Note("heard", self._count)] * (self._count % 3)


def counting(config: bytes) -> Counting:
    return Counting(int(config))


def recorded(call: Replayable, events: list[tuple[float, CallEvent]], every: int) -> list[Record]:
    """What a journal of this call would hold."""
    digest, records = CommandDigest(), list[Record]([HEADER])
    for number, (now, event) in enumerate(events, start=1):
        crc = digest.add(call.handle(event, now))
        records.append(Happened(now, crc, event))
        if number % every == 0 or number == len(events):
            records.append(Checkpoint(number, digest.commands, digest.digest()))
    return records


PRESSES: list[tuple[float, CallEvent]] = [(n * 0.5, DtmfPressed(str(n))) for n in range(10)]
JOURNAL = recorded(Counting(7), PRESSES, every=4)


def verdict(records: list[Record], damage: Damage | None = None) -> Verdict:
    return replay(Reading(tuple(records), damage), counting)


def test_the_same_call_agrees_to_the_end() -> None:
    found = verdict(JOURNAL)
    assert found.ok
    assert (found.events, found.checkpoints, found.first_difference) == (10, 3, None)
    assert found.commands == sum((8 + n) % 3 for n in range(10))


def test_another_configuration_differs_at_the_first_event() -> None:
    other = msgspec.structs.replace(HEADER, config=b"8")
    found = verdict([other, *JOURNAL[1:]])
    assert not found.ok
    assert found.first_difference == 1


def test_the_first_event_answered_otherwise_is_named() -> None:
    changed = list(JOURNAL)
    happened = changed[6]
    assert isinstance(happened, Happened)
    changed[6] = Happened(happened.now, happened.commands_crc ^ 1, happened.event)
    found = verdict(changed)
    assert found.first_difference == 5
    assert found.problem == (
        f"event 5: the call answers it differently (written by 0.0.9, run by {VERSION})"
    )


def test_the_version_is_the_package_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


def test_a_checkpoint_that_does_not_agree_is_named() -> None:
    changed = list(JOURNAL)
    point = changed[5]
    assert isinstance(point, Checkpoint)
    changed[5] = Checkpoint(point.events, point.commands, b"x" * 32)
    found = verdict(changed)
    assert (found.first_difference, found.checkpoints) == (4, 0)
    assert "checkpoint" in str(found.problem)


def test_lost_events_end_what_can_be_proven() -> None:
    found = verdict([*JOURNAL[:3], Gap(5), *JOURNAL[3:]])
    assert not found.ok
    assert found.problem == "5 events after event 2 could not be kept"
    assert found.first_difference is None


def test_damage_is_told_after_what_agreed() -> None:
    found = verdict(JOURNAL[:4], Damage(123, "torn record"))
    assert found.problem == "the file is damaged at byte 123: torn record"
    assert found.events == 3


def test_a_crash_of_the_call_is_a_finding_not_a_crash() -> None:
    found = verdict([HEADER, Happened(0.0, 0, DtmfPressed("*"))])
    assert found.first_difference == 1
    assert found.problem == "event 1: the call raised AssertionError: star"


@pytest.mark.parametrize(
    ("records", "damage", "problem"),
    [
        ([], None, "no journal: it is empty"),
        ([], Damage(0, "torn record"), "no journal: torn record"),
        ([Gap(1)], None, "no journal: it is empty"),
        (
            [msgspec.structs.replace(HEADER, config=b"?")],
            None,
            "the call's configuration cannot be read (ValueError)",
        ),
    ],
)
def test_what_is_no_journal_is_told(
    records: list[Record], damage: Damage | None, problem: str
) -> None:
    found = verdict(records, damage)
    assert found.problem == problem
    assert found.events == 0


def test_an_observer_sees_every_event_with_its_answer() -> None:
    seen: list[tuple[int, float, CallEvent, int]] = []
    replay(
        Reading(tuple(JOURNAL), None),
        counting,
        lambda number, now, event, commands: seen.append((number, now, event, len(commands))),
    )
    assert len(seen) == 10
    assert seen[0] == (1, 0.0, DtmfPressed("0"), 2)


def real_config() -> bytes:
    capabilities = Capabilities("t", AudioFormat.ULAW_8K, AudioFormat.ULAW_8K, True, True)
    return msgspec.msgpack.encode(CallConfig("CA1", Persona(), capabilities))


EVENTS = st.sampled_from(
    [
        StreamStarted("MZ1"),
        EngineReady("s1"),
        CallerAudio(b"\xff" * 160, 0),
        MarkEchoed("1:1:800"),
        DtmfPressed("1"),
        DeadlineReached(),
        HangUpAsked("drained"),
        StreamStopped(),
    ]
)


@given(st.lists(st.tuples(st.floats(0, 5), EVENTS), max_size=40))
def test_any_real_call_replays_bit_for_bit(steps: list[tuple[float, CallEvent]]) -> None:
    now, events = 0.0, list[tuple[float, CallEvent]]()
    for wait, event in steps:
        now += wait
        events.append((now, event))
    config = real_config()
    header = msgspec.structs.replace(HEADER, config=config)
    call: Call = make_call(config)
    records = [header, *recorded(call, events, every=7)[1:]]
    found = replay(Reading(tuple(records), None), make_call)
    assert found.problem is None
    assert found.events == len(events)


def test_a_configuration_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match=r".+"):
        make_call(b"\x00")
    with pytest.raises(ValueError, match=r".+"):
        make_call(msgspec.msgpack.encode({"call_id": PlaceMark("x").name}))
