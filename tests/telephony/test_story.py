"""A call as its page tells it."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.money import Cost
from telephony.transcripts.entry import AgentLine, CallerLine, Fate, ToolLine, WordFate
from telephony.transcripts.said import Source
from telephony.transcripts.story import (
    Aside,
    ReceiptView,
    Spoken,
    Story,
    ToolCard,
    began_at,
    bounds,
    laid_out,
    shown,
    sources,
    spoken_words,
    story,
)
from telephony.transcripts.summary import Summary
from telephony.transcripts.text import in_order
from tests.telephony.stored_call import CALLER, ENTRIES, MONDAY

SUMMARY = Summary(
    call_id="CA1", started_at=MONDAY.isoformat(), engine="realtime", from_number=CALLER
)
RECEIPT = ReceiptView(7, "done", "k")


@pytest.fixture(scope="module")
def told() -> Story:
    entries = in_order(ENTRIES)
    return story(entries, sources(SUMMARY, entries), {"call_a": RECEIPT})


def test_lines_tools_and_asides_stand_in_order_of_speaking(told: Story) -> None:
    kinds = [part.kind if isinstance(part, Aside) else type(part).__name__ for part in told.parts]
    assert kinds == [
        "Spoken", "TruncationLine", "Spoken", "ToolCard", "TurnLine", "Spoken", "SeatLine",
        "DtmfLine", "ClaimLine", "Spoken", "EndLine",
    ]  # fmt: skip
    entries = in_order(ENTRIES)
    for part in told.parts:
        assert type(entries[part.place]).__name__ in (
            "AgentLine", "CallerLine", "ToolLine", *kinds
        )  # fmt: skip


def test_heard_cut_and_unheard_words_are_told_apart(told: Story) -> None:
    greeting, question, answer, lost = (part for part in told.parts if isinstance(part, Spoken))
    assert [
        (piece.fate, " ".join(word.text for word in piece.words)) for piece in greeting.pieces
    ] == [
        ("heard", "Thanks for calling, how"),
        ("cut", "may"),
        ("unheard", "I help you?"),
    ]
    assert (greeting.estimated, question.estimated, answer.estimated) == (False, True, False)
    assert [piece.fate for piece in lost.pieces] == ["unheard"]


def test_how_much_was_heard_is_said_with_its_bounds(told: Story) -> None:
    greeting, question, answer, lost = (part for part in told.parts if isinstance(part, Spoken))
    assert bounds(greeting) == (
        "The caller heard 1,500 ms of 2,800 ms that were sent: at least 1,480 ms and at most"
        " 1,540 ms."
    )
    assert bounds(question) == bounds(answer) == ""
    assert bounds(lost) == "Never played: the caller heard nothing of it."
    older = msgspec.structs.replace(greeting, heard_at_least_ms=-1, heard_at_most_ms=-1)
    assert bounds(older) == "The caller heard 1,500 ms of 2,800 ms that were sent."


def test_a_tool_is_told_with_sources_and_its_receipt(told: Story) -> None:
    (tool,) = (part for part in told.parts if isinstance(part, ToolCard))
    assert tool.receipt == RECEIPT
    assert tool.arguments is not None
    assert {each.name: each.source for each in tool.arguments}["name"] is Source.CALLER
    assert tool.output == '{\n  "message": "Booked.",\n  "id": 7\n}'


def test_waits_costs_seats_and_silence_stand_beside_it(told: Story) -> None:
    (wait,) = told.waits
    assert (wait.number, wait.at_ms, wait.latency.turn_ms) == (1, 4_350, 850)
    assert [(row.what, row.cost) for row in told.costs] == [
        ("carrier", Cost(8_500)), ("response", Cost(1_234)), ("response", Cost(0, unknown=True)),
    ]  # fmt: skip
    assert [seat.text for seat in told.seats] == ["session 2, turns: the session before it failed"]
    assert (told.silence_ms, told.wordless_ms) == (850, 850)
    assert (story([], {}, {}).silence_ms, story([], {}, {}).parts) == (-1, ())


def test_a_caller_s_words_are_spread_over_the_line_by_their_letters() -> None:
    words, estimated = spoken_words(CallerLine("i", "a bcd", 1_000, 1_400))
    assert estimated
    assert [(word.text, word.start_ms, word.end_ms) for word in words] == [
        ("a", 1_000, 1_100), ("bcd", 1_100, 1_400),
    ]  # fmt: skip


def test_a_line_that_kept_no_times_of_words_still_tells_what_was_heard() -> None:
    line = AgentLine("i", 1, "one two three", "one two", Fate.CUT, 0, 600, 600, 900)
    words, estimated = spoken_words(line)
    assert estimated
    assert [(word.text, word.fate) for word in words] == [
        ("one", WordFate.HEARD), ("two", WordFate.HEARD), ("three", WordFate.UNHEARD),
    ]  # fmt: skip
    assert words[-1].start_ms == 600


def test_words_nobody_could_make_out_are_said_to_be_so() -> None:
    (part,) = story([CallerLine("i", " ", 1, 2, transcribed=False)], {}, {}).parts
    assert isinstance(part, Spoken)
    assert (part.fate, part.pieces) == ("unintelligible", ())


@pytest.mark.parametrize(
    ("started_at", "expected"),
    [
        ("2026-11-23T12:00:00.000+02:00", MONDAY - dt.timedelta(hours=2)),
        ("2026-11-23", MONDAY - dt.timedelta(hours=12)),
        ("yesterday", dt.datetime.fromtimestamp(0, dt.UTC)),
    ],
)
def test_a_call_that_was_torn_still_began_at_some_time(
    started_at: str, expected: dt.datetime
) -> None:
    assert began_at(msgspec.structs.replace(SUMMARY, started_at=started_at)) == expected


def test_what_tools_were_given_and_answered_cannot_act() -> None:
    assert laid_out('{"a":"\u202e<b>"}') == '{\n  "a": "\\u202e<b>"\n}'
    assert laid_out("torn {\x1b[31m") == "torn {\\x1b[31m"
    assert shown("x\u2028y") == "x\\u2028y"
    assert shown({"a": [1, None]}) == '{"a":[1,null]}'
    tool = ToolLine("c", "b\x00k", "no json\x07", "d\u200bne", "", 0, 0)
    (card,) = story([tool], sources(SUMMARY, [tool]), {}).parts
    assert isinstance(card, ToolCard)
    assert (card.name, card.raw, card.state, card.arguments) == (
        "b\\x00k",
        "no json\\x07",
        "d\\u200bne",
        None,
    )


@given(st.text(max_size=200), st.integers(-5, 10_000), st.integers(-5, 10_000))
def test_estimated_times_are_in_order_and_inside_the_line(text: str, start: int, end: int) -> None:
    words, _ = spoken_words(CallerLine("i", text, start, end))
    assert [word.text for word in words] == text.split()
    edges = [edge for word in words for edge in (word.start_ms, word.end_ms)]
    assert edges == sorted(edges)
    assert all(start <= edge <= max(start, end) for edge in edges)
