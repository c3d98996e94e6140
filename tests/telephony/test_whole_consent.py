"""Whole calls over loopback whose callers are asked whether they may be recorded."""

from pathlib import Path

import pytest

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


async def called(tmp_path: Path, key: str) -> House:
    """A call whose caller hears the disclosure, then presses a key, and stays for the greeting."""
    configured(tmp_path)
    async with house(tmp_path) as built:
        await built.phone.dial(presses({8_000: key}, hang_up_ms=14_000))
        return built


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
    built = await called(tmp_path, "2")
    (answer,) = built.of(ConsentLine)
    assert isinstance(answer, ConsentLine)
    assert (answer.answer, answer.by) == (Agreement.REFUSED, "key")
    assert "May I record?" in said(built)
    assert len(said(built)) == 4, "disclosure, question, what follows from a no, greeting"
    call = stored(tmp_path)
    assert not call.recordings
    kept = transcript(call).entries
    assert not [each for each in kept if isinstance(each, AgentLine)]
    assert [each.heard for each in kept if isinstance(each, DisclosureLine)][-1:] == [True]
    assert not [each for each in journal(call.folder).records if isinstance(each, Happened)]


async def test_who_agrees_by_key_is_recorded_from_the_beginning(tmp_path: Path) -> None:
    built = await called(tmp_path, "1")
    assert [each.answer for each in built.of(ConsentLine) if isinstance(each, ConsentLine)] == [
        Agreement.GRANTED
    ]
    call = stored(tmp_path)
    assert set(call.recordings) == {"caller.wav", "agent.wav", "sent.wav"}
    texts = [each.text for each in transcript(call).entries if isinstance(each, AgentLine)]
    assert texts == said(built)
    assert journal(call.folder).damage is None
    assert [each for each in journal(call.folder).records if isinstance(each, Happened)]
