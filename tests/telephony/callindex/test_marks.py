"""Labels, notes and views: kept once, taken back, and gone with their call."""

import datetime as dt
import zoneinfo

import pytest

from telephony.transcripts.index.asked import Asked, Filters
from telephony.transcripts.index.index import CallIndex
from telephony.transcripts.index.marks import (
    MOST_LABEL,
    MOST_LABELS,
    MOST_NOTE,
    MOST_NOTES,
    MOST_QUERY,
    MOST_VIEWS,
    UNDO_FOR,
    Label,
    Labelled,
    Marks,
    NoCall,
    NoSuch,
    Unfit,
)
from telephony.transcripts.index.search import Search
from tests.telephony.callindex.made import NOON, made
from tools.store import Store


class Hands:
    """Marks with a clock that is set by hand, over two calls."""

    def __init__(self, store: Store) -> None:
        self.now = NOON
        self.index = CallIndex(store)
        self.search = Search(store)
        self.index.put([made("CA1"), made("CA2", 1)])
        self.marks = Marks(store, lambda: self.now)


@pytest.fixture
def hands(store: Store) -> Hands:
    return Hands(store)


def names(labels: list[Label]) -> list[str]:
    return [each.label for each in labels]


def test_a_label_is_put_on_once_and_finds_the_call(hands: Hands) -> None:
    label = Label("to check", "ann", NOON)
    put = hands.marks.label("CA1", "  to  check ", "ann")
    assert put == Labelled([label], "to check", new=True)
    again = hands.marks.label("CA1", "to check", "ben")
    assert again == Labelled([label], "to check", new=False)
    hands.marks.label("CA1", "<b>late</b>", "ben")
    assert names(hands.marks.labels("CA1")) == ["<b>late</b>", "to check"]
    (found,) = hands.search.page(Asked(filters=Filters(label="to check"))).calls
    assert (found.row.call_id, found.labels) == ("CA1", ("<b>late</b>", "to check"))
    assert hands.search.choices()["label"] == ["<b>late</b>", "to check"]
    assert names(hands.marks.unlabel("CA1", "to check")) == ["<b>late</b>"]
    assert names(hands.marks.unlabel("CA1", "never was")) == ["<b>late</b>"]


@pytest.mark.parametrize("label", ["", "  ", "x" * (MOST_LABEL + 1), "a\u202eb", "a\x07b"])
def test_a_label_that_cannot_be_seen_is_refused(hands: Hands, label: str) -> None:
    with pytest.raises(Unfit):
        hands.marks.label("CA1", label, "ann")


def test_labels_and_notes_have_a_limit(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MOST_LABELS):
        hands.marks.label("CA1", f"label {number}", "ann")
    with pytest.raises(Unfit):
        hands.marks.label("CA1", "one more", "ann")
    monkeypatch.setattr("telephony.transcripts.index.marks.MOST_NOTES", 1)
    hands.marks.note("CA1", "one", "ann")
    with pytest.raises(Unfit):
        hands.marks.note("CA1", "two", "ann")
    assert MOST_NOTES > 1


def test_what_is_no_call_cannot_be_marked(hands: Hands) -> None:
    for act in (
        lambda: hands.marks.labels("CA9"),
        lambda: hands.marks.label("CA9", "x", "ann"),
        lambda: hands.marks.unlabel("CA9", "x"),
        lambda: hands.marks.notes("CA9"),
        lambda: hands.marks.note("CA9", "x", "ann"),
        lambda: hands.marks.take_back("CA9", 1),
    ):
        with pytest.raises(NoCall):
            act()


