"""How long did a caller wait for one answer, and for what? Log, metrics and pages ask here."""

from collections.abc import Iterator

import msgspec

from telephony.transcripts.entry import TurnLine


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """One turn's wait in ms; None where a step did not happen. No part is ever negative: an answer
    that was there before the turn's end was noticed was not waited for."""

    endpointing_ms: int | None
    """From the caller's last word until the engine noticed."""
    model_ms: int | None
    """From then until the engine gave the first audio of the answer."""
    queue_ms: int | None
    """From then until it was sent to the carrier: our own share."""
    carrier_ms: int | None
    """From then until it was known to be playing."""
    answer_ms: int | None
    """`model_ms` and `queue_ms` together; known where the engine's own time is not."""
    turn_ms: int | None
    """All of it."""


def latency(line: TurnLine) -> Latency:
    """What one line of the transcript says."""
    return Latency(
        endpointing_ms=_between(line.stopped_ms, line.noticed_ms),
        model_ms=_between(line.noticed_ms, line.model_ms),
        queue_ms=_between(line.model_ms, line.audio_ms),
        carrier_ms=_between(line.audio_ms, line.played_ms),
        answer_ms=_between(line.noticed_ms, line.audio_ms),
        turn_ms=_between(line.stopped_ms, line.played_ms),
    )


class Bar(msgspec.Struct, frozen=True):
    """One step of a wait as it is drawn."""

    part: str
    """`endpointing`, `model`, `queue`, `answer` (where the model's share is not known) or
    `carrier`."""
    from_ms: int
    """Since the caller's last word."""
    ms: int


def waterfall(of: Latency) -> tuple[Bar, ...]:
    """The steps that happened, one behind the other."""
    return tuple(_bars(of))


def _bars(of: Latency) -> Iterator[Bar]:
    answer = [("model", of.model_ms), ("queue", of.queue_ms)]
    if of.model_ms is None:
        answer = [("answer", of.answer_ms)]
    at_ms = 0
    for part, ms in (("endpointing", of.endpointing_ms), *answer, ("carrier", of.carrier_ms)):
        if ms is not None:
            yield Bar(part, at_ms, ms)
            at_ms += ms


def _between(since_ms: int, until_ms: int) -> int | None:
    return max(0, until_ms - since_ms) if min(since_ms, until_ms) >= 0 else None
