"""What of a call reaches the disk and other processes before its caller has answered, and after."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from agents.engine import (
    AudioDelta,
    CallerSaid,
    CallerTranscript,
    Inform,
    Remember,
    Say,
    TextDelta,
    ToolCalled,
    ToolOutput,
    TruncateItem,
)
from telephony.call.commands import (
    CallCommand,
    Note,
    PlayAudio,
    Record,
    RunTool,
    StoreAudio,
    Track,
)
from telephony.call.config import ConsentMode, ConsentTerms
from telephony.call.events import (
    Act,
    CallerAudio,
    DtmfPressed,
    OperatorActs,
    ToolFinished,
    ToolWaits,
)
from telephony.transcripts.archive import journal, stored, transcript
from telephony.transcripts.entry import (
    AgentLine,
    Agreement,
    AnyEntry,
    CallerLine,
    ConsentLine,
    DtmfLine,
    EndedReason,
    EndLine,
    Fate,
    OperatorLine,
    ToolLine,
)
from telephony.transcripts.journal import Journal, JournalWriter
from telephony.transcripts.records import Gap, Happened, Seal
from telephony.transcripts.withholding import Standing, Withholding, metadata, standing
from tools.spec import Evidence, Heard

SECRET = "my knee hurts"
SAID = CallerLine("u1", SECRET, 0, 900)
REPLY = AgentLine("i1", 1, SECRET, SECRET, Fate.HEARD, 0, 1, 1, 1)
TOOL = ToolLine("t1", "book", f'{{"why":"{SECRET}"}}', "done", f'{{"message":"{SECRET}"}}', 1, 2)
BARE_TOOL = ToolLine("t1", "book", "{}", "done", "", 1, 2)
KEY = DtmfLine("7", 5)
END = EndLine(EndedReason.CALLER_HUNG_UP, 9_000)
RUN = RunTool("t1", "book", SECRET, Evidence((Heard("caller", SECRET),)))


def answered(answer: Agreement) -> ConsentLine:
    return ConsentLine(answer, "voice", "v1", "", 1, 1_000)


def say(filter_: Withholding, *commands: CallCommand) -> list[CallCommand]:
    """As a session does it: the journal, another process, then the commands one by one."""
    filter_.event(1.0, CallerTranscript("u1", SECRET), commands)
    told = filter_.told(commands)
    for command in commands:
        if isinstance(command, Record):
            filter_.record(command.entry)
    return list(told)


async def written(folder: Path, *answers: AnyEntry) -> Path:
    """The files of a call in which the caller speaks before and after they answer."""
    writer = JournalWriter(folder, period_s=0.01)
    opened = Journal.open(
        writer, call_id="CA1", started_at=dt.datetime.now(dt.UTC), engine="e", failed=_fails
    )
    kept = Withholding(opened, Standing.WAITING)
    kept.audio(Track.CALLER, 0, SECRET.encode() * 100)
    say(kept, Record(SAID), Record(REPLY), Record(TOOL), Record(KEY))
    for answer in answers:
        say(kept, Record(answer))
    kept.audio(Track.CALLER, 8_000, SECRET.encode() * 100)
    say(kept, Record(SAID), Record(TOOL), Record(END))
    kept.close(EndedReason.CALLER_HUNG_UP)
    assert await opened.written(5.0)
    await writer.shut(5.0)
    return opened.folder


def _fails(code: str) -> None:
    raise AssertionError(code)


def grep(folder: Path) -> list[str]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert found
    return [path.name for path in found if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("answer", [Agreement.REFUSED, Agreement.UNANSWERED, None])
async def test_requirement_d4_of_who_refuses_nothing_is_stored_but_metadata(
    tmp_path: Path, answer: Agreement | None
) -> None:
    folder = await written(tmp_path, *([answered(answer)] if answer else []))
    assert grep(tmp_path) == []
    assert not list(folder.glob("*.wav"))
    call = stored(folder)
    assert (call.finished, call.summary.tool_calls, call.summary.duration_ms) == (True, 2, 9_000)
    assert call.summary.dropped == 0
    kinds = [type(each) for each in transcript(call).entries]
    assert CallerLine not in kinds
    assert AgentLine not in kinds
    records = journal(folder).records
    assert not [each for each in records if isinstance(each, Happened)]
    assert [each.events for each in records if isinstance(each, Gap)] == [3 if answer else 2]


@pytest.mark.parametrize("answer", [Agreement.GRANTED, Agreement.TOLD])
async def test_of_who_agrees_all_is_stored_also_what_came_before(
    tmp_path: Path, answer: Agreement
) -> None:
    folder = await written(tmp_path, answered(answer))
    call = stored(folder)
    lines = [each for each in transcript(call).entries if isinstance(each, CallerLine)]
    assert [line.text for line in lines] == [SECRET, SECRET]
    happened = [each for each in journal(folder).records if isinstance(each, Happened)]
    assert len(happened) == 3
    assert (folder / "caller.wav").stat().st_size >= 8_000


def waits() -> tuple[Withholding, list[str]]:
    kept: list[str] = []

    class Sink:
        def event(self, *_args: object) -> None:
            raise AssertionError("its answer is looked at first")

        def fingerprint(self, commands: Sequence[CallCommand]) -> Seal:
            return Seal(len(commands), None)

        def keep(self, *_args: object) -> None:
            kept.append("event")

        def redacted(self) -> None:
            kept.append("redacted")

        def record(self, entry: AnyEntry) -> None:
            kept.append(type(entry).__name__)

        def audio(self, *_args: object) -> None:
            kept.append("audio")

        def passed_over(self) -> None:
            kept.append("gap")

        def close(self, reason: EndedReason) -> None:
            kept.append(reason.value)

    return Withholding(Sink(), Standing.WAITING), kept


def test_where_nothing_is_to_be_decided_the_way_leads_straight_to_the_journal() -> None:
    waiting, kept = waits()
    ways: list[object] = [waiting.way]
    assert ways == [waiting]
    say(waiting, Record(answered(Agreement.GRANTED)))
    waiting.way.audio(Track.CALLER, 0, b"x")
    waiting.way.redacted()
    assert kept == ["event", "ConsentLine", "audio", "redacted"]


def test_another_process_is_told_no_words_before_there_is_an_answer() -> None:
    kept, _ = waits()
    told = say(kept, Record(SAID), Record(TOOL), RUN, Note("n"))
    assert told == [RunTool("t1", "book", "{}"), Note("n")]
    assert not kept.open


def test_and_all_of_them_once_the_caller_agrees() -> None:
    kept, _ = waits()
    say(kept, Record(SAID))
    yes = Record(answered(Agreement.GRANTED))
    assert say(kept, yes, RUN) == [Record(SAID), yes, RUN]
    assert say(kept, Record(REPLY)) == [Record(REPLY)]


def test_and_none_of_them_after_a_refusal() -> None:
    kept, _ = waits()
    no = Record(answered(Agreement.REFUSED))
    assert say(kept, Record(SAID), no, RUN) == [no, RunTool("t1", "book", "{}")]
    assert say(kept, Record(REPLY), Record(TOOL)) == [Record(BARE_TOOL)]


def test_of_who_refuses_others_are_told_which_tools_ran_before() -> None:
    kept, _ = waits()
    assert say(kept, Record(TOOL), Record(SAID)) == []
    no = Record(answered(Agreement.REFUSED))
    assert say(kept, no) == [Record(BARE_TOOL), no]
    assert say(kept, Record(SAID)) == []


def test_what_the_staff_does_is_told_at_once_and_without_their_words() -> None:
    kept, _ = waits()
    whisper = OperatorLine("whisper", "ada", SECRET, 5)
    assert say(kept, Record(whisper)) == [Record(OperatorLine("whisper", "ada", "", 5))]


HAPPENED = (
    CallerAudio(SECRET.encode(), 0),
    AudioDelta("r1", "i1", 0, SECRET.encode()),
    CallerTranscript("u1", SECRET),
    TextDelta("r1", "i1", SECRET),
    DtmfPressed(SECRET),
    ToolCalled("r1", "t1", "book", SECRET),
    ToolFinished("t1", "book", "done", SECRET),
    ToolWaits("t1", SECRET),
    OperatorActs(Act.WHISPER, "ada", SECRET),
)
FOLLOWED = (
    Record(SAID),
    Record(TOOL),
    Record(OperatorLine("whisper", "ada", SECRET, 5)),
    RUN,
    StoreAudio(Track.CALLER, 0, SECRET.encode()),
    PlayAudio(SECRET.encode()),
    Say(SECRET),
    Inform(SECRET),
    Remember((CallerSaid(SECRET),)),
    ToolOutput("t1", SECRET),
    TruncateItem("i1", 0, 100, SECRET),
)


@pytest.mark.parametrize("no", [None, Agreement.REFUSED, Agreement.UNANSWERED])
def test_requirement_d4_who_looks_on_reads_and_hears_nothing_without_an_agreement(
    no: Agreement | None,
) -> None:
    kept, _ = waits()
    shown = say(kept, Record(answered(no))) if no else []
    for event in HAPPENED:
        assert SECRET not in str(kept.seen(event))
        assert type(kept.seen(event)) is type(event)
    shown += say(kept, *FOLLOWED)
    assert SECRET not in str(shown)
    assert any(isinstance(each, StoreAudio) for each in shown), "who speaks is seen all the same"


def test_who_looks_on_is_shown_all_of_a_call_that_may_be_kept() -> None:
    kept, _ = waits()
    say(kept, Record(answered(Agreement.GRANTED)))
    assert [kept.seen(event) for event in HAPPENED] == list(HAPPENED)
    assert say(kept, *FOLLOWED) == list(FOLLOWED)


def test_nothing_reaches_the_journal_while_it_is_open() -> None:
    kept, wrote = waits()
    say(kept, Record(SAID))
    kept.audio(Track.CALLER, 0, b"x")
    assert wrote == []
    say(kept, Record(answered(Agreement.GRANTED)))
    assert wrote == ["event", "CallerLine", "audio", "event", "ConsentLine"]


def test_a_second_answer_changes_nothing() -> None:
    kept, wrote = waits()
    say(kept, Record(answered(Agreement.REFUSED)))
    say(kept, Record(answered(Agreement.GRANTED)), Record(SAID))
    assert "CallerLine" not in wrote


@pytest.mark.parametrize(
    ("mode", "answer", "begins"),
    [
        (None, None, Standing.OPEN),
        (ConsentMode.NONE, None, Standing.OPEN),
        (ConsentMode.ASK, None, Standing.WAITING),
        (ConsentMode.NOTICE, None, Standing.WAITING),
        (ConsentMode.ASK, Agreement.GRANTED, Standing.OPEN),
        (ConsentMode.ASK, Agreement.REFUSED, Standing.METADATA),
        (ConsentMode.NONE, Agreement.UNANSWERED, Standing.METADATA),
    ],
)
def test_how_a_call_begins_follows_from_its_terms_and_from_what_was_answered_before(
    mode: ConsentMode | None, answer: Agreement | None, begins: Standing
) -> None:
    terms = ConsentTerms(mode) if mode else None
    assert standing(terms, [answered(answer)] if answer else []) is begins


def test_metadata_has_no_words() -> None:
    assert [metadata(each) for each in (SAID, REPLY, KEY)] == [None] * 3
    assert SECRET not in str(metadata(TOOL))
    assert SECRET not in str(metadata(OperatorLine("whisper", "ada", SECRET, 5)))
    assert metadata(END) == END


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telephony.transcripts.withholding.MOST_HELD", 3)
    kept, wrote = waits()
    for _ in range(9):
        kept.audio(Track.CALLER, 0, b"x")
    kept.record(answered(Agreement.GRANTED))
    await asyncio.sleep(0)
    assert wrote == ["audio", "audio", "audio", "ConsentLine"]


def test_what_was_redacted_on_its_way_waits_with_the_rest() -> None:
    kept, wrote = waits()
    kept.redacted()
    say(kept, Record(SAID))
    assert wrote == []
    say(kept, Record(answered(Agreement.GRANTED)))
    assert wrote[:3] == ["redacted", "event", "CallerLine"]


def test_what_comes_late_out_of_the_redaction_follows_the_answer() -> None:
    """Behind a queue: the answer is known before what was said ahead of it comes."""
    kept, wrote = waits()
    early = kept.fingerprint([Record(SAID)])
    kept.fingerprint([Record(answered(Agreement.REFUSED))])
    kept.keep(1.0, CallerTranscript("u1", SECRET), early)
    kept.record(SAID)
    assert wrote == ["gap"]
