"""Whole calls over loopback whose callers are asked whether they may be recorded."""

import asyncio
from pathlib import Path

import pytest

from telephony.live.desk import LiveDesk
from telephony.live.wire import AnyAnswer, Calls, Changes
from telephony.transcripts.archive import Archive, StoredCall, journal, transcript
from telephony.transcripts.entry import AgentLine, Agreement, ConsentLine, DisclosureLine
from telephony.transcripts.records import Happened
from tests.telephony.test_whole_call import House, house
from tests.telephony.test_whole_call_keys import presses

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

PERSONA = """\
greeting: Hello from the desk.
disclosure: You speak with a machine.
recording:
  question: May I record?
"""


def configured(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "personas"
    folder.mkdir(parents=True)
    (folder / "desk.yaml").write_text(PERSONA, encoding="utf-8")


async def called(tmp_path: Path, key: str) -> tuple[House, list[AnyAnswer]]:
    """A call whose caller hears the disclosure, then presses a key, and stays for the greeting;
    and what somebody was told who followed it."""
    configured(tmp_path)
    async with house(tmp_path) as built, asyncio.TaskGroup() as tasks:
        follows = tasks.create_task(followed(tmp_path / "data"))
        await built.phone.dial(presses({8_000: key}, hang_up_ms=14_000))
        return built, await follows


async def followed(data_dir: Path) -> list[AnyAnswer]:
    """The next call, to its end."""
    desk = LiveDesk(data_dir)
    while not (calls := await desk.calls()):
        await asyncio.sleep(0.05)
    told = [answer async for answer in desk.follow(calls[0].call_id)]
    await desk.close()
    return told


def withheld(told: list[AnyAnswer]) -> list[bool]:
    """What whoever looks on was told of that, in turn."""
    first = [view.withheld for answer in told if isinstance(answer, Calls) for view in answer.calls]
    news = [fields for answer in told if isinstance(answer, Changes) for fields in answer.changes]
    return first + [fields["withheld"] for fields in news if "withheld" in fields]


def stored(tmp_path: Path) -> StoredCall:
    (call,) = Archive(tmp_path / "data").newest(2)
    assert call.finished
    return call


def said(built: House) -> list[str]:
    lines = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
    return [line.text for line in lines]


async def test_requirement_d4_who_refuses_by_key_is_greeted_and_not_recorded(
    tmp_path: Path,
) -> None:
    built, told = await called(tmp_path, "2")
    (answer,) = built.of(ConsentLine)
    assert isinstance(answer, ConsentLine)
    assert (answer.answer, answer.by) == (Agreement.REFUSED, "key")
    assert "May I record?" in said(built)
    assert len(said(built)) == 4, "disclosure, question, what follows from a no, greeting"
    assert not [words for words in said(built) if words in repr(told)]
    assert "ConsentLine" in repr(told), "metadata is shown"
    assert withheld(told) == [True]
    call = stored(tmp_path)
    assert not call.recordings
    kept = transcript(call).entries
    assert not [each for each in kept if isinstance(each, AgentLine)]
    assert [each.heard for each in kept if isinstance(each, DisclosureLine)][-1:] == [True]
    assert not [each for each in journal(call.folder).records if isinstance(each, Happened)]


async def test_who_agrees_by_key_is_recorded_from_the_beginning(tmp_path: Path) -> None:
    built, told = await called(tmp_path, "1")
    assert [each.answer for each in built.of(ConsentLine) if isinstance(each, ConsentLine)] == [
        Agreement.GRANTED
    ]
    assert not [words for words in said(built) if words not in repr(told)], "shown after the yes"
    assert withheld(told) == [True, False]
    call = stored(tmp_path)
    assert set(call.recordings) == {"caller.wav", "agent.wav", "sent.wav"}
    texts = [each.text for each in transcript(call).entries if isinstance(each, AgentLine)]
    assert texts == said(built)
    assert journal(call.folder).damage is None
    assert [each for each in journal(call.folder).records if isinstance(each, Happened)]
