"""What was heard of which item: found by its sound, whatever a target does to it."""

import numpy as np
import pytest

from agents.pcm import Pcm
from telephony.lab.matching import Piece, pieces, sounds
from telephony.media import ulaw


def voice(ms: int, seed: int) -> Pcm:
    """Something as restless as speech, over a floor of noise."""
    draw = np.random.default_rng(seed)
    rough = np.convolve(draw.normal(0, 1, ms * 8 + 15), np.ones(16) / 4, "valid")
    rhythm = 0.6 - 0.4 * np.cos(2 * np.pi * 4 * np.arange(ms * 8) / 8_000)
    return (rough * rhythm * 2_500 + draw.normal(0, 260, ms * 8)).astype(np.int16)


ONE, TWO, THREE = (voice(2_000, seed) for seed in (1, 2, 3))
ITEMS = [ONE, TWO, THREE]
SECOND = 8_000


def quiet(samples: int) -> Pcm:
    return np.zeros(samples, np.int16)


def line(*parts: Pcm) -> Pcm:
    """As the telephone got it: through mu-law."""
    return ulaw.decode(ulaw.encode(np.concatenate(parts)))


def test_silence_is_no_sound() -> None:
    assert sounds(quiet(SECOND)) == []
    assert pieces(quiet(SECOND), ITEMS) == []


def test_sounds_are_exact_to_the_sample_and_short_breaks_do_not_count() -> None:
    loud = np.full(100, 1_000, np.int16)
    track = np.concatenate((quiet(500), loud, quiet(30), loud, quiet(900), loud))
    assert sounds(track) == [(500, 730), (1_630, 1_730)]
    assert sounds(track, gap=1_000) == [(500, 1_730)]


def test_without_items_nothing_is_found() -> None:
    assert pieces(line(ONE), []) == []


def test_an_item_cut_in_the_middle_is_found_to_the_millisecond() -> None:
    found = pieces(line(quiet(4_000), ONE[:5_003], quiet(SECOND)), ITEMS)
    (piece,) = found
    assert (piece.item, piece.position, piece.at) == (0, 0, 4_000)
    assert abs(piece.reached - 5_003) <= 8
    assert piece.end == piece.at + piece.samples


def test_items_without_a_break_between_them_are_told_apart() -> None:
    found = pieces(line(ONE, TWO[:3_000], THREE), ITEMS)
    assert [piece.item for piece in found] == [0, 1, 2]
    assert [piece.position for piece in found][:2] == [0, 0]
    assert found[2].position <= 80
    assert found[0].samples == len(ONE)
    assert abs(found[1].samples - 3_000) <= 40
    assert abs(found[2].end - (len(ONE) + 3_000 + len(THREE))) <= 40


def test_an_item_that_ran_dry_goes_on_where_it_stopped() -> None:
    found = pieces(line(ONE[:6_000], quiet(4_000), ONE[6_000:]), ITEMS)
    assert [piece.item for piece in found] == [0, 0]
    assert abs(found[1].position - found[0].reached) <= 8
    assert abs(found[-1].reached - len(ONE)) <= 8


def test_a_piece_that_is_repeated_is_found_twice() -> None:
    found = pieces(line(ONE[:8_000], quiet(2_000), ONE[4_000:]), ITEMS)
    assert [piece.item for piece in found] == [0, 0]
    assert abs(found[1].position - 4_000) <= 8


def test_an_item_that_is_skipped_does_not_matter() -> None:
    found = pieces(line(ONE[:8_000], quiet(2_000), THREE[:8_000]), ITEMS)
    assert [(piece.item, piece.position) for piece in found] == [(0, 0), (2, 0)]


@pytest.mark.parametrize("gain", [0.3, 2.0])
def test_volume_does_not_matter(gain: float) -> None:
    heard = line((TWO[:8_000] * gain).clip(-32_000, 32_000).astype(np.int16))
    found = pieces(heard, ITEMS)
    assert {piece.item for piece in found} == {1}
    assert abs(found[-1].reached - 8_000) <= 8


@pytest.mark.parametrize("shift", [0.25, 0.5, 0.75])
def test_a_resampler_that_shifts_by_part_of_a_sample_does_not_matter(shift: float) -> None:
    spectrum = np.fft.rfft(ONE.astype(np.float64))
    turns = np.exp(-2j * np.pi * np.fft.rfftfreq(len(ONE)) * shift)
    shifted = np.rint(np.fft.irfft(spectrum * turns, len(ONE))).clip(-32_000, 32_000)
    found = pieces(line(quiet(800), shifted[:9_000].astype(np.int16)), ITEMS)
    assert {piece.item for piece in found} == {0}
    assert abs(found[-1].reached - 9_000) <= 16


def test_what_the_target_plays_of_its_own_is_of_no_item() -> None:
    found = pieces(line(voice(700, 9), quiet(1_000), ONE[:4_000]), ITEMS)
    assert [(piece.item, piece.position) for piece in found] == [(0, 0)]
    assert pieces(line(voice(1_500, 10)), ITEMS) == []


def test_audio_of_its_own_in_front_of_an_item_is_left_out() -> None:
    found = pieces(line(voice(500, 9), ONE[:8_000]), ITEMS)
    assert {piece.item for piece in found} == {0}
    assert abs(found[-1].reached - 8_000) <= 40
    assert found[0].at >= 4_000 - 160


def test_a_scrap_too_short_to_be_told_is_of_no_item() -> None:
    assert pieces(line(quiet(100), ONE[3_000:3_200], quiet(100)), ITEMS) == []


def test_the_rest_of_an_item_is_known_by_what_came_before() -> None:
    """120 samples say little by themselves, but they are just what had to come next."""
    found = pieces(line(ONE[:8_000], quiet(800), ONE[8_000:8_120], quiet(800)), ITEMS)
    assert found[-1] == Piece(0, found[-1].position, 8_800, 120)
    assert abs(found[-1].position - 8_000) <= 8


def test_behind_the_last_item_nothing_is_expected() -> None:
    found = pieces(line(THREE, quiet(800), ONE[:100], quiet(100)), ITEMS)
    assert [piece.item for piece in found] == [2]
