"""Versions of the configuration: saved for good, merged or in conflict, published, rolled back."""

import shutil
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.tools.conftest import _database as new_database
from tests.tools.versioned import NOON, Clock, Editor
from tools.config import ConfigError
from tools.spec import BackendError
from tools.store import Store, open_store
from tools.versions.files import text_digest
from tools.versions.spec import (
    Behind,
    Broken,
    Conflict,
    Event,
    Moved,
    NoVersion,
    Pointers,
    Saved,
    Unchanged,
    What,
)
from tools.versions.tables import EVENTS, FILES, POINTERS, TEXTS, VERSIONS
from tools.versions.versions import Versions

TABLES = (POINTERS, EVENTS, FILES, TEXTS, VERSIONS)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def one_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A database of each kind for all of these stories: making one takes longer than a story."""
    if request.param == "sqlite":
        made = tmp_path_factory.mktemp("versions") / "frontdesk.db"
        url = f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_file'), made)}"
    else:
        servers = request.getfixturevalue("postgres_servers")
        url = new_database(servers.url(), servers.migrated())
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def store(one_store: Store) -> Store:
    """With nothing in it, and ids that begin with 1."""

    def wipe(connection: sa.Connection) -> None:
        names = [table.name for table in TABLES]
        if connection.dialect.name == "postgresql":
            text = f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE"
            connection.exec_driver_sql(text)
        else:
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            for name in names:
                connection.exec_driver_sql(f"DELETE FROM {name}")
        connection.execute(sa.insert(POINTERS).values(id=1))

    one_store.write(wipe)
    return one_store


@pytest.fixture
def desk(store: Store) -> Editor:
    return Editor(store)


# ---- saving -------------------------------------------------------------------------------------


def test_every_save_is_a_new_version_that_says_who_when_and_why(desk: Editor) -> None:
    first = desk.saved(None, "ann", shop="one")
    second = desk.saved(first, "bob", shop="two", phone="three")
    newest, oldest = desk.versions.history(10)
    assert (newest.id, newest.parent, newest.author, newest.why) == (
        second,
        first,
        "bob",
        "bob did it",
    )
    assert (oldest.id, oldest.parent, oldest.at > NOON) == (first, None, True)
    assert desk.texts(first) == {"shop": "one"}
    assert desk.texts(second) == {"shop": "two", "phone": "three"}
    assert desk.versions.version(second) == newest
    assert desk.versions.pointers() == Pointers(head=second)


def test_what_changes_nothing_is_no_new_version(desk: Editor) -> None:
    first = desk.saved(None, shop="one")
    again = desk.save(first, shop="one")
    assert isinstance(again, Saved)
    assert (again.version.id, again.new) == (first, False)
    assert [version.id for version in desk.versions.history(10)] == [first]


def test_a_file_can_be_taken_out(desk: Editor) -> None:
    first = desk.saved(None, shop="one", phone="two")
    assert desk.texts(desk.saved(first, phone=None)) == {"shop": "one"}


def test_changes_to_different_files_are_merged(desk: Editor) -> None:
    first = desk.saved(None, shop="one", phone="two")
    desk.saved(first, "ann", shop="ann's")
    merged = desk.saved(first, "bob", phone="bob's")
    assert desk.texts(merged) == {"shop": "ann's", "phone": "bob's"}


def test_fault_c4_two_editors_of_one_file_and_nothing_is_lost(desk: Editor) -> None:
    first = desk.saved(None, shop="one\n", phone="two\n")
    ann = desk.saved(first, "ann", shop="ann's\n")
    bob = desk.save(first, "bob", shop="bob's\n", phone="bob's too\n")
    assert isinstance(bob, Conflict)
    (file,) = bob.files
    assert (bob.base, bob.theirs) == (first, ann)
    assert (file.path, file.base, file.theirs, file.yours) == (
        "shop.yaml",
        "one\n",
        "ann's\n",
        "bob's\n",
    )
    assert "-ann's\n+bob's\n" in file.diff
    assert desk.texts(bob.draft) == {"shop": "bob's\n", "phone": "bob's too\n"}
    assert desk.versions.version(bob.draft).conflicts_with == ann
    assert desk.versions.pointers().head == ann
    # Sent again by an impatient client it is the same conflict, and the same draft.
    assert desk.save(first, "bob", shop="bob's\n", phone="bob's too\n") == bob
    # And mended upon what is there now, it goes in.
    assert desk.texts(desk.saved(ann, "bob", shop="both\n"))["shop"] == "both\n"


def test_the_same_change_made_twice_is_no_conflict(desk: Editor) -> None:
    first = desk.saved(None, shop="one")
    second = desk.saved(first, "ann", shop="two")
    again = desk.save(first, "bob", shop="two")
    assert isinstance(again, Saved)
    assert (again.version.id, again.new) == (second, False)


def test_two_first_saves_at_once_merge_or_conflict(desk: Editor) -> None:
    first = desk.saved(None, "ann", shop="ann's")
    assert isinstance(desk.save(None, "bob", shop="bob's"), Conflict)
    assert desk.texts(desk.saved(None, "bob", phone="bob's")) == {
        "shop": "ann's",
        "phone": "bob's",
    }
    assert desk.versions.version(first).author == "ann"


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("../shop.yaml", "x", "is no name"),
        ("/shop.yaml", "x", "is no name"),
        ("shop.txt", "x", "is no name"),
        (".hidden.yaml", "x", "is no name"),
        ("a/b/c/d/e.yaml", "x", "is no name"),
        ("a" * 300 + ".yaml", "x", "is no name"),
        ("shop.yaml\n", "x", "is no name"),
        ("shop.yaml", "x" * 70_000, "is over 64 KiB"),
        ("shop.yaml", "a\0b", "holds a NUL"),
        ("shop.yaml", "\ud800", "half a character"),
    ],
)
def test_what_no_version_can_keep_is_refused(plain: Store, path: str, text: str, what: str) -> None:
    versions = Editor(plain).versions
    with pytest.raises(ConfigError, match=what):
        versions.save(None, {path: text}, "ann", "")
    assert versions.history(10) == []


def test_a_set_that_grows_too_large_is_refused(plain: Store) -> None:
    versions = Editor(plain).versions
    with pytest.raises(ConfigError, match="501 files are too many"):
        versions.save(None, {f"{n}.yaml": "x" for n in range(501)}, "ann", "")
    with pytest.raises(ConfigError, match="is over 4 MiB together"):
        versions.save(None, {f"{n}.yaml": "x" * 60_000 for n in range(80)}, "ann", "")


def test_editors_at_once_all_get_in(store: Store) -> None:
    desk = Editor(store)
    first = desk.saved(None, shop="one")
    barrier = threading.Barrier(5)
    found: list[Saved | Conflict] = []

    def edit(who: int) -> None:
        barrier.wait()
        found.append(desk.save(first, str(who), **{f"file{who}": "x", "shop": f"{who}"}))

    threads = [threading.Thread(target=edit, args=(who,)) for who in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [each for each in found if isinstance(each, Saved)]
    losers = [each for each in found if isinstance(each, Conflict)]
    kept = {desk.texts(each.draft)["shop"] for each in losers}
    assert kept | {desk.texts(winner.version.id)["shop"]} == {"0", "1", "2", "3", "4"}


# ---- publishing ---------------------------------------------------------------------------------


def test_a_draft_is_not_live_until_it_is_published(desk: Editor) -> None:
    first = desk.saved(None, shop="one")
    assert desk.live() == {}
    moved = desk.versions.publish(first, "bob", "opening day")
    assert isinstance(moved, Moved)
    assert moved == Moved(moved.event, new=True)
    assert moved.event == Event(
        moved.event.id, What.PUBLISHED, first, None, "bob", moved.event.at, "opening day"
    )
    desk.saved(first, shop="two")
    assert desk.live() == {"shop": "one"}


def test_publishing_what_is_published_is_no_event(desk: Editor) -> None:
    first = desk.saved(None, shop="one")
    desk.published(first)
    again = desk.versions.publish(first, "bob", "again")
    assert isinstance(again, Moved)
    assert (again.new, again.event.who) == (False, "ann")
    assert len(desk.versions.events(10)) == 1


def test_a_broken_draft_is_kept_but_never_published(desk: Editor) -> None:
    first = desk.saved(None, shop="one")
    desk.published(first)
    second = desk.saved(first, shop="broken", phone="broken")
    refused = desk.versions.publish(second, "ann", "")
    assert isinstance(refused, Broken)
    assert [error.where for error in refused.errors] == ["phone.yaml:1:1", "shop.yaml:1:1"]
    assert isinstance(desk.versions.publish(second, "ann", "", anyway=True), Broken)
    assert desk.live() == {"shop": "one"}
    assert desk.texts(second)["shop"] == "broken"


def test_a_draft_that_does_not_hold_what_was_published_since_is_behind(desk: Editor) -> None:
    first = desk.saved(None, shop="one", phone="one")
    desk.published(first)
    ann = desk.saved(first, "ann", shop="ann's")
    bob = desk.save(first, "bob", shop="bob's")
    assert isinstance(bob, Conflict)
    # The draft of a conflict leaves out what it is in conflict with, published or not.
    assert desk.versions.publish(bob.draft, "bob", "") == Behind(bob.draft, first)
    desk.published(ann)
    assert desk.versions.publish(bob.draft, "bob", "") == Behind(bob.draft, ann)
    assert desk.live()["shop"] == "ann's"
    desk.published(bob.draft, "bob", anyway=True)
    assert desk.live()["shop"] == "bob's"


def test_whoever_names_the_published_version_is_told_that_it_moved(desk: Editor) -> None:
    first = desk.saved(None, shop="one")
    desk.published(first)
    second = desk.saved(first, shop="two")
    third = desk.saved(second, shop="three")
    desk.published(second)
    assert desk.versions.publish(third, "ann", "", over=first) == Behind(third, second)
    assert isinstance(desk.versions.publish(third, "ann", "", over=second), Moved)


def test_rolling_back_twice_goes_two_steps_back(desk: Editor) -> None:
    made = [desk.saved(None, shop="1")]
    for text in "23":
        made.append(desk.saved(made[-1], shop=text))
    for version in made:
        desk.published(version)
    for back in (made[1], made[0]):
        moved = desk.versions.roll_back("bob", "it was wrong")
        assert isinstance(moved, Moved)
        assert (moved.event.what, moved.event.version) == (What.ROLLED_BACK, back)
        assert desk.versions.pointers().head == back
    with pytest.raises(NoVersion, match="no earlier"):
        desk.versions.roll_back("bob", "")
    newest = desk.versions.events(1)[0]
    assert (newest.who, newest.why, newest.previous) == ("bob", "it was wrong", made[1])


def test_there_is_nothing_to_roll_back_to_at_first(desk: Editor) -> None:
    with pytest.raises(NoVersion):
        desk.versions.roll_back("bob", "")


def test_what_was_rolled_back_can_be_published_again(desk: Editor) -> None:
    first = desk.saved(None, shop="1")
    desk.published(first)
    second = desk.saved(first, shop="2")
    desk.published(second)
    desk.versions.roll_back("bob", "")
    desk.published(second)
    assert desk.versions.events(1)[0].what is What.PUBLISHED


def test_after_a_roll_back_editors_begin_with_what_is_live(desk: Editor) -> None:
    first = desk.saved(None, shop="1", phone="1")
    desk.published(first)
    second = desk.saved(first, shop="2")
    desk.published(second)
    desk.versions.roll_back("bob", "")
    # Who edited the rolled-back file on its newer text is told.
    assert isinstance(desk.save(second, shop="3"), Conflict)
    assert desk.texts(desk.saved(second, phone="3")) == {"shop": "1", "phone": "3"}


def test_an_earlier_draft_that_was_passed_over_is_a_roll_back(desk: Editor) -> None:
    first = desk.saved(None, shop="1")
    second = desk.saved(first, shop="2")
    desk.published(second)
    moved = desk.versions.publish(first, "bob", "")
    assert isinstance(moved, Moved)
    assert moved.event.what is What.ROLLED_BACK


def test_drafts_made_from_what_is_published_stay_what_editors_go_on_with(desk: Editor) -> None:
    first = desk.saved(None, shop="1")
    second = desk.saved(first, shop="2")
    desk.published(first)
    assert desk.versions.pointers() == Pointers(head=second, published=first)


def test_the_last_version_that_still_works_is_found(desk: Editor, store: Store) -> None:
    assert desk.versions.good() is None
    first = desk.saved(None, shop="old rules")
    desk.published(first)
    desk.published(desk.saved(first, shop="older rules"))
    assert desk.versions.good() == (first + 1, {"shop.yaml": "older rules"})
    stricter = Versions(
        store,
        lambda files: [ConfigError("shop.yaml", "no", "x")] * ("older" in files["shop.yaml"]),
        Clock(),
    )
    assert stricter.good() == (first, {"shop.yaml": "old rules"})


def test_history_and_events_page_on(desk: Editor) -> None:
    made = [desk.saved(None, shop="0")]
    desk.published(made[0])
    for number in range(1, 5):
        made.append(desk.saved(made[-1], shop=str(number)))
        desk.published(made[-1])
    page = desk.versions.history(2)
    assert [each.id for each in page] == made[:2:-1]
    assert [each.id for each in desk.versions.history(2, before=page[-1].id)] == made[2:0:-1]
    events = desk.versions.events(3)
    assert [each.version for each in events] == made[:1:-1]
    older = desk.versions.events(3, before=events[-1].id)
    assert [each.version for each in older] == made[1::-1]


def test_what_differs_is_shown_file_by_file(desk: Editor) -> None:
    first = desk.saved(None, shop="a\nb\n", old="x\n")
    second = desk.saved(first, shop="a\nc\n", old=None, new="y")
    found = {each.path: each for each in desk.versions.diff(first, second)}
    assert {path: each.change for path, each in found.items()} == {
        "new.yaml": "added",
        "old.yaml": "removed",
        "shop.yaml": "changed",
    }
    assert (
        found["shop.yaml"].diff == "--- a/shop.yaml\n+++ b/shop.yaml\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    )
    assert "+y\n\\ No newline at end of file\n" in found["new.yaml"].diff
    assert found["old.yaml"].diff.startswith("--- a/old.yaml\n+++ /dev/null\n")


def test_the_version_an_editor_began_with_is_known_by_its_text(desk: Editor) -> None:
    first = desk.saved(None, shop="one", phone="x")
    second = desk.saved(first, phone="y")
    third = desk.saved(second, shop="two")
    one, two = (text_digest(text) for text in ("one", "two"))
    assert desk.versions.holding("shop.yaml", one) == second
    assert desk.versions.holding("shop.yaml", two) == third
    assert desk.versions.holding("other.yaml", two) is None
    assert desk.versions.holding("shop.yaml", "never") is None


@pytest.mark.parametrize("act", ["files", "version"])
def test_a_version_that_is_not_there_is_said_to_be(plain: Store, act: str) -> None:
    versions = Editor(plain).versions
    with pytest.raises(NoVersion, match="no version 99"):
        getattr(versions, act)(99)
    with pytest.raises(NoVersion, match="no version 99"):
        versions.save(99, {"a.yaml": "x"}, "ann", "")
    with pytest.raises(NoVersion, match="no version 99"):
        versions.publish(99, "ann", "")
    with pytest.raises(NoVersion, match="no version 99"):
        versions.diff(99, 99)


# ---- the folder ---------------------------------------------------------------------------------


def test_the_folder_is_taken_over_and_published_once(desk: Editor) -> None:
    first = desk.taken(shop="one")
    assert desk.live() == {"shop": "one"}
    assert desk.versions.version(first).author == "folder"
    assert desk.versions.pointers() == Pointers(first, first, first)
    assert isinstance(desk.folder(shop="one"), Unchanged)
    second = desk.taken(shop="two")
    assert desk.versions.pointers() == Pointers(second, second, second)


def test_an_empty_folder_is_a_version_too(desk: Editor) -> None:
    first = desk.taken()
    assert desk.versions.pointers() == Pointers(first, first, first)
    assert isinstance(desk.folder(), Unchanged)


def test_a_broken_folder_replaces_nothing(desk: Editor) -> None:
    first = desk.taken(shop="one")
    broken = desk.folder(shop="broken")
    assert isinstance(broken, Broken)
    assert str(broken.errors[0]) == "shop.yaml:1:1: is broken. Mend it."
    assert desk.versions.pointers().published == first
    assert len(desk.versions.history(10)) == 1


def test_what_others_published_stays_when_another_file_changes_in_the_folder(desk: Editor) -> None:
    first = desk.taken(shop="one", phone="one")
    desk.published(desk.saved(first, phone="ann's"))
    assert isinstance(desk.folder(shop="one", phone="one"), Unchanged)
    desk.taken(shop="two", phone="one")
    assert desk.live() == {"shop": "two", "phone": "ann's"}
    merged, alone = desk.versions.history(2)
    assert (merged.why, alone.why) == ("files changed", "files changed: the folder alone")
    assert isinstance(desk.folder(shop="two", phone="one"), Unchanged)
    desk.taken(shop="three", phone="one")
    assert desk.live() == {"shop": "three", "phone": "ann's"}


def test_the_same_file_changed_in_the_folder_and_by_others_is_a_conflict(desk: Editor) -> None:
    first = desk.taken(shop="one")
    ann = desk.saved(first, shop="ann's")
    desk.published(ann)
    conflict = desk.folder(shop="the folder's")
    assert isinstance(conflict, Conflict)
    assert (conflict.base, conflict.theirs, conflict.files[0].base) == (first, ann, "one")
    assert desk.folder(shop="the folder's") == conflict
    assert desk.live() == {"shop": "ann's"}
    assert desk.texts(conflict.draft) == {"shop": "the folder's"}
    # Somebody decides for the folder: from then on all is as usual.
    desk.published(conflict.draft, anyway=True)
    assert isinstance(desk.folder(shop="the folder's"), Unchanged)
    desk.taken(shop="newer")
    assert desk.live() == {"shop": "newer"}


def test_the_folder_may_also_take_over_what_others_published(desk: Editor) -> None:
    first = desk.taken(shop="one", phone="one")
    desk.published(desk.saved(first, shop="ann's", phone="ann's"))
    assert isinstance(desk.folder(shop="ann's", phone="one"), Unchanged)
    desk.taken(shop="newer", phone="one")
    assert desk.live() == {"shop": "newer", "phone": "ann's"}


def test_drafts_of_others_are_not_published_along_with_the_folder(desk: Editor) -> None:
    first = desk.taken(shop="one", phone="one")
    draft = desk.saved(first, phone="broken")
    second = desk.taken(shop="two", phone="one")
    assert desk.live() == {"shop": "two", "phone": "one"}
    assert isinstance(desk.versions.publish(draft, "ann", ""), Broken)
    # Saved again it stands upon what the folder changed.
    assert desk.texts(desk.saved(first, phone="mended")) == {"shop": "two", "phone": "mended"}
    assert desk.versions.pointers().published == second


def test_what_is_mended_in_the_folder_after_a_roll_back_goes_live_whole(desk: Editor) -> None:
    first = desk.taken(shop="1", phone="1", crm="1")
    desk.published(desk.saved(first, crm="ann's"))
    desk.taken(shop="2", phone="2", crm="1")
    desk.versions.roll_back("bob", "callers complained")
    assert desk.live() == {"shop": "1", "phone": "1", "crm": "ann's"}
    assert isinstance(desk.folder(shop="2", phone="2", crm="1"), Unchanged)
    desk.taken(shop="3", phone="2", crm="1")
    assert desk.live() == {"shop": "3", "phone": "2", "crm": "ann's"}


class Meddling(Versions):
    """Somebody publishes between the look and the change, every time or once."""

    def __init__(self, store: Store, times: int) -> None:
        super().__init__(store, self._meddle, Clock())
        self.other = Editor(store)
        self.left = times

    def _meddle(self, files: object) -> list[ConfigError]:
        if self.left:
            self.left -= 1
            at = self.other.versions.pointers().head
            self.other.published(self.other.saved(at, phone=f"meddled {self.left}"))
        return []


def test_who_publishes_while_the_folder_is_checked_is_not_overruled(store: Store) -> None:
    desk = Editor(store)
    desk.taken(shop="one", phone="one")
    assert isinstance(
        Meddling(store, 1).take_folder({"shop.yaml": "two", "phone.yaml": "one"}, ""), Moved
    )
    assert desk.live() == {"shop": "two", "phone": "meddled 0"}
    with pytest.raises(BackendError, match="contended"):
        Meddling(store, 9).take_folder({"shop.yaml": "three", "phone.yaml": "one"}, "")
