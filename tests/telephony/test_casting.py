"""Who answers a call, in which words, with which tools."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from agents.persona import Persona
from telephony.builtin import persona
from telephony.call.config import Route, ToolFiller
from telephony.casting import Cast, engines_of, handlers_for, problems_with, tried
from telephony.configuring.configuration import load_configuration
from telephony.configuring.personafile import BudgetPart, RedactKind
from telephony.configuring.starters import KINDS, starter
from telephony.line import Line
from telephony.rules import tool_fillers
from telephony.settings import Settings, load
from tests.tools.configuring import made
from tools.booking.shop import default_shop
from tools.catalogue import build
from tools.configuring.handlers import Section
from tools.redacting.kinds import DEFAULT, NOTHING, Sensitive
from tools.store import Store, open_store

OURS, OTHER = "+442079460000", "+442079460009"
# A Tuesday and a Saturday, in London.
NOW = dt.datetime(2026, 3, 3, 10, tzinfo=dt.UTC)
WEEKEND = dt.datetime(2026, 3, 7, 10, tzinfo=dt.UTC)
PHONE = """\
transfers:
  a colleague: {number: "+442079460001"}
  sales: {number: "+442079460002"}
human: a colleague
turn_taking: {confirm_ms: 500, filler: Wait.}
numbers: {"+442079460000": {confirm_ms: 900}}
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Never connected to."""
    return open_store(f"sqlite:///{tmp_path}/never.db")


def settings(**environ: str) -> Settings:
    return load({"FRONTDESK_VOICE": "cedar", **environ}, Path("/nowhere"))


def cast(store: Store, files: Mapping[str, str], own: Settings | None = None) -> Cast:
    own = own or settings()
    sections = {"http": Section(made)}
    configuration = load_configuration(
        files, handlers_for(store, sections), engines=engines_of(own)
    )
    plain = persona(own, configuration.shop, configuration.line)
    return Cast(own, configuration, store, plain, sections)


def test_without_files_everything_is_as_it_was(store: Store) -> None:
    own = settings()
    part = cast(store, {}).part(OURS, NOW)
    assert (part.name, part.ladder, part.barge_in) == ("", ("local",), "confirmed")
    assert part.persona == persona(own, default_shop(), Line())
    assert part.registry.specs() == build(default_shop(), store).specs()
    assert part.line == Line()
    assert cast(store, {}).closed(OURS, NOW) is None
    assert cast(store, {}).engines() == {"local"}


def test_a_persona_says_what_its_file_says(store: Store) -> None:
    text = """\
