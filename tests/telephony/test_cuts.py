"""Whose cuts are they: the caller's, the staff's, or the honesty rule's?"""

from telephony.transcripts.cuts import Cuts
from telephony.transcripts.entry import ClaimLine, OperatorLine, TruncationLine


def cut(item: str, at_ms: int) -> TruncationLine:
    return TruncationLine(item, 1, 500, at_ms)


def test_a_caller_who_cuts_in_is_counted_each_time() -> None:
    cuts = Cuts()
    for number in range(2):
        cuts.add(cut(f"i{number}", 1_500 + 5_000 * number))
    assert cuts.by_the_caller == 2


def test_a_reply_that_was_heard_when_the_staff_stepped_in_was_not_cut_by_the_caller() -> None:
    for act in ("hang_up", "transfer", "take_over"):
        cuts = Cuts()
        cuts.add(OperatorLine(act, "ann", "", 5_000))
        cuts.add(cut("i1", 5_010))
        assert cuts.by_the_caller == 0, act


def test_who_steps_in_later_or_in_vain_or_only_whispers_cuts_nothing() -> None:
    for entry in (
        OperatorLine("hang_up", "ann", "", 9_000),
        OperatorLine("transfer", "ann", "nobody", 5_000, done=False),
        OperatorLine("whisper", "ann", "Ask why.", 5_000),
    ):
        cuts = Cuts()
        cuts.add(cut("i1", 5_010))
        cuts.add(entry)
        assert cuts.by_the_caller == 1, entry


def test_a_sentence_stopped_for_what_it_claims_is_no_interruption() -> None:
    cuts = Cuts()
    cuts.add(ClaimLine("i1", ("book_appointment",), "never", "You are booked", 900))
    cuts.add(cut("i1", 900))
    assert cuts.by_the_caller == 0


def test_what_waited_behind_a_reply_is_given_up_with_it() -> None:
    cuts = Cuts()
    cuts.add(OperatorLine("take_over", "ann", "", 5_000))
    cuts.add(cut("i1", 5_000))
    cuts.add(TruncationLine("i2", 2, 0, 4_996, deleted=True))
    cuts.add(cut("i3", 9_000))
    assert cuts.by_the_caller == 1
