"""What is told of a run of the lab: the same rows for the terminal, for programs and for people."""

from typing import Any

import msgspec

from telephony.lab.measure import CallFigures, FalseStops, Figures, Goodbyes, Spread


class Setting(msgspec.Struct, frozen=True):
    """Under which circumstances it was measured."""

    target: str
    measured_at: str
    """ISO 8601."""
    machine: str
    repeat: int
    at_once: int
    jitter_ms: int
    scenarios: tuple[tuple[str, str], ...]
    """Name and what it is about."""
    leak_after_s: float


class Result(msgspec.Struct, frozen=True):
    """One run."""

    setting: Setting
    figures: Figures
    calls: tuple[CallFigures, ...]


class Row(msgspec.Struct, frozen=True):
    """One figure in words."""

    name: str
    value: str
    n: str
    meaning: str


def as_json(result: Result) -> dict[str, Any]:
    """One object: the figures at the top, then the circumstances and every cut."""
    setting, figures = result.setting, result.figures
    scenarios = [
        {"name": name, "about": about, "calls": sum(call.scenario == name for call in result.calls)}
        for name, about in setting.scenarios
    ]
    told: dict[str, Any] = {
        "target": setting.target,
        **msgspec.to_builtins(figures),
        "measured_at": setting.measured_at,
        "machine": setting.machine,
        "repeat": setting.repeat,
        "at_once": setting.at_once,
        "jitter_ms": setting.jitter_ms,
        "leak_after_s": setting.leak_after_s,
        "scenarios": scenarios,
    }
    cuts = [cut for call in result.calls for cut in call.cuts]
    return {
        **told,
        "cuts": [msgspec.to_builtins(cut) | {"error_ms": _rounded(cut.error_ms)} for cut in cuts],
    }


def table(result: Result) -> str:
    """For a terminal: target, figures, and how they were come by."""
    found = [("", "p50 / p99 / max, or count", "n")]
    found += [(row.name, row.value, row.n) for row in rows(result)]
    widths = [max(len(line[column]) for line in found) for column in range(3)]
    lines = [
        f"{name:<{widths[0]}}  {value:<{widths[1]}}  {n:>{widths[2]}}".rstrip()
        for name, value, n in found
    ]
    setting = result.setting
    names = ", ".join(name for name, _ in setting.scenarios)
    head = f"Target: {setting.target}\nScenarios: {names}; {len(result.calls)} calls\n"
    return "\n".join([head, *lines])


def rows(result: Result) -> list[Row]:
    """All figures, each with what it means."""
    figures, setting = result.figures, result.setting
    return [*_truncations(figures), *_reactions(figures), *_endings(figures, setting)]


def _truncations(figures: Figures) -> list[Row]:
    cuts = figures.belief_error_ms.n
    return [
        _spread(
            "Truncation error",
            figures.truncation_error_ms,
            "How far the model was told wrong about what the caller heard: `audio_end_ms`, or 0 "
            "for a deleted item, against what the carrier's own clock had played of that item. "
            "Without regard to the sign. A frame of the telephone is 20 ms.",
        ),
        Row(
            "Truncation bias",
            "-" if figures.truncation_bias_ms is None else f"{figures.truncation_bias_ms:+.1f} ms",
            str(figures.truncation_error_ms.n),
            "Mean of the same with its sign. Above 0 the model believes that the caller heard "
            "more than was played, and will not say it again.",
        ),
        _spread(
            "Belief error",
            figures.belief_error_ms,
            "What the model goes by in the end, against what was played. Where it was told "
            "nothing, or refused what it was told, it goes by everything it had sent.",
        ),
        Row(
            "Truncations rejected",
            str(figures.truncations_rejected),
            str(cuts),
            "Refused by the model's rules, mostly for lying beyond the end of the item's audio. "
            "The model then believes that all was heard.",
        ),
        Row(
            "Truncations missing",
            str(figures.truncations_missing),
            str(cuts),
            "Items that were cut off for the caller, and the model was never told.",
        ),
    ]


def _reactions(figures: Figures) -> list[Row]:
    return [
        _spread(
            "Stop time",
            figures.stop_ms,
            "From the caller's first sound, at the telephone, until the telephone is silent. "
            "60 ms of it are the model's own: it calls nothing speech that is shorter.",
        ),
        Row(
            "Never stopped",
            str(figures.never_stopped),
            str(figures.interruptions),
            "Interruptions after which the whole reply was played all the same.",
        ),
        _spread(
            "Speech started to clear",
            figures.clear_ms,
            "From the model's `speech_started` until the target's `clear` is at the carrier, "
            "network and all.",
        ),
        Row(
            "Late audio after clear",
            f"{figures.late_audio_ms:g} ms",
            f"{figures.clears} clears",
            "Speech of the interrupted reply that was played after its `clear`, all in all.",
        ),
        _spread(
            "Dead air",
            figures.dead_air_ms,
            "From the end of what the caller said to the agent's next sound. The model waits for "
            "the silence the target asked for (500 ms unless it says otherwise) and thinks for "
            "250 ms.",
        ),
        Row(
            "Unanswered",
            str(figures.unanswered),
            str(figures.dead_air_ms.n + figures.unanswered),
            "What the caller said, and nothing was heard for more than 3 s.",
        ),
        *(
            _false_stops(f"False stops: {name}", figures.false_stops[name], meaning)
            for name, meaning in _FALSE_STOPS
        ),
    ]


_FALSE_STOPS = (
    ("noise", "Replies not heard to their end because a lorry passed (1.5 s of noise)."),
    ("cough", "Replies not heard to their end because the caller coughed."),
    ("backchannel", "Replies not heard to their end because the caller said uh-huh."),
    (
        "echo",
        "Replies not heard to their end because the agent's own voice came back to it, 180 ms "
        "later and 12 dB weaker. A reply that halts and then goes on is heard to its end.",
    ),
)


def _endings(figures: Figures, setting: Setting) -> list[Row]:
    calls = len(setting.scenarios) * setting.repeat
    return [
        _goodbye(figures.goodbye_cut_off),
        Row(
            "Leaked model sessions",
            str(figures.leaked_sessions),
            f"{calls} calls",
            f"Sessions with the model still open {setting.leak_after_s:g} s after their call. "
            "They go on costing money.",
        ),
    ]


def _goodbye(goodbyes: Goodbyes) -> Row:
    meaning = (
        "Calls the target ended, by hanging up or by closing the socket, before its last words "
        "had been played. Not measured where it offers the model no tool that ends calls."
    )
    value = f"{goodbyes.cut}" + (f" (up to {goodbyes.lost_ms:g} ms lost)" if goodbyes.cut else "")
    if goodbyes.not_hung_up:
        value += f", {goodbyes.not_hung_up} never hung up"
    return Row("Goodbye cut off", value if goodbyes.n else "not measured", str(goodbyes.n), meaning)


def _spread(name: str, spread: Spread, meaning: str) -> Row:
    value = f"{spread.p50:g} / {spread.p99:g} / {spread.max:g} ms" if spread.n else "-"
    return Row(name, value, str(spread.n), meaning)


def _false_stops(name: str, found: FalseStops, meaning: str) -> Row:
    return Row(name, str(found.stopped) if found.n else "not measured", str(found.n), meaning)


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 1)
