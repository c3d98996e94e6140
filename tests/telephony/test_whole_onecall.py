"""A whole call over loopback, read afterwards as its page and its files have it."""

import base64
from pathlib import Path

import aiohttp
import pytest

from telephony.exports import jsonl
from telephony.transcripts.entry import AgentLine, Fate
from telephony.transcripts.waveform import unplayed
from tests.fakes.realtime_script import Reply, Script
from tests.telephony.test_whole_call import GREETING, caller, house, samples_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(40)]

KEY = "0123456789abcdef0123"


async def test_a_call_that_was_cut_into_is_shown_as_it_was(tmp_path: Path) -> None:
    script = Script(replies=(Reply("Until six.", 600),), caller=("When do you close?",))
    async with house(tmp_path, script, FRONTDESK_API_KEY=KEY) as built:
        report = await built.phone.dial(caller((1_200, 1_900), hang_up_ms=4_200))
        address = built.service.settings.public_url
        below = f"{address}/api/v1/calls/{report.call_sid}"
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as http:
            told = await (await http.get(f"{below}/transcript")).json()
            drawn = await (await http.get(f"{below}/waveform")).json()
            sealed = await (await http.get(f"{below}/downloads/transcript.jsonl")).read()
            sound = await (await http.get(f"{below}/recordings/stereo.wav")).read()
    (folder,) = (tmp_path / "data/calls").glob("*/*")
    cut, answer = (line for line in jsonl.read(sealed).entries if isinstance(line, AgentLine))
    assert (cut.text, cut.fate, answer.fate) == (GREETING, Fate.CUT, Fate.HEARD)
    # What was thrown away of the greeting stands behind the last of it that was heard.
    sent, heard = samples_of(folder / "sent.wav"), samples_of(folder / "agent.wav")
    (lost,) = unplayed([cut, answer], sent, heard)
    lost_ms = cut.sent_ms - cut.heard_ms
    assert abs(lost.at_samples - cut.end_ms * 8) <= 8
    assert abs(len(lost.ulaw) - lost_ms * 8) <= 16
    kept = heard[(cut.start_ms + 5) * 8 : (cut.end_ms - 5) * 8]
    behind = sent.index(kept) + len(kept)
    # Not before: what is hummed here sounds the same after a second.
    assert sent.index(lost.ulaw, behind) - behind <= 5 * 8 + 24
    each = drawn["each_ms"]
    grey = base64.b64decode(drawn["lost"])
    begins, ends = cut.end_ms // each, (cut.end_ms + lost_ms) // each
    assert max(grey[: int(begins) - 1]) == 0
    assert max(grey[int(begins) + 1 : int(ends)]) > 0
    (spoken,) = (part for part in told["story"]["parts"] if part.get("fate") == "cut")
    heard_words = [
        word["text"]
        for piece in spoken["pieces"]
        if piece["fate"] == "heard"
        for word in piece["words"]
    ]
    assert " ".join(heard_words) == cut.heard
    (wait,) = told["story"]["waits"]
    assert wait["latency"]["turn_ms"] >= wait["latency"]["endpointing_ms"]
    assert len(sound) > 2 * 3_500 * 8
