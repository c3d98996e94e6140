"""What a call is told of a task of its own that broke."""

import msgspec
import pytest

from agents.engine import EngineFailed
from telephony.call.events import HandOverFailed, HangUpFailed, ToolFinished
from telephony.mishaps import mishap


@pytest.mark.parametrize(
    ("task", "state"), [("tool t1", "failed"), ("settle t1", "unknown")], ids=["run", "settle"]
)
def test_a_tool_call_that_broke_is_answered_and_is_no_longer_open(task: str, state: str) -> None:
    asked = {"t1": "book", "t2": "cancel"}
    told = mishap(task, asked)
    assert isinstance(told, ToolFinished)
    assert (told.tool_call_id, told.name, told.state) == ("t1", "book", state)
    assert msgspec.json.decode(told.output)["status"] == state
    assert asked == {"t2": "cancel"}


def test_who_cannot_be_passed_on_or_hung_up_on_is_known_to_be_there() -> None:
    assert mishap("hang up", {}) == HangUpFailed("internal")
    assert mishap("redirect", {}) == HandOverFailed("internal")


@pytest.mark.parametrize("task", ["tool t9", "engine", "tool"])
def test_anything_else_has_cost_the_session_its_engine(task: str) -> None:
    asked = {"t1": "book"}
    assert mishap(task, asked) == EngineFailed("internal", True)
    assert asked == {"t1": "book"}
