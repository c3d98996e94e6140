"""The lab's material, its model's ear and rules, its scenarios, and what it says in the end."""

import msgspec
import numpy as np
import pytest

from telephony.lab.ear import Change, ModelEar, level_dbfs
from telephony.lab.material import FLOOR, Speech, clips, widened
from telephony.lab.measure import (
    CallFigures,
    Cut,
    FalseStops,
    Goodbyes,
    figures,
)
from telephony.lab.report import page
from telephony.lab.result import Result, Setting, as_json, rows, table
from telephony.lab.rules import Items, OpenItem, Refused, Truncate
from telephony.lab.scenarios import Kind, Sound, scenarios
from telephony.lab.sentences import BACKCHANNEL, CALLER, INTERRUPTIONS, SENTENCES
from telephony.media import ulaw
from tests.telephony.test_lab_matching import voice

RECORDINGS = {
    text: ulaw.encode(np.concatenate((np.zeros(80, np.int16), voice(1_000, number))))
    for number, text in enumerate((*SENTENCES, *CALLER))
}


# ---- material ---------------------------------------------------------------------------------


def test_items_are_as_long_as_asked_for_and_never_alike() -> None:
    speech = Speech(RECORDINGS)
    one, two = speech.item(2_500), speech.item(700)
    assert (len(one.speech), len(two.speech)) == (20_000, 5_600)
    assert one.text == " ".join(SENTENCES[:3])
    assert two.text == SENTENCES[3]
    assert np.corrcoef(one.speech[:5_600], two.speech)[0, 1] < 0.2


def test_speech_begins_again_when_all_is_said_over_another_floor() -> None:
    speech = Speech(RECORDINGS)
    first = speech.item(1_000)
    for _ in SENTENCES[1:]:
        speech.item(1_000)
    again = speech.item(1_000)
    assert again.text == first.text
    assert not np.array_equal(again.speech, first.speech)


def test_no_moment_of_the_model_s_speech_is_silent() -> None:
    quiet = {text: ulaw.silence(8_000) for text in SENTENCES}
    speech = Speech(quiet).item(1_000).speech
    steps = np.abs(speech.astype(int)).reshape(-1, 80).mean(axis=1)
    assert np.min(steps) > FLOOR / 3


def test_wide_speech_is_the_same_at_three_times_the_rate() -> None:
    narrow = voice(500, 7)
    for samples in (4_000, 3_999):
        wide = widened(narrow[:samples])
        assert len(wide) == 3 * samples
        assert np.abs(wide[::3].astype(int) - narrow[:samples])[50:-50].max() <= 1


def test_each_sound_of_the_caller_is_there_and_begins_where_it_is_heard() -> None:
    found = clips(RECORDINGS)
    assert set(found) == set(Sound)
    assert len(found[Sound.INTERRUPTION]) == len(INTERRUPTIONS)
    (said,) = found[Sound.BACKCHANNEL]
    assert said.text == BACKCHANNEL
    assert 80 <= said.onset < 400
    (noise,), (cough,) = found[Sound.NOISE], found[Sound.COUGH]
    assert (noise.text, cough.text) == ("", "")
    levels = [
        20 * np.log10(ulaw.decode(c.ulaw).astype(float).std() / 32_768) for c in (noise, cough)
    ]
    assert -32 < levels[0] < -28
    assert levels[1] > -26
    assert (len(noise.ulaw), len(cough.ulaw)) == (12_000, 2_560)


# ---- the model's ear --------------------------------------------------------------------------


def tone(ms: int, dbfs: float, rate: int) -> bytes:
    size = 32_768 * 10 ** (dbfs / 20)
    return np.tile(np.array([size, -size]), ms * rate // 2_000).astype("<i2").tobytes()


@pytest.mark.parametrize("rate", [8_000, 24_000])
def test_speech_starts_after_60_ms_and_stops_after_the_silence_asked_for(rate: int) -> None:
    ear = ModelEar(rate, threshold=0.5, silence_ms=400)
    assert ear.hear(tone(1_000, -60, rate)) == []
    assert ear.hear(tone(50, -30, rate)) == []
    assert ear.hear(tone(50, -30, rate)) == [(Change.STARTED, 700)]
    assert ear.hear(tone(400, -60, rate)) == [(Change.STOPPED, 1_500)]
    assert ear.heard_ms == 1_500


def test_a_click_is_no_speech_and_a_pause_no_end() -> None:
    ear = ModelEar(8_000, threshold=0.5, silence_ms=400)
    assert ear.hear(tone(40, -20, 8_000) + tone(100, -70, 8_000)) == []
    speech = tone(100, -20, 8_000)
    assert [c for c, _ in ear.hear(speech + tone(300, -70, 8_000) + speech)] == [Change.STARTED]


def test_a_higher_threshold_takes_a_louder_caller() -> None:
    assert (level_dbfs(0.5), level_dbfs(1.0)) == (-40.0, -30.0)
    noise = tone(200, -35, 8_000)
    assert ModelEar(8_000, 0.5, 400).hear(noise)
    assert not ModelEar(8_000, 0.9, 400).hear(noise)


# ---- the model's rules ------------------------------------------------------------------------


@pytest.fixture
def items() -> Items:
    """A user's item, and one of the model of which 1,500 ms have been sent."""
    items = Items()
    items.add("user")
    spoken = OpenItem("said", 0, Speech(RECORDINGS).item(2_000), wanted=True)
    items.speak(spoken)
    items.sent(spoken, 12_000)
    return items


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        (Truncate("none", 0, 0), "item_truncate_invalid_item_id", "not found: none"),
        (Truncate("user", 0, 0), "invalid_value", "Only model output audio"),
        (Truncate("said", 1, 0), "invalid_value", "Invalid content_index"),
        (Truncate("said", 0, -1), "invalid_value", "Invalid content_index"),
        (Truncate("said", 0, 1_501), "invalid_value", "of 1500ms is already shorter than 1501ms"),
    ],
)
def test_what_cannot_be_truncated_is_refused_and_remembered(
    items: Items, asked: Truncate, code: str, message: str
) -> None:
    with pytest.raises(Refused, match=message) as refusal:
        items.truncate(asked, 5.0)
    assert refusal.value.code == code
    (told,) = items.told
    assert (told.item_id, told.accepted, told.at_s) == (asked.item_id, False, 5.0)


