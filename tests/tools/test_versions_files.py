"""Sets of files: merged, compared, told apart; and no interleaving of editors loses a text."""

import difflib
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exploring import examples
from tests.tools.versioned import Editor
from tools.store import open_store
from tools.versions.files import (
    MAX_DIFF_LINES,
    Clash,
    changed,
    changes_between,
    diff_files,
    diff_text,
    digest,
    is_path,
    merge,
)
from tools.versions.spec import Conflict, Moved, Saved

PATHS = ("a.yaml", "b.yaml", "c.yaml")
TEXTS = st.sampled_from(["", "one", "two", "three"])
SETS = st.dictionaries(st.sampled_from(PATHS), TEXTS)
CHANGES = st.dictionaries(st.sampled_from(PATHS), st.none() | TEXTS)


@given(SETS, SETS)
def test_changes_lead_from_one_set_to_the_other(
    before: dict[str, str], after: dict[str, str]
) -> None:
    assert changed(before, changes_between(before, after)) == after
    assert (digest(before) == digest(after)) == (before == after)
    assert bool(diff_files(before, after)) == (before != after)


@given(SETS, SETS, CHANGES)
def test_a_merge_keeps_both_sides_or_names_every_clash(
    base: dict[str, str], head: dict[str, str], changes: dict[str, str | None]
) -> None:
    merged = merge(base, head, changes)
    ours = {path for path, text in changes.items() if text != base.get(path)}
    theirs = set(changes_between(base, head))
    both = {path for path in ours & theirs if head.get(path) != changes[path]}
    if isinstance(merged, Clash):
        assert merged.paths == tuple(sorted(both))
        assert both
    else:
        assert not both
        for path in PATHS:
            wanted = changes[path] if path in ours else head.get(path)
            assert merged.get(path) == wanted


@given(st.text(alphabet="ab\n\r\u2028\x85", max_size=30), st.text(alphabet="ab\n\r", max_size=30))
def test_a_diff_tells_the_new_text_from_the_old(old: str, new: str) -> None:
    shown = diff_text("a.yaml", old, new)
    assert (shown == "") == (old == new)
    lines = [line for line in shown.split("\n")[2:] if line and line[0] in " +"]
    if shown and len(old.split("\n")) <= 3:
        kept = "\n".join(line[1:] for line in lines)
        assert kept.rstrip("\n") == new.rstrip("\n") or not new


def test_a_long_text_made_to_be_hard_is_shown_as_replaced() -> None:
    old = "".join(f"{number % 7}\n" for number in range(MAX_DIFF_LINES + 1))
    shown = diff_text("a.yaml", old, "x\n").split("\n")
    assert shown[:4] == [
        "--- a/a.yaml",
        "+++ b/a.yaml",
        f"@@ -1,{MAX_DIFF_LINES + 1} +1,1 @@",
        "-0",
    ]
    assert shown[-2:] == ["+x", ""]
    assert len(shown) == MAX_DIFF_LINES + 1 + 1 + 3 + 1
    short = diff_text("a.yaml", "1\n2\n", "1\n3\n")
    expected = difflib.unified_diff(["1\n", "2\n"], ["1\n", "3\n"], "a/a.yaml", "b/a.yaml")
    assert short == "".join(expected)


@given(st.text(max_size=40))
def test_no_path_leads_out_of_the_folder(text: str) -> None:
    for path in (text, f"{text}.yaml", f"tools/{text}.yaml"):
        if is_path(path):
            steps = path.split("/")
            assert not {"", ".", ".."} & set(steps)
            assert path.isascii()
            assert path.isprintable()


# ---- two editors ---------------------------------------------------------------------------------

ACTS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["look", "edit a", "edit b", "publish", "roll back", "folder"]),
    ),
    max_size=14,
)


class Room:
    """Two editors who may begin with something old, and what they have written so far."""

    def __init__(self, desk: Editor) -> None:
        self.desk = desk
        self.base: dict[str, int | None] = {"ann": None, "bob": None}
        self.last: dict[str, int | None] = {"ann": None, "bob": None}
        self.written: list[tuple[str, str]] = []
        self.folder = {"a": "folder", "b": "folder"}

    def act(self, who: str, what: str) -> None:
        match what.split():
            case ["look"]:
                self.base[who] = self.desk.versions.pointers().head
            case ["edit", name]:
                self.edit(who, name)
            case ["folder"]:
                self.folder["a"] = self.text("a", "folder")
                assert isinstance(self.desk.folder(**self.folder), Moved | Conflict)
            case ["publish"] if (version := self.last[who]) is not None:
                self.desk.versions.publish(version, who, "")
            case ["roll", _] if len(self.desk.versions.events(2)) > 1:
                before = self.desk.versions.events(1)[0].previous
                assert before is not None
                self.desk.versions.publish(before, who, "", anyway=True)

    def edit(self, who: str, name: str) -> None:
        head = self.desk.texts(self.desk.versions.pointers().head)
        began = self.desk.texts(self.base[who])
        text = self.text(name, who)
        found = self.desk.save(self.base[who], who, **{name: text})
        now = self.desk.texts(self.desk.versions.pointers().head)
        if isinstance(found, Saved):
            assert head.get(name) == began.get(name), "what others wrote was overwritten unseen"
            assert now == {**head, name: text}
            self.last[who] = self.base[who] = found.version.id
        else:
            assert now == head
            assert [(file.theirs, file.yours) for file in found.files] == [(head.get(name), text)]
            self.last[who] = found.draft

    def text(self, name: str, who: str) -> str:
        self.written.append((name, f"{who} {len(self.written)}"))
        return self.written[-1][1]


def test_no_interleaving_of_two_editors_and_the_folder_loses_a_text(migrated_file: Path) -> None:
    @settings(max_examples=examples(25))
    @given(ACTS)
    def interleaved(acts: list[tuple[str, str]]) -> None:
        with tempfile.TemporaryDirectory() as place:
            store = open_store(f"sqlite:///{shutil.copy(migrated_file, Path(place) / 'x.db')}")
            room = Room(Editor(store))
            for who, what in acts:
                room.act(who, what)
            kept = {
                item
                for version in room.desk.versions.history(1_000)
                for item in room.desk.texts(version.id).items()
            }
            assert set(room.written) <= kept
            store.close()

    interleaved()
