"""The embedded engine from its port: caller audio in, turns, words, audio and tool calls out."""

import asyncio
import datetime as dt
import itertools
import json
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from agents.engine import (
    AnyRemembered,
    AppendAudio,
    AudioDelta,
    CallerSpeechStarted,
    CallerSpeechStopped,
    CallerTranscript,
    CancelResponse,
    CloseEngine,
    DeleteItem,
    EngineFailed,
    EngineReady,
    ItemDone,
    ResponseDone,
    ResponseStarted,
    ResponseStatus,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from agents.local.acts import Act, CallTool, Speak
from agents.local.dialogue import Dialogue
from agents.local.engine import CAPABILITIES, Inbox, LocalEngine
from agents.local.expectation import Expectation, plain
from agents.local.models import HEARING_THREADS, Models, ModelsMissing, Wheel, missing
from agents.local.recogniser import Recogniser, Recognition
from agents.local.replies import SAMPLES_PER_S
from agents.persona import Persona
from tests.agents.local_caller import Conversation, conversation
from tests.callers import says, silence, telephoned
from tools.spec import Risk, ToolSpec

LONG = (
    "We are open from Monday to Saturday from nine in the morning until six in the evening. "
    "On Thursdays we stay open until eight, and on Sundays we are closed all day."
)


class Script:
    """A dialogue that answers in the order written down, and remembers what it was told."""

    def __init__(self, *answers: list[Act], expect: Expectation | None = None) -> None:
        self.answers = list(answers)
        self.expect = expect or Expectation()
        self.told: list[tuple[str, ...]] = []

    def expectation(self) -> Expectation:
        return self.expect

    def settled(self, text: str, constrained: bool) -> bool:
        return False

    def heard(self, text: str, constrained: bool) -> list[Act]:
        self.told.append(("heard", plain(text), str(constrained)))
        return self.answers.pop(0)

    def tool_answered(self, tool_call_id: str, output: str) -> list[Act]:
        self.told.append(("tool", tool_call_id, output))
        return self.answers.pop(0)

    def remember(self, what: Sequence[AnyRemembered], *, answer: bool) -> list[Act]:
        self.told.append(("remember", str(len(what)), str(answer)))
        return self.answers.pop(0) if answer else []

    def informed(self, text: str) -> None:
        self.told.append(("informed", text))

    def cut(self, item_text: str, heard_text: str) -> None:
        self.told.append(("cut", item_text, heard_text))

    def interposed(self, text: str) -> None:
        self.told.append(("interposed", text))


async def test_words_asked_for_are_spoken_in_full(models: Models) -> None:
    script = Script()
    async with conversation(LocalEngine(models, script)) as talk:
        talk.engine.submit(Say(LONG))
        done = await talk.until(ResponseDone)
    assert done == ResponseDone("resp_1", ResponseStatus.COMPLETED)
    assert talk.words("resp_1") == LONG
    assert talk.of(ItemDone) == [ItemDone("resp_1", "item_1")]
    assert isinstance(talk.events[1], ResponseStarted)
    assert isinstance(talk.events[2], TextDelta)
    assert script.told == [("interposed", LONG)]
    voice = models.load_voice()
    sent = b"".join(delta.audio for delta in talk.of(AudioDelta))
    assert sent == voice.render(LONG)
    assert len({len(delta.audio) for delta in talk.of(AudioDelta)}) > 4


async def test_words_run_ahead_of_audio_and_audio_five_times_ahead_of_the_ear(
    models: Models,
) -> None:
    async with conversation(LocalEngine(models, Script())) as talk:
        talk.engine.submit(Say(LONG))
        await talk.until(ResponseDone)
    total = talk.samples("item_1")
    letters = samples = 0
    begun_s = next(at for at, event in talk.timed if isinstance(event, AudioDelta))
    for at, event in talk.timed:
        if isinstance(event, TextDelta):
            letters += len(event.text)
        if isinstance(event, AudioDelta):
            # Never early; how late a busy machine may be is no question of right or wrong.
            assert at - begun_s >= samples / SAMPLES_PER_S - 0.01
            samples += len(event.audio) // 2
            # Voices do not speak quite evenly: two words may be early or late.
            assert letters >= len(LONG) * samples / total - 20


async def test_a_turn_is_heard_and_answered(models: Models) -> None:
    script = Script([Speak("Very well.")], expect=Expectation("yes( please)?|no"))
    async with conversation(LocalEngine(models, script)) as talk:
        talk.hears(silence(1_000))
        assert await talk.asks("Yes please.") == "Very well."
    started, stopped = talk.of(CallerSpeechStarted)[0], talk.of(CallerSpeechStopped)[0]
    assert started.item_id == stopped.item_id == talk.of(CallerTranscript)[0].item_id == "turn_1"
    assert 900 <= started.audio_ms <= 1_300
    assert 1_400 <= stopped.audio_ms <= 2_200
    assert script.told == [("heard", "yes please", "True")]
    kinds = [type(event) for event in talk.events[1:5]]
    assert kinds == [CallerSpeechStarted, CallerSpeechStopped, CallerTranscript, ResponseStarted]


async def test_positions_do_not_hang_on_how_the_audio_was_cut(models: Models) -> None:
    audio = np.concatenate([silence(500), telephoned(says("Yes please."), 16_000), silence(1_200)])
    turns = []
    for size in (111, 480, len(audio)):
        async with conversation(LocalEngine(models, Script([]))) as talk:
            for at in range(0, len(audio), size):
                talk.engine.submit(AppendAudio(audio[at : at + size].tobytes()))
            await talk.until(CallerTranscript)
        turns.append(talk.events[1:4])
    assert turns[0] == turns[1] == turns[2]


async def test_a_caller_who_speaks_up_stops_the_reply(models: Models) -> None:
    script = Script([])
    async with conversation(LocalEngine(models, script)) as talk:
        talk.engine.submit(Say(LONG))
        await talk.until(AudioDelta, 5)
        talk.says("Stop please.")
        await talk.until(CallerTranscript)
    assert talk.of(ResponseDone) == [
        ResponseDone("resp_1", ResponseStatus.CANCELLED, "turn_detected")
    ]
    begun = talk.events.index(talk.of(CallerSpeechStarted)[0])
    after = talk.events[begun + 1 :]
    assert [type(event) for event in after[:2]] == [ItemDone, ResponseDone]
    assert not any(isinstance(event, AudioDelta | TextDelta) for event in after)
    given = talk.words("resp_1")
    assert LONG.startswith(given)
    assert len(given) < len(LONG) / 2
    # Nobody said how much of it was heard, so all that was given out counts as heard.
    assert script.told[1] == ("cut", LONG, given)


@pytest.mark.parametrize("heard", ["We are open", ""])
async def test_the_dialogue_learns_what_was_heard_of_a_cut_reply(
    models: Models, heard: str
) -> None:
    script = Script([])
    async with conversation(LocalEngine(models, script)) as talk:
        talk.engine.submit(Say(LONG))
        await talk.until(AudioDelta, 5)
        talk.says("Stop please.")
        await talk.until(CallerSpeechStarted)
        cut = TruncateItem("item_1", 0, 700, heard) if heard else DeleteItem("item_1")
        talk.engine.submit(cut)
        await talk.until(CallerTranscript)
    assert [told for told in script.told if told[0] == "cut"] == [("cut", LONG, heard)]


async def test_a_reply_given_out_long_ago_can_still_be_truncated(models: Models) -> None:
    script = Script()
    async with conversation(LocalEngine(models, script)) as talk:
        talk.engine.submit(Say("Hello there."))
        await talk.until(ResponseDone)
        talk.engine.submit(TruncateItem("item_1", 0, 300, "Hello"))
        talk.engine.submit(TruncateItem("item_1", 0, 300, "Hello"))
        talk.engine.submit(DeleteItem("item_99"))
        talk.engine.submit(Say("Bye."))
        await talk.until(ResponseDone, 2)
    assert [told for told in script.told if told[0] == "cut"] == [("cut", "Hello there.", "Hello")]


async def test_only_so_many_spoken_items_are_remembered(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.local.replies._REMEMBERED", 1)
    script = Script()
    async with conversation(LocalEngine(models, script)) as talk:
        talk.engine.submit(Say("Hello."))
        talk.engine.submit(Say("Bye."))
        await talk.until(ResponseDone, 2)
        talk.engine.submit(DeleteItem("item_1"))
        talk.engine.submit(DeleteItem("item_2"))
        talk.engine.submit(Say("Again."))
        await talk.until(ResponseDone, 3)
    assert [told for told in script.told if told[0] == "cut"] == [("cut", "Bye.", "")]


async def test_on_a_line_that_never_falls_silent_a_tool_is_answered_all_the_same(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.local.session._FLOOR_WAIT_S", 0.05)
    script = Script([Speak("It is free.")])
    async with conversation(LocalEngine(models, script)) as talk:
        talk.hears(telephoned(says("And another thing"), 16_000))
        await talk.until(CallerSpeechStarted)
        talk.engine.submit(ToolOutput("call_1", "{}"))
        await talk.until(ResponseDone)
    assert talk.words("resp_1") == "It is free."


async def goes_on(talk: Conversation, models: Models, *spoken: str) -> None:
    """The caller says all this with pauses that end turns; nothing is made out until the end."""
    held = threading.Event()
    for _ in range(HEARING_THREADS):
        models.hearing.submit(held.wait)
    try:
        for number, text in enumerate(spoken):
            talk.hears(silence(700))
            talk.hears(telephoned(says(text), 16_000))
            await talk.until(CallerSpeechStarted, number + 1)
    finally:
        held.set()


async def test_a_caller_who_draws_breath_is_answered_once_and_at_the_end(models: Models) -> None:
    more = "(?:no )?(?:that's all|thank you goodbye)"
    script = Script([Speak("Goodbye.")], expect=Expectation(more))
    async with conversation(LocalEngine(models, script)) as talk:
        await goes_on(talk, models, "No, that's all.", "Thank you, goodbye.")
        await talk.until(CallerTranscript)
        talk.hears(silence(1_200))
        await talk.until(ResponseDone)
    assert script.told == [("heard", "no that's all thank you goodbye", "True")]
    assert [plain(each.text) for each in talk.of(CallerTranscript)] == [
        "no that's all",
        "thank you goodbye",
    ]
    assert len(talk.of(ResponseStarted)) == 1
    stopped = talk.events.index(talk.of(CallerSpeechStopped)[1])
    assert talk.events.index(talk.of(ResponseStarted)[0]) > stopped


async def test_what_is_no_words_after_an_answer_does_not_spoil_it(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_out = iter([Recognition("Yes.", True, 0.0), Recognition("", False, 0.0)])
    monkeypatch.setattr(Recogniser, "recognise", lambda *_: next(made_out))
    script = Script([Speak("Very well.")])
    async with conversation(LocalEngine(models, script)) as talk:
        await goes_on(talk, models, "Yes.", "And another thing")
        talk.hears(silence(1_200))
        await talk.until(ResponseDone)
    assert script.told == [("heard", "yes", "True")]


async def test_on_a_line_that_never_falls_silent_the_caller_is_answered_all_the_same(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.local.session._FLOOR_WAIT_S", 0.05)
    script = Script([Speak("Very well.")])
    async with conversation(LocalEngine(models, script)) as talk:
        await goes_on(talk, models, "Yes please.", "And another thing")
        await talk.until(ResponseStarted)
    assert script.told == [("heard", "yes please", "False")]


async def test_a_caller_who_goes_on_and_on_is_answered_in_between(models: Models) -> None:
    script = Script([Speak("Very well.")], [], expect=Expectation("tomorrow|thank you"))
    async with conversation(LocalEngine(models, script)) as talk:
        await goes_on(talk, models, *["Tomorrow."] * 6)
        talk.hears(silence(1_200))
        await talk.until(CallerTranscript, 6)
        await talk.until(ResponseStarted)
    assert script.told[0] == ("heard", " ".join(["tomorrow"] * 4), "True")


async def test_items_that_never_began_are_cut_whole(models: Models) -> None:
    script = Script([Speak(LONG), Speak("Which day?")], [])
    async with conversation(LocalEngine(models, script)) as talk:
        talk.says("Hello.")
        await talk.until(AudioDelta, 3)
        talk.says("Stop please.")
        await talk.until(CallerTranscript, 2)
    cuts = [told[1:] for told in script.told if told[0] == "cut"]
    assert cuts == [("Which day?", ""), (LONG, talk.words("resp_1"))]


async def test_a_cancelled_response_says_so_and_others_stay(models: Models) -> None:
    async with conversation(LocalEngine(models, Script())) as talk:
        talk.engine.submit(Say(LONG))
        await talk.until(AudioDelta, 2)
        talk.engine.submit(CancelResponse("resp_7"))
        await talk.until(AudioDelta, 4)
        talk.engine.submit(CancelResponse("resp_1"))
        talk.engine.submit(Say("Goodbye."))
        await talk.until(ResponseDone, 2)
    assert talk.of(ResponseDone) == [
        ResponseDone("resp_1", ResponseStatus.CANCELLED, "client_cancelled"),
        ResponseDone("resp_2", ResponseStatus.COMPLETED),
    ]


async def test_a_tool_is_called_while_its_announcement_is_spoken(models: Models) -> None:
    call = CallTool("call_1", "book", '{"day": "Tuesday"}')
    script = Script([Speak("One moment."), call], [Speak("It is booked.")])
    async with conversation(LocalEngine(models, script)) as talk:
        talk.says("Yes please.")
        called = await talk.until(ToolCalled)
        talk.engine.submit(ToolOutput("call_1", '{"message": "ok"}'))
        await talk.until(ResponseDone, 2)
    assert called == ToolCalled("resp_1", "call_1", "book", '{"day": "Tuesday"}')
    assert script.told[1] == ("tool", "call_1", '{"message": "ok"}')
    assert talk.words("resp_2") == "It is booked."
    at = talk.events.index(called)
    assert isinstance(talk.events[at - 1], AudioDelta)


async def test_speaking_over_an_announcement_does_not_undo_the_call(models: Models) -> None:
    script = Script([Speak(LONG), CallTool("call_1", "book", "{}")], [], [])
    async with conversation(LocalEngine(models, script)) as talk:
        talk.says("Yes please.")
        await talk.until(ResponseStarted)
        talk.says("Stop please.")
        await talk.until(CallerTranscript, 2)
    assert len(talk.of(ToolCalled)) == 1
    done = talk.events.index(talk.of(ResponseDone)[0])
    assert talk.events.index(talk.of(ToolCalled)[0]) < done


async def test_an_answer_that_is_owed_is_given_even_if_empty(models: Models) -> None:
    script = Script([CallTool("call_1", "note", "{}")], [])
    async with conversation(LocalEngine(models, script)) as talk:
        talk.says("Yes please.")
        await talk.until(ToolCalled)
        talk.engine.submit(ToolOutput("call_1", "{}"))
        done = await talk.until(ResponseDone, 2)
    assert done == ResponseDone("resp_2", ResponseStatus.COMPLETED)


async def test_an_unwanted_answer_to_a_tool_is_not_spoken(models: Models) -> None:
    script = Script([CallTool("call_1", "end", "{}")], [Speak("Goodbye!")])
    async with conversation(LocalEngine(models, script)) as talk:
        talk.says("Yes please.")
        await talk.until(ResponseDone)
        talk.engine.submit(ToolOutput("call_1", "{}", respond=False))
        talk.engine.submit(Say("Bye."))
        await talk.until(ResponseDone, 2)
    assert talk.words("resp_2") == "Bye."
    assert ("tool", "call_1", "{}") in script.told


async def test_the_answer_to_a_tool_waits_until_the_caller_has_stopped(models: Models) -> None:
    script = Script([CallTool("call_1", "find", "{}")], [Speak("It is free.")], [])
    async with conversation(LocalEngine(models, script)) as talk:
        talk.says("Yes please.")
        await talk.until(ResponseDone)
        talk.hears(telephoned(says("And another thing"), 16_000))
        await talk.until(CallerSpeechStarted, 2)
        talk.engine.submit(ToolOutput("call_1", "{}"))
        await asyncio.sleep(0.05)
        assert len(talk.of(ResponseStarted)) == 1
        talk.hears(silence(1_200))
        await talk.until(ResponseDone, 2)
    stopped = talk.events.index(talk.of(CallerSpeechStopped)[1])
    assert talk.events.index(talk.of(ResponseStarted)[1]) > stopped


async def test_audio_from_before_the_engine_is_ready_is_heard(models: Models) -> None:
    engine = LocalEngine(models, Script([]))
    talk = Conversation(engine)
    talk.hears(silence(400))
    talk.says("Yes please.")
    running = asyncio.get_running_loop().create_task(engine.run(talk.deliver))
    await talk.until(CallerTranscript)
    engine.submit(CloseEngine())
    await running
    assert isinstance(talk.events[0], EngineReady)
    assert 300 <= talk.of(CallerSpeechStarted)[0].audio_ms <= 700


async def test_an_inbox_nobody_reads_keeps_only_21_s_of_audio_but_every_command() -> None:
    inbox = Inbox()
    inbox.put(Say("first"))
    for number in range(22):
        inbox.put(AppendAudio(bytes([number]) * 48_000))
    inbox.put(Say("last"))
    assert inbox.missed_bytes == 48_000
    assert [await inbox.next() for _ in range(2)] == [Say("first"), Say("last")]
    assert [await inbox.next() for _ in range(21)] == [
        AppendAudio(bytes([number]) * 48_000) for number in range(1, 22)
    ]


async def test_a_broken_dialogue_ends_the_session_with_a_reason(models: Models) -> None:
    engine = LocalEngine(models, Script())
    talk = Conversation(engine)
    talk.says("Yes please.")
    await asyncio.wait_for(engine.run(talk.deliver), 10)
    assert talk.events[-1] == EngineFailed("local_dialogue_failed", fatal=False)
    engine.submit(Say("Anybody there?"))
    assert talk.of(ResponseStarted) == []


async def test_a_broken_worker_ends_the_session_with_a_reason(models: Models) -> None:
    engine = LocalEngine(models, Script([], expect=Expectation("(")))
    talk = Conversation(engine)
    talk.says("Yes please.")
    await asyncio.wait_for(engine.run(talk.deliver), 10)
    assert talk.events[-1] == EngineFailed("local_speech_failed", fatal=False)


async def test_models_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Wheel("moonshine_voice", "moonshine-voice==0.1.0", "assets/nowhere.ort")
    monkeypatch.setattr("agents.local.models.ENCODER", lost)
    models = Models()
    talk = Conversation(engine := LocalEngine(models, Script()))
    await asyncio.wait_for(engine.run(talk.deliver), 10)
    models.close()
    assert talk.events == [EngineFailed("local_models_missing", fatal=True)]


def test_everything_the_engine_needs_is_installed() -> None:
    assert missing() == []


@pytest.mark.parametrize("module", ["moonshine_voice", "nowhere_at_all"])
def test_a_missing_file_says_what_to_install(module: str) -> None:
    with pytest.raises(ModelsMissing, match=r"pip install moonshine-voice==0\.1\.0"):
        Wheel(module, "moonshine-voice==0.1.0", "assets/nothing.ort").path()


def test_a_process_loads_each_model_once(models: Models) -> None:
    loaded, again = models.load(), Models().load()
    assert (again.vad, again.voice) == (loaded.vad, loaded.voice)
    assert again.recogniser is loaded.recogniser


async def test_closing_in_the_middle_of_everything_leaves_nothing(models: Models) -> None:
    async with conversation(LocalEngine(models, Script([Speak(LONG)]))) as talk:
        talk.says("Yes please.")
        talk.engine.submit(Say(LONG))
        await talk.until(AudioDelta)
    assert not talk.of(EngineFailed)


def test_the_engine_behaves_as_a_cloud_session_does() -> None:
    assert CAPABILITIES.cancels_on_speech
    assert CAPABILITIES.truncates
    assert CAPABILITIES.input_format is CAPABILITIES.output_format


BOOK = ToolSpec(
    name="book_appointment",
    description="Book an appointment.",
    parameters={
        "type": "object",
        "required": ["day", "time", "name"],
        "properties": {
            "day": {"type": "string", "format": "date", "x-ask": "Which day would you like?"},
            "time": {"type": "string", "format": "time", "x-ask": "At what time?"},
            "name": {"type": "string", "format": "name", "x-ask": "What is your name?"},
        },
    },
    risk=Risk.WRITE_OWN,
    confirm=("day", "time", "name"),
    phrases=("book an appointment", "make an appointment"),
    ends_call=False,
)


@pytest.mark.slow
async def test_a_caller_books_by_voice_and_interrupts_the_read_back(models: Models) -> None:
    now = dt.datetime(2026, 11, 20, 10, 0, tzinfo=dt.UTC)
    ids = (f"call_{number}" for number in itertools.count(1))
    engine = LocalEngine(models, Dialogue([BOOK], Persona(), now, ids))
    async with conversation(engine) as talk:
        talk.engine.submit(Say(Persona().greeting))
        await talk.until(ResponseDone)
        assert "day" in await talk.asks("I would like to book an appointment.")
        assert "time" in await talk.asks("On Tuesday.")
        assert "name" in await talk.asks("At three thirty.")
        read_back = await talk.asks("Alice Miller.")
        item_id = talk.of(TextDelta)[-1].item_id
        talk.engine.submit(TruncateItem(item_id, 0, 400, read_back[:4]))
        again = await talk.asks("Yes.")
        assert not talk.of(ToolCalled), "agreed to what was not heard"
        assert "Tuesday" in again
        talk.says("Yes.")
        called = await talk.until(ToolCalled)
        talk.engine.submit(ToolOutput(called.tool_call_id, '{"message": "You are booked."}'))
        done = await talk.until(ResponseDone, 8)
        assert "You are booked." in talk.words(done.response_id)
    told = json.loads(called.arguments)
    assert (called.name, told["day"], told["time"]) == ("book_appointment", "2026-11-24", "15:30")
    assert "miller" in told["name"].lower()
