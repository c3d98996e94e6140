"""What is kept out of records."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tools.redaction import HIDDEN, redacted


def test_named_values_are_hidden_wherever_they_stand() -> None:
    text = json.dumps(
        {
            "name": "Ann",
            "card": "4111 1111",
            "message": "I charged 4111 1111 for Ann.",
            "data": {"rows": [{"card": {"number": "9876", "cvc": 123}}, "the 9876 one", 123]},
        }
    )
    assert json.loads(redacted(text, ["card"])) == {
        "name": "Ann",
        "card": HIDDEN,
        "message": f"I charged {HIDDEN} for Ann.",
        "data": {"rows": [{"card": HIDDEN}, f"the {HIDDEN} one", 123]},
    }


def test_nothing_named_nothing_changed() -> None:
    assert redacted("{ nonsense", []) == "{ nonsense"
    assert json.loads(redacted('{"a": 1}', ["b"])) == {"a": 1}


def test_what_is_no_json_is_hidden_as_a_whole() -> None:
    assert redacted('{"card": "4111', ["card"]) == json.dumps(HIDDEN)
    assert redacted("", ["card"]) == "{}"


def test_short_values_are_not_taken_out_of_running_text() -> None:
    text = '{"cvc": "12", "message": "At 12 o\'clock."}'
    assert json.loads(redacted(text, ["cvc"]))["message"] == "At 12 o'clock."


SECRETS = st.text(alphabet="abcdefg0123456789", min_size=6, max_size=12)


@given(SECRETS, st.text(max_size=20))
def test_a_hidden_value_is_nowhere_in_the_record(secret: str, around: str) -> None:
    text = json.dumps({"pin": secret, "message": f"{around}{secret}{around}", "list": [secret]})
    assert secret not in redacted(text, ["pin"]).replace(HIDDEN, "")


@given(st.text())
def test_nothing_breaks_it(text: str) -> None:
    assert isinstance(redacted(text, ["a"]), str)
