"""The embedded engine is honest by construction: nothing it says in whole calls is stopped."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.engine import ToolCalled
from agents.local import sentences as say
from agents.local.acts import Act, CallTool, Speak
from agents.persona import Persona
from telephony.call.config import Claimable
from telephony.call.events import ToolFinished
from telephony.call.honesty import Reader
from telephony.rules import claimable
from tests.agents.test_local_dialogue_tools import FRIDAY, Line
from tests.databases import new_store
from tests.tools.desk import CALLER, Desk
from tools.booking.shop import default_shop
from tools.calls.keys import keys_tool
from tools.calls.offer import EndCall, Targets, call_tools, end_call
from tools.catalogue import build
from tools.claims import ClaimError
from tools.registry import Registry
from tools.results import SENTENCES
from tools.spec import Risk, Tool
from tools.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "frontdesk.db")
    yield opened
    opened.close()


class Watched(Line):
    """A line whose every sentence is read by the gate, at the moment it is spoken."""

    def __init__(self, store: Store, number: str | None = CALLER) -> None:
        super().__init__(store, number)
        targets = Targets({"sales": "I'll put you through to sales."})
        self.registry = build(default_shop(), store, targets)
        self.desk = Desk(self.registry, store, FRIDAY)
        self.ring()

    def ring(self) -> None:
        super().ring()
        self.reader = Reader(claimable(self.registry))

    async def _perform(self, acts: list[Act]) -> str:
        said = []
        for act in acts:
            match act:
                case Speak(text):
                    assert self.reader.false_claim(text, 0, whole=True) is None, text
                    said.append(text)
                case CallTool(call_id, name, arguments):
                    said.append(await self._call(call_id, name, arguments))
        return " ".join(filter(None, said))

    async def _call(self, call_id: str, name: str, arguments: str) -> str:
        self.reader.deeds.began(ToolCalled("r", call_id, name, arguments))
        outcome = await self.desk.ask(
            name, arguments, tool_call_id=call_id, call=f"CA{self.calls}", number=self.number
        )
        given: dict[str, Any] = json.loads(arguments)
        self.done.append((name, given, outcome.state.value))
        finished = ToolFinished(call_id, name, outcome.state.value, outcome.output)
        self.reader.deeds.ended(finished)
        return await self._perform(self.dialogue.tool_answered(call_id, outcome.output))


CALLS = [
    ["I'd like a haircut on Tuesday at half past three, please.", "Jane Doe", "yes"],
    ["I'd like a haircut on Tuesday at half past three, please.", "Jane Doe", "yes", "thank you"],
    ["When is my appointment?", "thanks"],
    [
        *("I need to move my appointment", "Wednesday", "ten thirty", "yes", "Jane Doe", "yes"),
        *("Tuesday", "yes", "bye"),
    ],
    ["When is my appointment?", "cancel it", "Wednesday", "yes"],
    ["I want to cancel my appointment", "Wednesday", "yes", "Jane Doe", "yes", "no, that's all"],
    ["I'd like to book a haircut", "Sunday", "Tuesday", "seven in the morning", "no", "bye"],
    ["I'd like to leave a message", "The dryer is broken.", "Ann Lee", "yes"],
    ["please call me back", "Tuesday", "at two", "Ann Lee", "yes"],
    ["please save my details", "Ann Lee", "yes", "when was I last there?"],
    ["please leave a note", "I like tea.", "yes", "put me through to sales"],
    ["what do you offer", "what times do you have", "haircut", "Tuesday", "what can you do?"],
]


async def test_nothing_it_says_in_whole_calls_is_stopped(store: Store) -> None:
    line = Watched(store)
    did: set[tuple[str, str]] = set()
    for words in CALLS:
        line.ring()
        for text in words:
            await line.says(text)
        did |= {(name, state) for name, _, state in line.done}
    for tool in ("book", "reschedule", "cancel"):
        assert (f"{tool}_appointment", "done") in did
    assert {("take_message", "done"), ("schedule_call_back", "done"), ("add_note", "done")} <= did


@pytest.mark.parametrize(
    "text",
    [
        *(value for name, value in vars(say).items() if name.isupper() and isinstance(value, str)),
        *SENTENCES.values(),
        *(value for value in vars(Persona).values() if isinstance(value, str)),
        *(getattr(Persona(), field) for field in Persona.__struct_fields__),
    ],
)
def test_no_sentence_of_ours_claims_anything(store: Store, text: str) -> None:
    reader = Reader(claimable(build(default_shop(), store)))
    assert reader.false_claim(text, 0, whole=True) is None


def test_every_tool_that_writes_says_what_is_said_of_it(store: Store) -> None:
    registry = build(default_shop(), store)
    for name in registry.names():
        entry = registry.get(name)
        assert entry is not None
        assert entry.tool.claims or not entry.tool.risk.writes, name


def tool(name: str, risk: Risk, *claims: str) -> Tool:
    return Tool(name, "Does it.", EndCall, end_call, risk=risk, claims=claims)


def test_what_may_be_claimed_comes_from_the_tools() -> None:
    tools = [
        tool("book", Risk.WRITE_OWN, "booked"),
        tool("look", Risk.READ, "booked"),
        tool("order", Risk.MONEY),
        tool("hours", Risk.READ),
    ]
    assert claimable(Registry([*tools, *call_tools(Targets({"sales": "One moment."}))])) == (
        Claimable("book", ("booked",)),
        Claimable("look", ("booked",), writes=False),
        Claimable("order", ()),
        Claimable("send_digits", keys_tool().claims),
        Claimable("transfer_call", ("transferred", "I have put you through")),
    )


def test_a_rule_of_no_use_stops_the_start() -> None:
    with pytest.raises(ClaimError, match="has no words"):
        claimable(Registry([tool("book", Risk.WRITE_OWN, "booked", "...")]))
