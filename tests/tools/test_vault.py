"""Digits typed in confidence: one reference, one use, five minutes, and in no record."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from agents.local.slots import form
from tests.tools.desk import Desk, said
from tools.calls.digits import COLLECT_DIGITS, digits_tool
from tools.calls.offer import call_tools
from tools.registry import Registry
from tools.schema import METADATA
from tools.spec import (
    BackendError,
    Risk,
    Tool,
    ToolContext,
    ToolOutcome,
    ToolRefusal,
    ToolState,
)
from tools.store import Store
from tools.vault import KEPT_S, MAX_KEPT, Vault

CARD = "4929123456781234"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


# ---- the vault --------------------------------------------------------------------------------


def test_a_reference_is_good_once() -> None:
    vault = Vault()
    reference = vault.put("CA1", CARD)
    assert re.fullmatch(r"digits:[0-9a-f]{16}", reference)
    assert vault.take("CA1", reference) == CARD
    assert vault.take("CA1", reference) is None


def test_a_reference_is_good_in_its_own_call() -> None:
    vault = Vault()
    reference = vault.put("CA1", CARD)
    assert vault.take("CA2", reference) is None
    assert vault.take("CA1", reference) == CARD


@pytest.mark.parametrize(("age_s", "found"), [(KEPT_S - 0.1, CARD), (KEPT_S, None)])
def test_a_reference_is_good_for_five_minutes(age_s: float, found: str | None) -> None:
    clock = Clock()
    vault = Vault(clock)
    reference = vault.put("CA1", CARD)
    clock.now += age_s
    assert vault.take("CA1", reference) == found


def test_what_is_too_old_is_let_go_when_the_next_comes() -> None:
    clock = Clock()
    vault = Vault(clock)
    old = vault.put("CA1", CARD)
    clock.now += KEPT_S
    vault.put("CA2", "1")
    clock.now -= KEPT_S
    assert vault.take("CA1", old) is None


def test_the_oldest_makes_room() -> None:
    vault = Vault()
    first = vault.put("CA1", CARD)
    others = [vault.put("CA1", str(number)) for number in range(MAX_KEPT)]
    assert vault.take("CA1", first) is None
    assert vault.take("CA1", others[0]) == "0"


def test_a_call_that_is_over_leaves_nothing() -> None:
    vault = Vault()
    mine, other = vault.put("CA1", CARD), vault.put("CA2", "1")
    vault.forget("CA1")
    assert vault.take("CA1", mine) is None
    assert vault.take("CA2", other) == "1"


@given(st.lists(st.text("0123456789", max_size=32), max_size=20))
def test_no_two_references_are_alike_and_none_shows_its_digits(entries: list[str]) -> None:
    vault = Vault()
    references = [vault.put("CA1", digits) for digits in entries]
    assert len(set(references)) == len(entries)
    assert [vault.take("CA1", reference) for reference in references] == entries
    assert CARD not in repr(vault)


# ---- a tool that takes a reference ------------------------------------------------------------


class Charge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    card: Annotated[str, msgspec.Meta(extra_json_schema={"format": "digits-reference"})]
    pin: (
        Annotated[str, msgspec.Meta(extra_json_schema={"format": "digits-reference"})]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    pence: int = 100


class Till:
    """A backend that keeps what it was given."""

    def __init__(self) -> None:
        self.charged: list[tuple[str, Any]] = []

    def charge(self, asked: Charge, context: ToolContext) -> Mapping[str, Any]:
        self.charged.append((asked.card, asked.pin))
        return {"message": f"Charged the card ending in {asked.card[-4:]}."}

    async def charge_later(self, asked: Charge, context: ToolContext) -> Mapping[str, Any]:
        return self.charge(asked, context)


def charge(handler: Any, risk: Risk = Risk.MONEY) -> Tool:
    return Tool("charge", "Charge a card.", Charge, handler, risk=risk)


def rows(store: Store) -> str:
    """Everything in the database, as text."""

    def everything(connection: sa.Connection) -> str:
        return repr([connection.execute(table.select()).all() for table in METADATA.sorted_tables])

    return store.read(everything)


def test_the_same_digits_have_the_same_print_in_one_process_and_call() -> None:
    vault = Vault()
    first, again = vault.put("CA1", CARD), vault.put("CA1", CARD)
    other = vault.put("CA1", CARD[::-1])
    kept = vault.print_of("CA1", first)
    assert vault.print_of("CA1", again) == kept != vault.print_of("CA1", other)
    assert vault.take("CA1", first) == CARD
    assert vault.print_of("CA1", first) == kept
    assert vault.print_of("CA2", first) == first
    elsewhere = Vault()
    assert elsewhere.print_of("CA1", elsewhere.put("CA1", CARD)) != kept
    vault.forget("CA1")
    assert vault.print_of("CA1", first) == first


def test_no_more_prints_are_kept_than_digits() -> None:
    vault = Vault()
    first = vault.put("CA1", CARD)
    for _ in range(MAX_KEPT):
        vault.put("CA1", CARD)
    assert vault.print_of("CA1", first) == first


async def test_a_card_typed_again_after_a_doubtful_charge_is_not_charged_twice(
    store: Store,
) -> None:
    till = Till()

    def breaks(asked: Charge, context: ToolContext) -> Mapping[str, Any]:
        till.charge(asked, context)
        raise OSError("connection reset")

    desk = Desk([charge(breaks)], store)
    for repeated in (False, True):
        reference = desk.dispatcher.vault.put("CA1", CARD)
        outcome = await desk.ask("charge", {"card": reference})
        assert (outcome.state, outcome.repeated) == (ToolState.UNKNOWN, repeated)
    assert len(till.charged) == 1
    await desk.ask("charge", {"card": desk.dispatcher.vault.put("CA1", CARD[::-1])})
    assert len(till.charged) == 2


@pytest.mark.parametrize("kind", ["thread", "loop"])
async def test_the_handler_gets_the_digits_and_nobody_else_does(store: Store, kind: str) -> None:
    till = Till()
    desk = Desk([charge(till.charge if kind == "thread" else till.charge_later)], store)
    reference = desk.dispatcher.vault.put("CA1", CARD)
    with capture_logs() as lines:
        outcome = await desk.ask("charge", {"card": reference})
    assert till.charged == [(CARD, msgspec.UNSET)]
    assert outcome.state is ToolState.DONE
    assert said(outcome)["message"] == "Charged the card ending in 1234."
    for place in (rows(store), repr(lines), outcome.output, repr(desk.receipts.of_call("CA1"))):
        assert CARD not in place


async def test_two_references_in_one_call_of_a_tool(plain: Store) -> None:
    till = Till()
    desk = Desk([charge(till.charge)], plain)
    vault = desk.dispatcher.vault
    card, pin = vault.put("CA1", CARD), vault.put("CA1", "0000")
    await desk.ask("charge", {"card": card, "pin": pin})
    assert till.charged == [(CARD, "0000")]


async def test_a_used_reference_is_refused_and_nothing_is_charged_twice(plain: Store) -> None:
    till = Till()
    desk = Desk([charge(till.charge)], plain)
    reference = desk.dispatcher.vault.put("CA1", CARD)
    first = await desk.ask("charge", {"card": reference})
    again = await desk.ask("charge", {"card": reference})
    other = await desk.ask("charge", {"card": reference, "pence": 200})
    assert (again.repeated, again.output) == (True, first.output)
    assert other.state is ToolState.REFUSED
    assert said(other)["field"] == "card"
    assert len(till.charged) == 1


async def test_another_call_s_reference_is_refused(plain: Store) -> None:
    till = Till()
    desk = Desk([charge(till.charge)], plain)
    reference = desk.dispatcher.vault.put("CA2", CARD)
    outcome = await desk.ask("charge", {"card": reference})
    assert outcome.state is ToolState.REFUSED
    assert till.charged == []


@pytest.mark.parametrize("card", [CARD, "digits:", "digits:xyz", "digits:00000000000000001", ""])
async def test_what_is_no_reference_is_mended_by_the_model(plain: Store, card: str) -> None:
    till = Till()
    outcome = await Desk([charge(till.charge)], plain).ask("charge", {"card": card})
    assert outcome.state is ToolState.INVALID
    assert "collect_digits" in outcome.output
    assert till.charged == []


def refusing(asked: Charge, context: ToolContext) -> Mapping[str, Any]:
    raise ToolRefusal(f"The card {asked.card} was refused.", choices=[asked.card])


def breaking(asked: Charge, context: ToolContext) -> Mapping[str, Any]:
    raise BackendError(f"no route for {asked.card}", permanent=False)


def crashing(asked: Charge, context: ToolContext) -> Mapping[str, Any]:
    raise ValueError(asked.card)


def repeating(asked: Charge, context: ToolContext) -> Mapping[str, Any]:
    return {
        "message": f"Charged {asked.card}.",
        "number": int(asked.card),
        "all": [asked.card],
        asked.card: True,
        "pence": 100,
    }


async def later(asked: Charge, context: ToolContext) -> Mapping[str, Any]:
    return repeating(asked, context)


@pytest.mark.parametrize("handler", [refusing, breaking, crashing, repeating, later])
async def test_a_handler_that_tells_what_it_was_given_is_not_believed(
    store: Store, handler: Any
) -> None:
    desk = Desk([charge(handler)], store)
    reference = desk.dispatcher.vault.put("CA1", CARD)
    with capture_logs() as lines:
        outcome = await desk.ask("charge", {"card": reference})
    for place in (rows(store), repr(lines), outcome.output):
        assert CARD not in place
    if handler is repeating:
        assert said(outcome)["message"] == f"Charged {'#' * 16}."
        assert (said(outcome)["number"], said(outcome)["pence"]) == ("#", 100)


async def test_short_entries_are_not_searched_for(plain: Store) -> None:
    def handler(asked: Charge, context: ToolContext) -> Mapping[str, Any]:
        return {"message": "Room 1234 is yours."}

    desk = Desk([charge(handler)], plain)
    reference = desk.dispatcher.vault.put("CA1", "1234")
    outcome = await desk.ask("charge", {"card": reference})
    assert said(outcome)["message"] == "Room 1234 is yours."


# ---- the tool that collects -------------------------------------------------------------------


async def test_the_dispatcher_never_collects_digits(plain: Store) -> None:
    desk = Desk(call_tools(), plain)
    outcome: ToolOutcome = await desk.ask(COLLECT_DIGITS, {"purpose": "x"})
    assert outcome.state is ToolState.FAILED


def test_the_model_is_told_who_carries_it_out_by_nothing_but_its_schema() -> None:
    (spec,) = Registry([digits_tool()]).specs()
    assert spec.by_call
    assert spec.parameters["required"] == ["purpose"]
    assert set(spec.parameters["properties"]) == {
        "purpose",
        "length",
        "terminator",
        "timeout_s",
        "sensitive",
    }


def test_no_caller_is_asked_for_a_reference() -> None:
    (spec,) = Registry([charge(Till().charge)]).specs()
    assert not form(spec).usable
