"""The parts of the GPT-Live engine by themselves: the corners no story turns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.engine import AudioFormat, TextDelta
from agents.live.configuration import heard_nothing, parts, session
from agents.live.settings import LiveSettings, websocket_url
from agents.live.sounding import HANGOVER_MS, PREROLL_MS, Sounding
from agents.live.speaking import Speaking
from agents.live.timeline import Timeline
from agents.persona import Persona
from tests.agents.live_story import hush, tone
from tests.fakes.realtime_script import Samples, encoded, hum


def noise(duration_ms: int, level: int, seed: int = 1) -> Samples:
    random = np.random.default_rng(seed)
    return random.integers(-level, level + 1, duration_ms * 8).astype(np.int16)


# ---- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.openai.com/v1", "wss://api.openai.com/v1/live/sessions"),
        (" http://127.0.0.1:9/v1/ ", "ws://127.0.0.1:9/v1/live/sessions"),
        ("wss://gate.example/x?team=a", "wss://gate.example/x/live/sessions?team=a"),
    ],
)
def test_the_endpoint_follows_from_the_base_url(base_url: str, url: str) -> None:
    assert websocket_url(base_url) == url


@pytest.mark.parametrize("base_url", ["", "ftp://host/v1", "https://", "https://host:0/v1"])
def test_what_is_no_address_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        websocket_url(base_url)


def test_the_key_is_in_no_repr() -> None:
    assert "sk-1" not in repr(LiveSettings(api_key="sk-1"))


def test_a_persona_s_voice_and_pcm_are_asked_for_and_no_tools_are_none() -> None:
    asked = session(LiveSettings(audio_format=AudioFormat.PCM16_24K), Persona(voice="cedar"), ())
    assert asked["audio"] == {
        "format": {"type": "audio/pcm", "rate": 24_000},
        "output": {"voice": "cedar"},
    }
    assert "tools" not in asked["delegation"]["responses"]


@given(st.text(max_size=400), st.integers(min_value=4, max_value=60))
def test_pieces_of_a_text_fit_and_lose_nothing_but_blanks(text: str, most_bytes: int) -> None:
    found = list(parts(text, most_bytes))
    assert all(0 < len(piece.encode()) <= most_bytes for piece in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_a_lost_text_is_told_in_pieces() -> None:
    assert len(list(heard_nothing("word " * 400))) > 1


# ---- speech and silence -------------------------------------------------------------------------


@pytest.mark.parametrize("audio_format", list(AudioFormat))
@given(cuts=st.lists(st.integers(min_value=1, max_value=3_000), max_size=12))
def test_speech_comes_out_whole_however_the_stream_is_cut(
    audio_format: AudioFormat, cuts: list[int]
) -> None:
    pcm = audio_format is AudioFormat.PCM16_24K
    wire, rate = ("audio/pcm", 24_000) if pcm else ("audio/pcmu", 8_000)
    ms = rate * (2 if pcm else 1) // 1000
    speech = encoded(hum("Good day", 500, rate), wire)
    quiet = encoded(np.zeros(rate, np.int16), wire)
    stream = quiet + speech + quiet
    sounding, heard, at = Sounding(audio_format), b"", 0
    for count in (*cuts, len(stream)):
        heard += b"".join(each.audio for each in sounding.push(stream[at : at + count]))
        at += count
    assert speech in heard
    assert len(heard) <= (500 + PREROLL_MS + HANGOVER_MS + 20) * ms
    assert sounding.position_ms == 2_500
    assert sounding.quiet_ms >= 980


def test_a_line_s_noise_and_a_click_are_no_speech() -> None:
    sounding = Sounding(AudioFormat.ULAW_8K)
    hiss = encoded(noise(2_000, 200), "audio/pcmu")
    click = bytearray(hush(200))
    click[400:404] = tone(1, 30_000)[:4]
    heard = [*sounding.push(hiss), *sounding.push(bytes(click))]
    assert not any(each.audio for each in heard)
    assert sounding.quiet_ms == 2_200


def test_the_lowest_sample_is_a_loud_one() -> None:
    lowest = np.full(480, -32_768, "<i2").tobytes()
    (heard,) = Sounding(AudioFormat.PCM16_24K).push(lowest)
    assert heard.loud
    assert heard.audio == lowest


def test_two_pieces_of_speech_in_one_push_are_two_stretches() -> None:
    sounding = Sounding(AudioFormat.ULAW_8K)
    heard = list(sounding.push(tone(100) + hush(1_000) + tone(100)))
    spoken = [each for each in heard if each.audio]
    assert [len(each.audio) // 8 for each in spoken] == [100 + HANGOVER_MS, PREROLL_MS + 100]
    assert (spoken[0].end_ms, spoken[0].quiet_ms) == (300, HANGOVER_MS)
    assert (spoken[1].end_ms, spoken[1].quiet_ms) == (1_200, 0)
    assert list(sounding.push(b"")) == []


# ---- replies ------------------------------------------------------------------------------------


def test_words_of_old_items_are_forgotten() -> None:
    speaking = Speaking(AudioFormat.ULAW_8K)
    items = []
    for number in range(20):
        speaking.audio(tone(100), None, float(number))
        (words,) = speaking.words(f"Number {number}.", float(number))
        assert isinstance(words, TextDelta)
        items.append(words.item_id)
        speaking.audio(hush(1_000), None, float(number))
    assert len(set(items)) == 20
    assert speaking.said(items[0]) == ""
    assert speaking.said(items[-1]) == "Number 19."


# ---- the clock ----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.booleans(), st.integers(min_value=1, max_value=50)), max_size=30))
def test_silence_of_ours_takes_none_of_the_caller_s_time(given_ms: list[tuple[bool, int]]) -> None:
    timeline = Timeline(AudioFormat.ULAW_8K)
    caller_ms = [0]
    for is_caller, tens in given_ms:
        count = tens * 10 * 8
        (timeline.appended if is_caller else timeline.filled)(count)
        for _ in range(tens * 10):
            caller_ms.append(caller_ms[-1] + is_caller)
    assert timeline.now_ms == len(caller_ms) - 1
    assert [timeline.caller_ms(at) for at in range(len(caller_ms))] == caller_ms
    assert timeline.caller_ms(10**6) == caller_ms[-1]
    assert timeline.caller_ms(-5) == 0
