"""The recogniser hears a caller's voice through G.711; nothing here is recorded or pretended."""

import numpy as np
import pytest

from agents.local.expectation import Expectation, plain
from agents.local.models import Models
from agents.local.recogniser import Recogniser
from tests.callers import recognisable, says, silence, telephoned
from tests.exploring import EXPLORING

YES_NO = (
    "(?:yes|yeah|yep|sure|no|nope)(?: please| thanks| thank you)?|that'?s (?:right|wrong)|correct"
)
HOUR = "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|1[0-2]|[1-9])"
MINUTE = "(?:ten|fifteen|twenty|thirty|forty[- ]five|[0-5][0-9])"
TIME = rf"(?:at )?(?:half past {HOUR}|{HOUR}(?: o'?clock|[:. -]?{MINUTE})?)(?: ?(?:a ?m|p ?m))?"
DAY = "(?:mon|tues|wednes|thurs|fri|satur|sun)day"
NTH = "(?:first|second|third|fourth|fifth|fifteenth|twenty[- ]first|[0-9]{1,2}(?:st|nd|rd|th)?)"
DATE = (
    rf"(?:on )?(?:(?:next |this )?{DAY}|today|tomorrow"
    rf"|(?:the )?{NTH}(?: of (?:may|june))?|(?:may|june)(?: the)? {NTH})"
)
DIGIT = "(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|[0-9])"
DIGITS = rf"(?:{DIGIT}[ -]?){{4,11}}"

ANSWERS = [
    ("Yes.", YES_NO, {"yes"}),
    ("No.", YES_NO, {"no"}),
    ("Yes please.", YES_NO, {"yes please", "yep please"}),
    ("No thank you.", YES_NO, {"no thank you"}),
    ("That's right.", YES_NO, {"that's right"}),
    ("Correct.", YES_NO, {"correct"}),
    ("Three thirty.", TIME, {"three thirty", "3:30", "330"}),
    ("Half past two.", TIME, {"half past two", "half past 2"}),
    ("Four p m.", TIME, {"four p m", "four pm", "4 pm", "4pm"}),
    ("At nine o'clock.", TIME, {"at nine o'clock", "at 9 o'clock"}),
    ("Tuesday.", DATE, {"tuesday"}),
    ("Next Friday.", DATE, {"next friday"}),
    ("Tomorrow.", DATE, {"tomorrow"}),
    ("The third of May.", DATE, {"the third of may", "the 3rd of may"}),
    ("The fifteenth.", DATE, {"the fifteenth", "the 15th"}),
    ("Four nine one six.", DIGITS, {"four nine one six", "4916", "4 9 1 6"}),
    (
        "Five five five, one two three four.",
        DIGITS,
        {"five five five one two three four", "555 1234", "5551234"},
    ),
]
LONGER = [
    ("No, that's all. Thank you, goodbye.", YES_NO),
    ("No thank you, that was everything I needed.", YES_NO),
    ("Yes, but make it Wednesday instead.", YES_NO),
    ("Yes, and could you also book my wife?", YES_NO),
    ("No, I said four in the afternoon.", YES_NO),
    ("No, my name is spelled differently.", YES_NO),
    ("Three thirty, or maybe four, if that's possible.", TIME),
    ("Ten, I think, or better eleven.", TIME),
    ("Tuesday, but only if you have something in the morning.", DATE),
    ("Tomorrow would be great if you have anything free.", DATE),
]
"""Each begins with an answer that its pattern takes, and goes on to something else."""
VOICES = [("en-US", 0.9), ("en-US", 1.1), ("en-GB", 0.9)]
SPOKEN = [
    (*longer, *voice)
    for number, longer in enumerate(LONGER)
    for voice in (VOICES if EXPLORING else [VOICES[number % len(VOICES)]])
]
"""Each in one voice, in `make explore` in all of them."""
UNEXPECTED = ["I need a person.", "What is the weather like?", "My dog is called Rex."]


@pytest.fixture(scope="module")
def recogniser(models: Models) -> Recogniser:
    return models.load().recogniser


