"""The same pages on both databases, whatever is asked: compared with looking at every call."""

import itertools
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telephony.transcripts.index import search as searching
from telephony.transcripts.index.asked import Asked, Filters, Order, Sort
from telephony.transcripts.index.index import CallIndex
from telephony.transcripts.index.page import Page
from telephony.transcripts.index.row import CallRow, Indexed
from telephony.transcripts.index.search import Search
from telephony.transcripts.index.words import Term, words_of
from tests.exploring import examples
from tests.telephony.callindex.made import ANNA, BEN, NOON_MS, made
from tools.store import Store

SAID = ("I want a haircut", "a table for two", "good bye", "haircut, not a table", "crème brûlée")
HEARD = ("Certainly, a haircut", "We are closed", "Good bye!", "")
CALLS = 120


def some(number: int, dice: random.Random) -> Indexed:
    return made(
        f"CA{number:04}",
        number // 3,
        caller=dice.choice(SAID),
        agent=dice.choice(HEARD),
        tools=tuple(dice.sample(["book", "cancel", "note"], dice.randrange(3))),
        by=dice.choice([ANNA, BEN, "", "+15550100"]),
        persona=dice.choice(["", "desk", "sales"]),
        outcome=dice.choice(["agent_hung_up", "caller_hung_up", "engine_failed"]),
        engine=dice.choice(["realtime", "local"]),
        duration_ms=dice.randrange(5) * 30_000,
        interruptions=dice.randrange(2),
        failed_tools=dice.choice([0, 0, 1]),
        cost_micros=dice.choice([-1, 0, 10_000, 20_000, 500_000]),
    )


@pytest.fixture
def calls(store: Store) -> list[Indexed]:
    dice = random.Random(7)
    made_up = [some(number, dice) for number in range(CALLS)]
    mixed = dice.sample(made_up, CALLS)
    CallIndex(store).put(mixed)
    return made_up


# ---- looking at every call ----------------------------------------------------------------------


def says(call: Indexed, term: Term) -> bool:
    texts = [(name, words_of(getattr(call, name))) for name in ("caller", "agent")]
    return any(_in_row(words, term) for name, words in texts if term.speaker in ("", name))


def _in_row(words: Sequence[str], term: Term) -> bool:
    size = len(term.words)
    rows = [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]
    if term.prefix:
        head, last = term.words[:-1], term.words[-1]
        return any(row[:-1] == head and row[-1].startswith(last) for row in rows)
    return term.words in rows


def fits(call: Indexed, asked: Filters) -> bool:
    row, wanted = call.row, asked.sought
    return (
        all(getattr(asked, name) in (None, getattr(row, name)) for name in
            ("persona", "outcome", "engine", "interrupted", "failed"))
        and (asked.caller is None or (row.caller.startswith(asked.caller) if asked.caller
                                      else not row.caller))
        and (asked.tool is None or asked.tool in call.tools)
        and (asked.since_ms or 0) <= row.started_ms < (asked.until_ms or 2**60)
        and in_range(row.cost_micros, asked.min_cost_micros, asked.max_cost_micros)
        and in_range(row.duration_ms, asked.min_duration_ms, asked.max_duration_ms)
        and (wanted is None or (all(says(call, term) for term in wanted.wanted)
                                and not any(says(call, term) for term in wanted.unwanted)))
    )  # fmt: skip


def in_range(value: int, low: int | None, high: int | None) -> bool:
    return (low, high) == (None, None) or (low or 0) <= value <= (2**60 if high is None else high)


def key(sort: Sort) -> Callable[[CallRow], int]:
    names = {Sort.STARTED: "started_ms", Sort.DURATION: "duration_ms", Sort.COST: "cost_micros"}
    return lambda row: int(getattr(row, names[sort]))


def expected(calls: Sequence[Indexed], asked: Asked) -> list[CallRow]:
    return [call.row for call in calls if fits(call, asked.filters)]


# ---- walking through pages ----------------------------------------------------------------------


def there_and_back(search: Search, asked: Asked) -> tuple[list[CallRow], list[CallRow]]:
    """All pages to the end, and then back to the beginning."""
    pages = [search.page(asked)]
    while (after := pages[-1].after) is not None:
        pages.append(search.page(moved(asked, after=after)))
        assert len(pages) < 2_000
    back = [pages[-1]]
    while (before := back[-1].before) is not None:
        back.append(search.page(moved(asked, before=before)))
        assert len(back) < 2_000
    return rows(pages), rows(list(reversed(back)))


def moved(asked: Asked, **place: object) -> Asked:
    return Asked(filters=asked.filters, sort=asked.sort, order=asked.order, limit=asked.limit,
                 **place)  # type: ignore[arg-type]  # fmt: skip


