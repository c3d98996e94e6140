"""When did the caller begin to speak, by the recording alone?"""

import pytest

from telephony.simulator.carrier import Cleared
from telephony.simulator.phone import Recorded, reactions_ms, speech_onset

QUIET = b"\xff"
NOISE = b"\xfc"
"""Code 0xFC is 24 of 32,768: about -63 dBFS."""
LOUD = b"\x30"


@pytest.mark.parametrize(
    ("caller", "at", "onset"),
    [
        (QUIET * 8_000, 8_000, None),
        (NOISE * 8_000, 8_000, None),
        (b"", 8_000, None),
        (LOUD * 8_000, 4_000, 0),
        (QUIET * 1_600 + LOUD * 1_600, 3_200, 1_600),
        (NOISE * 1_600 + LOUD * 1_600, 3_203, 1_600),
        # A breath of 200 ms belongs to the sentence; a second of silence does not.
        (LOUD * 800 + QUIET * 1_600 + LOUD * 800, 3_200, 0),
        (LOUD * 800 + QUIET * 8_000 + LOUD * 800, 9_600, 8_800),
        # The caller may be silent again when the clear comes.
        (QUIET * 800 + LOUD * 800 + QUIET * 1_600, 3_200, 800),
        # What was said after the clear is no reason for it.
        (QUIET * 1_600 + LOUD * 800, 1_600, None),
        (LOUD * 800, 40_000, None),
    ],
)
def test_speech_onset(caller: bytes, at: int, onset: int | None) -> None:
    assert speech_onset(caller, at) == onset


def test_the_reaction_is_from_the_onset_to_the_clear() -> None:
    clears = tuple(
        Cleared(at=at, cut=None, cut_played=0, dropped=0, marks=()) for at in (800, 2_600)
    )
    assert reactions_ms(QUIET * 1_600 + LOUD * 1_600, clears) == (None, 125)


def test_a_recorded_caller_plays_presses_and_hangs_up() -> None:
    caller = Recorded(b"\x01" * 200, hang_up_ms=40, keys={20: "5"})
    assert caller.frame(0) == b"\x01" * 160
    assert caller.frame(20) == b"\x01" * 40 + QUIET * 120
    assert (caller.keys(0), caller.keys(20)) == ("", "5")
    caller.heard(20, QUIET * 160)
    assert not caller.hang_up
    caller.heard(40, QUIET * 160)
    assert caller.hang_up
