"""A whole call in which a card's number is told in two turns: it works, and nothing keeps it."""

import contextlib
import io
import json
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa
import structlog

from telephony import logs
from telephony.cli.replay import make_call
from telephony.media import ulaw
from telephony.transcripts.archive import Archive, export_json, journal
from telephony.transcripts.entry import CallerLine, ToolLine
from telephony.transcripts.replay import replay
from telephony.transcripts.wav import HEADER_BYTES
from tests.fakes.realtime_script import FunctionCall, Reply, Script
from tests.telephony.test_whole_call import House, caller, house
from tools.schema import METADATA
from tools.spec import Risk, Tool, ToolContext
from tools.store import Store

CARD = "4111111111111111"
SAID = ("My card is 4111 1111", "and then 1111 1111, security code 739")
PARTS = (CARD, "4111 1111", "1111 1111", "41111111", "11111111", "code 739", '"739', '739"')


class Pay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    card_number: str
    cvv: str


class Till:
    def __init__(self) -> None:
        self.paid: list[Pay] = []

    def pay(self, asked: Pay, _context: ToolContext) -> Mapping[str, Any]:
        self.paid.append(asked)
        return {"message": f"Charged {asked.card_number}.", "reference": "R-20"}

    def tools(self) -> dict[str, tuple[Tool, ...]]:
        tool = Tool("pay", "Pay.", Pay, self.pay, risk=Risk.WRITE_OWN)
        return {"till": (tool,)}


@contextlib.asynccontextmanager
async def called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, personas: str = ""
) -> AsyncGenerator[tuple[House, Till]]:
    till = Till()
    monkeypatch.setattr("telephony.casting.modules", lambda *_: till.tools())
    wanted = json.dumps({"card_number": CARD, "cvv": "739"})

    def replies() -> Iterator[Reply]:
        yield Reply("Go on.", 500)
        yield Reply("", calls=(FunctionCall("pay", wanted),))
        yield Reply("Done, I charged the card 4111 1111 1111 1111.", 1_500)

    if personas:
        (tmp_path / "config" / "personas").mkdir(parents=True)
        (tmp_path / "config" / "personas" / "anna.yaml").write_text(personas)
    async with house(tmp_path, Script(replies=replies(), caller=SAID)) as home:
        await home.phone.dial(caller((2_000, 3_200), (5_000, 6_400), hang_up_ms=10_500))
        yield home, till


def tables(store: Store) -> str:
    def read(connection: sa.Connection) -> str:
        return repr([connection.execute(table.select()).all() for table in METADATA.sorted_tables])

    return store.read(read)


def recorded(folder: Path, name: str) -> Any:
    return np.abs(ulaw.decode((folder / name).read_bytes()[HEADER_BYTES:]).astype(int))


@pytest.mark.timeout(60)
async def test_requirement_d1_a_card_told_over_two_turns_is_used_and_is_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = io.StringIO()
    handlers = list(logging.getLogger().handlers)
    sink = logs.set_up(level="debug", form="json", caller_data=True, stream=logged)
    try:
        async with called(tmp_path, monkeypatch) as (home, till):
            assert till.paid == [Pay(CARD, "739")], "the tool gets what the model gave it"
            told = repr(home.model.sessions[0].conversation.context())
            assert f"Charged {CARD}" in told, "and the model what the tool answered"
            kept = tables(home.service.store)
            seen = repr(home.entries)
    finally:
        sink.close()
        structlog.reset_defaults()
        logging.getLogger().handlers[:] = handlers
    for place in (kept, seen, logged.getvalue()):
        assert not [part for part in PARTS if part in place]
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert not [part for part in PARTS if part.encode() in data], path.name
    (call,) = Archive(tmp_path / "data").newest(10)
    exported = export_json(call).decode()
    lines = [line.text for line in home.entries if isinstance(line, CallerLine)]
    assert "[number]" in lines[0] or "[card number]" in lines[0]
    assert '"My card is [card number]"' in exported
    assert '"and then [card number], security code [security code]"' in exported
    assert '{\\"card_number\\": \\"[card number]\\", \\"cvv\\": \\"[security code]\\"}' in exported
    heard = recorded(call.folder, "caller.wav")
    assert heard[2_500 * 8 : 3_000 * 8].max() == 0
    assert heard[5_500 * 8 : 6_200 * 8].max() == 0
    agent = recorded(call.folder, "agent.wav")
    assert agent[: 1_500 * 8].max() > 500, "the greeting sounds as before"
    verdict = replay(journal(call.journal), make_call)
    assert verdict.ok
    assert verdict.redacted_from is not None


@pytest.mark.timeout(60)
async def test_a_persona_may_keep_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with called(tmp_path, monkeypatch, "redact: []\n") as (home, till):
        assert till.paid == [Pay(CARD, "739")]
        (tool,) = [line for line in home.entries if isinstance(line, ToolLine)]
        assert CARD in tool.arguments
    (call,) = Archive(tmp_path / "data").newest(10)
    assert "My card is 4111 1111" in export_json(call).decode()
    assert recorded(call.folder, "caller.wav")[2_500 * 8 : 3_000 * 8].max() > 500
    verdict = replay(journal(call.journal), make_call)
    assert (verdict.ok, verdict.redacted_from) == (True, None)
