"""How much of what callers say does the embedded engine make out? python -m tests.bench.accuracy

A labelled set of our own, in several synthetic voices, clean and in noise, through a telephone's
mu-law. For each: words wrong when it listens openly (of all words said, as in word error rate), and
answers right when it listens as the dialogue does at that point and reads the value it asked for.
People are harder: no voice here hesitates, and none has an accent.
"""

import argparse
import itertools
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from agents.local.answers import Move, move
from agents.local.dialogue import Dialogue
from agents.local.expectation import Expectation, plain
from agents.local.models import Models
from agents.local.recogniser import Recogniser
from agents.local.states import Confirming, Filling, Said
from telephony.simulator.pico import RATE, Manner, speak
from tests.agents.talk import SALON, SALON_ANSWERS, Talk, spec
from tests.callers import Pcm, recognisable, silence, telephoned
from tools.spec import Risk


class Line(msgspec.Struct, frozen=True):
    """Something said, after `before` was, and what is to be made of it."""

    group: str
    before: tuple[str, ...]
    said: str
    meant: object


BOOK = ("I'd like to book an appointment",)
CUT = ("I'd like to book a haircut",)
DAY = (*CUT, "on Tuesday")
HOUR = (*DAY, "at three thirty")
ALL = (*HOUR, "my name is Jane Doe")
RING = ("please call me back",)
PHONE = {"type": "string", "format": "phone", "x-ask": "What number can we reach you on?"}
TOOLS = (
    *SALON,
    spec(
        "request_callback",
        {"phone": PHONE},
        risk=Risk.WRITE_OWN,
        confirm=("phone",),
        phrases=("please call me back", "can somebody ring me"),
    ),
)


def _lines(group: str, before: tuple[str, ...], said: dict[str, object]) -> Iterator[Line]:
    return (Line(group, before, text, meant) for text, meant in said.items())


LINES = (
    *_lines(
        "request",
        (),
        {
            "I'd like to book an appointment, please.": "book_appointment",
            "Can I make an appointment?": "book_appointment",
            "What services do you have?": "list_services",
            "Please call me back.": "request_callback",
        },
    ),
    Line("request", ("what services do you have",), "Hello, I need a haircut.", "book_appointment"),
    *_lines(
        "choice",
        BOOK,
        {
            "A haircut, please.": "haircut",
            "Beard trim.": "beard trim",
            "I'd like the colour.": "colour",
            "The second one.": "colour",
        },
    ),
    *_lines(
        "day",
        CUT,
        {
            "Tomorrow.": "2026-11-21",
            "On Tuesday.": "2026-11-24",
            "Next Wednesday, please.": "2026-11-25",
            "The twenty-fifth of November.": "2026-11-25",
            "December the third.": "2026-12-03",
            "How about Monday?": "2026-11-23",
        },
    ),
    *_lines(
        "time",
        DAY,
        {
            "Ten thirty.": "10:30",
            "At half past three.": "15:30",
            "Ten o'clock, please.": "10:00",
            "Three thirty p m.": "15:30",
            "I'd like ten in the morning.": "10:00",
        },
    ),
    *_lines(
        "name",
        HOUR,
        {
            "My name is Peter Baker.": "Peter Baker",
            "Jane Smith.": "Jane Smith",
            "It's Mary Johnson.": "Mary Johnson",
            "David Miller, please.": "David Miller",
            "Susan Clark.": "Susan Clark",
        },
    ),
    *_lines(
        "spelled",
        (*ALL, "no, the name"),
        {
            "B, A, K, E, R.": "Baker",
            "S, M, I, T, H.": "Smith",
            "M as in Mary, I, L, L, E, R.": "Miller",
        },
    ),
    *_lines(
        "phone",
        RING,
        {
            "Four one five, five five five, zero one three two.": "4155550132",
            "Two oh two, five five five, oh one eight seven.": "2025550187",
            "Six one seven, five five five, oh one four nine.": "6175550149",
        },
    ),
    *_lines(
        "yes or no",
        ALL,
        {
            "Yes.": Move.YES,
            "Yes, that's right.": Move.YES,
            "No.": Move.NO,
            "No, that's wrong.": Move.NO,
            "Correct.": Move.YES,
        },
    ),
)
VOICES: dict[str, Manner | None] = {
    "hibari": None,
    "Pico en-US": Manner(voice="en-US", speed=0.85, pitch=1.0),
    "Pico en-GB, low": Manner(voice="en-GB", speed=0.85, pitch=0.8),
    "Pico en-US, fast and high": Manner(voice="en-US", speed=1.1, pitch=1.25),
}
NOISES: dict[str, float | None] = {"clean": None, "15 dB": 15.0, "5 dB": 5.0}
LEAD_MS = 300


