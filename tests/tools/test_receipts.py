"""The ledger: what has begun, how it ended, and what may be tried again."""

import datetime as dt
import threading
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.tools.desk import NOW
from tools.policy import Runs
from tools.receipts import Begun, Claim, Clash, Earlier, Exhausted, Receipt, Receipts
from tools.spec import Risk, StepLimits, ToolState
from tools.store import Store


def claim(
    tool_call_id: str = "t1", digest: str = "d1", tool: str = "book", risk: Risk = Risk.WRITE_OWN
) -> Claim:
    return Claim("CA1", tool_call_id, tool, risk, digest, NOW, NOW + dt.timedelta(seconds=8))


@pytest.fixture
def ledger(store: Store) -> Receipts:
    return Receipts(store)


def begun(ledger: Receipts, wanted: Claim) -> Receipt:
    found = ledger.begin(wanted)
    assert isinstance(found, Begun), found
    return found.receipt


def earlier(ledger: Receipts, wanted: Claim) -> Receipt:
    found = ledger.begin(wanted)
    assert isinstance(found, Earlier), found
    return found.receipt


def test_an_intent_is_durable_before_anything_runs(ledger: Receipts) -> None:
    receipt = begun(ledger, claim())
    assert ledger.find(receipt.id) == receipt
    assert (receipt.state, receipt.output, receipt.deadline_at) == (
        None,
        "",
        NOW + dt.timedelta(seconds=8),
    )


@pytest.mark.parametrize("state", list(ToolState))
def test_the_same_id_finds_the_first_answer_however_it_ended(
    ledger: Receipts, state: ToolState
) -> None:
    receipt = begun(ledger, claim())
    ledger.finish(receipt.id, state, '{"first":1}', NOW)
    again = earlier(ledger, claim())
    assert (again.id, again.state, again.output) == (receipt.id, state, '{"first":1}')


@pytest.mark.parametrize("state", [None, ToolState.DONE, ToolState.UNKNOWN])
def test_a_twin_finds_the_first_where_it_may_have_happened(
    ledger: Receipts, state: ToolState | None
) -> None:
    receipt = begun(ledger, claim())
    if state:
        ledger.finish(receipt.id, state, "{}", NOW)
    assert earlier(ledger, claim("t2")).id == receipt.id
    assert earlier(ledger, claim("t2")).id == receipt.id


@pytest.mark.parametrize("state", [ToolState.FAILED, ToolState.REFUSED])
def test_what_changed_nothing_may_be_tried_again_under_the_same_key(
    ledger: Receipts, state: ToolState
) -> None:
    first = begun(ledger, claim())
    ledger.finish(first.id, state, "{}", NOW)
    second = begun(ledger, claim("t2"))
    assert second.id != first.id
    assert second.idempotency_key == first.idempotency_key


def test_other_arguments_tools_and_calls_are_other_effects(ledger: Receipts) -> None:
    keys = {
        begun(ledger, claim()).idempotency_key,
        begun(ledger, claim("t2", "d2")).idempotency_key,
        begun(ledger, claim("t3", tool="move")).idempotency_key,
        begun(ledger, Claim("CA2", "t1", "book", Risk.WRITE_OWN, "d1", NOW, NOW)).idempotency_key,
    }
    assert len(keys) == 4


def test_one_id_for_two_things_is_a_clash(ledger: Receipts) -> None:
    begun(ledger, claim())
    assert ledger.begin(claim(digest="d2")) == Clash()
    assert ledger.begin(claim(tool="move")) == Clash()


def test_reads_are_repeated_by_id_only(ledger: Receipts) -> None:
    first = begun(ledger, claim(risk=Risk.READ))
    ledger.finish(first.id, ToolState.DONE, "{}", NOW)
    assert earlier(ledger, claim(risk=Risk.READ)).id == first.id
    assert begun(ledger, claim("t2", risk=Risk.READ)).id != first.id


def test_a_late_outcome_overrules_unknown_but_not_the_other_way(ledger: Receipts) -> None:
    receipt = begun(ledger, claim())
    ledger.finish(receipt.id, ToolState.UNKNOWN, "u", NOW)
    assert ledger.finish(receipt.id, ToolState.DONE, "d", NOW).state is ToolState.DONE
    assert ledger.finish(receipt.id, ToolState.UNKNOWN, "u", NOW).output == "d"
    assert ledger.finish(receipt.id, ToolState.FAILED, "f", NOW).output == "d"


