"""What the model is told is always one JSON object, plain and of bounded size."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.results import MAX_BYTES, SENTENCES, answer, invalid
from tools.spec import ToolState
from tools.validation import Problem


def told(state: ToolState, result: dict[str, Any] | None = None, **details: Any) -> dict[str, Any]:
    text = answer(state, result, **details)
    assert len(text.encode()) <= MAX_BYTES
    data: dict[str, Any] = json.loads(text)
    return data


def test_a_result_keeps_its_message_and_data() -> None:
    assert told(ToolState.DONE, {"message": "Booked.", "choices": ["a"]}) == {
        "status": "done",
        "message": "Booked.",
        "choices": ["a"],
    }


@pytest.mark.parametrize("state", list(ToolState))
def test_every_state_has_words_of_its_own(state: ToolState) -> None:
    assert told(state) == {"status": state.value, "message": SENTENCES[state]}


@pytest.mark.parametrize("message", [None, 5, "", "  "])
def test_a_message_that_cannot_be_spoken_is_replaced(message: object) -> None:
    assert told(ToolState.DONE, {"message": message})["message"] == "That is done."


def test_a_tool_cannot_claim_another_status() -> None:
    assert told(ToolState.FAILED, {"status": "done", "cut": 1, "message": "x"}) == {
        "status": "failed",
        "message": "x",
    }


def test_fault_x5_control_characters_and_hidden_directions_are_taken_out() -> None:
    data = told(
        ToolState.DONE, {"message": "a\x1b[2Jb", "note\x00": ["\u202etxt", {"k": "\ud800"}]}
    )
    assert data == {"status": "done", "message": "a [2Jb", "note ": [" txt", {"k": " "}]}


def test_fault_x5_two_megabytes_are_cut_to_whole_entries() -> None:
    rows = [{"name": f"guest {number}"} for number in range(60_000)]
    data = told(ToolState.DONE, {"message": "Many.", "rows": rows, "few": ["kept"]})
    assert data["cut"] is True
    assert data["few"] == ["kept"]
    assert data["rows"] == rows[: len(data["rows"])]
    assert len(data["rows"]) > 50


def test_a_long_message_ends_with_a_whole_word() -> None:
    message = told(ToolState.DONE, {"message": "word " * 1_000})["message"]
    assert len(message) <= 1_000
    assert message.endswith("word\u2026")


def test_a_long_text_without_spaces_is_cut_too() -> None:
    data = told(ToolState.DONE, {"message": "x" * 5_000, "blob": "y" * 1_000_000})
    assert len(data["message"]) == 1_000
    assert data["blob"].endswith("\u2026")


def test_what_cannot_be_halved_is_left_out() -> None:
    data = told(ToolState.DONE, {"one": {"deep": "z" * 20_000}, "two": 2})
    assert data == {"status": "done", "message": "That is done.", "two": 2, "cut": True}


def test_too_many_keys_are_cut() -> None:
    data = told(ToolState.DONE, {f"key {number}": "v" * 200 for number in range(2_000)})
    assert 20 < len(data) <= 67


@pytest.mark.parametrize("result", [{"a": object()}, {"a": {object(): 1}}])
def test_what_is_not_json_is_refused(result: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        answer(ToolState.DONE, result)


def test_an_invalid_request_is_told_everything_to_mend() -> None:
    problems = [Problem(("date",), "is missing", "Give it"), Problem(("a", 1), "is odd", "Mend")]
    data = json.loads(invalid("Mend this.", problems, fields=["date"]))
    assert data == {
        "status": "invalid",
        "message": "Mend this.",
        "field": "date",
        "problems": [
            {"field": "date", "problem": "is missing", "mend": "Give it"},
            {"field": "a.1", "problem": "is odd", "mend": "Mend"},
        ],
        "fields": ["date"],
    }


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats()
    | st.text(max_size=2_000),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=6), inner, max_size=6)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=6), st.sampled_from(ToolState))
def test_any_result_becomes_a_small_plain_object(result: dict[str, Any], state: ToolState) -> None:
    data = told(state, result)
    assert data["status"] == state.value
    assert data["message"].strip()
