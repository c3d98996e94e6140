"""Which model is used on which day, by file, by the provider's word, and by experience."""

import datetime as dt
import json

import pytest

from agents.lifetimes import Lifetimes
from agents.models import Models, parse_models

LAST = dt.date(2027, 1, 19)
GONE = dt.date(2027, 1, 20)


def models() -> Models:
    found = [
        {"id": "new", "kind": "realtime"},
        {"id": "old", "kind": "realtime", "shutdown": "2027-01-20", "successor": "new"},
        {"id": "lone", "kind": "realtime", "shutdown": "2027-01-20"},
    ]
    return parse_models(json.dumps({"as_of": "2026-11-20", "source": "", "models": found}))


def test_a_model_is_used_until_its_last_day_and_its_successor_from_the_next() -> None:
    lifetimes = Lifetimes(models(), by_file=True)
    assert lifetimes.living("old", LAST) == "old"
    assert lifetimes.living("old", GONE) == "new"
    assert lifetimes.living("new", GONE) == "new"


def test_days_left_count_down() -> None:
    lifetimes = Lifetimes(models(), by_file=True)
    left = [lifetimes.shutdown("old", GONE - dt.timedelta(days=days)) for days in (60, 1, 0)]
    assert [found.days_left for found in left if found] == [60, 1, 0]
    assert lifetimes.shutdown("new", GONE) is None


@pytest.mark.parametrize("model_id", ["lone", "unheard-of"])
def test_without_a_successor_the_provider_is_left_to_say_so(model_id: str) -> None:
    lifetimes = Lifetimes(models(), by_file=True)
    assert lifetimes.living(model_id, GONE) == model_id
    assert lifetimes.successor(model_id, GONE) is None


def test_where_stepping_is_not_wanted_a_model_stays_though_it_is_gone() -> None:
    lifetimes = Lifetimes(models(), by_file=True, step=False)
    assert lifetimes.gone("old", GONE)
    assert lifetimes.living("old", GONE) == "old"


def test_a_gateway_s_models_live_by_its_own_word() -> None:
    lifetimes = Lifetimes(models(), by_file=False)
    assert lifetimes.living("old", GONE) == "old"
    assert lifetimes.shutdown("old", GONE) is None
    lifetimes.listed({"old": LAST, "new": None})
    assert lifetimes.living("old", LAST) == "new"


def test_the_provider_s_word_goes_before_the_file_and_is_replaced_by_its_next() -> None:
    lifetimes = Lifetimes(models(), by_file=True)
    lifetimes.listed({"old": dt.date(2027, 2, 1)})
    assert lifetimes.living("old", GONE) == "old"
    lifetimes.listed({"old": None})
    assert lifetimes.living("old", GONE) == "new"


def test_a_model_the_provider_did_not_know_gives_way_until_it_is_listed() -> None:
    lifetimes = Lifetimes(models(), by_file=False)
    lifetimes.missing("old")
    assert lifetimes.gone("old", LAST)
    assert lifetimes.living("old", LAST) == "new"
    lifetimes.listed({"other": None})
    assert lifetimes.living("old", LAST) == "new"
    lifetimes.listed({"old": None})
    assert lifetimes.living("old", LAST) == "old"


def test_a_successor_the_provider_does_not_know_either_is_none() -> None:
    lifetimes = Lifetimes(models(), by_file=True)
    lifetimes.missing("new")
    assert lifetimes.living("old", GONE) == "old"
