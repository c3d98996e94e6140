"""Tools that act on the call: goodbye, and putting through by name only."""

import pytest

from tests.tools.desk import Desk, said
from tools.calls.offer import Targets, call_tools
from tools.registry import Registry, without_hints
from tools.spec import ToolState
from tools.store import Store

SAY = {"sales": "I'll put you through to sales.", "front desk": "I'll get somebody."}


def desk(store: Store, targets: Targets) -> Desk:
    return Desk(Registry(call_tools(targets)), store)


def test_without_targets_nobody_can_be_put_through() -> None:
    assert "transfer_call" not in [tool.name for tool in call_tools()]


async def test_a_caller_is_put_through_by_name(plain: Store) -> None:
    outcome = await desk(plain, Targets(SAY)).ask("transfer_call", {"target": "sales"})
    assert (outcome.state, outcome.transfer_to) == (ToolState.DONE, "sales")
    assert said(outcome)["message"] == "I'll put you through to sales."


async def test_a_person_is_the_target_for_people(plain: Store) -> None:
    outcome = await desk(plain, Targets(SAY, "front desk")).ask("transfer_call", {"reason": "x"})
    assert (outcome.state, outcome.transfer_to) == (ToolState.DONE, "front desk")


async def test_without_one_it_has_to_be_asked(plain: Store) -> None:
    outcome = await desk(plain, Targets(SAY)).ask("transfer_call")
    assert (outcome.state, outcome.transfer_to) == (ToolState.REFUSED, "")
    assert said(outcome)["choices"] == ["sales", "front desk"]
    assert said(outcome)["field"] == "target"


@pytest.mark.parametrize("target", ["+19005550100", "anybody", "SALES", "", 5])
async def test_fault_a13_a_number_or_an_unknown_name_is_refused(
    plain: Store, target: object
) -> None:
    outcome = await desk(plain, Targets(SAY, "front desk")).ask("transfer_call", {"target": target})
    assert (outcome.state, outcome.transfer_to) == (ToolState.INVALID, "")


def test_fault_a13_the_model_is_told_names_and_nothing_else() -> None:
    registry = Registry(call_tools(Targets(SAY, "front desk")))
    entry = registry.get("transfer_call")
    assert entry is not None
    assert entry.spec.hands_over
    properties = without_hints(entry.spec.parameters)["properties"]
    assert properties["target"]["enum"] == ["sales", "front desk"]
    assert set(properties) == {"target", "reason"}


async def test_a_second_transfer_in_one_call_is_no_repeat_of_the_first(plain: Store) -> None:
    one = desk(plain, Targets(SAY))
    first = await one.ask("transfer_call", {"target": "sales"})
    again = await one.ask("transfer_call", {"target": "sales"})
    assert not again.repeated
    assert again.transfer_to == first.transfer_to == "sales"
