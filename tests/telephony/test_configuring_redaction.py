"""What files say is kept out of records: persona by persona, tool by tool."""

from telephony.configuring.overview import EVERYBODY
from telephony.configuring.redaction import PersonaRule, ToolRule, redaction_of
from tools.redacting.kinds import DEFAULT, Sensitive

USUAL = tuple(each for each in Sensitive if each in DEFAULT)


def test_without_a_persona_the_built_in_one_keeps_out_the_usual() -> None:
    rules = redaction_of(
        {"shop.yaml": "name: Willow\n", "tools/ask.yaml": "handler: calls.end_call\n"}
    )
    assert rules.personas == (PersonaRule(EVERYBODY, "", USUAL, said=False),)
    assert rules.tools == ()


def test_what_a_persona_lists_is_all_it_keeps_out() -> None:
    files = {
        "personas/shy.yaml": "redact: [email, card]\n",
        "personas/open.yaml": "redact: []\n",
        "personas/front.yaml": "greeting: Hello\n",
    }
    front, open_, shy = redaction_of(files).personas
    assert front == PersonaRule("front", "personas/front.yaml", USUAL, said=False)
    assert (open_.kinds, open_.said) == ((), True)
    assert shy.kinds == (Sensitive.CARD, Sensitive.EMAIL), "in the order of the kinds"


def test_tools_are_called_as_the_model_calls_them() -> None:
    files = {"tools/a.yaml": "name: pay\nredact: [cvv, token]\n", "tools/b.yaml": "redact: [pin]\n"}
    assert redaction_of(files).tools == (
        ToolRule("pay", "tools/a.yaml", ("cvv", "token")),
        ToolRule("b", "tools/b.yaml", ("pin",)),
    )


def test_what_is_broken_is_passed_over() -> None:
    files = {
        "personas/a.yaml": "redact: everything\n",
        "personas/b.yaml": "redact: [nonsense, 3, card]\n",
        "personas/c.yaml": "redact: [\n",
        "tools/t.yaml": "redact: 5\n",
    }
    rules = redaction_of(files)
    assert [each.kinds for each in rules.personas] == [USUAL, (Sensitive.CARD,), USUAL]
    assert rules.tools == ()
