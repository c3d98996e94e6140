"""An edit against calls of the past: what would have come out otherwise, and what is unknown."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from telephony.configuring.starters import starter
from telephony.preview import Difference, Preview
from telephony.rehearsal import Previews, Rehearsal
from telephony.settings import load
from telephony.transcripts import files
from telephony.transcripts.entry import (
    AgentLine,
    AnyEntry,
    CallerLine,
    Fate,
    ToolLine,
    Word,
    WordFate,
)
from telephony.transcripts.summary import Summary
from tools.config import ConfigError
from tools.store import open_store

BOOK = "tools/book_appointment.yaml"
SALON = starter("salon")
ARGUMENTS = '{"service": "haircut", "date": "2026-03-06", "time": "10:00", "name": "Ann Lee"}'
READ_BACK = "So a haircut on Friday the 6th of March at ten o'clock for Ann Lee. Is that right?"


def agent(text: str, at_ms: int, **more: Any) -> AgentLine:
    return AgentLine("a", 1, text, text, Fate.HEARD, at_ms, at_ms + 900, 900, 900, **more)


def caller(text: str, at_ms: int) -> CallerLine:
    return CallerLine("c", text, at_ms, at_ms + 800)


def tool(at_ms: int, arguments: str = ARGUMENTS, state: str = "done", **more: Any) -> ToolLine:
    made = ToolLine(
        f"t{at_ms}", "book_appointment", arguments, state, '{"message": "Booked."}', at_ms,
        at_ms + 400,
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


BOOKING: tuple[AnyEntry, ...] = (
    agent("How can I help?", 0),
    caller("A haircut on Friday at ten, for Ann Lee please.", 2_000),
    agent(READ_BACK, 4_000),
    caller("Yes.", 6_000),
    tool(7_000),
    agent("You are booked for Friday at ten.", 8_000),
)


class Shelf:
    """Calls on disk, and a service's way to look at them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        settings = msgspec.structs.replace(load({}, folder), data_dir=folder)
        self.rehearsal = Rehearsal(settings, open_store(f"sqlite:///{folder / 'never.db'}"))
        self._count = 0

    def call(self, *entries: AnyEntry, to: str = "+442079460000", **more: Any) -> None:
        self._count += 1
        folder = self.folder / "calls" / "2026-03-03" / f"CA{self._count}"
        folder.mkdir(parents=True)
        lines = b"".join(msgspec.json.encode(each) + b"\n" for each in entries)
        (folder / files.TRANSCRIPT).write_bytes(lines)
        told = {"started_at": "2026-03-03T09:00:00+00:00", **more}
        summary = Summary(
            call_id=folder.name, engine="local", from_number="+442079460001", to_number=to, **told
        )
        (folder / files.SUMMARY).write_bytes(msgspec.json.encode(summary))

    def edit(self, path: str = BOOK, text: str = "", **before: str) -> Previews:
        after = {**SALON, path: text} if text else {k: v for k, v in SALON.items() if k != path}
        return self.rehearsal.previews({**SALON, **before}, after, 50)

    def found(self, add: str, *entries: AnyEntry) -> list[tuple[str, str, str]]:
        """Differences that lines added to the booking tool make in one call."""
        self.call(*(entries or BOOKING))
        (preview,) = self.edit(BOOK, SALON[BOOK] + add).calls
        return [(each.kind, each.before, each.after) for each in preview.differences]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_the_same_files_change_nothing(shelf: Shelf) -> None:
    shelf.call(*BOOKING)
    found = shelf.edit(BOOK, SALON[BOOK] + "# only a comment\n")
    (preview,) = found.calls
    assert (preview.tool_calls, preview.differences, preview.unknown) == (1, (), ())
    assert found.told == type(found.told)((), (), ())


def test_a_rule_of_what_must_be_said_refuses_what_was_guessed(shelf: Shelf) -> None:
    guessed = msgspec.json.decode(ARGUMENTS) | {"service": "beard trim"}
    unsaid = tool(7_000, msgspec.json.encode(guessed).decode())
    add = "must_be_said: [service]\n"
    plain = SALON[BOOK].replace("confirm: [service, date, time, name]\n", "confirm: []\n")
    shelf.call(*BOOKING[:4], unsaid)
    (preview,) = shelf.edit(BOOK, plain + add, **{BOOK: plain}).calls
    ((kind, what, before, after, at_ms),) = [
        msgspec.structs.astuple(each) for each in preview.differences
    ]
    assert (kind, what, before, at_ms) == ("verdict", "book_appointment", "runs", 7_000)
    assert after.startswith("refused (must be said)")