def heard(
    text: str, voice: str = "en-US", speed: float = 0.9
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    telephone = telephoned(says(text, voice=voice, speed=speed), 16_000)
    return recognisable(np.concatenate([silence(300), telephone, silence(500)]))


@pytest.mark.slow
@pytest.mark.parametrize(("said", "pattern", "right"), ANSWERS, ids=[said for said, *_ in ANSWERS])
def test_a_short_answer_is_heard_when_it_is_expected(
    recogniser: Recogniser, said: str, pattern: str, right: set[str]
) -> None:
    recognition = recogniser.recognise(heard(said), Expectation(pattern))
    assert recognition.constrained
    assert plain(recognition.text).replace("-", " ") in right


@pytest.mark.slow
@pytest.mark.parametrize(("voice", "speed", "least"), [("en-US", 1.1, 15), ("en-GB", 0.9, 16)])
def test_short_answers_are_heard_in_other_voices_and_faster_too(
    recogniser: Recogniser, voice: str, speed: float, least: int
) -> None:
    """Of 17; what is heard instead is mostly `yeah` for `yes`."""
    read = [
        plain(recogniser.recognise(heard(said, voice, speed), Expectation(pattern)).text)
        for said, pattern, _ in ANSWERS
    ]
    right = [text.replace("-", " ") in each[2] for text, each in zip(read, ANSWERS, strict=True)]
    assert sum(right) >= least, read


@pytest.mark.slow
@pytest.mark.parametrize(("said", "pattern", "voice", "speed"), SPOKEN)
def test_a_short_answer_never_stands_for_a_longer_sentence(
    recogniser: Recogniser, said: str, pattern: str, voice: str, speed: float
) -> None:
    """`Yes.` taken out of `Yes, but make it Wednesday` would book the wrong day."""
    audio = heard(said, voice, speed)
    recognition = recogniser.recognise(audio, Expectation(pattern))
    assert not recognition.constrained
    assert recognition.text == recogniser.recognise(audio, Expectation()).text
    assert len(recognition.text.split()) >= len(said.split()) - 2


@pytest.mark.slow
def test_what_was_not_expected_is_told_as_heard(recogniser: Recogniser) -> None:
    believed = []
    for said in UNEXPECTED:
        audio = heard(said)
        openly = recogniser.recognise(audio, Expectation()).text
        for pattern in (YES_NO, TIME, DATE, DIGITS):
            recognition = recogniser.recognise(audio, Expectation(pattern))
            if recognition.constrained:
                believed.append((said, recognition.text))
            else:
                assert recognition.margin >= 6.0
                assert recognition.text == openly
    assert believed == []


def test_a_whole_request_is_heard_openly(recogniser: Recogniser) -> None:
    said = "I would like to book a haircut for Tuesday at three thirty in the afternoon."
    recognition = recogniser.recognise(heard(said), Expectation())
    assert not recognition.constrained
    assert "tuesday" in plain(recognition.text)
    assert "3:30" in recognition.text


def test_an_open_reading_that_fits_is_taken_as_it_is(recogniser: Recogniser) -> None:
    audio = heard("No thank you.")
    recognition = recogniser.recognise(audio, Expectation(YES_NO))
    assert recognition.text == recogniser.recognise(audio, Expectation()).text
    assert recognition.constrained
    assert recognition.margin == 0.0


def test_a_wide_margin_takes_the_nearest_that_can_be_all_that_was_said(
    recogniser: Recogniser,
) -> None:
    audio = heard("My dog is called Rex.")
    whole = recogniser.recognise(audio, Expectation("my (?:cat|hat) is called (?:max|sam)", 1e9))
    assert whole.constrained
    assert plain(whole.text) in {"my hat is called max", "my cat is called max"}
    assert whole.margin > 6.0
    part = recogniser.recognise(audio, Expectation("my (?:cat|dog)", margin=1e9))
    assert not part.constrained


def test_half_a_minute_is_heard_to_its_end(models: Models, recogniser: Recogniser) -> None:
    voice = models.load_voice()
    lines = [*["I would like an appointment on Tuesday."] * 5, "Thank you very much."]
    spoken = [np.frombuffer(voice.render(line), np.int16) for line in lines]
    turn = np.concatenate([np.concatenate([line, silence(2_200)]) for line in spoken])
    assert 24 <= len(turn) / 24_000 <= 30
    recognition = recogniser.recognise(recognisable(turn), Expectation())
    assert recognition.text.lower().count("tuesday") == 5
    assert recognition.text.endswith("Thank you very much.")


@pytest.mark.parametrize("samples", [0, 1, 160, 4_000])
def test_next_to_no_audio_is_next_to_no_text(recogniser: Recogniser, samples: int) -> None:
    recognition = recogniser.recognise(np.zeros(samples, np.float32), Expectation(YES_NO))
    assert len(recognition.text) < 20


def test_noise_is_never_written_without_end(recogniser: Recogniser) -> None:
    noise = np.random.default_rng(1).standard_normal(16_000 * 4).astype(np.float32) * 0.1
    assert len(recogniser.recognise(noise, Expectation()).text.split()) <= 27
