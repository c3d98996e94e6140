"""Calls that are on, as somebody sees them who may not hear them."""

import msgspec
import pytest

from telephony.call.ending import Phase
from telephony.live.discretion import Discretion, discreet_calls, discreet_words
from telephony.live.picture import Peek, Picture
from telephony.live.wire import Calls, Changes, Done, Gone, Lines
from telephony.transcripts.entry import AgentLine, CallerLine, Fate, OperatorLine, ToolLine
from tests.telephony.live_calls import head

SPOKEN = "four one five five five five oh one two three"


@pytest.mark.parametrize(
    ("heard", "unheard", "shown"),
    [
        ("It is half past three.", " See you.", ("It is half past three.", " See you.")),
        ("Call 415 555 0123 now", ".", ("Call [number] now", ".")),
        ("Call 415 5", "55 0123 now.", ("Call [number]", " now.")),
        ("Call ", "415 555 0123 now.", ("Call ", "[number] now.")),
        ("", f"Was it {SPOKEN}?", ("", "Was it [number]?")),
        ("ann@exam", "ple.com", ("[e-mail address]", "")),
        ("", "", ("", "")),
    ],
)
def test_what_begins_in_heard_words_is_hidden_from_both(
    heard: str, unheard: str, shown: tuple[str, str]
) -> None:
    assert discreet_words((heard, unheard)) == shown


def test_a_number_that_is_heard_word_by_word_is_never_shown() -> None:
    told = Discretion()
    view = msgspec.structs.replace(Picture(head()).view(Peek(Phase.LIVE)), unheard=SPOKEN)
    (began,) = [told.told(Calls((view,)))]
    assert isinstance(began, Calls)
    assert (began.calls[0].unheard, began.calls[0].caller) == ("[number]", "…00")
    for at in range(1, len(SPOKEN) + 1):
        news = {"call_id": "CA1", "heard": SPOKEN[:at], "unheard": SPOKEN[at:]}
        assert told.told(Changes((news,))) == Changes(
            ({"call_id": "CA1", "heard": "[number]", "unheard": ""},)
        )


def test_a_change_of_one_half_is_read_with_the_other() -> None:
    told = Discretion()
    told.told(Changes(({"call_id": "CA1", "caller": "anonymous", "unheard": "415 555 "},)))
    news = told.told(Changes(({"call_id": "CA1", "heard": "It is "},)))
    shown = {"call_id": "CA1", "heard": "It is ", "unheard": "[number] "}
    assert news == Changes((shown,))
    told.told(Gone(("CA1",)))
    news = told.told(Changes(({"call_id": "CA1", "heard": "It is "},)))
    assert news == Changes(({**shown, "unheard": ""},))


def test_what_tells_of_nobody_stays_as_it_is() -> None:
    told = Discretion()
    for answer in (
        Changes(({"call_id": "CA1", "floor": "caller"},)),
        Changes(({"call_id": "CA1", "caller": "anonymous"},)),
        Gone(("CA1",)),
        Done("gone"),
    ):
        assert told.told(answer) == answer


def test_lines_are_those_of_the_discreet_transcript() -> None:
    lines = Lines(
        3,
        (
            CallerLine("u1", f"It is {SPOKEN}.", 0, 900),
            AgentLine("i1", 1, "415 555 0123", "415 555", Fate.CUT, 0, 1, 1, 1),
            ToolLine("t1", "book", f'{{"number":"{SPOKEN}"}}', "done", "{}", 1, 2),
            OperatorLine("whisper", "ada", f"Ring {SPOKEN}", 5),
        ),
    )
    shown = Discretion().told(lines)
    assert isinstance(shown, Lines)
    assert shown.first == 3
    assert not [word for word in ("four", "415") if word in str(shown.entries)]
    assert "[number]" in str(shown.entries)


def test_the_list_is_shown_likewise() -> None:
    view = msgspec.structs.replace(Picture(head()).view(Peek(Phase.LIVE)), heard=SPOKEN)
    (shown,) = discreet_calls([view])
    assert (shown.caller, shown.heard, shown.persona) == ("…00", "[number]", "anna")