class Score(msgspec.Struct):
    """Of one voice in one noise."""

    words: int = 0
    wrong: int = 0
    right: dict[str, list[bool]] = {}

    @property
    def word_errors(self) -> float:
        return 100 * self.wrong / max(1, self.words)

    @property
    def answers(self) -> float:
        told = [each for group in self.right.values() for each in group]
        return 100 * sum(told) / max(1, len(told))


def voiced(models: Models, manner: Manner | None) -> list[Pcm]:
    """All lines in one voice, as a telephone carries them, at 24 kHz and before noise."""
    texts = [line.said for line in LINES]
    if manner is not None:
        return [np.frombuffer(pcm, np.int16) for pcm in speak(texts, manner)]
    voice = models.load_voice()
    return [np.frombuffer(voice.render(text), np.int16) for text in texts]


def noisy(speech: Pcm, rate: int, db: float | None, seed: int, tail_ms: int) -> Pcm:
    """With silence around it and pink noise over all of it, so far below the speech."""
    whole = np.concatenate([silence(LEAD_MS, rate), speech, silence(tail_ms, rate)]).astype(float)
    if db is not None:
        spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(whole)))
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
        noise = np.fft.irfft(spectrum, len(whole))
        level = np.sqrt(np.mean(speech.astype(float) ** 2)) / 10 ** (db / 20)
        whole += noise * level / np.std(noise)
    samples: Pcm = np.clip(np.rint(whole), -32_768, 32_767).astype(np.int16)
    return samples


def understood(recogniser: Recogniser, line: Line, audio: Pcm) -> bool:
    """Whether the dialogue would take it as meant."""
    talk = Talk(TOOLS, SALON_ANSWERS)
    for text in line.before:
        talk.says(text, constrained=True)
    dialogue = talk.dialogue
    heard = recogniser.recognise(recognisable(audio), dialogue.expectation())
    return meaning(dialogue, Said(heard.text, heard.constrained)) == line.meant


def meaning(dialogue: Dialogue, said: Said) -> object:
    match dialogue._state:
        case Filling(frame, slot):
            return dialogue._read(frame, said, slot.name).values.get(slot.name)
        case Confirming():
            return move(said.words)
        case _:
            wanted = dialogue._wishes.wanted(said)
            return wanted and wanted.form.name


def errors(said: str, heard: str) -> tuple[int, int]:
    """Words said, and the fewest to be changed, left out or added to make it what was heard."""
    wanted, found = plain(said).split(), plain(heard).split()
    row = list(range(len(found) + 1))
    for at, word in enumerate(wanted, 1):
        before, row[0] = row[0], at
        for place, other in enumerate(found, 1):
            best = min(row[place] + 1, row[place - 1] + 1, before + (word != other))
            before, row[place] = row[place], best
    return len(wanted), row[-1]


def score(recogniser: Recogniser, audio: Sequence[Pcm]) -> Score:
    found = Score(right={})
    for line, heard in zip(LINES, audio, strict=True):
        text = recogniser.recognise(recognisable(heard), Expectation()).text
        words, wrong = errors(line.said, text)
        found.words += words
        found.wrong += wrong
        right = understood(recogniser, line, heard)
        found.right.setdefault(line.group, []).append(right)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tail-ms", type=int, default=500, help="silence after the words")
    tail_ms = parser.parse_args().tail_ms
    models = Models()
    recogniser = models.load().recogniser
    groups = list(dict.fromkeys(line.group for line in LINES))
    print(f"{len(LINES)} lines; words wrong, and answers understood in all and by what was asked")
    head = ["voice", "noise", "words", "answers", *groups]
    print(" | ".join(head))
    for (name, manner), (noise, db) in itertools.product(VOICES.items(), NOISES.items()):
        rate = 24_000 if manner is None else RATE
        lines = voiced(models, manner)
        audio = [
            telephoned(noisy(pcm, rate, db, seed, tail_ms), rate) for seed, pcm in enumerate(lines)
        ]
        found = score(recogniser, audio)
        shares = [f"{sum(found.right[group])}/{len(found.right[group])}" for group in groups]
        whole = [f"{found.word_errors:.0f} %", f"{found.answers:.0f} %"]
        print(" | ".join([name, noise, *whole, *shares]), flush=True)
    models.close()


if __name__ == "__main__":
    main()