def test_a_note_can_be_taken_back_and_restored_for_a_while(hands: Hands) -> None:
    hands.marks.note("CA1", " first\nline ", "ann")
    first, second = hands.marks.note("CA1", "second", "ben")
    assert (first.text, first.author, first.created_at) == ("first\nline", "ann", NOON)
    assert hands.marks.take_back("CA1", first.id) == [second]
    assert [each.notes for each in hands.search.page(Asked()).calls] == [0, 1]
    with pytest.raises(NoSuch):
        hands.marks.take_back("CA1", first.id)
    hands.now += UNDO_FOR - dt.timedelta(seconds=1)
    assert hands.marks.restore("CA1", first.id) == [first, second]
    hands.marks.take_back("CA1", first.id)
    hands.now += UNDO_FOR
    with pytest.raises(NoSuch):
        hands.marks.restore("CA1", first.id)
    assert hands.marks.sweep() == 1
    assert hands.marks.sweep() == 0
    assert hands.marks.notes("CA1") == [second]


def test_in_the_hour_that_comes_twice_it_is_the_same_while(hands: Hands) -> None:
    """01:30 for the second time, and soon after."""
    london = zoneinfo.ZoneInfo("Europe/London")
    hands.now = dt.datetime(2026, 10, 25, 1, 30, tzinfo=london, fold=1)
    (note,) = hands.marks.note("CA1", "first", "ann")
    hands.marks.take_back("CA1", note.id)
    hands.now = (dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC) + UNDO_FOR).astimezone(london)
    with pytest.raises(NoSuch):
        hands.marks.restore("CA1", note.id)
    assert hands.marks.sweep() == 1


def test_a_note_belongs_to_its_call(hands: Hands) -> None:
    (note,) = hands.marks.note("CA1", "mine", "ann")
    with pytest.raises(NoSuch):
        hands.marks.take_back("CA2", note.id)


@pytest.mark.parametrize("text", ["", " \n ", "x" * (MOST_NOTE + 1)])
def test_a_note_says_something_and_not_too_much(hands: Hands, text: str) -> None:
    with pytest.raises(Unfit):
        hands.marks.note("CA1", text, "ann")


def test_views_are_ones_own_or_shared(hands: Hands) -> None:
    mine = hands.marks.keep_view("u1", "Ann", "Dear", "sort=cost", shared=False)
    shared = hands.marks.keep_view("u2", "Ben", "Failed", "failed=1", shared=True)
    assert hands.marks.views("u1") == [mine, shared]
    assert hands.marks.views("u3") == [shared]
    again = hands.marks.keep_view("u1", "Ann", "Dear", "sort=cost&order=asc", shared=True)
    assert (again.id, again.query) == (mine.id, "sort=cost&order=asc")
    assert hands.marks.views("u3") == [again, shared]
    with pytest.raises(NoSuch):
        hands.marks.drop_view("u3", again.id)
    assert hands.marks.drop_view("u1", again.id) == again
    assert hands.marks.views("u1") == [shared]


def test_views_have_limits(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unfit):
        hands.marks.keep_view("u1", "Ann", "", "sort=cost", shared=False)
    with pytest.raises(Unfit):
        hands.marks.keep_view("u1", "Ann", "x", "q" * (MOST_QUERY + 1), shared=False)
    monkeypatch.setattr("telephony.transcripts.index.marks.MOST_VIEWS", 1)
    hands.marks.keep_view("u1", "Ann", "one", "", shared=False)
    with pytest.raises(Unfit):
        hands.marks.keep_view("u1", "Ann", "two", "", shared=False)
    assert MOST_VIEWS > 1


def test_with_its_call_everything_of_it_is_gone(hands: Hands, store: Store) -> None:
    hands.marks.label("CA1", "late", "ann")
    hands.marks.note("CA1", "call back", "ann")
    assert hands.index.forget("CA1")
    assert not hands.index.forget("CA1")
    assert hands.search.choices()["label"] == []
    assert [each.row.call_id for each in hands.search.page(Asked()).calls] == ["CA2"]
    hands.index.put([made("CA1")])
    assert (hands.marks.labels("CA1"), hands.marks.notes("CA1")) == ([], [])
