"""How often is audio taken for another format than it is, and how soon is one found out?

python -m tests.bench.soundguard
"""

from agents.engine import AudioFormat
from agents.realtime.soundguard import WINDOW_BYTES, Verdict, judge
from tests.sounds import noise_and_music, voices, wire

SECONDS = 20.0
RIGHT = {AudioFormat.PCM16_24K: "pcm", AudioFormat.ULAW_8K: "ulaw"}
WRONG = {AudioFormat.PCM16_24K: ("ulaw", "swapped"), AudioFormat.ULAW_8K: ("pcm", "swapped")}
SHIFTS = (0, 2, 778)
"""Where windows begin, in bytes."""


def verdicts(audio: bytes, audio_format: AudioFormat, shift: int = 0) -> list[Verdict]:
    ends = range(shift + WINDOW_BYTES, len(audio) + 1, WINDOW_BYTES)
    return [judge(audio[end - WINDOW_BYTES : end], audio_format) for end in ends]


def before_the_first(found: list[Verdict]) -> int:
    """Windows with sound in them that pass before a wrong one is found."""
    first = found.index(Verdict.WRONG) if Verdict.WRONG in found else len(found)
    return found[:first].count(Verdict.RIGHT)


def main() -> None:
    spoken = list(voices())
    everything = [*spoken, *noise_and_music(SECONDS)]
    for audio_format, name in RIGHT.items():
        found = [
            verdict
            for _, samples in everything
            for shift in SHIFTS
            for verdict in verdicts(wire(samples, name), audio_format, shift)
        ]
        print(f"rightly {name}: {len(found)} windows, {found.count(Verdict.WRONG)} called wrong")
        for other in WRONG[audio_format]:
            runs = [verdicts(wire(samples, other), audio_format) for _, samples in spoken]
            audible = [each for run in runs for each in run if each is not Verdict.QUIET]
            share = audible.count(Verdict.WRONG) / len(audible)
            latest = max(map(before_the_first, runs))
            print(
                f"{other} as {name}: {share:.0%} of {len(audible)} windows found,"
                f" the first after {latest} at most"
            )


if __name__ == "__main__":
    main()