def test_what_was_read_back_and_agreed_to_is_seen_as_a_call_would_have_seen_it(
    shelf: Shelf,
) -> None:
    plain = SALON[BOOK].replace("confirm: [service, date, time, name]\n", "confirm: []\n")
    shelf.call(*BOOKING)
    shelf.call(*BOOKING[:3], caller("No, on Saturday.", 6_000), tool(7_000))
    newest, oldest = sorted(
        shelf.edit(BOOK, SALON[BOOK], **{BOOK: plain}).calls, key=lambda each: each.call_id
    )[::-1]
    assert oldest.differences == ()
    assert newest.differences[0].after.startswith("refused (confirm): ")


@pytest.mark.parametrize(
    ("add", "after"),
    [
        ("approval: {deadline_s: 30}\n", "waits for a person"),
        ("requires: [list_services]\n", "refused (requires): "),
        ("audience: {hours: {friday: ['09:00-12:00']}}\n", "not offered"),
        ("deadline_s: 0.5\n", ""),
    ],
)
def test_each_rule_is_judged_by_itself(shelf: Shelf, add: str, after: str) -> None:
    told = [each for each in shelf.found(add) if each[0] == "verdict"]
    assert [(kind, before) for kind, before, _ in told] == [("verdict", "runs")] * bool(after)
    assert all(each[2].startswith(after) for each in told)


def test_a_tighter_limit_refuses_the_second_and_a_shorter_deadline_what_took_too_long(
    shelf: Shelf,
) -> None:
    slow = tool(9_000, ARGUMENTS.replace("10:00", "10:00"), end_ms=12_000)
    shelf.call(*BOOKING, slow)
    text = SALON[BOOK].replace("per_call: 5", "per_call: 1")
    (preview,) = shelf.edit(BOOK, text).calls
    assert [(each.at_ms, each.after[:16]) for each in preview.differences] == [
        (9_000, "refused (limits)")
    ]
    (preview,) = shelf.edit(BOOK, SALON[BOOK] + "deadline_s: 2\n").calls
    assert [(each.at_ms, each.after) for each in preview.differences] == [
        (9_000, "runs, but past its deadline")
    ]


def test_narrower_parameters_make_arguments_invalid_and_fixed_ones_change_them(
    shelf: Shelf,
) -> None:
    shelf.call(*BOOKING)
    ask = "    ask: What would you like to have done?\n"
    text = SALON[BOOK].replace(ask, f"{ask}    choices: [beard trim]\n")
    text = text.replace("service: haircut", "service: beard trim")
    (preview,) = shelf.edit(BOOK, text).calls
    assert preview.differences[0].after.startswith("invalid: service ")
    asked = tool(9_000, '{"service": "haircut"}', name="available_times")
    shelf.call(asked)
    times = "handler: booking.available_times\nparameters: {date: {default: 2026-03-06}}\n"
    calls = shelf.edit("tools/available_times.yaml", times).calls
    found = [each for call in calls for each in call.differences]
    (difference,) = [each for each in found if each.kind == "arguments"]
    assert ("2026-03-06" in difference.before, "2026-03-06" in difference.after) == (False, True)


def test_a_tool_that_is_gone_is_said_to_be(shelf: Shelf) -> None:
    shelf.call(tool(10, "{}", name="end_call"))
    shelf.call(agent("Hello", 0))
    found = shelf.edit("tools/end_call.yaml")
    kinds = {
        preview.call_id: [(each.kind, each.before, each.after) for each in preview.differences]
        for preview in found.calls
    }
    assert ("verdict", "runs", "not offered") in kinds["CA1"]
    assert kinds["CA2"] == [("offer", "offered", "not offered")]
    assert found.told.removed == ("end_call",)


def test_another_persona_and_closed_doors_are_told(shelf: Shelf) -> None:
    shelf.call(agent("Hello", 0))
    night = {"personas/night.yaml": "greeting: Good evening.\n"}
    numbers = 'default: receptionist\nnumbers: {"+442079460000": night}\n'
    before = {**SALON, **night, "numbers.yaml": "default: receptionist\n"}
    after = {**before, "numbers.yaml": numbers}
    (preview,) = shelf.rehearsal.previews(before, after, 5).calls
    assert preview.differences[0] == Difference("routing", "who answers", "receptionist", "night")
    closed = SALON["personas/receptionist.yaml"] + 'hours: {friday: ["09:00-10:00"]}\n'
    (preview,) = shelf.edit("personas/receptionist.yaml", closed).calls
    assert preview.differences[0].after == "receptionist, outside its hours"


