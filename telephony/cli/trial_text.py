"""The summary of a trial call, as a person reads it."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from telephony.cli.live import seconds
from telephony.cli.trial import Latency, Trial


def summary(done: Trial) -> str:
    """Booking, interruption, figures and files, a few lines each."""
    return "\n".join(_lines(done))


def _lines(done: Trial) -> Iterator[str]:
    length_ms = max((turn.end_ms for turn in done.turns), default=0)
    yield f"The call lasted {seconds(length_ms)}; ended: {done.ended_reason.replace('_', ' ')}."
    yield ""
    yield from _booking(done)
    yield from _interruptions(done)
    yield from _figures(done.latency)
    yield from _files(done.files)
    yield "Read it again"
    yield f"  frontdesk calls show {done.call_id}"


def _booking(done: Trial) -> Iterator[str]:
    booking = done.booking
    if booking is None:
        yield "No booking was made."
        return
    yield "Booking as stored"
    for name in ("id", "service", "local", "minutes", "name", "caller_number", "state"):
        yield f"  {name:<14} {booking[name]}"


def _interruptions(done: Trial) -> Iterator[str]:
    if done.truncations:
        yield "Interrupted"
    for cut in done.truncations:
        apart = abs(cut.audio_end_ms - cut.played_ms)
        yield (
            f"  the model was told {cut.audio_end_ms} ms, the phone had played"
            f" {cut.played_ms} ms: {apart} ms apart"
        )


def _figures(latency: Latency) -> Iterator[str]:
    yield f"{'Measured':<42}{'median':>8}{'longest':>10}"
    yield _row("webhook answered", [latency.webhook_ms])
    first = latency.first_audio_ms
    yield _row("agent heard after the stream began", [] if first is None else [first])
    yield _row("caller waits for an answer", latency.turn_ms)
    yield _row("  until the end of the turn is noticed", latency.endpointing_ms)
    yield _row("  until the engine answers", latency.answer_ms)
    yield _row("agent silent after the caller spoke up", latency.barge_in_ms)


def _row(name: str, values: list[int]) -> str:
    if not values:
        return f"  {name:<42}-"
    longest = f"{max(values):>7} ms" if len(values) > 1 else ""
    return f"  {name:<40}{round(median(values)):>5} ms{longest}"


def _files(files: dict[str, str]) -> Iterator[str]:
    """By folder: the paths are long, and nearly all begin alike."""
    folders: dict[Path, list[str]] = {}
    for path in map(Path, files.values()):
        folders.setdefault(path.parent, []).append(path.name)
    for folder, names in folders.items():
        yield f"Files in {folder}"
        yield f"  {'  '.join(names)}"
