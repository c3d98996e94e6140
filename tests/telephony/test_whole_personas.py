"""Whole calls over loopback to numbers with personas of their own, in and out of hours."""

import json
from pathlib import Path

import pytest

from telephony.simulator.phone import Callee
from telephony.transcripts.archive import Archive
from telephony.transcripts.entry import ToolLine
from tests.fakes.realtime_script import FunctionCall, Reply, Script
from tests.telephony.test_whole_call import House, caller, house

pytestmark = [pytest.mark.slow, pytest.mark.timeout(40)]

DAY, NIGHT, LATE, DESK = "+442079460001", "+442079460002", "+442079460004", "+442079460003"
FILES = {
    "phone.yaml": f'transfers: {{desk: {{number: "{DESK}", timeout_s: 5}}}}\n',
    "numbers.yaml": f'default: day\nnumbers: {{"{NIGHT}": night}}\n',
    "personas/day.yaml": "greeting: Good day at {business}.\ntools: [note, bye]\nvoice: cedar\n",
    "personas/night.yaml": "greeting: Good night.\n",
    "tools/note.yaml": "handler: crm.add_note\ndescription: Keep a note.\n"
    "parameters: {text: {max_length: 30, ask: What note?}}\n",
    "tools/bye.yaml": "handler: calls.end_call\n",
    "tools/cancel.yaml": "handler: booking.cancel_appointment\naudience: {personas: [night]}\n",
}
CLOSED = """\
hours: {}
outside_hours: {say: We are closed., then: WHAT}
"""


def configured(tmp_path: Path, **more: str) -> None:
    files = {**FILES, **{f"personas/{name}.yaml": text for name, text in more.items()}}
    for path, text in files.items():
        file = tmp_path / "config" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def asked_first(built: House, number: int) -> str:
    """What the model was asked to say when the call of this number began."""
    return json.dumps(built.model.sessions[number].sent("response.create")[0])


async def test_each_number_has_its_persona_tools_and_voice(tmp_path: Path) -> None:
    configured(tmp_path)
    note = FunctionCall("note", '{"text": "Will be late."}', "call_n")
    bye = FunctionCall("bye", "{}", "call_b")
    # The agent ends each call itself, however long a busy machine takes.
    replies = (Reply("", calls=(note,)), Reply("Noted. Goodbye.", 300, calls=(bye,)))
    async with house(tmp_path, Script(replies=replies * 2)) as built:
        # Not into the greeting: the hum of one is too like the hum of the other.
        await built.phone.dial(caller((3_000, 3_500), hang_up_ms=30_000), to_number=DAY)
        day = built.model.sessions[0].sent("session.update")[0]["session"]
        assert "Good day at Willow Street Salon." in asked_first(built, 0)
        assert [tool["name"] for tool in day["tools"]] == ["bye", "note"]
        text = day["tools"][1]["parameters"]["properties"]["text"]
        assert (text["maxLength"], "x-ask" in text) == (30, False)
        assert day["audio"]["output"]["voice"] == "cedar"
        ran = [(line.name, line.state) for line in built.of(ToolLine) if isinstance(line, ToolLine)]
        assert ran == [("note", "done"), ("bye", "done")]
        await built.phone.dial(caller((3_000, 3_500), hang_up_ms=30_000), to_number=NIGHT)
        night = built.model.sessions[1].sent("session.update")[0]["session"]
        assert "Good night." in asked_first(built, 1)
        assert [tool["name"] for tool in night["tools"]] == ["bye", "cancel", "note"]


async def test_out_of_hours_there_is_voicemail_somebody_else_or_a_goodbye(tmp_path: Path) -> None:
    configured(
        tmp_path,
        day=CLOSED.replace("WHAT", "transfer, target: desk"),
        night=CLOSED.replace("WHAT", "hang_up"),
        late=CLOSED.replace("WHAT", "voicemail"),
    )
    numbers = f'default: day\nnumbers: {{"{NIGHT}": night, "{LATE}": late}}\n'
    (tmp_path / "config" / "numbers.yaml").write_text(numbers)
    async with house(tmp_path) as built:
        built.phone.message_s = 7
        left = await built.phone.dial(caller(hang_up_ms=30_000), to_number=LATE)
        assert (left.stream, left.messages_s) == (None, (7,))
        assert left.said[0].startswith("We are closed. Please leave a message after the tone")

        built.phone.callees[DESK] = Callee("completed", after_s=0.1)
        through = await built.phone.dial(caller(hang_up_ms=9_000), to_number=DAY)
        assert (through.dialled, through.said) == ((DESK,), ("We are closed.",))
        built.phone.callees[DESK] = Callee("busy")
        nobody = await built.phone.dial(caller(hang_up_ms=9_000), to_number=DAY)
        assert nobody.said == (
            "We are closed.",
            "I'm sorry, I could not reach anybody. Please call again later. Goodbye.",
        )

        over = await built.phone.dial(caller(hang_up_ms=9_000), to_number=NIGHT)
        assert (over.stream, over.said) == (None, ("We are closed.",))
        assert built.model.sessions == []
        assert built.service.counters["webhook.diverted"] == 3
        assert built.service.counters["webhook.refused.closed"] == 1
    kept = [call.summary.ended_reason for call in Archive(tmp_path / "data").newest(5)]
    assert sorted(map(str, kept)) == ["transferred", "transferred", "voicemail"]