def test_a_sentence_that_would_be_stopped_and_one_that_would_be_heard(shelf: Shelf) -> None:
    claim = agent("Everything is squared away.", 3_000)
    found = shelf.found('claims: ["everything is squared away"]\n', *BOOKING[:1], claim)
    assert found == [("claim", "heard", "stopped")]
    done = Shelf(shelf.folder / "again")
    later = msgspec.structs.replace(claim, start_ms=9_000)
    assert done.found('claims: ["everything is squared away"]\n', *BOOKING, later) == []


def test_what_would_be_kept_out_of_the_record_is_told(shelf: Shelf) -> None:
    ((kind, before, after),) = shelf.found("redact: [name]\n")
    assert (kind, "Ann Lee" in before, "Ann Lee" in after) == ("record", True, False)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ('{"name": "[redacted]"}', "kept out of the record"),
        ('{"name": "[secret]"}', "kept out of the record"),
        ('{"name": "digits:0123"}', "kept nowhere"),
    ],
)
def test_what_was_not_recorded_cannot_be_judged_and_is_said_so(
    shelf: Shelf, arguments: str, why: str
) -> None:
    shelf.call(*BOOKING[:4], tool(7_000, arguments))
    (preview,) = shelf.edit(BOOK, SALON[BOOK] + "approval: {}\n").calls
    assert preview.differences == ()
    assert why in preview.unknown[0]


def test_words_that_were_kept_out_of_the_record_prove_nothing_either_way(shelf: Shelf) -> None:
    card = caller("It is [card number].", 6_500)
    shelf.call(*BOOKING[:4], card, tool(7_000))
    (preview,) = shelf.edit(BOOK, SALON[BOOK] + "approval: {}\n").calls
    assert preview.differences == ()
    assert "words that its rules go by" in preview.unknown[0]


def test_tools_of_a_server_are_known_only_while_it_is_connected(shelf: Shelf) -> None:
    text = "handler: mcp\nrisk: read\nmcp: {tool: look, url: 'https://mcp.example.com/'}\n"
    shelf.call(msgspec.structs.replace(tool(10, "{}"), name="look"))
    before = {**SALON, "tools/look.yaml": text}
    after = {**SALON, "tools/look.yaml": text + "approval: {}\n"}
    (preview,) = shelf.rehearsal.previews(before, after, 5).calls
    assert "only while its server is connected" in preview.unknown[0]


def test_torn_calls_are_counted_and_broken_files_refused(shelf: Shelf) -> None:
    shelf.call()
    shelf.call(*BOOKING, started_at="no time")
    assert shelf.edit(BOOK, SALON[BOOK]).unread == 2
    with pytest.raises(ConfigError):
        shelf.edit(BOOK, "handler: x\n")


def test_words_that_were_cut_count_as_far_as_they_were_heard(shelf: Shelf) -> None:
    cut = msgspec.structs.replace(
        agent(READ_BACK, 4_000), heard="So a haircut on Friday", fate=Fate.CUT
    )
    plain = SALON[BOOK].replace("confirm: [service, date, time, name]\n", "confirm: []\n")
    shelf.call(*BOOKING[:2], cut, caller("Yes.", 6_000), tool(7_000))
    (preview,) = shelf.edit(BOOK, SALON[BOOK], **{BOOK: plain}).calls
    assert isinstance(preview, Preview)
    assert preview.differences[0].after.startswith("refused (confirm): ")


def test_words_count_as_far_as_they_had_sounded_when_the_tool_was_called(shelf: Shelf) -> None:
    times = enumerate(READ_BACK.split())
    words = tuple(
        Word(text, 4_000 + 200 * at, 4_200 + 200 * at, WordFate.HEARD) for at, text in times
    )
    speaking = msgspec.structs.replace(agent(READ_BACK, 4_000), end_ms=8_000, words=words)
    plain = SALON[BOOK].replace("confirm: [service, date, time, name]\n", "confirm: []\n")
    shelf.call(*BOOKING[:2], speaking, caller("Yes.", 4_500), tool(5_000))
    (preview,) = shelf.edit(BOOK, SALON[BOOK], **{BOOK: plain}).calls
    assert preview.differences[0].after.startswith("refused (confirm): ")


def test_arguments_that_are_no_json_are_as_invalid_as_they_were(shelf: Shelf) -> None:
    shelf.call(*BOOKING[:4], tool(7_000, "no json", state="invalid"))
    (preview,) = shelf.edit(BOOK, SALON[BOOK] + "# only a comment\n").calls
    assert preview.differences == ()
