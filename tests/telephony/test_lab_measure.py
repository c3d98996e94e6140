"""From what was seen of a call to figures: each with a call made up for it."""

from collections.abc import Sequence

import numpy as np
import pytest

from agents.pcm import Pcm
from telephony.lab.measure import (
    CallFigures,
    FalseStops,
    Goodbyes,
    Spread,
    figures,
    judge,
    spread,
)
from telephony.lab.records import CallSeen, PhoneSeen, SentItem, SessionSeen, Spoke, Told
from telephony.lab.scenarios import Echo, Kind, Part, Scenario, Sound, When
from telephony.media import ulaw
from tests.telephony.test_lab_matching import ONE, THREE, TWO, quiet

BEGAN_S = 100.0
SECOND = 8_000


def scenario(kind: Kind, name: str = "made-up", echo: Echo | None = None) -> Scenario:
    parts = (Part(Sound.COUGH, When.TALKING, 100),)
    return Scenario(name, "", kind, (), parts, echo=echo)


def item(number: int, speech: Pcm, reply: int = 0, sent: int = -1, wanted: bool = True) -> SentItem:
    samples = len(speech) if sent < 0 else sent
    return SentItem(f"item_{number}", reply, wanted, speech, samples)


def told(number: int, ms: int, accepted: bool = True, deletion: bool = False) -> Told:
    return Told(f"item_{number}", ms, BEGAN_S, accepted, deletion)


def interrupts(onset_ms: int, end_ms: int, reply: int = 0) -> Spoke:
    return Spoke(Sound.INTERRUPTION, reply, onset_ms * 8, end_ms * 8)


def seen(
    *heard: Pcm,
    items: Sequence[SentItem],
    spoke: Sequence[Spoke] = (),
    told: Sequence[Told] = (),
    clears_ms: Sequence[int] = (),
    started_ms: Sequence[int] = (),
    kind: Kind = Kind.INTERRUPTION,
    echo: Echo | None = None,
    ended_by_target: bool = False,
    goodbye_asked: bool = False,
) -> CallSeen:
    phone = PhoneSeen(
        BEGAN_S,
        ulaw.encode(np.concatenate(heard)),
        tuple(ms * 8 for ms in clears_ms),
        tuple(spoke),
        ended_by_target,
    )
    session = SessionSeen(
        BEGAN_S,
        configured=True,
        items=tuple(items),
        told=tuple(told),
        speech_started_s=tuple(BEGAN_S + ms / 1000 for ms in started_ms),
        goodbye_asked=goodbye_asked,
    )
    return CallSeen(scenario(kind, echo=echo), phone, session)


INTERRUPTED = (ONE[: 1_000 * 8], quiet(2 * SECOND), TWO[: 500 * 8], quiet(SECOND))
"""A second of the first reply, two of silence, the next reply."""


def one_interruption(*said: Told) -> CallFigures:
    return judge(
        seen(
            *INTERRUPTED,
            items=[item(1, ONE), item(2, TWO, reply=1)],
            spoke=[interrupts(900, 2_000)],
            told=said,
            clears_ms=[1_000],
            started_ms=[960],
        )
    )


def test_a_true_truncation_has_no_error() -> None:
    found = one_interruption(told(1, 1_000))
    (cut,) = found.cuts
    assert (cut.item_id, cut.told_ms, cut.sent_ms, cut.accepted) == ("item_1", 1_000, 2_000, True)
    assert cut.error_ms is not None
    assert abs(cut.error_ms) <= 1
    assert cut.believed_ms == 1_000
    assert found.rejected == 0


def test_the_times_of_an_interruption_are_the_telephone_s_own() -> None:
    found = one_interruption(told(1, 1_000))
    assert found.stop_ms == pytest.approx([100], abs=1)
    assert found.clear_ms == pytest.approx([40], abs=0.01)
    assert found.dead_air_ms == pytest.approx([1_000], abs=1)
    assert (found.never_stopped, found.unanswered, found.clears) == (0, 0, 1)
    assert found.late_audio_ms == 0


def test_a_clear_within_the_clock_s_own_tick_took_no_time() -> None:
    found = judge(
        seen(
            *INTERRUPTED,
            items=[item(1, ONE), item(2, TWO, reply=1)],
            spoke=[interrupts(900, 2_000)],
            clears_ms=[959],
            started_ms=[960],
        )
    )
    assert found.clear_ms == (0.0,)


def test_too_much_told_is_an_error_with_its_sign() -> None:
    (cut,) = one_interruption(told(1, 1_900)).cuts
    assert cut.error_ms == pytest.approx(900, abs=1)
    assert cut.believed_ms == 1_900


def test_a_refused_truncation_leaves_the_model_believing_all() -> None:
    found = one_interruption(told(1, 2_300, accepted=False))
    (cut,) = found.cuts
    assert found.rejected == 1
    assert cut.error_ms == pytest.approx(1_300, abs=1)
    assert cut.believed_ms == 2_000


