"""Many calls over bad lines, and what must hold of each: `make oracle` runs more of them."""

import math
import sys
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

import msgspec

from agents.engine import AudioFormat
from telephony.call.config import BargeIn
from telephony.call.ending import Phase
from telephony.call.speech import TAIL_SAMPLES
from telephony.transcripts.entry import AgentLine, Fate, TruncationLine, WordFate
from tests.telephony.caller_sounds import Kind, Sound
from tests.telephony.distance import Distance, Network, Verdict
from tests.telephony.distant_model import Manner, Reply

REPLIES = 12
"""In each call."""
MEAN_JITTER_S = 0.025
"""What each message is delayed on average, each way, beyond the shortest way."""
P99_MS, WORST_MS = 40, 90
"""How far a cut may be from the truth with so much jitter. The worst are cuts within a tenth of a
second of going on after a sound: what had been played by then lies between two messages of ours
and one echo, each of which the network put off by up to twice the mean."""


MANNERS = (
    Manner(BargeIn.CONFIRMED, answers_on_request=True, cancels_on_speech=False),
    Manner(BargeIn.CONFIRMED, answers_on_request=True, cancels_on_speech=False, early_s=None),
    Manner(BargeIn.CONFIRMED),
    Manner(BargeIn.IMMEDIATE),
    Manner(BargeIn.IMMEDIATE, cancels_on_speech=False),
    Manner(BargeIn.IMMEDIATE, answers_on_request=True, cancels_on_speech=False),
)
"""The first is what runs unless something else is asked for."""
LONGEST_S = (90.0, 90.0, 90.0, 3.0)


def some_manner(chance: Random) -> Manner:
    manner = MANNERS[0] if chance.random() < 0.5 else chance.choice(MANNERS)
    return msgspec.structs.replace(manner, reply_s=chance.choice(LONGEST_S))


def some_sound(chance: Random) -> Sound:
    """Speech, a murmur of assent, a cough, noise, a hum or our own echo; what the engine makes of
    it, and a transcript that comes early, late, never or empty."""
    kind, lasts_s, heard, words = chance.choice(_SOUNDS)
    noticed = chance.random() < heard
    return Sound(
        kind,
        chance.uniform(*lasts_s),
        noticed_after_s=chance.uniform(0.0, 0.3) if noticed else None,
        over_after_s=chance.uniform(0.02, 0.7),
        words=chance.choice(words),
        words_after_s=chance.uniform(-0.3, 1.2),
        failed=chance.random() < 0.1,
    )


_MEANT = ("No, wait.", "Wednesday", "Stop", None)
_MURMURED = ("Uh-huh.", "okay", "Mhm", "", None)
_UNSAID = ("", "", None)
_SOUNDS = (
    (Kind.SPEECH, (0.25, 1.5), 1.0, _MEANT),
    (Kind.SPEECH, (0.25, 1.5), 1.0, _MEANT),
    (Kind.MURMUR, (0.2, 0.6), 0.9, _MURMURED),
    (Kind.SPEECH, (0.2, 0.5), 0.9, _MURMURED),
    (Kind.SPEECH, (0.04, 0.18), 0.7, _UNSAID),
    (Kind.NOISE, (0.3, 2.0), 0.4, _UNSAID),
    (Kind.HUM, (0.5, 4.0), 0.5, _UNSAID),
    (Kind.ECHO, (0.3, 1.0), 0.9, (*_UNSAID, "Hello")),
)
"""What it sounds like, how long it lasts, how often an engine takes it for speech, its words."""


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
        sound=some_sound(chance),
        again=some_sound(chance),
        late_s=chance.uniform(0, 2.0) if chance.random() < 0.2 else None,
    )


def some_network(
    chance: Random, jitter: str, lost: float = 0.0, *, frames: bool = True, returns: bool = True
) -> Network:
    """20 to 80 ms each way, and 25 ms of jitter on average on top."""
    there_s, back_s = chance.uniform(0.02, 0.08), chance.uniform(0.02, 0.08)
    return Network(there_s, back_s, jitter, MEAN_JITTER_S, lost, frames, returns)


def some_call(
    network: Network, chance: Random, output: AudioFormat, manner: Manner | None = None
) -> Distance:
    """A conversation the caller ends in the middle of a word."""
    call = Distance(network, chance, output, manner=manner or some_manner(chance))
    for _ in range(REPLIES):
        call.gives(some_reply(chance))
        assert call.call.phase is Phase.LIVE
    spoken_s = chance.uniform(0.3, 3.9)
    last = Reply((4_000,))
    if chance.random() < 0.3:
        begun_s = max(0.0, spoken_s - chance.expovariate(5))
        last = Reply((4_000,), interrupt_after_s=begun_s, sound=some_sound(chance))
    call.hang_up_in_mid_reply(last, spoken_s)
    return call


class Findings(NamedTuple):
    """Of many calls, in ms."""

    cuts: list[float]
    """How far off were the figures for items an interruption or the hang-up cut in two, or nearly:
    above 0 where more was told than was heard."""
    seams: list[float]
    """What was left out (above 0) or said twice (below) where we went on after a sound."""
    resumed: int
    """How often we went on."""


