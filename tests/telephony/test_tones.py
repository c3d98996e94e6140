"""Key tones, measured as a receiver on the line measures them (Goertzel's filter)."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.media import tones, ulaw
from tests.exploring import examples

EVERY = tones.ROWS_HZ + tones.COLUMNS_HZ
PEAK_DBM0 = 3.17
KEYS = "123A456B789C*0#D"


def dbm0(pcm: np.ndarray[tuple[int], np.dtype[np.float64]], hertz: float) -> float:
    """Level of one frequency in a piece, by Goertzel's recurrence."""
    omega = 2 * math.pi * hertz / 8_000
    coefficient, first, second = 2 * math.cos(omega), 0.0, 0.0
    for sample in pcm.tolist():
        first, second = sample + coefficient * first - second, first
    power = first**2 + second**2 - coefficient * first * second
    amplitude = 2 * math.sqrt(max(power, 1e-9)) / len(pcm)
    return 20 * math.log10(amplitude / 32_124) + PEAK_DBM0


def bursts(line: bytes) -> list[tuple[int, int]]:
    """Beginning and end of every stretch of sound, in ms to the quarter."""
    loud = np.abs(ulaw.decode(line).astype(np.int32)).reshape(-1, 20).max(axis=1) > 300
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.view(np.int8), [0]))))
    return [(int(a) * 20 // 8, int(b) * 20 // 8) for a, b in edges.reshape(-1, 2)]


def steady(line: bytes, burst: tuple[int, int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The middle of a burst: 80 ms, a whole number of periods of no tone in particular."""
    begin = (burst[0] + 10) * 8
    return ulaw.decode(line[begin : begin + 640]).astype(np.float64)


def read(line: bytes) -> str:
    """The keys a receiver finds."""
    found = ""
    for burst in bursts(line):
        pcm = steady(line, burst)
        low = max(tones.ROWS_HZ, key=lambda hertz: dbm0(pcm, hertz))
        high = max(tones.COLUMNS_HZ, key=lambda hertz: dbm0(pcm, hertz))
        found += next(key for key, pair in tones.HERTZ.items() if pair == (low, high))
    return found


def test_the_sixteen_keys_of_q_23() -> None:
    assert "".join(tones.HERTZ) == KEYS
    assert tones.HERTZ["1"] == (697, 1_209)
    assert tones.HERTZ["0"] == (941, 1_336)
    assert tones.HERTZ["#"] == (941, 1_477)
    assert tones.HERTZ["D"] == (941, 1_633)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_two_tones_of_the_right_strength_and_nothing_else(key: str) -> None:
    line = tones.sound(key)
    pcm = steady(line, bursts(line)[0])
    low, high = tones.HERTZ[key]
    assert abs(dbm0(pcm, low) - tones.LOW_DBM0) < 0.3
    assert abs(dbm0(pcm, high) - tones.HIGH_DBM0) < 0.3
    others = [hertz for hertz in EVERY if hertz not in (low, high)]
    # Q.23: everything unwanted together at least 20 dB below; each of the others far more.
    assert max(dbm0(pcm, hertz) for hertz in others) < tones.LOW_DBM0 - 20


@pytest.mark.parametrize("key", KEYS)
def test_the_frequencies_are_exact(key: str) -> None:
    """Q.23 allows 1.8 %: here the tone is the sum of two sines of the exact frequencies."""
    line = tones.sound(key)
    begin = (bursts(line)[0][0] + 10) * 8
    pcm = ulaw.decode(line[begin : begin + 640]).astype(np.float64)
    seconds = np.arange(640) / 8_000
    waves = [wave(2 * np.pi * hertz * seconds) for hertz in tones.HERTZ[key] for wave in SINES]
    fitted, *_ = np.linalg.lstsq(np.stack(waves, axis=1), pcm, rcond=None)
    rest = pcm - np.stack(waves, axis=1) @ fitted
    assert np.sqrt((rest**2).mean()) < 0.03 * np.sqrt((pcm**2).mean()), "only the codec's noise"


SINES = (np.sin, np.cos)


def test_durations_keep_clear_of_the_limits_of_q_24() -> None:
    found = bursts(tones.sound("159D"))
    assert len(found) == 4
    for begin, end in found:
        assert 95 <= end - begin <= 101  # 40 ms must be understood everywhere
    gaps = [after[0] - before[1] for before, after in itertools.pairwise(found)]
    assert all(95 <= gap <= 105 for gap in gaps)
    assert found[0][0] >= tones.LEAD_MS
    periods = [after[0] - before[0] for before, after in itertools.pairwise(found)]
    assert min(periods) >= 125  # at most eight keys a second


def test_a_wait_is_half_a_second_of_silence() -> None:
    (_, first_ends), (second_begins, _) = bursts(tones.sound("1w2"))
    assert 595 <= second_begins - first_ends <= 605
    assert len(tones.sound("1w2")) == len(tones.sound("12")) + 4_000


def test_no_keys_are_a_short_silence() -> None:
    assert tones.sound("") == ulaw.silence(480)


def test_what_is_no_key_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        tones.sound("1x")


def test_tones_do_not_click() -> None:
    """No step between samples larger than the loudest wave of these frequencies makes."""
    pcm = ulaw.decode(tones.sound(KEYS)).astype(np.int32)
    assert np.abs(np.diff(pcm)).max() < 19_000
    for key in KEYS:
        line = tones.sound(key)
        begin = tones.LEAD_MS * 8
        assert np.abs(ulaw.decode(line)[begin : begin + 4]).max() < 2_500


@given(st.text(st.sampled_from(KEYS + "w"), min_size=1, max_size=8))
@settings(max_examples=examples(15))
def test_a_receiver_reads_what_was_sent(keys: str) -> None:
    assert read(tones.sound(keys)) == keys.replace("w", "")
