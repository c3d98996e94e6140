"""Whose cuts are they: the caller's, the staff's, or the honesty rule's?"""

from telephony.transcripts.cuts import Cuts
from telephony.transcripts.entry import AgentLine, ClaimLine, Fate, OperatorLine, TruncationLine


def line(item: str, start_ms: int, end_ms: int) -> AgentLine:
    heard_ms = end_ms - start_ms
    return AgentLine(item, 1, "We are open.", "We", Fate.CUT, start_ms, end_ms, heard_ms, 2_000)


def cut(item: str, at_ms: int) -> TruncationLine:
    return TruncationLine(item, 1, 500, at_ms)


def test_a_caller_who_cuts_in_is_counted_each_time() -> None:
    cuts = Cuts()
    for number in range(2):
        cuts.add(cut(f"i{number}", 1_500 + 5_000 * number))
        cuts.spoken(line(f"i{number}", 1_000 + 5_000 * number, 1_500 + 5_000 * number))
    assert cuts.by_the_caller == 2


def test_a_reply_that_was_heard_when_the_staff_stepped_in_was_not_cut_by_the_caller() -> None:
    for act in ("hang_up", "transfer", "take_over"):
        cuts = Cuts()
        cuts.add(OperatorLine(act, "ann", "", 5_000))
        cuts.add(cut("i1", 5_010))
        # The carrier's account of when it fell silent may be a little earlier than our command.
        cuts.spoken(line("i1", 4_000, 4_950))
        assert cuts.by_the_caller == 0, act


def test_who_steps_in_later_or_in_vain_or_only_whispers_cuts_nothing() -> None:
    for entry in (
        OperatorLine("hang_up", "ann", "", 9_000),
        OperatorLine("transfer", "ann", "nobody", 5_000, done=False),
        OperatorLine("whisper", "ann", "Ask why.", 5_000),
    ):
        cuts = Cuts()
        cuts.add(cut("i1", 5_010))
        cuts.spoken(line("i1", 4_000, 5_000))
        cuts.add(entry)
        assert cuts.by_the_caller == 1, entry


def test_a_sentence_stopped_for_what_it_claims_is_no_interruption() -> None:
    cuts = Cuts()
    cuts.add(ClaimLine("i1", ("book_appointment",), "never", "You are booked", 900))
    cuts.add(cut("i1", 900))
    cuts.spoken(line("i1", 500, 900))
    assert cuts.by_the_caller == 0


def test_where_no_words_are_kept_a_cut_counts_as_the_caller_s() -> None:
    cuts = Cuts()
    cuts.add(OperatorLine("hang_up", "ann", "", 5_000))
    cuts.add(cut("i1", 5_010))
    assert cuts.by_the_caller == 1
