"""What the records of tools hold of what may not be kept."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from telephony.retention.classes import Kept
from telephony.retention.rows import rows, without_words
from tests.tools.desk import NOW, Desk, said
from tools.attempt import UNKEPT
from tools.receipts import RECEIPTS, Receipt
from tools.redacting.kinds import DEFAULT, NOTHING, Kinds, Sensitive
from tools.spec import (
    Approval,
    BackendError,
    OutcomeUnknownError,
    Risk,
    Tool,
    ToolContext,
    ToolState,
)
from tools.store import Store

CARD = "4111111111111111"


class Pay(msgspec.Struct, frozen=True):
    card: str
    amount: int


def pay(asked: Pay, _context: ToolContext) -> Mapping[str, Any]:
    return {"message": f"Charged {asked.amount} to {asked.card}."}


def tool(**more: Any) -> Tool:
    return Tool("pay", "Pay.", Pay, pay, risk=Risk.WRITE_OWN, **more)


async def test_requirement_d1_a_receipt_holds_no_card_and_the_first_answer_does(
    plain: Store,
) -> None:
    desk = Desk([tool()], plain)
    wanted = {"card": CARD, "amount": 5}
    first = await desk.ask("pay", wanted)
    assert said(first)["message"] == f"Charged 5 to {CARD}."
    (receipt,) = desk.receipts.of_call("CA1")
    assert CARD not in receipt.output
    again = await desk.ask("pay", wanted)
    assert again.repeated
    assert said(again)["message"] == "Charged 5 to [card number]."


async def test_a_call_may_keep_everything(plain: Store) -> None:
    desk = Desk([tool()], plain)
    await desk.ask("pay", {"card": CARD, "amount": 5}, unkept=NOTHING)
    (receipt,) = desk.receipts.of_call("CA1")
    assert json.loads(receipt.output)["message"] == f"Charged 5 to {CARD}."


async def test_requirement_d1_who_has_to_decide_is_not_shown_the_card(plain: Store) -> None:
    desk = Desk([tool(approval=Approval(deadline_s=30.0))], plain)
    asked = desk.later("pay", {"card": CARD, "amount": 5})
    while not (waiting := desk.approvals.waiting(desk.now)):
        await desk.tasks.start("turn", _turn())
    assert waiting[0].arguments == {"card": "[card number]", "amount": 5}
    desk.approvals.approve(waiting[0].id, "Bea", desk.now)
    assert said(await asked)["message"] == f"Charged 5 to {CARD}."


async def test_requirement_d4_of_who_does_not_agree_no_result_is_kept(plain: Store) -> None:
    desk = Desk([tool()], plain)
    wanted = {"card": "none", "amount": 5}
    first = await desk.ask("pay", wanted, wordless=True)
    assert said(first)["message"] == "Charged 5 to none."
    (receipt,) = desk.receipts.of_call("CA1")
    assert "Charged" not in receipt.output
    again = await desk.ask("pay", wanted, wordless=True)
    assert (again.repeated, again.state) == (True, first.state)
    assert said(again)["note"] == "What came of it was not kept, as the caller wished."


@pytest.mark.parametrize("counted", [False, True])
async def test_requirement_d4_of_who_does_not_agree_nothing_is_kept_that_is_learned_later(
    plain: Store, counted: bool
) -> None:
    desk = Desk([lost("Booked for Ann Lee.")], plain)
    assert (await desk.ask("pay", WANTED, wordless=True)).state is ToolState.UNKNOWN
    if counted:
        plain.write(lambda connection: without_words(connection, ["CA1"]))
    receipt = await recovered(desk)
    assert receipt.state is ToolState.DONE
    assert "Ann Lee" not in receipt.output
    assert json.loads(receipt.output)["note"] == UNKEPT


async def test_requirement_d4_who_agrees_no_longer_once_a_tool_has_begun_is_heeded_later(
    plain: Store,
) -> None:
    desk = Desk([lost("Booked for Ann Lee.")], plain)
    await desk.ask("pay", WANTED)
    plain.write(lambda connection: without_words(connection, ["CA1"]))
    assert "Ann Lee" not in (await recovered(desk)).output


async def test_requirement_d6_words_that_were_deleted_do_not_come_back(plain: Store) -> None:
    desk = Desk([lost("Booked for Ann Lee.")], plain)
    await desk.ask("pay", WANTED)
    words = [each for each in rows(NOW) if (each.table, each.kept) == (RECEIPTS, Kept.TRANSCRIPT)]
    for each in words:
        plain.write(lambda connection, each=each: each.erase(connection, sa.true()))  # type: ignore[misc]
    assert "Ann Lee" not in (await recovered(desk)).output


@pytest.mark.parametrize(
    ("unkept", "kept"),
    [
        (NOTHING, f"{CARD} of a@example.com"),
        (DEFAULT, "[card number] of a@example.com"),
        (DEFAULT | {Sensitive.EMAIL}, "[card number] of [e-mail address]"),
    ],
)
async def test_requirement_d1_what_is_learned_later_is_kept_as_the_call_had_it(
    plain: Store, unkept: Kinds, kept: str
) -> None:
    desk = Desk([lost(f"{CARD} of a@example.com")], plain)
    await desk.ask("pay", WANTED, unkept=unkept)
    assert json.loads((await recovered(desk)).output)["message"] == kept


@pytest.mark.parametrize("written", [None, "card of_a_later_version"])
async def test_no_word_is_kept_where_it_is_not_known_what_may_be(
    plain: Store, written: str | None
) -> None:
    """Begun before the column was there, or by a version that knows more kinds."""
    desk = Desk([lost("Booked for Ann Lee.")], plain)
    await desk.ask("pay", WANTED)
    plain.write(lambda connection: connection.execute(sa.update(RECEIPTS).values(unkept=written)))
    assert "Ann Lee" not in (await recovered(desk)).output


WANTED = {"card": "none", "amount": 5}


def lost(found: str) -> Tool:
    """Nobody knows what came of it until the backend is asked a second time."""
    asked: list[str] = []

    def cut_off(_asked: Pay, _context: ToolContext) -> Mapping[str, Any]:
        raise OutcomeUnknownError("cut off")

    def happened(context: ToolContext) -> Mapping[str, Any]:
        asked.append(context.call_id)
        if len(asked) == 1:
            raise BackendError("down", permanent=False)
        return {"message": found}

    return Tool("pay", "Pay.", Pay, cut_off, risk=Risk.WRITE_OWN, reconcile=happened)


async def recovered(desk: Desk) -> Receipt:
    """In a process that starts an hour later."""
    desk.now += dt.timedelta(hours=1)
    assert await desk.dispatcher.recover() == 1
    (receipt,) = desk.receipts.of_call("CA1")
    return receipt


async def _turn() -> None:
    """One turn of the event loop."""
