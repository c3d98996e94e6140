"""Whatever is done to the model at whatever moment, the caller never waits long for a sound."""

import itertools

import pytest

from telephony.transcripts.entry import AgentLine, EndedReason, SeatLine, ToolLine
from tests.telephony.deathbed import Deathbed, Harm

MOST_SILENCE_MS = 2_500
MOST_WORDLESS_MS = 8_000

MOMENTS = {
    "before it is ready": 0.1,
    "as the greeting is asked for": 0.32,
    "in the greeting": 0.7,
    "in a silence": 4.0,
    "as the caller begins": 5.05,
    "as the caller speaks": 5.5,
    "as the caller stops": 6.1,
    "as the turn is noticed": 6.55,
    "before the answer": 6.9,
    "in the answer": 7.3,
    "as the answer plays out": 8.5,
    "before the tool is called": 12.6,
    "as the tool runs": 13.5,
    "as the tool has answered": 14.3,
    "in the tool's answer": 14.9,
}
"""When the model of the script below comes to harm, in seconds of the call."""


def suffers(harm: Harm, at_s: float, rungs: tuple[str, ...], others: dict[str, Harm]) -> Deathbed:
    """A call of two turns: 5 to 6 s a question, 11 to 12 s one that needs a tool."""
    bed = Deathbed(rungs, lambda kind: others.get(kind, Harm.NONE)).begin()
    bed.speaks(5.0, 1.0)
    bed.speaks(11.0, 1.0)
    bed.later(at_s, lambda: bed.first.harmed(harm))
    bed.until(30.0)
    return bed


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("harm", [Harm.KILLED, Harm.FROZEN, Harm.SLOWED, Harm.CORRUPTED])
@pytest.mark.parametrize("after", ["the engine is well", "the engine is gone", "it stays so"])
def test_no_harm_to_a_model_leaves_the_caller_in_silence(
    moment: str, harm: Harm, after: str
) -> None:
    others = {
        "the engine is well": {},
        "the engine is gone": {"realtime": Harm.KILLED},
        "it stays so": {"realtime": harm},
    }[after]
    bed = suffers(harm, MOMENTS[moment], ("realtime", "local"), others)
    end = bed.hang_up()
    assert end.reason is EndedReason.CALLER_HUNG_UP, "nobody is sent away"
    assert end.silence_ms <= MOST_SILENCE_MS
    assert end.wordless_ms <= MOST_WORDLESS_MS
    assert bed.ran.count("book") <= 1
    assert len([line for line in bed.entries if isinstance(line, ToolLine)]) == len(bed.ran)
    said = [line for line in bed.entries if isinstance(line, AgentLine) and line.source == "engine"]
    assert len({line.item_id for line in said}) == len(said), "one line for each item"


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("harm", [Harm.KILLED, Harm.FROZEN])
def test_when_no_engine_works_the_caller_is_told(moment: str, harm: Harm) -> None:
    dead = {"realtime": harm, "local": Harm.KILLED}
    bed = suffers(harm, MOMENTS[moment], ("realtime", "local"), dead)
    if harm is Harm.KILLED:
        assert bed.ended
    bed.until(40.0)
    if bed.ended:
        apology = [e for e in bed.entries if isinstance(e, AgentLine) and e.item_id == "apology"]
        assert apology
    end = bed.hang_up()
    assert end.silence_ms <= MOST_SILENCE_MS
    assert end.wordless_ms <= MOST_WORDLESS_MS


def test_an_unharmed_call_keeps_its_session() -> None:
    bed = suffers(Harm.NONE, 1.0, ("realtime", "local"), {})
    end = bed.hang_up()
    assert not [line for line in bed.entries if isinstance(line, SeatLine)]
    assert end.wordless_ms < 2_000
    assert bed.ran == ["book"]


def test_every_moment_is_another_one() -> None:
    moments = list(MOMENTS.values())
    assert all(later > earlier for earlier, later in itertools.pairwise(moments))