def rows(pages: Sequence[Page]) -> list[CallRow]:
    return [found.row for page in pages for found in page.calls]


QUESTIONS = [
    Filters(),
    Filters(persona="desk"),
    Filters(persona="", engine="local"),
    Filters(caller="+4420"),
    Filters(caller=""),
    Filters(tool="book", failed=True),
    Filters(interrupted=False, outcome="caller_hung_up"),
    Filters(since_ms=NOON_MS + 600_000, until_ms=NOON_MS + 3_000_000),
    Filters(min_duration_ms=30_000, max_duration_ms=60_000),
    Filters(min_cost_micros=0, max_cost_micros=20_000, persona="sales"),
    Filters(text="haircut"),
    Filters(text="haircut -table", persona="desk"),
    Filters(text='agent:"a haircut"'),
    Filters(text="creme agent:clos*"),
    Filters(text="nowhere"),
    Filters(persona="nobody"),
]


@pytest.mark.parametrize("frequent", [False, True], ids=["few", "frequent"])
def test_every_page_there_and_back(
    store: Store, calls: list[Indexed], frequent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if frequent:  # no condition leaves few calls, and windows are small
        monkeypatch.setattr(searching, "FEW", 0)
        monkeypatch.setattr(searching, "WINDOWS", (8, 40))
        monkeypatch.setattr(searching, "WINDOWS_OF_WORDS", (8, 20))
    search = Search(store)
    ways = list(itertools.product(Sort, Order))
    for number, filters in enumerate(QUESTIONS):
        # Each question in two of the six ways; all of them for those that are told apart by it.
        for sort, order in ways if filters.text == "haircut" else (ways[number % 6], ways[3]):
            asked = Asked(filters=filters, sort=sort, order=order, limit=17)
            there, back = there_and_back(search, asked)
            assert there == back
            assert sorted(there, key=lambda row: row.call_id) == expected(calls, asked)
            keys = [key(sort)(row) for row in there]
            assert keys == sorted(keys, reverse=order is Order.DESC)


hostile = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            ['"', "'", "\\", "(", ")", "*", "-", "^", ":", "caller:", "agent:", "AND", "OR", "NOT",
             "NEAR(", "{", "}", "+", "haircut", "%", "_", ";", "--", "\0", "<->", "&", "|", "!",
             "予", "\u202e", "\ud800", "é", " "]
        ),
        max_size=25,
    ).map("".join),
)  # fmt: skip


@settings(
    max_examples=examples(25),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=hostile, name=hostile)
def test_no_question_is_an_error(store: Store, text: str, name: str) -> None:
    filters = Filters(text=text, persona=name.replace("\0", "").encode("utf-8", "ignore").decode())
    page = Search(store).page(Asked(filters=filters))
    assert page.calls == ()


def test_pages_stay_put_while_calls_come(store: Store, calls: list[Indexed]) -> None:
    search = Search(store)
    before = rows([search.page(Asked(limit=20))])
    first = search.page(Asked(limit=10))
    CallIndex(store).put([made("CAnew", 10_000)])
    second = search.page(Asked(limit=10, after=first.after))
    assert rows([first, second]) == before
    assert rows([search.page(Asked(limit=10, before=second.before))]) == rows([first])
    newest = search.page(Asked(limit=10, before=second.before)).before
    assert newest is not None, "there is a new call before them"


def test_a_search_that_is_cut_short_says_so(
    store: Store, calls: list[Indexed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "FEW", 0)
    monkeypatch.setattr(searching, "WINDOWS", (2, 5))
    page = Search(store).page(
        Asked(filters=Filters(persona="desk", outcome="engine_failed"), limit=4)
    )
    assert not page.complete
    assert page.after is not None
    assert len(page.calls) < 4


def test_what_was_found_is_shown(store: Store) -> None:
    said = made("CA1", caller="my name is <b>Anna</b>", agent="hello Anna", tools=("book", "note"))
    CallIndex(store).put([said, made("CA2", 1)])
    (found,) = Search(store).page(Asked(filters=Filters(text="anna"))).calls
    assert found.tools == ("book", "note")
    assert [speaker for speaker, _ in found.highlights] == ["caller", "agent"]
    assert [each.text for each in found.highlights[0][1] if each.hit] == ["Anna"]
    assert all(not each.highlights for each in Search(store).page(Asked()).calls)


def test_choices_are_what_there_is(store: Store, calls: list[Indexed]) -> None:
    assert Search(store).choices() == {
        "persona": ["", "desk", "sales"],
        "outcome": ["agent_hung_up", "caller_hung_up", "engine_failed"],
        "engine": ["local", "realtime"],
        "tool": ["book", "cancel", "note"],
        "label": [],
    }
