"""How recordings are drawn, and what was sent but never played."""

import random
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from telephony.media import ulaw
from telephony.transcripts.archive import Archive, transcript
from telephony.transcripts.entry import AgentLine, Fate
from telephony.transcripts.recordings import track
from telephony.transcripts.waveform import (
    LEAST_SAMPLES,
    MOST_PEAKS,
    Unplayed,
    laid_out,
    peaks,
    samples_a_peak,
    unplayed,
)
from tests.telephony.stored_call import CALL, GREETING_ULAW, LOST_ULAW, store

SILENCE = b"\xff"


def noise(seed: int, ms: int) -> bytes:
    return random.Random(seed).randbytes(ms * 8).replace(b"\xff", b"\x80")


def line(number: int, start_ms: int, heard_ms: int, sent_ms: int) -> AgentLine:
    fate = Fate.HEARD if heard_ms == sent_ms else Fate.CUT if heard_ms else Fate.NEVER_PLAYED
    return AgentLine(
        f"i{number}", number, "", "", fate, start_ms, start_ms + heard_ms, heard_ms, sent_ms
    )


def test_the_loudest_sample_of_each_stretch_is_its_peak() -> None:
    loud, quiet = ulaw.encode(np.array([-32_124, 2_000], np.int16))
    track_ulaw = bytes([0xFF] * 160 + [quiet] * 160 + [0xFF] * 159 + [loud] + [quiet] * 7)
    drawn = peaks(track_ulaw, 160)
    assert drawn[0] == 0
    assert drawn[2] == 255
    # Half as high for the eye is a quarter of the amplitude.
    assert abs(drawn[1] - 255 * (2_000 / 32_124) ** 0.5) < 2
    assert drawn[3] == drawn[1]
    assert peaks(b"", 160) == b""


@given(st.integers(0, 8_000 * 7_200))
def test_no_call_has_more_peaks_than_can_be_seen(samples: int) -> None:
    each = samples_a_peak(samples)
    assert each >= LEAST_SAMPLES
    assert -(-samples // each) <= MOST_PEAKS


def test_what_was_cut_is_drawn_from_where_the_caller_fell_silent() -> None:
    first, second = noise(1, 3_000), noise(2, 1_000)
    # The second answer waits in the row behind all of the first, which was thrown away long before.
    sent = SILENCE * 4_000 + first + second
    heard = SILENCE * 4_800 + first[: 1_000 * 8] + SILENCE * 30_000 + second
    lines = [line(2, 5_350, 1_000, 1_000), line(1, 600, 1_000, 3_000)]
    (lost,) = unplayed(lines, sent, heard)
    assert lost.at_samples == 1_600 * 8
    assert abs(len(lost.ulaw) - 2_000 * 8) <= 8
    assert lost.ulaw in first


def test_what_was_never_played_is_drawn_where_it_would_have_been() -> None:
    first, never = noise(1, 500), noise(3, 700)
    sent = first + SILENCE * 800 + never
    lines = [line(1, 100, 500, 500), line(2, 900, 0, 700)]
    (lost,) = unplayed(lines, sent, SILENCE * 800 + first)
    assert (lost.at_samples, lost.ulaw) == (900 * 8, never)


def test_what_was_held_and_sent_again_is_found_by_its_end() -> None:
    clip = noise(4, 2_000)
    held, again = clip[: 800 * 8], clip[300 * 8 :]
    heard = SILENCE * 800 + clip[: 300 * 8] + SILENCE * 1_600 + clip[300 * 8 : 1_500 * 8]
    moved = AgentLine("i1", 1, "", "", Fate.CUT, 100, 1_800, 1_500, 2_000)
    (lost,) = unplayed([moved], held + again, heard)
    assert abs(len(lost.ulaw) - 500 * 8) <= 8
    assert lost.ulaw in clip[1_490 * 8 :]


def test_a_place_that_cannot_be_told_is_left_out() -> None:
    other = noise(5, 2_000)
    assert unplayed([line(1, 0, 1_000, 2_000)], noise(6, 2_000), other) == []
    assert unplayed([line(1, 0, 0, 2_000)], SILENCE * 100, b"") == []
    # Too little was heard of it to know it again.
    assert unplayed([line(1, 0, 10, 2_000)], other, other[:80]) == []


def test_a_few_samples_that_got_lost_at_an_end_are_nothing() -> None:
    clip = noise(7, 1_000)
    assert unplayed([line(1, 0, 990, 1_000)], clip, clip) == []


def test_pieces_are_laid_out_over_the_call_s_length() -> None:
    pieces = (Unplayed(2, b"abc"), Unplayed(4, b"xyz"), Unplayed(50, b"far"))
    assert laid_out(pieces, 6) == b"\xff\xffabxy"


@given(st.lists(st.tuples(*[st.integers(0, 4_000)] * 4)), st.binary(max_size=9_000))
def test_no_transcript_breaks_the_picture(lines: list[tuple[int, ...]], sent: bytes) -> None:
    entries = [line(*each) for each in lines]
    for piece in unplayed(entries, sent, sent[::-1]):
        assert piece.at_samples >= 0


def test_the_stored_call_shows_what_was_thrown_away(tmp_path: Path) -> None:
    store(tmp_path)
    call = Archive(tmp_path).exactly(CALL)
    lines = [entry for entry in transcript(call).entries if isinstance(entry, AgentLine)]
    cut, never = unplayed(lines, track(call, "sent.wav"), track(call, "agent.wav"))
    assert cut.at_samples == 2_000 * 8
    assert abs(len(cut.ulaw) - 1_300 * 8) <= 8
    assert GREETING_ULAW.endswith(cut.ulaw)
    assert never.at_samples == 5_600 * 8
    assert LOST_ULAW.endswith(never.ulaw)
    assert len(LOST_ULAW) - len(never.ulaw) <= 16
