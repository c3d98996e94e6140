"""Tools the call carries out are no wish of callers, unless they have words for it."""

import itertools

import msgspec

from agents.local.dialogue import Dialogue
from agents.persona import Persona
from tests.agents.talk import FRIDAY, SALON
from tools.calls.offer import call_tools
from tools.registry import Registry
from tools.spec import ToolSpec

DIGITS = tuple(spec for spec in Registry(call_tools()).specs() if spec.by_call)


def said(tools: tuple[ToolSpec, ...], words: str) -> str:
    ids = (f"call_{number}" for number in itertools.count(1))

    return repr(Dialogue(tools, Persona(), FRIDAY, ids).heard(words, constrained=False))


def test_there_are_tools_that_the_call_carries_out() -> None:
    assert [spec.name for spec in DIGITS] == ["collect_digits", "send_digits"]


def test_no_words_lead_to_it_and_no_list_of_abilities_has_it() -> None:
    for words in ("collect digits", DIGITS[0].description, "what can you do", "type on the keypad"):
        assert "digits" not in said((*SALON, *DIGITS), words)
        assert said((*SALON, *DIGITS), words) == said(SALON, words)


def test_with_words_of_its_own_it_is_a_wish_like_any_other() -> None:
    named = msgspec.structs.replace(DIGITS[0], phrases=("let me type something",))
    words = "let me type something"
    assert said((*SALON, named), words) != said(SALON, words)
