"""What the model sends becomes the tool's own type, or a list of everything to mend."""

import json
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.arguments import MAX_BYTES, canonical, digest, parse
from tools.registry import Registry
from tools.spec import Tool
from tools.validation import Problem

Day = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date"})]
Clock = Annotated[str, msgspec.Meta(extra_json_schema={"format": "time"})]


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tags: list[str] = []


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    date: Day
    name: Annotated[str, msgspec.Meta(min_length=2, max_length=20)] = "Ann"
    time: Clock | msgspec.UnsetType = msgspec.UNSET
    people: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    where: Literal["in", "out"] = "in"
    inner: Inner = Inner()


ENTRY = Registry([Tool("ask", "", Asked, lambda asked, context: {})]).get("ask")
assert ENTRY is not None


def parsed(text: str) -> Any:
    assert ENTRY is not None
    return ENTRY.parse(text)


def problems(text: str) -> dict[str, str]:
    found = parsed(text)
    assert isinstance(found, list)
    assert found
    return {each.field: each.what for each in found}


def test_good_arguments_become_the_tools_own_type() -> None:
    text = '{"date":"2026-03-31","people":2,"time":"09:30","inner":{"tags":["a"]}}'
    assert parsed(text) == Asked("2026-03-31", "Ann", "09:30", 2, "in", Inner(["a"]))


def test_everything_to_mend_is_told_at_once() -> None:
    text = '{"name":5,"people":12,"where":"up","time":"9 am","colour":"red"}'
    assert problems(text) == {
        "colour": "is not known",
        "date": "is missing",
        "name": "must be text, not a number",
        "people": "is too large",
        "time": "is not a time of day like 09:30 or 14:00",
        "where": "is not one of the choices",
    }


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    found = parsed('{"date":"2026-03-31","day":"x"}')
    assert found == [
        Problem(("day",), "is not known", "Known here: date, inner, name, people, time, where")
    ]


def test_two_missing_or_unknown_names_are_two_problems() -> None:
    assert problems('{"a":1,"b":2}') == {
        "a": "is not known",
        "b": "is not known",
        "date": "is missing",
    }


def test_a_problem_inside_is_named_by_its_path() -> None:
    found = parsed('{"date":"2026-03-31","inner":{"tags":["a",7]}}')
    assert found == [Problem(("inner", "tags", 1), "must be text, not a number", "Give text")]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "are not valid JSON"),
        ("null", "are not a JSON object"),
        ('"text"', "are not a JSON object"),
        ("[]", "are not a JSON object"),
        ('{"date":"2026-03-31"} {}', "are not valid JSON"),
        ('{"date":NaN}', "are not valid JSON"),
        ('{"people":Infinity}', "are not valid JSON"),
        ('{"people":' + "1" * 5000 + "}", "are not valid JSON"),
        ('{"date":"2026-03-31","date":"2026-04-01"}', "name date twice"),
        ('{"inner":{"tags":[],"tags":[]}}', "name tags twice"),
        ('{"name":"' + "a" * MAX_BYTES + '"}', "are over 8192 bytes"),
        ('{"name":"' + "é" * (MAX_BYTES // 2) + '"}', "are over 8192 bytes"),
        ("[" * 4000, "are not valid JSON"),
        ('{"x":' + "[" * 9 + "]" * 9 + "}", "are nested more than 8 deep"),
        ('{"date":"2026-03-31","name":"a\ud800"}', "holds a character that is not text"),
    ],
)
def test_text_that_is_no_object_is_one_problem_of_the_whole(text: str, what: str) -> None:
    found = parsed(text)
    assert isinstance(found, list)
    assert what in [each.what for each in found]


def test_deep_but_closed_nesting_is_told_apart_from_bad_json() -> None:
    text = '{"x":' + "[" * 900 + "]" * 900 + "}"
    assert parsed(text)[0].what.startswith("are n")


@pytest.mark.parametrize("text", ["", "  ", "{}"])
def test_blank_text_means_no_arguments(text: str) -> None:
    assert problems(text) == {"date": "is missing"}


@pytest.mark.parametrize("name", ["A\\u0000n", "An\\u0007n", "An\\ud800n", "An\\u007fn"])
def test_characters_no_database_or_voice_can_carry_are_refused(name: str) -> None:
    assert problems(f'{{"date":"2026-03-31","name":"{name}"}}') == {
        "name": "holds a character that is not text"
    }


