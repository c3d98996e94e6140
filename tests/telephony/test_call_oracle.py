"""What the call says was heard, against what the carrier's play-out clock says was played."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from agents.engine import AudioFormat, EngineFailed
from telephony.call.ending import Phase
from tests.exploring import examples
from tests.telephony.caller_sounds import Kind, Sound
from tests.telephony.campaign import (
    LONGEST_S,
    MANNERS,
    P99_MS,
    WORST_MS,
    campaign,
    judge,
    percentile,
)
from tests.telephony.distance import Distance, Network
from tests.telephony.distant_model import Manner, Reply


def test_on_a_steady_line_every_cut_is_true_to_the_millisecond() -> None:
    """And whoever coughs hears every word once."""
    found = campaign("none", range(10))
    assert len(found.cuts) > 44
    assert percentile(found.cuts, 1.0) <= 1
    assert found.resumed > 25
    assert max(map(abs, found.seams), default=0.0) <= 2


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("jitter", ["uniform", "exponential"])
def test_with_25_ms_of_jitter_each_way_cuts_are_true_within_40_ms(jitter: str) -> None:
    """Every message is delayed by 25 ms on average, up to 50 or without limit."""
    found = campaign(jitter, range(1_000, 1_012))
    assert len(found.cuts) > 60
    assert percentile(found.cuts, 0.50) <= 10
    assert percentile(found.cuts, 0.99) <= P99_MS
    assert percentile(found.cuts, 1.00) <= WORST_MS
    bias = sum(found.cuts) / len(found.cuts)
    assert abs(bias) <= 8
    assert len(found.seams) > 32, "so often we went on within an item, not quite where we were"
    assert percentile(found.seams, 0.50) <= 10
    assert percentile(found.seams, 0.95) <= P99_MS / 2
    assert percentile(found.seams, 1.00) <= WORST_MS


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_carrier_that_swallows_the_marks_of_a_clear_is_counted_as_well() -> None:
    """All there is to go by is the mark behind the clear, which may come late itself."""
    found = campaign("exponential", range(2_000, 2_010), returns=False)
    assert percentile(found.cuts, 0.50) <= 20
    assert percentile(found.cuts, 0.99) <= 100


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_lost_echoes_and_those_out_of_order_break_no_bound() -> None:
    """One of 20 is lost, one comes twice, one half a second late; `judge` looks at the bounds."""
    found = campaign("exponential", range(3_000, 3_010), lost=0.05)
    assert percentile(found.cuts, 0.50) <= 15


def test_without_the_caller_s_audio_the_clock_has_to_do() -> None:
    """What jitter does to single messages then counts in full."""
    found = campaign("uniform", range(4_000, 4_015), frames=False)
    assert percentile(found.cuts, 0.50) <= 25
    assert percentile(found.cuts, 0.95) <= 60


@pytest.mark.parametrize("output", AudioFormat)
def test_a_caller_who_hangs_up_before_the_first_sound_is_there(output: AudioFormat) -> None:
    """On its way when the line ended: sent, and within its bounds, though none of it was heard."""
    call = Distance(Network(0.0, 0.0, "uniform", 0.0625, frames=False), Random(87), output)
    call.hang_up_in_mid_reply(Reply((3_000,)), 0.0)
    judge(call)
    assert not any(item.once for item in call.played().values())
    assert [line.heard_at_least_ms for line in call.lines()] == [0]


SOUND = st.builds(
    Sound,
    kind=st.sampled_from(Kind),
    lasts_s=st.floats(0.0, 4.0),
    noticed_after_s=st.none() | st.floats(0.0, 0.5),
    over_after_s=st.floats(0.001, 0.8),
    words=st.sampled_from([None, "", "Uh-huh.", "okay", "Wednesday", "No, wait."]),
    words_after_s=st.floats(-1.0, 2.0),
    failed=st.booleans(),
)
MANNER = st.builds(
    msgspec.structs.replace,
    st.sampled_from(MANNERS),
    reply_s=st.sampled_from(LONGEST_S),
)
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
    sound=SOUND,
    again=SOUND,
    late_s=st.none() | st.floats(0, 3),
)
NETWORK = st.builds(
    Network,
    there_s=st.floats(0.0, 0.1),
    back_s=st.floats(0.0, 0.1),
    jitter=st.sampled_from(["none", "uniform", "exponential"]),
    jitter_s=st.floats(0.001, 0.1),
    lost=st.sampled_from([0.0, 0.1]),
    frames=st.booleans(),
    returns_cleared_marks=st.booleans(),
)
STEADY = st.builds(Network, st.floats(0.02, 0.08), st.floats(0.02, 0.08))


@given(
    replies=st.lists(REPLY, min_size=1, max_size=4),
    network=STEADY,
    output=st.sampled_from(AudioFormat),
    manner=MANNER,
    hang_up_s=st.floats(0.3, 3),
)
@settings(max_examples=examples(25))
def test_no_conversation_on_a_steady_line_is_miscounted(
    replies: list[Reply],
    network: Network,
    output: AudioFormat,
    manner: Manner,
    hang_up_s: float,
) -> None:
    call = Distance(network, Random(0), output, manner=manner)
    for reply in replies:
        call.gives(reply)
    call.hang_up_in_mid_reply(Reply((3_000,)), hang_up_s)
    # A frame of the caller's audio is the finest clock the carrier gives; an item of 20 ms that
    # is cut as it begins lies within one.
    judge(call, bound_ms=20)


class Conversation(RuleBasedStateMachine):
    """Anything may happen on any line, in any order; every bound stated must hold."""

    @initialize(
        network=NETWORK,
        output=st.sampled_from(AudioFormat),
        manner=MANNER,
        seed=st.integers(0, 9_999),
    )
    def rings(self, network: Network, output: AudioFormat, manner: Manner, seed: int) -> None:
        self.call = Distance(network, Random(seed), output, manner=manner)

    @property
    def live(self) -> bool:
        return self.call.call.phase is Phase.LIVE

    @precondition(lambda self: self.live)
    @rule(reply=REPLY)
    def the_agent_replies(self, reply: Reply) -> None:
        self.call.gives(reply)

    @precondition(lambda self: self.live)
    @rule(reply=REPLY, fails_after_s=st.floats(0.0, 2.0))
    def the_engine_fails_in_mid_reply(self, reply: Reply, fails_after_s: float) -> None:
        self.call.at(self.call.now + fails_after_s, EngineFailed("gone", fatal=False))
        self.call.gives(reply)

    @rule(pause_s=st.floats(0.0, 3.0))
    def nobody_speaks(self, pause_s: float) -> None:
        self.call.run_until(self.call.now + pause_s)

    @precondition(lambda self: self.live)
    @rule(sound=SOUND)
    def the_caller_makes_a_sound(self, sound: Sound) -> None:
        self.call.run_until(self.call.speaks(sound, self.call.now))

    @precondition(lambda self: self.live)
    @rule(reply=REPLY, after_s=st.floats(0.0, 3.0))
    def the_caller_hangs_up_in_mid_reply(self, reply: Reply, after_s: float) -> None:
        self.call.hang_up_in_mid_reply(reply, after_s)

    def teardown(self) -> None:
        if hasattr(self, "call"):
            if self.call.call.phase is not Phase.ENDED:
                self.call.hang_up_in_mid_reply(Reply((2_000,)), 0.5)
            judge(self.call)


Conversation.TestCase.settings = settings(max_examples=examples(40), stateful_step_count=6)
test_no_conversation_on_any_line_breaks_a_bound = Conversation.TestCase