def test_of_several_truncations_the_last_one_taken_counts() -> None:
    several = (told(1, 1_500), told(1, 1_010), told(1, 9_000, accepted=False))
    (cut,) = one_interruption(*several).cuts
    assert (cut.told_ms, cut.accepted) == (1_010, True)


def test_an_interruption_nobody_tells_of_is_missing() -> None:
    (cut,) = one_interruption().cuts
    assert cut.told_ms is None
    assert cut.error_ms is None
    assert cut.believed_ms == 2_000


def test_nothing_must_be_told_of_what_was_heard_all_but_for_a_breath() -> None:
    found = judge(
        seen(
            ONE[: 1_900 * 8],
            quiet(2 * SECOND),
            items=[item(1, ONE)],
            spoke=[interrupts(1_850, 2_500)],
        )
    )
    assert found.cuts == ()


def test_a_deleted_item_was_not_heard() -> None:
    """A second item was queued behind the one that was interrupted."""
    found = judge(
        seen(
            ONE[: 1_000 * 8],
            quiet(2 * SECOND),
            items=[item(1, ONE), item(2, TWO)],
            spoke=[interrupts(900, 2_000)],
            told=[told(1, 1_000), told(2, 0, deletion=True)],
            clears_ms=[1_000],
        )
    )
    assert [cut.told_ms for cut in found.cuts] == [1_000, 0]
    assert all(abs(cut.error_ms or 0) <= 1 for cut in found.cuts)


def test_an_item_the_call_ends_over_was_not_cut() -> None:
    found = judge(
        seen(quiet(800), ONE[: 1_000 * 8], items=[item(1, ONE)], spoke=[interrupts(50, 90)])
    )
    assert found.cuts == ()


def test_what_is_beyond_the_scenario_is_not_judged() -> None:
    heard = (ONE[: 1_000 * 8], quiet(2 * SECOND))
    found = judge(seen(*heard, items=[item(1, ONE, wanted=False)], spoke=[interrupts(900, 1_500)]))
    assert found.cuts == ()


def test_items_of_which_nothing_was_sent_do_not_count() -> None:
    heard = (ONE[: 1_000 * 8], quiet(2 * SECOND))
    items = [item(1, ONE), item(2, TWO, sent=0)]
    found = judge(seen(*heard, items=items, spoke=[interrupts(900, 1_500)]))
    assert [cut.item_id for cut in found.cuts] == ["item_1"]


def test_a_reply_that_plays_on_has_never_stopped() -> None:
    heard = (ONE, quiet(4 * SECOND))
    found = judge(seen(*heard, items=[item(1, ONE)], spoke=[interrupts(500, 1_500)]))
    assert found.never_stopped == 1
    assert found.stop_ms == pytest.approx([1_500], abs=1)
    assert found.clear_ms == ()
    assert found.dead_air_ms == ()  # it spoke all the while
    assert found.unanswered == 0


def test_a_telephone_that_is_silent_already_cannot_stop() -> None:
    heard = (ONE[:SECOND], quiet(5 * SECOND))
    found = judge(seen(*heard, items=[item(1, ONE)], spoke=[interrupts(1_500, 2_000)]))
    assert found.stop_ms == ()
    assert found.unanswered == 1


def test_a_caller_who_goes_on_is_owed_nothing_yet() -> None:
    found = judge(
        seen(
            *INTERRUPTED,
            items=[item(1, ONE), item(2, TWO, reply=1)],
            spoke=[interrupts(900, 1_300), interrupts(1_500, 2_000)],
        )
    )
    assert found.dead_air_ms == pytest.approx([1_000], abs=1)
    assert found.unanswered == 0


def test_old_speech_after_the_clear_is_late() -> None:
    found = judge(
        seen(
            ONE[: 1_000 * 8],
            quiet(1_600),
            ONE[1_000 * 8 : 1_300 * 8],
            quiet(2 * SECOND),
            items=[item(1, ONE)],
            spoke=[interrupts(900, 2_000)],
            clears_ms=[1_000],
            started_ms=[960],
        )
    )
    assert found.late_audio_ms == pytest.approx(300, abs=2)


def test_a_report_of_speech_before_the_caller_spoke_is_not_of_this_speech() -> None:
    found = judge(
        seen(
            *INTERRUPTED,
            items=[item(1, ONE), item(2, TWO, reply=1)],
            spoke=[interrupts(900, 2_000)],
            clears_ms=[1_000],
            started_ms=[100],
        )
    )
    assert found.clear_ms == ()


# ---- false stops ------------------------------------------------------------------------------


