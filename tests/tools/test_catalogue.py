"""All tools together: what the app offers to every engine."""

import pytest

from tests.tools.desk import Desk, said
from tools.booking.shop import default_shop
from tools.catalogue import build
from tools.registry import without_hints
from tools.spec import Risk, ToolState
from tools.store import Store


def test_the_list(plain: Store) -> None:
    assert build(default_shop(), plain).names() == (
        "opening_hours",
        "list_services",
        "available_times",
        "find_times",
        "my_appointments",
        "book_appointment",
        "reschedule_appointment",
        "cancel_appointment",
        "hold_time",
        "join_waiting_list",
        "take_message",
        "schedule_call_back",
        "end_call",
        "collect_digits",
        "send_digits",
        "recognise_caller",
        "caller_history",
        "my_details",
        "verify_caller",
        "save_contact",
        "add_note",
        "add_follow_up",
        "set_consent",
        "do_not_call",
    )


def test_no_tool_takes_the_callers_identity_from_the_model(plain: Store) -> None:
    for spec in build(default_shop(), plain).specs():
        assert not {"number", "phone", "caller", "caller_number", "call_id"} & set(
            spec.parameters["properties"]
        )
        assert spec.parameters["additionalProperties"] is False
        assert "x-" not in str(without_hints(spec.parameters))
        assert spec.phrases or spec.by_call
        assert len(spec.description) < 200


def test_what_a_tool_reopens_is_a_tool_that_writes(plain: Store) -> None:
    registry = build(default_shop(), plain)
    for name in registry.names():
        entry = registry.get(name)
        assert entry is not None
        for other in entry.tool.reopens:
            found = registry.get(other)
            assert found is not None
            assert found.tool.risk.writes
        assert bool(entry.tool.reopens or entry.tool.reconcile) <= entry.tool.risk.writes


async def test_goodbye_ends_the_call(plain: Store) -> None:
    desk = Desk(build(default_shop(), plain), plain)
    outcome = await desk.ask("end_call")
    assert (outcome.state, outcome.ends_call) == (ToolState.DONE, True)
    assert "Goodbye" in said(outcome)["message"]


@pytest.mark.parametrize(
    "name", ["book_appointment", "reschedule_appointment", "cancel_appointment"]
)
def test_a_change_is_confirmed_first(plain: Store, name: str) -> None:
    entry = build(default_shop(), plain).get(name)
    assert entry is not None
    assert entry.spec.risk is Risk.WRITE_OWN
    assert entry.spec.confirm
