"""The agent's voice: right sizes, equal words equal samples, and understood by the recogniser."""

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.local.expectation import Expectation
from agents.local.models import Models
from agents.local.voice import RATE, Voice
from tests.callers import recognisable, silence, telephoned


class Counting:
    """A synthesiser that makes one second of audio for anything and counts how often."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str, *, seed: int) -> NDArray[np.float32]:
        self.asked.append(text)
        return np.linspace(-2, 2, RATE, dtype=np.float32)


def test_samples_beyond_full_scale_are_clipped_not_wrapped() -> None:
    pcm = np.frombuffer(Voice(Counting()).render("Hello."), "<i2")
    assert len(pcm) == RATE
    assert pcm.min() == -32_767
    assert pcm.max() == 32_767
    assert (np.diff(pcm) >= 0).all()


def test_a_sentence_is_made_once_and_each_sentence_by_itself() -> None:
    counting = Counting()
    voice = Voice(counting)
    assert [words for words, _ in voice.speak("Hello. Who is it?")] == ["Hello.", "Who is it?"]
    assert len(voice.render("Who is it? Hello.")) == 2 * RATE * 2
    assert counting.asked == ["Hello.", "Who is it?"]


def test_what_is_remembered_stays_below_two_minutes() -> None:
    counting = Counting()
    voice = Voice(counting)
    for number in range(121):
        voice.sentence(f"Sentence {number}.")
    voice.sentence("Sentence 120.")
    assert len(counting.asked) == 121
    voice.sentence("Sentence 0.")
    assert len(counting.asked) == 122


def test_equal_words_are_equal_samples(models: Models) -> None:
    voice = models.load_voice()
    text = "Which day would you like?"
    again = Voice(voice._synthesiser)
    assert voice.render(text) == again.render(text)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Your appointment is on Tuesday, November 24 at 3:30 pm.", ["tuesday", "24", "3:30"]),
        (
            "Your number is +12025550147, is that right?",
            ["two, zero, two, five, five, five", "right"],
        ),
        ("I have nine, nine thirty and ten fifteen.", ["nine", "thirty", "ten fifteen"]),
        ("A haircut costs $45 and takes 30 minutes.", ["45", "30 minutes"]),
    ],
)
def test_the_voice_is_understood_through_the_telephone(
    models: Models, said: str, heard: list[str]
) -> None:
    speech = models.load()
    voice = np.frombuffer(speech.voice.render(said), np.int16)
    audio = recognisable(np.concatenate([silence(200), telephoned(voice, RATE), silence(300)]))
    text = speech.recogniser.recognise(audio, Expectation()).text.lower()
    for words in heard:
        assert words in text


def test_a_text_without_words_is_no_audio(models: Models) -> None:
    assert models.load_voice().render("") == b""
    assert models.load_voice().render("...") is not None