def test_such_characters_are_found_inside_lists_too() -> None:
    text = '{"date":"2026-03-31","inner":{"tags":["ok","\\u0001"]}}'
    assert problems(text) == {"inner": "holds a character that is not text"}


@pytest.mark.parametrize(
    "day", ["2026-02-30", "2026-2-3", "20260203", "3 March", "2026-W10-2", "\u0662026-03-01", ""]
)
def test_a_date_is_a_day_that_exists_written_one_way(day: str) -> None:
    assert problems(json.dumps({"date": day})) == {"date": "is not a date like 2026-03-31"}


@pytest.mark.parametrize("clock", ["24:00", "9:00", "09:60", "09:00:00", "0900", "09:00Z"])
def test_a_time_is_on_the_24_hour_clock_written_one_way(clock: str) -> None:
    assert "time" in problems(json.dumps({"date": "2026-03-31", "time": clock}))


def test_null_is_not_leaving_out() -> None:
    found = parsed('{"date":"2026-03-31","name":null}')
    assert found == [Problem(("name",), "must be text, not null", "Give it or leave it out")]


def test_a_whole_number_written_as_a_fraction_is_still_a_problem() -> None:
    assert isinstance(parsed('{"date":"2026-03-31","people":2.0}'), list)


def test_true_is_not_a_number() -> None:
    assert problems('{"date":"2026-03-31","people":true}') == {
        "people": "must be a whole number, not true or false"
    }


# ---- canonical --------------------------------------------------------------------------------


def test_order_spacing_and_spelt_out_defaults_make_no_difference() -> None:
    one = parsed('{"date":"2026-03-31","name":"Ann Lee"}')
    two = parsed('{"people":1,"name":"  Ann   Lee ","where":"in","date":"2026-03-31"}')
    assert canonical(one) == canonical(two)
    assert digest(one) == digest(two)


def test_a_name_whose_case_is_put_right_is_another_wish() -> None:
    corrected = Asked("2026-03-31", "Jon McDonald")
    assert digest(corrected) != digest(Asked("2026-03-31", "jon mcdonald"))


def test_composed_and_decomposed_letters_are_one() -> None:
    assert canonical(Asked("2026-03-31", "Zoe\u0308")) == canonical(Asked("2026-03-31", "Zoë"))


def test_another_value_is_another_text() -> None:
    assert digest(Asked("2026-03-31")) != digest(Asked("2026-04-01"))
    assert digest(Asked("2026-03-31", inner=Inner(["a"]))) != digest(Asked("2026-03-31"))


def test_a_digest_tells_nothing_of_the_caller() -> None:
    assert "ann" not in digest(Asked("2026-03-31", "Ann"))


# ---- properties -------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)
NAMES = st.sampled_from(["date", "name", "time", "people", "where", "inner", "extra"])


@given(
    st.text(max_size=300)
    | st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
)
def test_any_text_is_answered_never_raised(text: str) -> None:
    found = parsed(text)
    assert isinstance(found, Asked) or (found and all(isinstance(each, Problem) for each in found))


@given(st.dictionaries(NAMES, JSON, max_size=7))
def test_any_object_is_taken_whole_or_refused_with_reasons(data: dict[str, Any]) -> None:
    found = parsed(json.dumps(data))
    if isinstance(found, Asked):
        again = parsed(msgspec.json.encode(found).decode())
        assert again == found
    else:
        assert all(each.what and each.hint for each in found)


@given(
    st.dates(),
    st.text(alphabet=st.characters(blacklist_categories=["Cc", "Cs"]), min_size=2, max_size=20),
    st.integers(1, 9),
    st.times(),
)
def test_every_fitting_value_is_accepted_and_kept(
    day: Any, name: str, people: int, time: Any
) -> None:
    sent = {
        "date": f"{day:%Y-%m-%d}".zfill(10),
        "name": name,
        "people": people,
        "time": f"{time:%H:%M}",
    }
    found = parsed(json.dumps(sent))
    assert isinstance(found, Asked), found
    assert (found.date, found.name, found.people, found.time) == tuple(sent.values())


@given(st.text(max_size=12))
def test_a_canonical_text_is_its_own_canonical_text(name: str) -> None:
    once = json.loads(canonical(Asked("2026-03-31", name)))["name"]
    assert json.loads(canonical(Asked("2026-03-31", once)))["name"] == once


def test_parse_needs_only_a_type_and_its_schema() -> None:
    assert ENTRY is not None
    assert parse('{"date":"2026-03-31"}', Asked, ENTRY.schema) == Asked("2026-03-31")
