"""The summary of a trial call, as a person reads it."""

from collections.abc import Iterator

from telephony.cli.trial import Trial


def summary(done: Trial) -> str:
    """Booking, files and figures, a line each."""
    return "\n".join(_lines(done))


def _lines(done: Trial) -> Iterator[str]:
    yield ""
    yield f"Call {done.call_id} ended: {done.ended_reason.replace('_', ' ')}."
    yield from _booking(done)
    yield from _interruptions(done)
    yield from _figures(done)
    yield "Files:"
    for name, path in done.files.items():
        yield f"  {name:<12} {path}"
    yield f"Read it again with: frontdesk calls show {done.call_id}"


def _booking(done: Trial) -> Iterator[str]:
    booking = done.booking
    if booking is None:
        yield "No booking was made."
        return
    yield "Booking as stored:"
    for name in ("id", "service", "local", "minutes", "name", "caller_number", "state"):
        yield f"  {name:<13} {booking[name]}"


def _interruptions(done: Trial) -> Iterator[str]:
    for cut in done.truncations:
        apart = abs(cut.audio_end_ms - cut.played_ms)
        yield (
            f"Interrupted: the model was told {cut.audio_end_ms} ms, the phone counted"
            f" {cut.played_ms} ms played ({apart} ms apart)."
        )


def _figures(done: Trial) -> Iterator[str]:
    latency = done.latency
    yield "Measured:"
    yield f"  webhook answered in       {latency.webhook_ms} ms"
    yield f"  agent heard after         {_ms(latency.first_audio_ms)}"
    yield f"  caller waits, median      {_ms(latency.turn_median_ms)}"
    yield f"  of it endpointing, each   {_each(latency.endpointing_ms)}"
    yield f"  of it the engine, each    {_each(latency.answer_ms)}"
    yield f"  silent after speaking up  {_each(latency.barge_in_ms)}"


def _ms(value: int | None) -> str:
    return "-" if value is None else f"{value} ms"


def _each(values: list[int]) -> str:
    return ", ".join(str(value) for value in values) + " ms" if values else "-"