def coughed(*heard: Pcm, said: Sequence[Told] = ()) -> CallFigures:
    cough = Spoke(Sound.COUGH, 0, 500 * 8, 800 * 8)
    return judge(seen(*heard, items=[item(1, ONE)], spoke=[cough], told=said, kind=Kind.FALSE_STOP))


def test_a_reply_cut_by_a_cough_is_a_false_stop() -> None:
    found = coughed(ONE[: 700 * 8], quiet(SECOND), said=[told(1, 700)])
    assert found.false_stops == FalseStops(1, 1)
    assert [cut.told_ms for cut in found.cuts] == [700]


def test_a_reply_heard_out_over_a_cough_is_none() -> None:
    found = coughed(ONE, quiet(SECOND))
    assert found.false_stops == FalseStops(0, 1)
    assert found.cuts == ()


def test_a_reply_that_halts_and_goes_on_is_none() -> None:
    again = coughed(ONE[: 700 * 8], quiet(SECOND), ONE[600 * 8 :], quiet(SECOND))
    assert again.false_stops == FalseStops(0, 1)


def test_only_disturbed_replies_count_unless_there_is_an_echo() -> None:
    cough = Spoke(Sound.COUGH, 1, 2_500 * 8, 2_600 * 8)
    items = [item(1, ONE), item(2, TWO, reply=1), item(3, THREE, reply=2, wanted=False)]
    heard = (ONE[:4_000], quiet(4_000), TWO, quiet(SECOND))
    found = judge(seen(*heard, items=items, spoke=[cough], kind=Kind.FALSE_STOP))
    assert found.false_stops == FalseStops(0, 1)
    found = judge(seen(*heard, items=items, kind=Kind.FALSE_STOP, echo=Echo(100, -6)))
    assert found.false_stops == FalseStops(1, 2)


# ---- goodbye ----------------------------------------------------------------------------------


def hung_up(*heard: Pcm, asked: bool = True, by_target: bool = True) -> Goodbyes | None:
    call = seen(
        *heard,
        items=[item(1, ONE)],
        kind=Kind.GOODBYE,
        ended_by_target=by_target,
        goodbye_asked=asked,
    )
    return judge(call).goodbye


def test_a_goodbye_played_to_its_end_is_not_cut() -> None:
    assert hung_up(quiet(800), ONE) == Goodbyes(0, 0, 1, 0.0)


def test_a_goodbye_that_was_hung_up_on_is_cut() -> None:
    found = hung_up(quiet(800), ONE[: 600 * 8])
    assert found is not None
    assert (found.cut, found.n) == (1, 1)
    assert found.lost_ms == pytest.approx(1_400, abs=2)


def test_a_target_that_does_not_hang_up_or_cannot_is_not_said_to_cut() -> None:
    assert hung_up(ONE, by_target=False) == Goodbyes(0, 1, 1, 0.0)
    assert hung_up(ONE, asked=False) is None


# ---- all calls --------------------------------------------------------------------------------


def test_percentiles_are_by_nearest_rank() -> None:
    assert spread([]) == Spread(None, None, None, 0)
    assert spread([3.0]) == Spread(3.0, 3.0, 3.0, 1)
    assert spread([float(n) for n in range(200, 0, -1)]) == Spread(100.0, 198.0, 200.0, 200)


def test_without_calls_there_are_no_figures_but_zeros() -> None:
    found = figures([], 0)
    assert found.truncation_error_ms.n == found.stop_ms.n == found.clears == 0
    assert found.truncation_bias_ms is None
    assert found.goodbye_cut_off == Goodbyes(0, 0, 0, 0.0)


def test_calls_are_added_up() -> None:
    cough = CallFigures("cough", false_stops=FalseStops(1, 3))
    goodbye = CallFigures("goodbye", goodbye=Goodbyes(1, 0, 1, 800.0))
    calls = [
        one_interruption(told(1, 900)),
        one_interruption(told(1, 1_300)),
        one_interruption(),
        one_interruption(told(1, 5_000, accepted=False)),
        cough,
        cough,
        goodbye,
        CallFigures("goodbye", goodbye=Goodbyes(0, 1, 1, 0.0)),
    ]
    found = figures(calls, 2)
    assert found.truncation_error_ms == Spread(300.0, 4_000.0, 4_000.0, 3)
    assert found.truncation_bias_ms == pytest.approx((-100 + 300 + 4_000) / 3, abs=0.1)
    assert found.belief_error_ms == Spread(300.0, 1_000.0, 1_000.0, 4)
    assert (found.truncations_rejected, found.truncations_missing) == (1, 1)
    assert found.interruptions == found.stop_ms.n == 4
    assert found.false_stops["cough"] == FalseStops(2, 6)
    assert found.false_stops["echo"] == FalseStops(0, 0)
    assert found.goodbye_cut_off == Goodbyes(1, 1, 2, 800.0)
    assert found.leaked_sessions == 2