def test_an_item_cut_once_is_as_short_as_it_was_cut(items: Items) -> None:
    items.truncate(Truncate("said", 0, 1_500), 1.0)
    items.truncate(Truncate("said", 0, 700), 2.0)
    with pytest.raises(Refused):
        items.truncate(Truncate("said", 0, 701), 3.0)
    assert [told.accepted for told in items.told] == [True, True, False]


def test_a_deleted_item_was_heard_for_nothing(items: Items) -> None:
    items.delete("said", 4.0)
    items.delete("user", 4.0)
    (told,) = items.told
    assert (told.item_id, told.audio_end_ms, told.deletion) == ("said", 0, True)
    assert "not found: said" in refused(items)
    items.sent(items.spoken["said"], 80)  # it is still being sent
    record = items.spoken["said"].record()
    assert (record.sent_ms, record.whole_ms, record.wanted) == (1_510, 2_000, True)


def refused(items: Items) -> str:
    with pytest.raises(Refused) as refusal:
        items.delete("said", 5.0)
    return refusal.value.message


# ---- scenarios --------------------------------------------------------------------------------


def test_scenarios_say_which_false_stop_they_try() -> None:
    tried = {one.name: one.false_stop for one in scenarios() if one.kind is Kind.FALSE_STOP}
    assert tried == {name: name for name in ("noise", "cough", "backchannel", "echo")}
    assert {one.false_stop for one in scenarios() if one.kind is not Kind.FALSE_STOP} == {""}


def test_jitter_is_for_the_scenarios_with_a_network() -> None:
    distant = {one.name: one.jitter_ms for one in scenarios(60) if one.delay_ms}
    assert distant == {"network": 60, "network-queued": 60}


# ---- what is said in the end ------------------------------------------------------------------


SETTING = Setting(
    target="ws://evil<script>&",
    measured_at="2026-11-20T12:00:00+00:00",
    machine="a machine",
    repeat=1,
    at_once=4,
    jitter_ms=25,
    scenarios=(("one-item", "One item."), ("goodbye", "Goodbye.")),
    leak_after_s=5.0,
)
CUTS = (
    Cut("one-item", "item_1", 7_000.0, 1_000.4, 1_004, accepted=True),
    Cut("one-item", "item_2", 7_000.0, 1_000.0, 4_000, accepted=True),
    Cut("one-item", "item_3", 7_000.0, 1_000.0, 9_000, accepted=False),
    Cut("one-item", "<item>", 7_000.0, 1_000.0, None, accepted=False),
)
CALLS = (
    CallFigures("one-item", CUTS, rejected=1, stop_ms=(80.0,), clear_ms=(2.0,), clears=1),
    CallFigures("cough", false_stops=FalseStops(1, 3)),
    CallFigures("goodbye", goodbye=Goodbyes(1, 1, 2, 812.5)),
)
RESULT = Result(SETTING, figures(CALLS, 1), CALLS)
EMPTY = Result(SETTING, figures([], 0), ())


def test_the_object_has_the_figures_on_top_and_every_cut() -> None:
    told = as_json(RESULT)
    assert told["truncation_error_ms"] == {"p50": 3_000.0, "p99": 8_000.0, "max": 8_000.0, "n": 3}
    assert (told["truncations_rejected"], told["truncations_missing"]) == (1, 1)
    assert told["false_stops"]["cough"] == {"stopped": 1, "n": 3}
    assert told["leaked_sessions"] == 1
    assert told["late_audio_ms"] == 0
    assert told["scenarios"][0] == {"name": "one-item", "about": "One item.", "calls": 1}
    assert [cut["error_ms"] for cut in told["cuts"]] == [3.6, 3_000.0, 8_000.0, None]
    msgspec.json.encode(told)


def test_the_table_has_a_line_for_each_figure() -> None:
    lines = table(RESULT).splitlines()
    assert lines[0] == f"Target: {SETTING.target}"
    assert lines[1] == "Scenarios: one-item, goodbye; 3 calls"
    assert len(lines) == 4 + len(rows(RESULT))
    text = "\n".join(lines)
    assert "3000 / 8000 / 8000 ms" in text
    assert "1 (up to 812.5 ms lost), 1 never hung up" in text
    assert "+3667.9 ms" in text


def test_without_calls_nothing_is_claimed() -> None:
    values = {row.name: row.value for row in rows(EMPTY)}
    assert values["Truncation error"] == values["Truncation bias"] == "-"
    assert values["Goodbye cut off"] == values["False stops: echo"] == "not measured"
    assert "Nothing was cut." in page(EMPTY)


def test_the_page_needs_nothing_else_and_believes_no_target() -> None:
    html = page(RESULT)
    assert "evil&lt;script&gt;&amp;" in html
    assert "<script" not in html
    assert "&lt;item&gt;" in html
    for outside in ("http:", "https:", "src=", "url(", "@import", "<link"):
        assert outside not in html.replace("ws://", "")
    assert "prefers-color-scheme: dark" in html
    assert html.count("<circle") == 4
    assert html.count('class="wrong"') == 3
    assert "rejected" in html
    assert "missing" in html
    for row in rows(RESULT):
        assert f'<th scope="row">{row.name}</th>' in html
