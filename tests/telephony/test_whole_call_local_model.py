"""A whole call with a language model behind the embedded engine: heard, cut, tools, transcript."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import numpy as np
import pytest

from telephony.media import ulaw
from telephony.simulator.phone import Recorded
from telephony.transcripts.entry import AgentLine, CallerLine, EndedReason, Fate, ToolLine
from tests.callers import resampled, says
from tests.fakes.text_chat_server import ChatServer, calls, streams
from tests.fakes.text_chat_server import said as writes
from tests.fakes.text_chat_server import says as answers
from tests.telephony import test_whole_call
from tests.telephony.test_whole_call import House
from tests.tools.http_double import Reply, answer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

LONG = "We do haircuts, and colour, and beard trims, every day from nine to six but on Sundays. "


def caller(*spoken: tuple[int, str], hang_up_ms: int) -> Recorded:
    """Somebody who says these words at these moments, whatever they hear."""
    track = np.zeros(hang_up_ms * 8, dtype=np.int16)
    for begin_ms, text in spoken:
        words = resampled(says(text), 16_000, 8_000, band=(300, 3_400))
        track[begin_ms * 8 : begin_ms * 8 + len(words)] = words
    return Recorded(ulaw.encode(track), hang_up_ms)


def house(tmp_path: Path, server: ChatServer) -> AbstractAsyncContextManager[House]:
    env = {
        "FRONTDESK_ENGINE": "local",
        "FRONTDESK_LOCAL_LLM_URL": server.base,
        "FRONTDESK_LOCAL_LLM_MODEL": "tiny",
        "FRONTDESK_GREETING": "Hello.",
    }
    return test_whole_call.house(tmp_path, None, None, **env)


async def test_the_model_hears_calls_a_tool_and_knows_how_much_of_it_was_heard(
    tmp_path: Path,
) -> None:
    script = (
        calls("list_services", {}),
        streams(writes(LONG), then="silence"),
        answers("Good. Which day?"),
    )
    async with ChatServer(*script) as server, house(tmp_path, server) as built:
        track = caller(
            (3_000, "What services do you have?"),
            (8_000, "A haircut please, for tomorrow."),
            hang_up_ms=14_000,
        )
        await built.phone.dial(track)
        (tool,) = (line for line in built.of(ToolLine) if isinstance(line, ToolLine))
        assert tool.name == "list_services"
        lines = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
        assert [line.fate for line in lines] == [Fate.HEARD, Fate.CUT, Fate.HEARD]
        heard = [line for line in built.of(CallerLine) if isinstance(line, CallerLine)]
        messages = server.messages()
        # What the caller heard of it before speaking up, and not a word more.
        assert messages[-2]["content"] == lines[1].heard
        assert 0 < len(lines[1].heard) < len(LONG) - 5
        assert messages[-1]["content"] == heard[-1].text
        assert built.reasons == [EndedReason.CALLER_HUNG_UP]


@pytest.mark.parametrize("reply", [answer(401), answer(500)])
async def test_fault_m_a_dead_model_ends_the_call_with_words(tmp_path: Path, reply: Reply) -> None:
    async with ChatServer(reply) as server, house(tmp_path, server) as built:
        await built.phone.dial(caller((3_000, "What services do you have?"), hang_up_ms=20_000))
        lines = [line for line in built.of(AgentLine) if isinstance(line, AgentLine)]
        assert "something has gone wrong" in lines[-1].text
        assert lines[-1].fate is Fate.HEARD
