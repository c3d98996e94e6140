"""What the call says was heard, against what the carrier's play-out clock says was played."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.engine import AudioFormat
from telephony.transcripts.entry import Fate
from tests.telephony.distance import Distance, Network, Reply, Verdict

REPLIES = 12
"""In each call."""


def some_reply(chance: Random) -> Reply:
    """Words and sentences, bursts of every size, halts, a second item behind the first."""
    items = tuple(
        chance.choice((250, 900, 2_500, 4_500)) + chance.randrange(400)
        for _ in range(chance.choice((1, 1, 2, 3)))
    )
    halts = chance.random() < 0.3
    return Reply(
        items,
        speed=chance.uniform(2, 8),
        delta_samples=tuple(chance.randrange(80, 4_000) for _ in range(3)),
        pause_at_ms=chance.randrange(sum(items)) if halts else -1,
        pause_s=chance.uniform(0.2, 3) if halts else 0.0,
        second_item_after_s=chance.choice((0.0, 0.0, 0.5, 2.0)),
        interrupt_after_s=chance.uniform(0, sum(items) / 1000) if chance.random() < 0.9 else None,
        again_after_s=chance.uniform(0.05, 0.5) if chance.random() < 0.2 else None,
        cancel_after_s=chance.uniform(0, 0.3),
    )


def some_network(chance: Random, jitter: str) -> Network:
    return Network(
        there_s=chance.uniform(0.02, 0.08),
        back_s=chance.uniform(0.02, 0.08),
        jitter=jitter,
        jitter_s=chance.uniform(0.001, 0.025),
        lost=chance.choice((0.0, 0.02)),
    )


def some_call(seed: int, jitter: str, output: AudioFormat) -> Distance:
    """A conversation the caller ends in the middle of a word."""
    chance = Random(seed)
    call = Distance(some_network(chance, jitter), chance, output)
    for _ in range(REPLIES):
        call.gives(some_reply(chance))
    call.hang_up_in_mid_reply(Reply((4_000,)), chance.uniform(0.3, 3.9))
    return call


def campaign(jitter: str, calls: range) -> list[Verdict]:
    """The verdicts on all items an interruption or the hang-up cut in two, or nearly."""
    verdicts = []
    for seed in calls:
        output = AudioFormat.ULAW_8K if seed % 2 else AudioFormat.PCM16_24K
        call = some_call(seed, jitter, output)
        judge(call, bound_ms=400)
        verdicts += call.told() + call.written()[-1:]
    return [verdict for verdict in verdicts if verdict.told_ms or verdict.played_ms]


def judge(call: Distance, bound_ms: float) -> None:
    """What must hold of each single claim, whatever the network does."""
    for verdict in call.told() + call.written():
        assert 0 <= verdict.told_ms <= min(verdict.sent_ms, verdict.received_ms), verdict
        assert abs(verdict.error_ms) <= bound_ms, verdict
    played = call.played()
    for line in call.lines():
        assert line.text.startswith(line.heard)
        if not played[line.item_id]:
            assert len(line.heard) <= 20 * bound_ms / 1000, line
        if line.fate is Fate.HEARD:
            assert line.heard == line.text
            assert played[line.item_id] / 8 >= line.sent_ms - 100 - bound_ms, line


def percentile(verdicts: list[Verdict], share: float) -> float:
    errors = sorted(abs(verdict.error_ms) for verdict in verdicts)
    return errors[min(len(errors) - 1, int(len(errors) * share))]


def test_on_a_steady_line_every_cut_is_true_to_the_millisecond() -> None:
    verdicts = campaign("none", range(60))
    assert len(verdicts) > 500
    steady = [v for v in verdicts if abs(v.error_ms) > 5]
    assert steady == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_on_an_unsteady_line_cuts_are_true_within_60_ms() -> None:
    """Most of what is left is the way of the `clear` itself, which nobody knows beforehand."""
    calls = range(1_000, 1_100)
    verdicts = campaign("uniform", calls) + campaign("exponential", calls)
    assert len(verdicts) > 2_000
    assert percentile(verdicts, 0.50) <= 8
    assert percentile(verdicts, 0.95) <= 35
    assert percentile(verdicts, 0.99) <= 60
    too_much = [verdict for verdict in verdicts if verdict.error_ms > 60]
    assert len(too_much) <= len(verdicts) // 300
    bias = sum(verdict.error_ms for verdict in verdicts) / len(verdicts)
    assert abs(bias) <= 5


REPLY = st.builds(
    Reply,
    items_ms=st.lists(st.integers(20, 3_000), min_size=1, max_size=3).map(tuple),
    speed=st.floats(2, 8),
    delta_samples=st.lists(
        st.integers(1, 4_000).map(lambda n: n + 150), min_size=1, max_size=3
    ).map(tuple),
    pause_at_ms=st.integers(-1, 2_000),
    pause_s=st.floats(0, 2),
    second_item_after_s=st.floats(0, 1),
    interrupt_after_s=st.none() | st.floats(0, 4),
    again_after_s=st.none() | st.floats(0.03, 1),
    cancel_after_s=st.floats(0, 0.4),
)
STEADY = st.builds(Network, st.floats(0.02, 0.08), st.floats(0.02, 0.08))
UNSTEADY = st.builds(
    Network,
    st.floats(0.02, 0.08),
    st.floats(0.02, 0.08),
    st.just("uniform"),
    st.floats(0.001, 0.025),
    st.sampled_from([0.0, 0.05]),
)


@given(
    replies=st.lists(REPLY, min_size=1, max_size=4),
    network=STEADY,
    output=st.sampled_from(AudioFormat),
    hang_up_s=st.floats(0.3, 3),
)
@settings(max_examples=60, deadline=None)
def test_no_conversation_on_a_steady_line_is_miscounted(
    replies: list[Reply], network: Network, output: AudioFormat, hang_up_s: float
) -> None:
    call = Distance(network, Random(0), output)
    for reply in replies:
        call.gives(reply)
    call.hang_up_in_mid_reply(Reply((3_000,)), hang_up_s)
    judge(call, bound_ms=5)


@given(
    replies=st.lists(REPLY, min_size=1, max_size=4),
    network=UNSTEADY,
    output=st.sampled_from(AudioFormat),
    seed=st.integers(0, 1_000),
    hang_up_s=st.floats(0.3, 3),
)
@settings(max_examples=60, deadline=None)
def test_no_conversation_on_an_unsteady_line_is_miscounted_by_much(
    replies: list[Reply], network: Network, output: AudioFormat, seed: int, hang_up_s: float
) -> None:
    """Each way may take 50 ms longer than it should; an echo may be lost or half a second late."""
    call = Distance(network, Random(seed), output)
    for reply in replies:
        call.gives(reply)
    call.hang_up_in_mid_reply(Reply((3_000,)), hang_up_s)
    judge(call, bound_ms=700 if network.lost else 150)
