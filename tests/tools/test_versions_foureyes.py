"""Where four eyes are wanted, what is new goes live only by somebody who has written none of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.versioned import Clock, Editor
from tools.rollout.rollouts import Rollouts
from tools.rollout.spec import Rollout, Rule
from tools.store import open_store
from tools.versions.spec import Moved, Saved, Unchanged, Unread, Waiting, What


@pytest.fixture
def desk(migrated_file: Path, tmp_path: Path) -> Iterator[Editor]:
    """Version 1 came with the folder, and is published."""
    store = open_store(f"sqlite:///{shutil.copy(migrated_file, tmp_path)}")
    desk = Editor(store, four_eyes=True)
    desk.taken(shop="one")
    yield desk
    store.close()


def publish(desk: Editor, version: int, reader: str | None) -> object:
    return desk.versions.publish(version, reader or "", "live", reader=reader)


def test_an_author_does_not_publish_and_somebody_else_does(desk: Editor) -> None:
    draft = desk.saved(1, "ann", shop="two")
    assert publish(desk, draft, "ann") == Unread(draft, ("ann",))
    assert publish(desk, draft, None) == Unread(draft, ("ann",)), "nobody knows who that is"
    assert desk.live() == {"shop": "one"}
    assert isinstance(publish(desk, draft, "bob"), Moved)
    assert desk.live() == {"shop": "two"}


def test_a_draft_made_from_a_draft_has_both_for_authors(desk: Editor) -> None:
    first = desk.saved(1, "ann", shop="two")
    second = desk.saved(first, "bob", phone="three")
    for reader in ("ann", "bob"):
        assert publish(desk, second, reader) == Unread(second, ("ann", "bob"))
    assert isinstance(publish(desk, first, "bob"), Moved), "of the first bob has written nothing"
    assert isinstance(publish(desk, second, "ann"), Moved), "her own part is live by bob already"


def test_going_back_to_what_was_live_needs_nobody_else(desk: Editor) -> None:
    draft = desk.saved(1, "ann", shop="two")
    assert isinstance(publish(desk, draft, "bob"), Moved)
    back = desk.versions.roll_back("ann", "callers complain")
    assert isinstance(back, Moved)
    assert (back.event.what, desk.live()) == (What.ROLLED_BACK, {"shop": "one"})
    assert isinstance(publish(desk, draft, "ann"), Moved), "that it may go live was settled"


def test_a_draft_that_was_passed_over_is_still_new(desk: Editor) -> None:
    """What is published had it among its ancestors, which says nothing of the draft by itself."""
    first = desk.saved(1, "ann", shop="two")
    second = desk.saved(first, "ann", shop="three")
    assert isinstance(publish(desk, second, "bob"), Moved)
    assert publish(desk, first, "ann") == Unread(first, ("ann",))


def test_a_folder_that_changes_waits_as_a_draft(desk: Editor) -> None:
    found = desk.folder(shop="two")
    assert found == Waiting(2)
    assert desk.live() == {"shop": "one"}
    assert desk.folder(shop="two") == Waiting(2), "seen again, it waits still"
    assert desk.versions.waiting() == 2
    assert isinstance(publish(desk, 2, "ann"), Moved)
    assert (desk.folder(shop="two"), desk.versions.waiting()) == (Unchanged(), None)
    assert desk.folder(shop="two", phone="three") == Waiting(3)


def test_a_folder_that_waits_is_live_with_what_was_made_from_it(desk: Editor) -> None:
    assert desk.folder(shop="two") == Waiting(2)
    further = desk.saved(2, "ann", phone="three")
    assert isinstance(publish(desk, further, "bob"), Moved)
    assert desk.folder(shop="two") == Unchanged()


def test_a_folder_beside_what_others_published_waits_merged(desk: Editor) -> None:
    draft = desk.saved(1, "ann", phone="theirs")
    assert isinstance(publish(desk, draft, "bob"), Moved)
    found = desk.folder(shop="two")
    assert isinstance(found, Waiting)
    assert desk.texts(found.draft) == {"shop": "two", "phone": "theirs"}
    assert desk.live() == {"shop": "one", "phone": "theirs"}


def test_some_callers_are_callers_too(desk: Editor) -> None:
    rollouts = Rollouts(desk.versions._store, desk.versions, Clock())
    draft = desk.saved(1, "ann", shop="two")

    def start(reader: str | None) -> object:
        return rollouts.start(draft, 5.0, (), Rule(), reader or "", "", reader=reader)

    assert start("ann") == start(None) == Unread(draft, ("ann",))
    found = start("bob")
    assert isinstance(found, Rollout)
    assert rollouts.publish(found.id, "ann", "", reader="ann") == Unread(draft, ("ann",))
    assert isinstance(rollouts.publish(found.id, "bob", "", reader="bob"), Moved)


def test_nothing_of_this_holds_where_nobody_asked_for_it(
    migrated_file: Path, tmp_path: Path
) -> None:
    store = open_store(f"sqlite:///{shutil.copy(migrated_file, tmp_path)}")
    desk = Editor(store)
    desk.taken(shop="one")
    assert isinstance(desk.save(1, "ann", shop="two"), Saved)
    assert desk.versions.unread(2, "ann") is None
    desk.published(2)
    store.close()
