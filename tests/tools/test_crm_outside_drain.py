"""What the outside book is told: all of it, in order, once, whatever breaks in between."""

import asyncio
import datetime as dt

import pytest

from tests.fakes.crm_server import OURS, CrmServer, Fault
from tests.tools.crm_story import Story, story
from tests.tools.desk import CALLER, NOW, OTHER
from tools.crm.drain import LEASE, LOCKED_S
from tools.crm.port import Kind
from tools.crm.records import TaskState
from tools.spec import BackendError
from tools.store import Store


def talk(own: Story) -> None:
    """A call in which everything there is to tell happens."""
    own.contacts.save(CALLER, own.now, name="Ann Lee", email="ann@example.com", proven=True)
    own.contacts.add_note(CALLER, "Likes <tea> & quiet.", own.context("k1"))
    own.follow_ups.add(CALLER, "Send the prices.", dt.date(2026, 3, 6), own.context("k2"))


def told_once(own: Story) -> None:
    """Exactly what `talk` was about stands in the outside book."""
    (contact,) = own.server.contacts()
    assert (contact["firstname"], contact["lastname"]) == ("Ann", "Lee")
    assert (contact["email"], contact["phone"]) == ("ann@example.com", CALLER)
    (ref,) = own.server.objects["contacts"]
    (note,) = own.server.objects["notes"].values()
    assert note["hs_note_body"] == "Likes &lt;tea&gt; &amp; quiet."
    assert note["hs_timestamp"] == "2026-03-03T08:00:00.000Z"
    (task,) = own.server.objects["tasks"].values()
    assert task["hs_timestamp"] == "2026-03-06T12:00:00.000Z"
    assert task["hs_task_status"] == "NOT_STARTED"
    assert set(own.server.about.values()) == {ref}
    assert len(own.server.executed) == len(set(own.server.executed)) == 3
    standing = own.outbox.standing()
    assert (standing.pending, standing.dead) == (0, 0)


async def test_every_change_is_told_in_order(store: Store) -> None:
    async with story(store) as own:
        talk(own)
        assert await own.drain.once() == 3
        told_once(own)
        assert await own.drain.once() == 0
        assert all(each.key for each in own.server.writes())


async def test_later_changes_find_their_record(store: Store) -> None:
    async with story(store) as own:
        talk(own)
        await own.drain.once()
        (todo,) = own.follow_ups.open()
        own.follow_ups.end(todo.todo.id, TaskState.DONE, "staff", own.now)
        own.contacts.save(CALLER, own.now, name="Ann Leigh")
        assert await own.drain.once() == 2
        (contact,) = own.server.contacts()
        assert (contact["lastname"], contact["email"]) == ("Leigh", "ann@example.com")
        (task,) = own.server.objects["tasks"].values()
        assert task["hs_task_status"] == "COMPLETED"


async def test_a_contact_older_than_the_outside_book_is_told_with_its_first_note(
    store: Store,
) -> None:
    async with story(store) as own:
        talk(own)
        claimed = own.outbox.claim(own.now, LEASE)
        assert claimed is not None
        assert claimed.kind is Kind.CONTACT
        own.outbox.drop(claimed, "as if never written", own.now)
        assert await own.drain.once() == 2
        told_once(own)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(hang_up=True, done=True, on="POST"),
        Fault(hang_up=True, on="POST"),
        Fault(status=500, done=True, on="POST"),
        Fault(status=503, headers={"Retry-After": "30"}, on="POST"),
        Fault(status=201, body=b"<html>gateway</html>", done=True, on="POST"),
        Fault(status=201, body=b'{"id": ', done=True, on="POST"),
        Fault(status=200, body=b"[" * 50_000, done=True, on="POST"),
        Fault(status=302, headers={"Location": "http://127.0.0.1:1/"}, on="POST"),
        Fault(status=429, headers={"Retry-After": "7"}, on="POST"),
    ],
    ids=lambda fault: f"{fault.status}{'done' if fault.done else ''}",
)
@pytest.mark.parametrize("where", ["/contacts$", "/notes$", "/tasks$"])
@pytest.mark.parametrize("keys", [True, False], ids=["keys", "nokeys"])
async def test_fault_x11_an_unclear_answer_leads_to_no_second_record(
    plain: Store, fault: Fault, where: str, *, keys: bool
) -> None:
    """Whether or not the other side remembers our keys."""
    cut = Fault(**{**{name: getattr(fault, name) for name in fault.__struct_fields__}, "on": where})
    async with story(plain, CrmServer(cut, keys=keys)) as own:
        talk(own)
        await own.drain.once()
        for _ in range(4):
            own.later(LEASE.total_seconds())
            await own.drain.once()
        assert own.server.faults == []
        told_once(own)


