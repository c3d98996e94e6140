"""Calls of the log as somebody finds them who may not hear them."""

import pytest

from telephony.transcripts.index.discretion import discreet_found, discreet_page, discreet_row
from telephony.transcripts.index.page import Found, Page
from telephony.transcripts.index.words import Piece
from tests.telephony.callindex.made import made

ROW = made("CA1", by="+442079460001").row


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ((), ()),
        ((Piece("my "), Piece("knee", hit=True)), (Piece("my "), Piece("knee", hit=True))),
        ((Piece("on 415 55"), Piece("5 0123", hit=True)), (Piece("on "), Piece("[number]"))),
        (
            (Piece("ann@example.com", hit=True), Piece(" or 415 555 0123.")),
            (Piece("[e-mail address]"), Piece(" or "), Piece("[number]"), Piece(".")),
        ),
    ],
)
def test_what_is_hidden_is_a_piece_of_its_own(
    pieces: tuple[Piece, ...], shown: tuple[Piece, ...]
) -> None:
    found = Found(ROW, highlights=(("caller", pieces),))
    assert discreet_found(found).highlights == (("caller", shown),)


def test_of_the_caller_two_figures_are_left_and_all_else_is_as_it_was() -> None:
    shown = discreet_row(ROW)
    assert (shown.caller, shown.called, shown.call_id) == ("…01", ROW.called, "CA1")
    assert discreet_row(made("CA2", by="").row).caller == "", "a withheld number stays withheld"
    page = Page((Found(ROW, notes=2),), after=None, before=None, complete=False)
    assert discreet_page(page) == Page((Found(shown, notes=2),), None, None, complete=False)
