"""What do the facts of the calls amount to? From what was seen at both ends to figures.

Nothing here knows a target's marks, names or policies: what was heard is found by its sound.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from telephony.lab.matching import Piece, pieces, sounds
from telephony.lab.records import CallSeen, PhoneSeen, SentItem, Spoke, Told
from telephony.lab.scenarios import Kind, Sound
from telephony.media import ulaw

UNHEARD_MS = 150
"""So little missing of an item is no reason to tell the model; nor is it a cut goodbye."""
SILENT = 1_200
"""Samples of silence (150 ms) after which a telephone has fallen silent."""
AT_THE_END = 1_600
"""What is still playing so shortly (200 ms) before the end of the call was not cut by anybody."""
UNANSWERED = 3 * 8_000
"""Samples of silence after which nobody expects an answer any more."""
_TICK_S = 0.002
"""Event loops know the time to a millisecond or so: what follows may seem to come before."""
FALSE_STOPS = ("noise", "cough", "backchannel", "echo")
_SPEAKS = (Sound.INTERRUPTION, Sound.QUESTION, Sound.HELLO)


class Spread(msgspec.Struct, frozen=True):
    """Figures in ms; without any, n is 0 and the rest is null."""

    p50: float | None
    p99: float | None
    max: float | None
    n: int


class FalseStops(msgspec.Struct, frozen=True):
    """How many undisturbed replies were not heard to their end."""

    stopped: int
    n: int


class Goodbyes(msgspec.Struct, frozen=True):
    cut: int
    """Calls the target ended before the goodbye had been played."""
    not_hung_up: int
    """Calls it did not end at all."""
    n: int
    lost_ms: float
    """The longest piece of a goodbye that was not played."""


class Cut(msgspec.Struct, frozen=True):
    """One item that was interrupted, or of which the model was told so."""

    scenario: str
    item_id: str
    sent_ms: float
    played_ms: float
    told_ms: int | None
    """None: the model was never told."""
    accepted: bool

    @property
    def error_ms(self) -> float | None:
        """More than nothing: the model believes that unheard speech was heard."""
        return None if self.told_ms is None else self.told_ms - self.played_ms

    @property
    def believed_ms(self) -> float:
        """How much of the item the model believes was heard."""
        if self.told_ms is None or not self.accepted:
            return self.sent_ms
        return self.told_ms


class CallFigures(msgspec.Struct, frozen=True):
    """One call."""

    scenario: str
    cuts: tuple[Cut, ...] = ()
    rejected: int = 0
    stop_ms: tuple[float, ...] = ()
    never_stopped: int = 0
    clear_ms: tuple[float, ...] = ()
    clears: int = 0
    late_audio_ms: float = 0.0
    dead_air_ms: tuple[float, ...] = ()
    unanswered: int = 0
    false_stops: FalseStops | None = None
    goodbye: Goodbyes | None = None


class Figures(msgspec.Struct, frozen=True):
    """All calls."""

    truncation_error_ms: Spread
    """Without regard to the sign."""
    truncation_bias_ms: float | None
    """Mean, with the sign: above 0 the model believes too much was heard."""
    belief_error_ms: Spread
    """The same, where the model was told nothing or refused it, for all that it had sent."""
    truncations_rejected: int
    truncations_missing: int
    interruptions: int
    stop_ms: Spread
    never_stopped: int
    clear_ms: Spread
    false_stops: dict[str, FalseStops]
    goodbye_cut_off: Goodbyes
    late_audio_ms: float
    clears: int
    leaked_sessions: int
    dead_air_ms: Spread
    unanswered: int


def figures(calls: Sequence[CallFigures], leaked_sessions: int) -> Figures:
    """Put the calls together."""
    cuts = [cut for call in calls for cut in call.cuts]
    errors = [cut.error_ms for cut in cuts if cut.error_ms is not None]
    stops = [ms for call in calls for ms in call.stop_ms]
    return Figures(
        truncation_error_ms=spread([abs(error) for error in errors]),
        truncation_bias_ms=round(sum(errors) / len(errors), 1) if errors else None,
        belief_error_ms=spread([abs(cut.believed_ms - cut.played_ms) for cut in cuts]),
        truncations_rejected=sum(call.rejected for call in calls),
        truncations_missing=sum(cut.told_ms is None for cut in cuts),
        interruptions=len(stops),
        stop_ms=spread(stops),
        never_stopped=sum(call.never_stopped for call in calls),
        clear_ms=spread([ms for call in calls for ms in call.clear_ms]),
        false_stops={name: _false_stops(name, calls) for name in FALSE_STOPS},
        goodbye_cut_off=_goodbyes([call.goodbye for call in calls if call.goodbye]),
        late_audio_ms=round(sum(call.late_audio_ms for call in calls), 1),
        clears=sum(call.clears for call in calls),
        leaked_sessions=leaked_sessions,
        dead_air_ms=spread([ms for call in calls for ms in call.dead_air_ms]),
        unanswered=sum(call.unanswered for call in calls),
    )


def spread(values: Sequence[float]) -> Spread:
    """Nearest-rank percentiles."""
    if not values:
        return Spread(None, None, None, 0)
    ordered = sorted(values)
    p50, p99 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.50, 0.99))
    return Spread(round(p50, 1), round(p99, 1), round(ordered[-1], 1), len(ordered))


def _false_stops(name: str, calls: Sequence[CallFigures]) -> FalseStops:
    of_name = [call.false_stops for call in calls if call.scenario == name and call.false_stops]
    return FalseStops(sum(one.stopped for one in of_name), sum(one.n for one in of_name))


def _goodbyes(several: Sequence[Goodbyes]) -> Goodbyes:
    return Goodbyes(
        sum(one.cut for one in several),
        sum(one.not_hung_up for one in several),
        sum(one.n for one in several),
        max((one.lost_ms for one in several), default=0.0),
    )


# ---- one call ---------------------------------------------------------------------------------


def judge(call: CallSeen) -> CallFigures:
    """The figures of one call; what its scenario does not try is left empty."""
    return _Judge(call).figures()


class _Judge:
    def __init__(self, call: CallSeen) -> None:
        self._call = call
        self._phone: PhoneSeen = call.phone
        self._session = call.session
        self._items = [item for item in call.session.items if item.sent_samples]
        self._heard = ulaw.decode(call.phone.heard_ulaw)
        self._pieces = pieces(self._heard, [item.speech for item in self._items])
        self._talk = sounds(self._heard, SILENT)

    def figures(self) -> CallFigures:
        told = self._session.told
        name = self._call.scenario.name
        rejected = sum(not one.accepted and not one.deletion for one in told)
        match self._call.scenario.kind:
            case Kind.INTERRUPTION:
                return self._interrupted(name, rejected)
            case Kind.FALSE_STOP:
                # What the model is told must be true here as well, but nothing must be told.
                cuts = tuple(cut for cut in self._cuts(set()) if cut.told_ms is not None)
                return CallFigures(
                    scenario=name, cuts=cuts, rejected=rejected, false_stops=self._false_stops()
                )
            case _:
                assert self._call.scenario.kind is Kind.GOODBYE, self._call.scenario
                return CallFigures(scenario=name, rejected=rejected, goodbye=self._goodbye())

    # ---- interruptions ------------------------------------------------------------------------

    def _interrupted(self, name: str, rejected: int) -> CallFigures:
        spoken = [spoke for spoke in self._phone.spoke if spoke.sound is Sound.INTERRUPTION]
        stops = [(spoke, stop) for spoke in spoken if (stop := self._stop_ms(spoke)) is not None]
        never = sum(self._heard_out(spoke.reply) for spoke, _ in stops)
        reactions = [ms for spoke in spoken if (ms := self._clear_ms(spoke)) is not None]
        answers = self._answers_ms()
        return CallFigures(
            scenario=name,
            cuts=self._cuts({spoke.reply for spoke in spoken}),
            rejected=rejected,
            stop_ms=tuple(stop for _, stop in stops),
            never_stopped=never,
            clear_ms=tuple(reactions),
            clears=len(self._phone.clears),
            late_audio_ms=self._late_audio_ms(spoken),
            dead_air_ms=tuple(ms for ms in answers if ms is not None),
            unanswered=sum(ms is None for ms in answers),
        )

    def _stop_ms(self, spoke: Spoke) -> float | None:
        """From the caller's first sound until the phone is silent; None: it was already."""
        ends = [end for begin, end in self._talk if begin <= spoke.onset < end]
        return (ends[0] - spoke.onset) / 8 if ends else None

    def _heard_out(self, reply: int) -> bool:
        """Nothing of the reply is missing: the interruption did not stop it."""
        items = [item for item in self._items if item.reply == reply]
        return bool(items) and all(
            item.whole_ms - self._played_ms(item) <= UNHEARD_MS for item in items
        )

    def _clear_ms(self, spoke: Spoke) -> float | None:
        """From the model's report of this speech to the next clear at the carrier."""
        began_s = self._phone.began_s
        reports = [s for s in self._session.speech_started_s if s >= began_s + spoke.onset / 8_000]
        if not reports:
            return None
        until = spoke.end + 8_000
        times = [began_s + at / 8_000 for at in self._phone.clears if spoke.onset <= at < until]
        after = [at_s - reports[0] for at_s in times if at_s >= reports[0] - _TICK_S]
        return max(0.0, after[0] * 1000) if after else None

    def _cuts(self, interrupted: set[int]) -> tuple[Cut, ...]:
        cuts = []
        for item in self._items:
            # Beyond the scenario the model repeats itself: what is heard could be of any of those.
            if self._still_playing(item) or not item.wanted:
                continue
            played_ms = self._played_ms(item)
            told = self._told(item)
            missing = item.reply in interrupted and item.sent_ms - played_ms > UNHEARD_MS
            if told is not None or missing:
                cuts.append(
                    Cut(
                        self._call.scenario.name,
                        item.item_id,
                        item.sent_ms,
                        round(played_ms, 1),
                        told.audio_end_ms if told else None,
                        told.accepted if told else False,
                    )
                )
        return tuple(cuts)

    def _told(self, item: SentItem) -> Told | None:
        """What the model goes by: the last thing it took, or else the last that was tried."""
        of_item = [told for told in self._session.told if told.item_id == item.item_id]
        taken = [told for told in of_item if told.accepted]
        best = taken or of_item
        return best[-1] if best else None

    def _of(self, item: SentItem) -> list[Piece]:
        return [piece for piece in self._pieces if self._items[piece.item] is item]

    def _played_ms(self, item: SentItem) -> float:
        return max((piece.reached for piece in self._of(item)), default=0) / 8

    def _still_playing(self, item: SentItem) -> bool:
        """The call ended over it."""
        ends = [piece.end for piece in self._of(item)]
        return bool(ends) and ends[-1] > len(self._heard) - AT_THE_END

    def _late_audio_ms(self, spoken: Sequence[Spoke]) -> float:
        """Of interrupted replies, what was played after their clear."""
        cleared: dict[int, int] = {}
        for spoke in spoken:
            after = [at for at in self._phone.clears if at >= spoke.onset]
            if after:
                cleared.setdefault(spoke.reply, after[0])
        late = sum(
            max(0, piece.end - max(piece.at, cleared[reply]))
            for piece in self._pieces
            if (reply := self._items[piece.item].reply) in cleared
        )
        return late / 8

    def _answers_ms(self) -> list[float | None]:
        """For all the caller said: from its last sound to the next of the agent; None: nothing.

        Where the caller went on, or the agent did not stop, nothing can be said.
        """
        said = [spoke for spoke in self._phone.spoke if spoke.sound in _SPEAKS]
        ends = [spoke.onset for spoke in said[1:]] + [len(self._heard)] * bool(said)
        answers: list[float | None] = []
        for spoke, until in zip(said, ends, strict=True):
            if any(begin < spoke.end < end for begin, end in self._talk):
                continue
            begins = [begin for begin, _ in self._talk if spoke.end <= begin < until]
            if begins:
                answers.append((begins[0] - spoke.end) / 8)
            elif until - spoke.end > UNANSWERED:
                answers.append(None)
        return answers

    # ---- false stops --------------------------------------------------------------------------

    def _false_stops(self) -> FalseStops:
        """Of the scenario's replies, those that were disturbed, or all where there is an echo."""
        scenario = self._call.scenario
        disturbed = {
            spoke.reply for spoke in self._phone.spoke if spoke.sound.value == scenario.false_stop
        }
        tried = [
            item
            for item in self._items
            if item.wanted
            and (scenario.echo or item.reply in disturbed)
            and not self._still_playing(item)
        ]
        stopped = sum(item.whole_ms - self._covered_ms(item) > UNHEARD_MS for item in tried)
        return FalseStops(stopped, len(tried))

    def _covered_ms(self, item: SentItem) -> float:
        """How much of it was heard at any time: what is repeated after a halt counts once."""
        heard = np.zeros(len(item.speech), dtype=bool)
        for piece in self._of(item):
            heard[piece.position : piece.reached] = True
        return float(np.count_nonzero(heard)) / 8

    # ---- goodbye ------------------------------------------------------------------------------

    def _goodbye(self) -> Goodbyes | None:
        """None: the target offered no tool that ends calls, or the model never got there."""
        if not self._session.goodbye_asked:
            return None
        if not self._phone.ended_by_target:
            return Goodbyes(0, 1, 1, 0.0)
        lost = [item.sent_ms - self._covered_ms(item) for item in self._items[-2:]]
        lost_ms = round(max(lost, default=0.0), 1)
        return Goodbyes(int(lost_ms > UNHEARD_MS), 0, 1, max(0.0, lost_ms))
