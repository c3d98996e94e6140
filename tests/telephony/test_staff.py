"""What the staff is told: once, under the right number, and whatever the disk and database do."""

import datetime as dt
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest

from agents.tasks import Tasks
from telephony.staff import Staff
from telephony.transcripts.entry import EndedReason
from telephony.transcripts.journal import Journal, JournalWriter
from telephony.twilio.ports import Message
from tools.crm.contacts import Contacts
from tools.migrate import migrate
from tools.spec import BackendError
from tools.store import open_store

CALLER = "+14155550100"
MESSAGE = Message("RE1", "https://api.twilio.com/RE1", 12)
NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)


class Office:
    """The staff's books on a disk of their own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.store = open_store(f"sqlite:///{data_dir / 'test.db'}")
        migrate(self.store)
        self.contacts = Contacts(self.store)
        self.counts: Counter[str] = Counter()
        self.broken: list[BaseException] = []
        self.tasks = Tasks(lambda _, error: self.broken.append(error))
        self.staff = Staff(
            data_dir,
            lambda: self.contacts,
            lambda: NOW,
            self.tasks.start,
            lambda code: self.counts.update([code]),
            pause_s=0.0,
        )

    async def settled(self) -> None:
        for task in tuple(self.tasks._running):
            await task
        assert self.broken == []

    def notes(self) -> list[str]:
        contact = self.contacts.find(CALLER)
        return [note.text for note in self.contacts.notes(contact)] if contact else []

    async def call(self, call_id: str, number: str) -> Path:
        """A call that is on disk, in its folder."""
        writer = JournalWriter(self.data_dir)
        journal = Journal.open(
            writer,
            call_id=call_id,
            started_at=NOW,
            engine="scripted",
            from_number=number,
            failed=self.counts.update,
        )
        journal.close(EndedReason.VOICEMAIL)
        await writer.shut(2.0)
        return self.data_dir / "calls" / "2026-11-20" / call_id


@pytest.fixture
async def office(tmp_path: Path) -> AsyncGenerator[Office]:
    made = Office(tmp_path)
    yield made
    made.store.close()


async def test_a_caller_is_to_be_called_back_once(office: Office) -> None:
    for _ in range(2):
        office.staff.call_back("CA1", CALLER, "It broke.")
    await office.settled()
    assert office.notes() == ["Please call back. It broke."]


async def test_a_withheld_number_cannot_be_called_back_and_is_counted(office: Office) -> None:
    office.staff.call_back("CA1", None, "It broke.")
    await office.settled()
    assert office.notes() == []
    assert office.counts == {"call_back": 1, "call_back.no_number": 1}


async def test_a_message_told_twice_is_kept_once_in_its_call_s_folder(office: Office) -> None:
    folder = await office.call("CA1", CALLER)
    office.staff.keep_message("CA1", CALLER, MESSAGE)
    office.staff.keep_message("CA1", "", MESSAGE)
    await office.settled()
    assert msgspec.json.decode((folder / "voicemail.json").read_bytes(), type=Message) == MESSAGE
    assert (folder / "voicemail.json").stat().st_mode & 0o777 == 0o600
    assert office.notes() == ["Please call back. Left a message of 12 s: recording RE1."]


async def test_a_message_without_a_number_is_noted_under_that_of_its_call(office: Office) -> None:
    await office.call("CA1", CALLER)
    office.staff.keep_message("CA1", "", MESSAGE)
    await office.settled()
    assert len(office.notes()) == 1


async def test_a_message_of_no_call_we_know_is_noted_all_the_same(office: Office) -> None:
    office.staff.keep_message("CA9", CALLER, MESSAGE)
    await office.settled()
    assert len(office.notes()) == 1
    assert office.counts == {"message_without_call": 1}


async def test_a_database_that_fails_is_tried_again_and_then_given_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_note, failures = office.contacts.add_note, [BackendError("down", permanent=False)] * 2

    def failing(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return add_note(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(office.contacts, "add_note", failing)
    office.staff.call_back("CA1", CALLER, "It broke.")
    await office.settled()
    assert len(office.notes()) == 1
    failures += [BackendError("down", permanent=False)] * 3
    office.staff.call_back("CA2", CALLER, "It broke.")
    await office.settled()
    assert office.counts["staff_note_lost"] == 1


async def test_a_call_is_kept_in_the_contact_s_history_once(office: Office) -> None:
    for _ in range(2):
        office.staff.saw("CA1", CALLER)
    office.staff.saw("CA2", None)
    await office.settled()
    contact = office.contacts.save(CALLER, NOW, name="Ann")
    assert [each.call_id for each in office.contacts.history(contact).calls] == ["CA1"]