async def test_fault_x10_an_outage_is_waited_out_and_nothing_is_lost(store: Store) -> None:
    async with story(store) as own:
        own.server.down = True
        talk(own)
        own.contacts.save(OTHER, own.now, name="Bo")
        for _ in range(20):
            await own.drain.once()
            own.later(60)
        assert own.outbox.standing().pending == 4
        assert own.outbox.standing().oldest == NOW
        assert own.outbox.standing().trouble.startswith("down: ")
        # The breaker lets few of them through.
        assert len(own.server.asked) < 30
        own.server.down = False
        for _ in range(10):
            own.later(600)
            await own.drain.once()
        assert own.outbox.standing().pending == 0
        assert {each["firstname"] for each in own.server.contacts()} == {"Ann", "Bo"}


async def test_too_many_requests_stop_everything_until_they_may_go_on(plain: Store) -> None:
    limit = Fault(status=429, headers={"Retry-After": "30"})
    async with story(plain, CrmServer(limit)) as own:
        talk(own)
        own.contacts.save(OTHER, own.now, name="Bo")
        assert await own.drain.once() == 0
        asked = len(own.server.asked)
        own.later(29)
        assert await own.drain.once() == 0
        assert len(own.server.asked) == asked == 1
        own.later(1)
        assert await own.drain.once() == 4


async def test_a_refused_credential_stops_everything_and_loses_nothing(plain: Store) -> None:
    async with story(plain) as own:
        own.server.token = "exchanged"
        talk(own)
        assert await own.drain.once() == 0
        assert own.outbox.standing().trouble == "locked: http_401"
        own.later(LOCKED_S - 1)
        await own.drain.once()
        assert len(own.server.asked) == 1
        own.token = "exchanged"
        own.later(1)
        assert await own.drain.once() == 3
        told_once(own)


async def test_what_is_never_taken_is_put_aside_for_people(plain: Store) -> None:
    bad = Fault(status=400, body=b'{"category":"VALIDATION_ERROR","message":"bad"}', on="/notes$")
    async with story(plain, CrmServer(bad)) as own:
        talk(own)
        assert await own.drain.once() == 2
        (dead,) = own.outbox.refused()
        assert (dead.kind, dead.trouble) == (Kind.NOTE, "refused: http_400_validation_error")
        assert own.outbox.standing().dead == 1
        assert own.outbox.revive(own.now) == 1
        assert await own.drain.once() == 1
        told_once(own)


async def test_a_contact_deleted_outside_is_told_anew(plain: Store) -> None:
    async with story(plain) as own:
        own.contacts.save(CALLER, own.now, name="Ann Lee", email="ann@example.com", proven=True)
        await own.drain.once()
        own.server.objects["contacts"].clear()
        own.server.executed.clear()
        own.server._answers.clear()
        talk(own)
        assert await own.drain.once() == 2
        told_once(own)


async def test_one_bad_record_does_not_hold_up_the_others(plain: Store) -> None:
    always = [Fault(status=500, on="/notes$") for _ in range(2)]
    async with story(plain, CrmServer(*always)) as own:
        talk(own)
        own.contacts.save(OTHER, own.now, name="Bo")
        assert await own.drain.once() == 2
        assert {each["firstname"] for each in own.server.contacts()} == {"Ann", "Bo"}
        assert own.server.objects["tasks"] == {}
        for _ in range(3):
            own.later(10)
            await own.drain.once()
        assert own.outbox.standing().pending == 0


async def test_fault_s13_two_consumers_send_each_thing_once(store: Store) -> None:
    """The second takes over what the first has sent and not marked: same key, one effect."""
    async with story(store, CrmServer(lag=1)) as own:
        talk(own)
        other = own.another_drain()
        await asyncio.gather(own.drain.once(), other.once())
        while own.outbox.standing().pending:
            own.later(LEASE.total_seconds())
            await asyncio.gather(own.drain.once(), other.once())
        told_once(own)