def test_a_late_success_overrules_a_presumed_failure(ledger: Receipts) -> None:
    receipt = begun(ledger, claim())
    ledger.finish(receipt.id, ToolState.FAILED, "f", NOW)
    assert ledger.finish(receipt.id, ToolState.UNKNOWN, "u", NOW).output == "f"
    assert ledger.finish(receipt.id, ToolState.DONE, "d", NOW).output == "d"


def test_a_late_success_stands_so_that_a_twin_does_not_run_again(ledger: Receipts) -> None:
    receipt = begun(ledger, claim())
    ledger.finish(receipt.id, ToolState.UNKNOWN, "u", NOW)
    ledger.finish(receipt.id, ToolState.FAILED, "f", NOW)
    ledger.finish(receipt.id, ToolState.DONE, "d", NOW)
    assert earlier(ledger, claim("t2")).output == "d"


def test_a_late_success_leaves_the_next_attempt_standing(ledger: Receipts) -> None:
    first = begun(ledger, claim())
    ledger.finish(first.id, ToolState.FAILED, "f", NOW)
    second = begun(ledger, claim("t2"))
    assert ledger.finish(first.id, ToolState.DONE, "d", NOW).output == "d"
    assert earlier(ledger, claim("t3")).id == second.id


def test_a_late_read_does_not_stand(ledger: Receipts) -> None:
    first = begun(ledger, claim(risk=Risk.READ))
    ledger.finish(first.id, ToolState.FAILED, "f", NOW, stands=False)
    ledger.finish(first.id, ToolState.DONE, "d", NOW, stands=False)
    begun(ledger, claim("t2", risk=Risk.READ))


def test_a_cancellation_reopens_what_may_have_been_booked(ledger: Receipts) -> None:
    booking = begun(ledger, claim())
    ledger.finish(booking.id, ToolState.UNKNOWN, "u", NOW)
    cancelling = begun(ledger, claim("t2", tool="cancel"))
    ledger.finish(cancelling.id, ToolState.DONE, "cancelled", NOW, ("book",))
    again = begun(ledger, claim("t3"))
    assert again.idempotency_key != booking.idempotency_key
    ledger.finish(booking.id, ToolState.FAILED, "f", NOW)
    ledger.finish(again.id, ToolState.FAILED, "f", NOW)
    assert begun(ledger, claim("t4")).idempotency_key == again.idempotency_key


def test_a_cancellation_reopens_the_booking_with_a_new_key(ledger: Receipts) -> None:
    booking = begun(ledger, claim())
    ledger.finish(booking.id, ToolState.DONE, "booked", NOW)
    cancelling = begun(ledger, claim("t2", tool="cancel"))
    ledger.finish(cancelling.id, ToolState.DONE, "cancelled", NOW, ("book",))
    assert earlier(ledger, claim()).output == "booked"
    again = begun(ledger, claim("t3"))
    assert again.idempotency_key != booking.idempotency_key


def test_a_refused_cancellation_reopens_nothing(ledger: Receipts) -> None:
    booking = begun(ledger, claim())
    ledger.finish(booking.id, ToolState.DONE, "booked", NOW)
    cancelling = begun(ledger, claim("t2", tool="cancel"))
    ledger.finish(cancelling.id, ToolState.REFUSED, "no", NOW, ("book",))
    assert earlier(ledger, claim("t3")).id == booking.id


def test_a_change_that_reopens_its_own_kind_still_stands_itself(ledger: Receipts) -> None:
    first = begun(ledger, claim(digest="name a"))
    ledger.finish(first.id, ToolState.DONE, "", NOW, ("book",))
    second = begun(ledger, claim("t2", "name b"))
    ledger.finish(second.id, ToolState.DONE, "", NOW, ("book",))
    assert earlier(ledger, claim("t3", "name b")).id == second.id
    begun(ledger, claim("t4", "name a"))


def test_every_tool_call_has_the_receipt_it_led_to(ledger: Receipts) -> None:
    first, other = begun(ledger, claim()), begun(ledger, claim("t2", digest="d2"))
    assert earlier(ledger, claim("t3")).id == first.id
    begun(ledger, msgspec.structs.replace(claim(), call_id="CA2"))
    ledger.finish(first.id, ToolState.DONE, "{}", NOW)
    found = ledger.of_requests("CA1")
    assert {name: receipt.id for name, receipt in found.items()} == {
        "t1": first.id,
        "t2": other.id,
        "t3": first.id,
    }
    assert (found["t3"].state, found["t2"].state) == (ToolState.DONE, None)
    assert ledger.of_requests("CA9") == {}


