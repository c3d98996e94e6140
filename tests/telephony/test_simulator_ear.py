"""Begin and end of the agent's talking, frame by frame."""

from telephony.simulator.ear import Ear, Heard

LOUD = b"\x30" * 160
FAINT = b"\xfc" * 160
IDLE = b"\xff" * 160


def hear(ear: Ear, *frames: bytes) -> list[Heard]:
    return [ear.hear(frame) for frame in frames]


def test_three_loud_frames_are_the_beginning() -> None:
    ear = Ear()
    assert hear(ear, IDLE, LOUD, LOUD) == [Heard.NOTHING] * 3
    assert not ear.talking
    assert hear(ear, LOUD, LOUD) == [Heard.BEGAN, Heard.NOTHING]
    assert ear.talking


def test_a_click_is_no_speech() -> None:
    ear = Ear()
    assert set(hear(ear, *[LOUD, LOUD, IDLE] * 20)) == {Heard.NOTHING}


def test_line_noise_is_no_speech() -> None:
    assert set(hear(Ear(), *[FAINT] * 100)) == {Heard.NOTHING}


def test_a_pause_of_600_ms_is_the_end() -> None:
    ear = Ear()
    hear(ear, *[LOUD] * 10)
    assert set(hear(ear, *[FAINT] * 29)) == {Heard.NOTHING}
    assert hear(ear, FAINT) == [Heard.ENDED]
    assert not ear.talking
    assert ear.utterance == LOUD * 10 + FAINT * 30


def test_a_shorter_pause_is_part_of_the_utterance() -> None:
    ear = Ear()
    hear(ear, *[LOUD] * 10, *[IDLE] * 29)
    assert set(hear(ear, *[LOUD] * 5, *[IDLE] * 29)) == {Heard.NOTHING}
    assert hear(ear, IDLE) == [Heard.ENDED]


def test_an_utterance_has_200_ms_of_lead_in() -> None:
    ear = Ear()
    hear(ear, *[IDLE] * 50, *[LOUD] * 40, *[IDLE] * 30)
    assert ear.utterance == IDLE * 8 + LOUD * 40 + IDLE * 30


def test_talking_ms_count_from_the_first_loud_frame() -> None:
    ear = Ear()
    assert ear.talking_ms == 0
    hear(ear, *[IDLE] * 50, *[LOUD] * 60)
    assert ear.talking_ms == 1_160
    hear(ear, *[IDLE] * 30)
    assert ear.talking_ms == 0


def test_a_forgotten_utterance_ends_without_a_word() -> None:
    ear = Ear()
    hear(ear, *[LOUD] * 10)
    ear.forget()
    assert set(hear(ear, *[LOUD] * 5, *[IDLE] * 30)) == {Heard.NOTHING}
    assert not ear.talking
    assert hear(ear, *[LOUD] * 3, *[IDLE] * 30)[-1] is Heard.ENDED


def test_nothing_is_forgotten_while_nobody_talks() -> None:
    ear = Ear()
    ear.forget()
    assert hear(ear, *[LOUD] * 3, *[IDLE] * 30)[-1] is Heard.ENDED
