"""The caller's synthesiser: the same words are the same samples, whatever was said before."""

import os
import sys
from pathlib import Path

import pytest

from telephony.simulator import pico
from telephony.simulator.pico import Manner, PicoFailed, speak

LINES = ("Yes, that's right.", "On Tuesday, please.", "No.", "Actually, make it three thirty.")


def test_equal_words_are_equal_samples_whatever_was_said_before() -> None:
    once = dict(zip(LINES, speak(LINES, Manner()), strict=True))
    backwards = LINES[::-1]
    assert dict(zip(backwards, speak(backwards, Manner()), strict=True)) == once
    assert speak(LINES[2:3], Manner()) == [once["No."]]


def test_equal_words_are_equal_samples_wherever_memory_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = speak(LINES[:2], Manner())
    for size in (1_000, 30_000, 90_000):
        monkeypatch.setenv("PADDING", "x" * size)
        assert speak(LINES[:2], Manner()) == once


def test_a_text_is_so_many_samples_at_16_khz() -> None:
    (pcm,) = speak(["On Tuesday, please."], Manner())
    assert 1.0 < len(pcm) / 2 / pico.RATE < 3.0
    (quick,) = speak(["On Tuesday, please."], Manner(speed=1.4))
    assert len(quick) < 0.8 * len(pcm)


def test_nothing_to_say_is_nothing_said() -> None:
    assert speak([], Manner()) == []


def test_a_missing_wheel_is_one_sentence_and_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "py_nanotts.py").write_text("raise ImportError('no such wheel')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(PicoFailed) as failure:
        speak(["Yes."], Manner())
    assert str(failure.value) == (
        "The caller's voice could not be made (ImportError: no such wheel);"
        " `pip install py-nanotts` may mend that."
    )


@pytest.mark.parametrize("how", ["gone", "hanging"])
def test_a_process_that_cannot_be_had_is_one_sentence(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    if how == "hanging":
        python.write_text("#!/bin/sh\nexec sleep 60\n")
        python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", os.fspath(python))
    monkeypatch.setattr(pico, "_WITHIN_S", 0.2)
    with pytest.raises(PicoFailed, match=r"^The caller's voice could not be made: [^\n]+\.$"):
        speak(["Yes."], Manner())


def test_a_process_that_dies_without_a_word_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", os.fspath(python))
    with pytest.raises(PicoFailed, match="it ended without a word"):
        speak(["Yes."], Manner())