def test_the_receipts_of_a_call_come_in_order(ledger: Receipts) -> None:
    ids = [begun(ledger, claim(f"t{n}", f"d{n}")).id for n in range(3)]
    assert [each.id for each in ledger.of_call("CA1")] == ids
    assert ledger.of_call("CA2") == []


@pytest.mark.parametrize("same_id", [True, False])
def test_of_eight_at_once_exactly_one_begins(ledger: Receipts, same_id: bool) -> None:
    barrier = threading.Barrier(8)
    found: list[Begun | Earlier | Clash | Exhausted] = []

    def begin(number: int) -> None:
        barrier.wait()
        found.append(ledger.begin(claim("t1" if same_id else f"t{number}")))

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(each) for each in found].count(Begun) == 1
    assert [type(each) for each in found].count(Earlier) == 7


# ---- what policy asks ----------------------------------------------------------------------------


def limited(tool_call_id: str, digest: str, *, turn: int = 1, caller: str = "+1") -> Claim:
    limits = StepLimits(per_turn=2, per_call=3, per_day=9)
    given = {"turn": turn, "caller": caller, "limits": limits}
    return msgspec.structs.replace(claim(tool_call_id, digest), **given)


def test_looking_records_nothing(ledger: Receipts) -> None:
    assert ledger.look(claim()) is None
    assert ledger.of_call("CA1") == []
    ledger.begin(claim())
    assert isinstance(ledger.look(claim()), Earlier)
    assert isinstance(ledger.look(claim("t2")), Earlier)
    assert isinstance(ledger.look(claim(digest="d2")), Clash)
    assert ledger.look(claim("t2", "d2")) is None


def test_runs_are_counted_for_turn_call_and_day(ledger: Receipts) -> None:
    for number, turn in enumerate((1, 1, 2)):
        found = ledger.begin(limited(f"t{number}", f"d{number}", turn=turn))
        assert isinstance(found, Begun)
        ledger.finish(found.receipt.id, ToolState.DONE, "{}", NOW)
    assert ledger.runs(limited("t9", "d9")) == Runs(in_turn=2, in_call=3, today=3)
    assert ledger.runs(limited("t9", "d9", turn=2, caller="+2")) == Runs(1, 3, 0)
    assert ledger.runs(claim("t9", "d9")) == Runs(), "nobody asks"
    assert ledger.begin(limited("t9", "d9", turn=3)) == Exhausted()
    assert isinstance(ledger.begin(limited("t0", "d0")), Earlier), "a repeat is no run"
    later = msgspec.structs.replace(limited("t9", "d9"), now=NOW + dt.timedelta(days=1))
    assert ledger.runs(later).today == 0


def test_a_day_with_two_midnights_is_one_day(ledger: Receipts) -> None:
    """In Havana it is 00:00 again an hour after midnight."""
    havana = ZoneInfo("America/Havana")
    first, again = (dt.datetime(2026, 11, 1, 0, 30, tzinfo=havana, fold=fold) for fold in (0, 1))
    begun(ledger, msgspec.structs.replace(limited("t1", "d1"), now=first))
    assert ledger.runs(msgspec.structs.replace(limited("t2", "d2"), now=again)).today == 1


def test_what_changed_nothing_is_no_run(ledger: Receipts) -> None:
    for state in (ToolState.FAILED, ToolState.REFUSED):
        found = ledger.begin(limited(f"t{state}", f"d{state}"))
        assert isinstance(found, Begun)
        ledger.finish(found.receipt.id, state, "{}", NOW)
    assert ledger.runs(limited("t9", "d9")) == Runs()
    ledger.begin(limited("t9", "d9"))
    assert ledger.runs(limited("t10", "d10")).in_call == 1, "what still runs counts"


def test_what_was_done_in_a_call_is_known_by_name(ledger: Receipts) -> None:
    for tool, state in (("book", ToolState.DONE), ("look", ToolState.FAILED)):
        found = ledger.begin(claim(f"t-{tool}", tool=tool))
        assert isinstance(found, Begun)
        ledger.finish(found.receipt.id, state, "{}", NOW)
    assert ledger.done("CA1") == {"book"}
    assert ledger.done("CA2") == frozenset()
