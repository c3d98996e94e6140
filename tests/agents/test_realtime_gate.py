"""The gate, the tool calls and the item book by themselves: the corners no story turns."""

from agents.engine import AudioFormat
from agents.realtime.gate import ANSWER, ResponseGate, Wish
from agents.realtime.held import HELD_AUDIO_S, HeldAudio
from agents.realtime.spoken import KEPT, SpokenItems
from agents.realtime.toolcalls import ToolCalls


def test_a_wish_is_granted_once_and_in_order() -> None:
    gate = ResponseGate()
    gate.wish("one")
    gate.wish("two")
    first = gate.create(0.0, answer_owed=True)
    assert first is not None
    assert first.wish == Wish("one")
    assert gate.create(0.0, answer_owed=True) is None
    assert gate.created("r1", first.token) == Wish("one")
    assert gate.done("r1", None) == Wish("one")
    second = gate.create(0.0, answer_owed=True)
    assert second is not None
    assert (second.wish, second.token) == (Wish("two"), "2")
    gate.withdraw()
    third = gate.create(0.0, answer_owed=True)
    assert third is not None
    assert third.wish == ANSWER


def test_nothing_to_wait_for_is_no_deadline() -> None:
    gate = ResponseGate()
    assert gate.next_deadline(answer_owed=False) is None
    assert gate.withdraw() is None


def test_the_deadline_is_the_nearest_thing_that_can_go_wrong() -> None:
    gate = ResponseGate()
    gate.again(ANSWER, 5.0)
    assert gate.next_deadline(answer_owed=False) == 5.0
    gate.turn_ended(1.0)
    assert gate.next_deadline(answer_owed=False) == 4.0
    gate.created("r1", None)
    assert gate.next_deadline(answer_owed=False) is None


def test_a_turn_forgotten_while_a_response_runs_is_not_asked_for() -> None:
    gate = ResponseGate()
    gate.created("r1", None)
    gate.speech_started()
    gate.turn_ended(0.0)
    assert gate.wake(3.0)
    gate.done("r1", None)
    assert gate.create(3.0, answer_owed=False) is None


def test_a_retry_of_words_outlives_the_servers_own_response() -> None:
    gate = ResponseGate()
    gate.again(Wish("Good morning."), 1.0)
    gate.created("r1", None)
    gate.done("r1", None)
    assert gate.create(0.5, answer_owed=False) is None
    creation = gate.create(1.0, answer_owed=False)
    assert creation is not None
    assert creation.wish.text == "Good morning."


def test_a_refused_answer_comes_back_only_while_it_is_owed() -> None:
    gate = ResponseGate()
    assert gate.create(0.0, answer_owed=True) is not None
    gate.refused_as_busy(0.0)
    assert gate.create(2.0, answer_owed=False) is None
    assert gate.create(2.0, answer_owed=True) is not None


def test_a_create_on_its_way_outlives_the_end_of_some_other_response() -> None:
    gate = ResponseGate()
    gate.wish("one")
    creation = gate.create(0.0, answer_owed=False)
    assert gate.done("never-seen", None) is None
    assert gate.done("out-of-band", "somebody else's") is None
    assert gate.creating is creation


def test_outputs_are_owed_until_a_response_saw_them() -> None:
    calls = ToolCalls()
    assert calls.called("r1", "a")
    assert calls.give("a", respond=True)
    assert calls.said_before_answer() is None
    calls.response_done("r1")
    assert calls.said_before_answer() == ""
    calls.seen_by_response(ours=False)
    assert calls.said_before_answer() == ""
    calls.taken("a")
    calls.taken("unknown")
    calls.seen_by_response(ours=False)
    assert calls.said_before_answer() is None
    assert not calls.give("a", respond=True)
    assert not calls.called("r2", "a")


def test_what_a_response_said_is_known_until_its_calls_are_answered_or_it_was_cut() -> None:
    calls = ToolCalls()
    for call in "ab":
        calls.called("r1", call)
        calls.give(call, respond=True)
    calls.response_done("r1", "Let me look.")
    calls.response_done("r0", "Nothing was called here.")
    assert calls.said_before_answer() == "Let me look."
    calls.interrupted()
    assert calls.said_before_answer() == ""
    calls.seen_by_response(ours=True)
    assert calls.said_before_answer() is None


def test_the_item_book_forgets_what_is_long_past() -> None:
    items = SpokenItems(sample_bytes=2, rate=24_000)
    for number in range(KEPT + 10):
        items.audio(f"r{number}", f"i{number}", bytes(480))
        items.give_up(f"i{number}")
        items.end_response(f"r{number}")
    assert items.received_ms("i0") is None
    assert items.received_ms(f"i{KEPT + 9}") == 10
    assert items.wants("r0", "i0")
    assert not items.wants("fresh", f"i{KEPT + 9}")


def test_received_audio_adds_up_over_odd_pieces() -> None:
    items = SpokenItems(sample_bytes=2, rate=24_000)
    for _ in range(100):
        items.audio("r", "i", bytes(167))
    assert items.received_ms("i") == 100 * 167 // 2 * 1000 // 24_000


def test_audio_within_the_bound_is_held_whole() -> None:
    held, whole = HeldAudio(AudioFormat.ULAW_8K), HELD_AUDIO_S * 50
    assert not any(held.hold(bytes(160)) for _ in range(whole))
    assert held.dropped_bytes == 0
    assert held.hold(bytes(160))
    assert not held.hold(bytes(160))
    assert (held.dropped_bytes, len(held.hand_over()), held.hand_over()) == (320, whole, [])
