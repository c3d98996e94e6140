"""Whole calls over loopback with a model that claims what it has not done."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from telephony.simulator.carrier import PlayedClip
from telephony.transcripts.entry import AgentLine, ClaimLine, Fate, ToolLine, TruncationLine
from tests.fakes.realtime_script import FunctionCall, Reply, Script
from tests.telephony.test_whole_call import House, bookable_day, caller, house, read_back
from tools.booking.bookings import Bookings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(40)]

LIE = "I've booked you in for Tuesday."
HONEST = "Let me see what I can find for you there, just a moment please."


def lines(built: House) -> dict[str, AgentLine]:
    return {line.text: line for line in built.of(AgentLine) if isinstance(line, AgentLine)}


async def test_a_booking_nobody_made_is_not_heard_and_once_it_is_made_it_is(
    tmp_path: Path,
) -> None:
    call = {"service": "haircut", "time": "10:00", "name": "Ann Lee"}
    async with house(tmp_path) as built:
        call["date"] = bookable_day(built.service)
        booking = Reply("", calls=(FunctionCall("book_appointment", json.dumps(call), "call_b"),))
        built.model.script = Script(
            replies=(Reply(LIE, 1_000), read_back(call), booking, Reply(LIE, 1_000)),
            caller=("A haircut, please.", "For Ann Lee.", "Yes, please."),
        )
        speaks = caller((600, 1_200), (3_000, 3_600), (6_600, 7_100), hang_up_ms=10_500)
        report = await built.phone.dial(speaks)
        session = await built.model.session()
        (stopped,) = built.of(ClaimLine)
        assert isinstance(stopped, ClaimLine)
        assert stopped.standing == "never"
        assert "book_appointment" in stopped.tools
        assert stopped.sentence.startswith("I've booked")
        # The phone played none of it, and the model does not believe that it was said.
        said = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
        (lie,) = (line for line in said if line.item_id == stopped.item_id)
        assert (lie.heard, lie.fate, lie.sent_ms, lie.mark_item) == ("", Fate.NEVER_PLAYED, 0, 0)
        assert session.conversation.deleted == [stopped.item_id]
        # It was told why, and the caller heard the truth, over which they said yes.
        (told,) = (text for role, text in session.conversation.context() if role == "system")
        assert "book_appointment" in told
        correction = lines(built)[built.service.persona.not_done]
        assert report.stream is not None
        assert report.stream.played_ms_by_item[correction.mark_item] > 500
        # Now it was done, the same words are true.
        (tool,) = (line for line in built.of(ToolLine) if isinstance(line, ToolLine))
        assert tool.state == "done"
        assert (said[-1].text, said[-1].fate) == (LIE, Fate.HEARD)
        rows = Bookings(built.service.store, built.service.shop).of_call(report.call_sid)
        assert [row.name for row in rows] == ["Ann Lee"]
        assert session.errors == []


def reached(clips: Sequence[PlayedClip], number: int) -> int:
    """How far into the item of this number the telephone got, in ms, by the places its marks name.

    Not how much it played: what was thrown away up to the claim is sent again, and where the
    telephone was slow to throw it away it had played some of it.
    """
    furthest, behind = 0, Counter[str]()
    for clip in reversed(clips):
        if clip.mark is not None and clip.mark.split(":")[1] == str(number):
            end = int(clip.mark.split(":")[2]) - behind[clip.mark]
            behind[clip.mark] += clip.samples
            if clip.played:
                furthest = max(furthest, end - clip.samples + clip.played)
    return furthest // 8


async def test_what_stood_before_the_claim_is_heard_and_the_cut_is_exact(tmp_path: Path) -> None:
    script = Script(replies=(Reply(f"{HONEST} {LIE}", 3_000),))
    async with house(tmp_path, script) as built:
        report = await built.phone.dial(caller((600, 1_200), hang_up_ms=5_600))
        session = await built.model.session()
        (stopped,) = built.of(ClaimLine)
        assert isinstance(stopped, ClaimLine)
        (cut,) = (
            line
            for line in built.of(TruncationLine)
            if isinstance(line, TruncationLine) and line.item_id == stopped.item_id
        )
        told = session.conversation.truncations[-1]
        assert told.accepted
        assert (told.item_id, told.audio_end_ms) == (stopped.item_id, cut.audio_end_ms)
        assert report.stream is not None
        reached_ms = reached(report.stream.clips, cut.mark_item)
        assert abs(reached_ms - cut.audio_end_ms) <= 40
        # 94 letters in 3 s: the claim begins at 2 s, and its words came up to 0.8 s before.
        assert 1_200 < reached_ms < 2_100
        line = next(line for line in lines(built).values() if line.item_id == stopped.item_id)
        assert line.fate is Fate.CUT
        assert HONEST.startswith(line.heard)
        assert len(line.heard) >= len(HONEST) / 2
        assert lines(built)[built.service.persona.not_done].heard
        assert session.errors == []
