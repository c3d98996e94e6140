"""Keys in whole calls over loopback: what the phone hears, what the model is told."""

from pathlib import Path

import pytest

from telephony.line import FILE
from telephony.media import ulaw
from telephony.simulator.phone import Recorded
from telephony.transcripts.entry import AgentLine, Fate, TruncationLine
from tests.telephony.test_whole_call import GREETING, house, level

pytestmark = [pytest.mark.slow, pytest.mark.timeout(40)]


def presses(keys: dict[int, str], hang_up_ms: int) -> Recorded:
    """A caller who says nothing."""
    return Recorded(ulaw.silence(hang_up_ms * 8), hang_up_ms, keys)


@pytest.mark.parametrize("audio", ["pcm", "ulaw"])
async def test_a_star_in_the_greeting_cuts_it_and_says_what_was_heard_again(
    tmp_path: Path, audio: str
) -> None:
    async with house(tmp_path, FRONTDESK_REALTIME_AUDIO=audio) as built:
        report = await built.phone.dial(presses({3_000: "*"}, hang_up_ms=8_000))
        session = await built.model.session()
        assert session.errors == []
        (told,) = session.conversation.truncations
        (cut,) = built.of(TruncationLine)
        assert isinstance(cut, TruncationLine)
        assert (told.accepted, told.audio_end_ms) == (True, cut.audio_end_ms)
        assert report.stream is not None
        assert report.stream.warnings == ()
        lines = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
        assert [(line.source, line.fate) for line in lines] == [
            ("engine", Fate.CUT),
            ("repeat", Fate.HEARD),
        ]
        assert lines[0].text == GREETING
        again = lines[1]
        assert again.text == lines[0].heard
        assert abs(again.heard_ms - cut.audio_end_ms) <= 60
        played_ms = report.stream.played_ms_by_item[again.mark_item]
        assert abs(again.heard_ms - played_ms) <= 20
        assert level(report.stream.heard_ulaw, 3_300, 3_300 + played_ms - 500) > 300
        assert len(session.sent("response.create")) == 1, "the repeat asked no model"
        assert len(session.sent("response.cancel")) <= 1


async def test_a_zero_where_there_is_nobody_is_answered_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / FILE).write_text("voicemail:\n  enabled: false\n")
    async with house(tmp_path) as built:
        report = await built.phone.dial(presses({2_500: "0"}, hang_up_ms=9_500))
        session = await built.model.session()
        assert session.errors == []
        lines = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
        assert [line.fate for line in lines] == [Fate.CUT, Fate.HEARD]
        assert lines[1].text == built.service.persona.nobody_free
        assert report.stream is not None
        assert lines[1].start_ms - 2_500 < 1_500


async def test_a_zero_where_messages_are_taken_asks_for_one(tmp_path: Path) -> None:
    async with house(tmp_path) as built:
        report = await built.phone.dial(presses({2_500: "0"}, hang_up_ms=9_500), time_limit_s=20)
        assert built.service.line.voicemail.say in report.said
        session = await built.model.session()
        assert session.errors == []