def campaign(
    jitter: str,
    calls: Iterable[int],
    lost: float = 0.0,
    *,
    frames: bool = True,
    returns: bool = True,
) -> Findings:
    """Judge so many calls, and gather what is off in them."""
    verdicts: list[Verdict] = []
    seams: list[float] = []
    resumed = 0
    for seed in calls:
        chance = Random(seed)
        network = some_network(chance, jitter, lost, frames=frames, returns=returns)
        output = AudioFormat.ULAW_8K if seed % 2 else AudioFormat.PCM16_24K
        call = some_call(network, chance, output)
        judge(call)
        verdicts += call.told() + call.written()[-1:]
        seams += seams_ms(call)
        resumed += call.resumed()
    cuts = [verdict.error_ms for verdict in verdicts if verdict.told_ms or verdict.played_ms]
    return Findings(cuts, seams, resumed)


def judge(call: Distance, bound_ms: float | None = None) -> None:
    """What must hold of each single claim, whatever the network does; and on a steady line that
    no figure and no seam is further off than `bound_ms`."""
    for verdict in call.told() + call.written():
        assert 0 <= verdict.told_ms <= min(verdict.sent_ms, verdict.received_ms), verdict
        if bound_ms is not None:
            assert abs(verdict.error_ms) <= bound_ms, verdict
    assert call.rejected == 0
    assert bound_ms is None or all(abs(seam) <= bound_ms for seam in seams_ms(call))
    _judge_bounds(call)
    _judge_agreement(call)
    _judge_fates(call)
    _judge_words(call)
    for line in call.lines():
        assert line.text.startswith(line.heard)
        if line.fate is Fate.HEARD:
            assert line.heard == line.text
        heard = [word.text for word in line.words if word.fate is WordFate.HEARD]
        assert heard == line.heard.split()
        assert [word.text for word in line.words] == line.text.split()


def _judge_bounds(call: Distance) -> None:
    """The truth lies within what is stated, and so does the figure itself."""
    entries: list[AgentLine | TruncationLine] = [*call.lines(), *call.cuts()]
    for line in entries:
        once_ms, reached_ms = call.truth_ms(line.item_id)
        assert line.heard_at_least_ms <= once_ms, (line, once_ms)
        # What is stated is whole milliseconds.
        assert math.floor(reached_ms) <= line.heard_at_most_ms, (line, reached_ms)
        assert line.heard_at_least_ms <= line.heard_ms <= line.heard_at_most_ms, line


def _judge_agreement(call: Distance) -> None:
    """The model, the transcript's two lines and the recording hold the same figure."""
    lines = {line.item_id: line for line in call.lines()}
    told = {verdict.item_id: verdict.told_ms for verdict in call.told()}
    for cut in call.cuts():
        assert told[cut.item_id] == cut.audio_end_ms == cut.heard_ms, cut
        if cut.item_id in lines:
            assert lines[cut.item_id].heard_ms == cut.heard_ms, cut
    put_off = 3 * sum(line.heard_ms > 0 for line in lines.values())
    said_ms = sum(line.heard_ms for line in lines.values())
    # Figures are rounded down line by line, and each item begins with the filter's 3 ms at most.
    assert -1 <= call.recorded() / 8 - said_ms <= put_off + 4 * len(lines) + 1


def _judge_fates(call: Distance) -> None:
    """Each item has one line, and the model is told of all that was not heard whole.

    While the line is up, that is: of what the hang-up cut no model wants to know.
    """
    lines = call.lines()
    assert sorted(line.item_id for line in lines) == sorted(call.received)
    told = {verdict.item_id for verdict in call.told()}
    for line in call.lines_of_the_living():
        assert (line.fate is Fate.HEARD) != (line.item_id in told), line
        if line.fate is Fate.HEARD:
            left_ms = call.received[line.item_id] / 8 - call.truth_ms(line.item_id)[1]
            assert left_ms <= TAIL_SAMPLES / 8 + WORST_MS, line


def _judge_words(call: Distance) -> None:
    """Words of a piece that was heard are heard, and none of a piece nothing was heard of.

    Of a reply that was broken off nobody knows how long its last words would have taken.
    """
    for line in call.lines():
        if line.fate is Fate.HEARD:
            continue
        for begin, end, text in call.model.words.get(line.item_id, ()):
            in_heard = [word in line.heard.split() for word in text.split()]
            last = end >= call.come(line.item_id)
            assert all(in_heard) or last or end > line.heard_ms * 8, (text, line)
            assert not any(in_heard) or begin <= line.heard_ms * 8 + 8, (text, line)


def seams_ms(call: Distance) -> list[float]:
    """What was left out (above 0) or said twice (below) where we went on after a sound."""
    played = call.played()
    return [seam / 8 for item_id in played for seam in played[item_id].seams]


def percentile(errors_ms: list[float], share: float) -> float:
    errors = sorted(map(abs, errors_ms))
    return errors[min(len(errors) - 1, int(len(errors) * share))]


def main(calls: int) -> None:
    """Print how far cuts are off, and fail where that is more than it may be."""
    for jitter in ("none", "uniform", "exponential"):
        found = campaign(jitter, range(10_000, 10_000 + calls))
        cuts, seams = f"{len(found.cuts)} cuts", f"{len(found.seams)} seams of {found.resumed}"
        for what, off_ms in ((cuts, found.cuts), (seams, found.seams or [0.0])):
            shares = (0.5, 0.95, 0.99, 0.999, 1.0)
            figures = " ".join(f"p{100 * at:g} {percentile(off_ms, at):.0f} ms" for at in shares)
            sys.stdout.write(f"{jitter}: {what}, off by {figures}\n")
            sys.stdout.flush()
            assert percentile(off_ms, 0.99) <= P99_MS
            assert percentile(off_ms, 1.0) <= WORST_MS


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