business: The Barbers
greeting: "{business}, today is {today}."
instructions: "{rules} The caller may be {caller_name}. Open: {opening_hours}."
disclosure: Recorded.
language: en-GB
apology: Sorry, {business} is broken.
turn_taking: {filler: One second., barge_in: confirmed, longest_reply_s: 30, confirm_ms: 700}
"""
    snippets = {"snippets.yaml": "snippets: {rules: Be kind.}\n"}
    found = cast(store, {"personas/anna.yaml": text, "phone.yaml": PHONE, **snippets})
    part = found.part(OTHER, NOW, caller_name="Ann {today}")
    who = part.persona
    assert (part.name, who.business, who.language) == ("anna", "The Barbers", "en-GB")
    assert who.greeting == "The Barbers, today is Tuesday, 3 March 2026."
    assert who.instructions.startswith("Be kind. The caller may be Ann today. Open: Monday closed")
    assert (who.disclosure, who.filler, who.voice) == ("Recorded.", "One second.", "cedar")
    assert who.reprompt == found.plain.reprompt
    assert part.barge_in == "confirmed"
    assert part.line.manners.longest_reply_s == 30
    # What is said of one number is nearer than what is said of a persona.
    assert part.line.sensitivity(OTHER)[0] == 0.7
    assert part.line.sensitivity(OURS)[0] == 0.9
    assert {"Sorry, The Barbers is broken.", "One second.", who.sorry} <= set(found.sentences())
    assert "One moment, I'll put you through." in set(found.sentences())


def test_a_number_has_its_persona_and_a_persona_its_tools(store: Store) -> None:
    files = {
        "personas/anna.yaml": "tools: [list_services, end_call]\n",
        "personas/bob.yaml": "{}\n",
        "numbers.yaml": f'default: bob\nnumbers: {{"{OURS}": anna}}\n',
    }
    found = cast(store, files)
    anna, bob = found.part("+44 20 7946 0000", NOW), found.part("anonymous", NOW)
    assert (anna.name, anna.registry.names()) == ("anna", ("list_services", "end_call"))
    assert (bob.name, bob.registry.names()) == ("bob", build(default_shop(), store).names())


def test_targets_are_those_of_the_persona(store: Store) -> None:
    files = {
        "phone.yaml": PHONE,
        "personas/anna.yaml": "transfers: [sales]\n",
        "personas/bob.yaml": "transfers: []\n",
        "personas/cy.yaml": "{}\n",
        "numbers.yaml": f'default: cy\nnumbers: {{"{OURS}": anna, "{OTHER}": bob}}\n',
    }
    for more in ({}, {"tools/put.yaml": "handler: calls.transfer_call\n"}):
        name = "put" if more else "transfer_call"
        found = cast(store, {**files, **more})
        anna, bob, cy = (found.part(to, NOW) for to in (OURS, OTHER, ""))
        targets = {}
        for part in (anna, cy):
            entry = part.registry.get(name)
            assert entry is not None
            targets[part.name] = entry.spec.parameters["properties"]["target"]["enum"]
        assert targets == {"anna": ["sales"], "cy": ["a colleague", "sales"]}
        assert bob.registry.get(name) is None
        assert [list(part.line.transfers) for part in (anna, bob)] == [["sales"], []]
        assert [part.line.human for part in (anna, bob, cy)] == ["", "", "a colleague"]
    none = cast(store, {**files, "tools/bye.yaml": "handler: calls.end_call\n"})
    assert none.part(OURS, NOW).registry.names() == ("bye",)


def test_a_tool_is_offered_to_its_audience(store: Store) -> None:
    audiences = {
        "who": "{personas: [anna]}",
        "where": f'{{numbers: ["{OURS}"]}}',
        "when": '{hours: {tuesday: ["09:00-11:00"]}}',
        "all": "{}",
    }
    files = {
        **{
            f"tools/{name}.yaml": f"handler: calls.end_call\naudience: {audience}\n"
            for name, audience in audiences.items()
        },
        "personas/anna.yaml": "{}\n",
        "personas/bob.yaml": "{}\n",
        "numbers.yaml": f'default: anna\nnumbers: {{"{OURS}": bob}}\n',
    }
    found = cast(store, files)
    assert found.part(OTHER, NOW).registry.names() == ("all", "when", "who")
    assert found.part(OURS, NOW).registry.names() == ("all", "when", "where")
    assert found.part("", WEEKEND).registry.names() == ("all", "who")
    # The shop's clock decides: in summer 10:30 in London is 09:30 in UTC.
    summer = dt.datetime(2026, 7, 7, 9, 30, tzinfo=dt.UTC)
    assert "when" in found.part(OTHER, summer).registry.names()
    assert "when" not in found.part(OTHER, summer + dt.timedelta(minutes=30)).registry.names()


def test_tools_of_sections_are_offered_too(store: Store) -> None:
    text = "handler: http\ndescription: x\nrisk: read\nhttp: {url: x}\nparameters: {a: {}}\n"
    assert cast(store, {"tools/ask.yaml": text}).part(OURS, NOW).registry.names() == ("ask",)


def test_hours_decide_whether_an_agent_answers(store: Store) -> None:
    text = 'hours: {tuesday: ["09:00-18:00"]}\noutside_hours: {say: Closed., then: hang_up}\n'
    found = cast(store, {"personas/anna.yaml": text})
    assert found.closed(OURS, NOW) is None
    outside = found.closed(OURS, WEEKEND)
    assert outside is not None
    assert (outside.say, outside.then) == ("Closed.", "hang_up")
    always = cast(store, {"personas/anna.yaml": "{}\n"})
    assert always.closed(OURS, WEEKEND) is None


def test_the_first_engine_that_is_there_answers(store: Store) -> None:
    keyed = settings(OPENAI_API_KEY="sk-x")
    assert engines_of(keyed) == {"local", "realtime", "turns", "live"}
    files = {"personas/anna.yaml": "engine: realtime\nfallbacks: [turns, local]\n"}
    assert cast(store, files, keyed).part(OURS, NOW).ladder == ("realtime", "turns", "local")
    assert cast(store, files).part(OURS, NOW).ladder == ("local",)
    every = cast(store, {"personas/anna.yaml": "{}\n"}, keyed)
    assert every.part(OURS, NOW).ladder == ("realtime", "turns", "local")
    assert every.engines() == {"realtime", "turns", "local"}
    alone = cast(store, {"personas/anna.yaml": "fallbacks: []\n"}, keyed)
    assert alone.part(OURS, NOW).ladder == ("realtime",)


def test_a_part_knows_what_its_calls_may_cost(store: Store) -> None:
    files = {"personas/anna.yaml": "budget: {call: 1.5, day: 20}\n"}
    assert cast(store, files).part(OURS, NOW).budget == BudgetPart(call=1.5, day=20.0)
    assert cast(store, {}).part(OURS, NOW).budget == BudgetPart()


def test_a_persona_says_what_is_kept_of_its_calls(store: Store) -> None:
    files = {"personas/anna.yaml": "redact: [email, birth_date]\n"}
    assert cast(store, files).part(OURS, NOW).unkept == {Sensitive.EMAIL, Sensitive.BIRTH_DATE}
    assert cast(store, {"personas/anna.yaml": "redact: []\n"}).part(OURS, NOW).unkept == NOTHING
    assert cast(store, {"personas/anna.yaml": "{}\n"}).part(OURS, NOW).unkept == DEFAULT
    assert cast(store, {}).part(OURS, NOW).unkept == DEFAULT
    assert set(get_args(RedactKind)) == {kind.value for kind in Sensitive}


def test_a_part_can_be_frozen_into_a_journal(store: Store) -> None:
    part = cast(store, {"phone.yaml": PHONE}).part(OURS, NOW)
    assert msgspec.msgpack.encode((part.persona, part.line, [Route("a", "b", 1.0)]))


def test_what_is_wrong_with_files_is_told_whole_examples_too(store: Store) -> None:
    own = settings()
    assert problems_with({}, own, store, {}) == ()
    bad = {"tools/a.yaml": "handler: no\nname: 5\n"}
    assert [each.where for each in problems_with(bad, own, store, {})] == [
        "tools/a.yaml:1:10", "tools/a.yaml:2:7",
    ]  # fmt: skip
    fails = {
        "tools/a.yaml": "handler: calls.end_call\nexamples: [{says: x, gives: {status: refused}}]\n"
    }
    assert [each.where for each in problems_with(fails, own, store, {})] == ["tools/a.yaml:2:38"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_sets_to_start_from_work(kind: str, store: Store) -> None:
    configuration = load_configuration(starter(kind), handlers_for(store, {}))
    done = tried(configuration)
    assert done.problems == ()
    assert done.ran >= 8
    assert all(sheet.file.examples for sheet in configuration.toolset.sheets)
    part = Cast(settings(), configuration, store, Persona()).part(OURS, NOW, "Ann")
    assert part.name == "receptionist"
    assert "{" not in part.persona.instructions + part.persona.greeting
    assert configuration.shop.name in part.persona.greeting


def test_what_is_said_while_a_tool_runs_is_recorded_before_any_call(store: Store) -> None:
    files = {
        "tools/list_services.yaml": "handler: booking.list_services\nfiller: I look it up.\n",
        "tools/available_times.yaml": "handler: booking.available_times\n",
        "tools/asked.yaml": (
            "handler: booking.list_services\nfiller: I ask.\napproval: {deadline_s: 5}\n"
        ),
        "tools/mute.yaml": "handler: booking.list_services\nfiller: Not recorded.\n",
    }
    found = cast(store, files)
    clips = {each: each.encode() for each in found.sentences() if each != "Not recorded."}
    assert clips["I look it up."]
    fillers = tool_fillers(found.part(OURS, NOW).registry, lambda said: clips.get(said, b""))
    assert fillers == (ToolFiller("list_services", "I look it up.", b"I look it up."),)
