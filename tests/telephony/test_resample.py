"""The telephone's two filters, measured on what comes out of them."""

import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.pcm import Pcm
from telephony.media.resample import to_8k, to_24k
from tests.signals import db, gains_db, impulse_response, noise_db, rms, tone

UP = impulse_response(to_24k, 3, 1)
DOWN = impulse_response(to_8k, 1, 3)

NOISE: Pcm = (np.arange(24_000) ** 3 * 40_503 >> 7).astype(np.int16)


def test_a_frame_in_is_a_frame_out_from_the_first_on() -> None:
    up, down = to_24k(), to_8k()
    for _ in range(5):
        frame = up.push(NOISE[:160])
        assert len(frame) == 480
        assert len(down.push(frame)) == 160


def test_up_is_two_milliseconds_late_at_every_frequency() -> None:
    assert len(to_24k().push(NOISE[:800])) == 2_400
    assert np.argmax(UP) == 48  # of 24 a millisecond
    assert UP[:97].tolist() == UP[96::-1].tolist()  # symmetric: the delay is the same for all
    assert not UP[97:].any()


def test_down_is_three_milliseconds_late_at_every_frequency() -> None:
    assert np.argmax(DOWN) == 72  # of 24 a millisecond
    assert DOWN[:145].tolist() == DOWN[144::-1].tolist()
    assert not DOWN[145:].any()


def test_a_round_trip_is_late_by_forty_samples_of_the_telephone() -> None:
    heard = to_8k().push(to_24k().push(tone(1_004, 8_000, 8_000)))
    late = heard[40:].astype(int) - tone(1_004, 8_000, 8_000)[:-40]
    assert np.abs(late[100:]).max() <= 30  # of 30,000


@pytest.mark.parametrize("response", [UP, DOWN], ids=["up", "down"])
def test_the_telephone_band_is_flat_within_a_twentieth_of_a_decibel(
    response: NDArray[np.float64],
) -> None:
    assert max(map(abs, gains_db(response, 24_000, 300, 3_400))) < 0.05


def test_images_of_the_telephone_band_are_75_decibels_down() -> None:
    assert max(gains_db(UP, 24_000, 4_600, 12_000)) < -75


def test_all_that_could_fold_is_60_decibels_down() -> None:
    assert max(gains_db(DOWN, 24_000, 4_000, 12_000)) < -60


@pytest.mark.parametrize("hz", range(4_000, 12_000, 250))
def test_a_high_tone_does_not_come_back_as_a_low_one(hz: int) -> None:
    sent = tone(hz, 24_000, 12_000)
    assert db(rms(to_8k().push(sent)[50:]) / rms(sent)) < -60


@pytest.mark.parametrize("hz", [300, 1_004, 2_000, 3_400])
def test_a_tone_is_clean(hz: int) -> None:
    assert noise_db(to_24k().push(tone(hz, 8_000, 8_000))[200:], hz, 24_000) < -75
    assert noise_db(to_8k().push(tone(hz, 24_000, 24_000))[200:], hz, 8_000) < -85


def test_a_reply_and_its_flush_hold_every_sample_of_it() -> None:
    down = to_8k()
    reply = np.zeros(24_000, np.int16)
    reply[-3:] = 30_000  # the last eighth of a millisecond
    assert np.abs(down.push(reply)).max() < 100
    tail = down.flush()
    assert len(tail) == 24
    assert np.max(tail) > 20_000


def fingerprint(pcm: Pcm) -> int:
    return zlib.crc32(pcm.astype("<i2").tobytes())


def test_the_same_samples_come_out_on_every_machine() -> None:
    """So that a call recorded on one replays on another."""
    assert fingerprint(to_24k().push(NOISE)) == 4_263_114_645
    assert fingerprint(to_8k().push(NOISE)) == 3_373_486_322