@pytest.mark.parametrize("at", range(3))
async def test_fault_s13_sent_and_never_marked(
    store: Store, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with story(store) as own:
        talk(own)
        sent, calls = own.outbox.sent, []

        def breaking(*given: object) -> None:
            calls.append(given)
            if len(calls) == at + 1:
                raise BackendError("database gone", permanent=False)
            sent(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(own.outbox, "sent", breaking)
        with pytest.raises(BackendError):
            await own.drain.once()
        own.later(LEASE.total_seconds())
        await own.another_drain().once()
        told_once(own)


async def test_a_note_is_looked_for_where_nothing_keeps_it_from_being_twice(plain: Store) -> None:
    """No key is remembered, and whoever set the property up forgot that it is unique."""
    cut = Fault(hang_up=True, done=True, on="/notes$")
    async with story(plain, CrmServer(cut, keys=False, unique=False)) as own:
        talk(own)
        await own.drain.once()
        own.later(LEASE.total_seconds())
        await own.drain.once()
        assert own.server.faults == []
        told_once(own)


async def test_a_contact_is_known_by_our_id_whatever_is_changed_there(plain: Store) -> None:
    cut = Fault(hang_up=True, done=True, on="/contacts$")
    async with story(plain, CrmServer(cut, keys=False)) as own:
        own.contacts.save(CALLER, own.now, name="Ann", email="ann@example.com", proven=True)
        await own.drain.once()
        (contact,) = own.server.contacts()
        contact.update(phone="0", email="other@example.com")
        own.later(LEASE.total_seconds())
        assert await own.drain.once() == 1
        assert len(own.server.contacts()) == 1


async def test_a_person_known_there_is_linked_and_keeps_what_they_have(store: Store) -> None:
    async with story(store) as own:
        own.server.add(firstname="Anna", email="ANN@example.com", phone="020 7946 9999")
        talk(own)
        await own.drain.once()
        (contact,) = own.server.contacts()
        assert (contact["firstname"], contact["phone"]) == ("Anna", "020 7946 9999")
        assert "lastname" not in contact
        assert (contact["mobilephone"], contact["email"]) == (CALLER, "ANN@example.com")
        assert contact[OURS]


async def test_the_same_number_there_is_the_same_person(plain: Store) -> None:
    async with story(plain) as own:
        own.server.add(firstname="Someone", phone=OTHER)
        own.server.add(firstname="Ann", phone=OTHER, mobilephone=CALLER)
        talk(own)
        await own.drain.once()
        assert len(own.server.contacts()) == 2
        assert set(own.server.about.values()) == {"102"}


async def test_two_of_ours_that_are_one_there_do_not_fight_over_the_record(plain: Store) -> None:
    async with story(plain) as own:
        for number, name in ((CALLER, "Ann"), (OTHER, "Anna")):
            own.contacts.save(number, own.now, name=name, email="one@example.com", proven=True)
        assert await own.drain.once() == 2
        (contact,) = own.server.contacts()
        token = contact[OURS]
        own.contacts.save(OTHER, own.now, name="Annabel")
        own.contacts.save(CALLER, own.now, name="Ann Lee")
        assert await own.drain.once() == 2
        assert (contact["firstname"], contact["lastname"], contact[OURS]) == ("Ann", "Lee", token)


async def test_the_link_stays_though_an_older_record_has_the_number_too(plain: Store) -> None:
    async with story(plain) as own:
        older = own.server.add(firstname="Old")
        own.contacts.save(CALLER, own.now, name="Ann")
        await own.drain.once()
        own.server.objects["contacts"][older]["phone"] = CALLER
        await own.lookup.find(CALLER)
        own.contacts.save(CALLER, own.now, name="Ann Lee")
        assert await own.drain.once() == 1
        assert [each.get("lastname") for each in own.server.contacts()] == [None, "Lee"]


async def test_an_address_nobody_vouches_for_replaces_none(plain: Store) -> None:
    """A spoofed caller must not change whom the outside book writes to."""
    async with story(plain) as own:
        own.server.add(firstname="Ann", email="ann@example.com", phone=CALLER)
        own.contacts.save(CALLER, own.now, name="Ann", email="evil@example.com")
        await own.drain.once()
        own.contacts.save(CALLER, own.now, name="Ann X")
        await own.drain.once()
        (contact,) = own.server.contacts()
        assert (contact["email"], contact["lastname"]) == ("ann@example.com", "X")


async def test_a_record_created_meanwhile_is_found_by_the_conflict(plain: Store) -> None:
    """Our search does not see it yet: HubSpot's index lags behind by seconds."""

    async with story(plain, CrmServer(lag=9)) as own:
        own.contacts.save(CALLER, own.now, name="Ann Lee", email="ann@example.com", proven=True)
        own.server.faults = [Fault(status=404, on="GET .*ann%40|GET .*ann@")]
        own.server.add(firstname="Ann", email="ann@example.com")
        await own.drain.once()
        (contact,) = own.server.contacts()
        assert contact["phone"] == CALLER
