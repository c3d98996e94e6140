"""Slots: from JSON Schema, filled from sentences, and said aloud."""

import datetime as dt
from typing import Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from agents.local.choices import Choice
from agents.local.expectation import plain
from agents.local.grammar import answer_pattern, check_pattern, more_pattern, opening_pattern
from agents.local.slots import Kind, Slot, choices_of, form
from agents.local.speech import listed, read_back, say, spoken_decimal
from agents.local.text import joined
from agents.local.values import Readings, Setting, read
from tests.agents.talk import SALON, accepted_by, pattern_takes, spec

TODAY = dt.date(2026, 11, 20)
SETTING = Setting(TODAY)


def slots(**properties: dict[str, Any]) -> tuple[Slot, ...]:
    return form(spec("tool", properties)).slots


def one(name: str = "value", **schema: Any) -> Slot:
    return slots(**{name: schema})[0]


# ---- schema -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "schema", "kind"),
    [
        ("x", {"type": "string", "format": "date"}, Kind.DATE),
        ("x", {"type": "string", "format": "time"}, Kind.TIME),
        ("x", {"type": "string", "format": "phone"}, Kind.PHONE),
        ("x", {"type": "string", "format": "name"}, Kind.NAME),
        ("x", {"type": "integer"}, Kind.INTEGER),
        ("x", {"type": "number"}, Kind.NUMBER),
        ("x", {"type": "boolean"}, Kind.BOOLEAN),
        ("x", {"enum": ["a", "b"]}, Kind.CHOICE),
        ("x", {"const": "a"}, Kind.CHOICE),
        ("x", {"type": "string", "x-choices-from": "list"}, Kind.CHOICE),
        ("x", {"type": "string"}, Kind.TEXT),
        ("x", {}, Kind.TEXT),
        ("visit_date", {"type": "string"}, Kind.DATE),
        ("startTime", {"type": "string"}, Kind.TIME),
        ("phone_number", {"type": "string"}, Kind.PHONE),
        ("full_name", {"type": "string"}, Kind.NAME),
        ("x", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, Kind.INTEGER),
        ("x", {"allOf": [{"type": "boolean"}]}, Kind.BOOLEAN),
        ("x", {"type": ["null", "integer"]}, Kind.INTEGER),
    ],
)
def test_the_kind_of_a_slot_follows_from_its_schema(
    name: str, schema: dict[str, Any], kind: Kind
) -> None:
    assert one(name, **schema).kind is kind


def test_references_are_followed_and_cycles_survived() -> None:
    tool = spec("tool", {"a": {"$ref": "#/$defs/Day"}, "b": {"$ref": "#/$defs/Gone"}})
    tool.parameters["$defs"] = {"Day": {"type": "string", "format": "date"}}
    assert [slot.kind for slot in form(tool).slots] == [Kind.DATE, Kind.TEXT]
    loop = spec("tool", {"a": {"$ref": "#/$defs/Loop"}})
    loop.parameters["$defs"] = {"Loop": {"$ref": "#/$defs/Loop"}}
    assert form(loop).slots[0].kind is Kind.TEXT


@pytest.mark.parametrize(
    "schema",
    [{"type": "array"}, {"type": "object"}, {"type": "string", "format": "date-time"}, {"type": 7}],
)
def test_what_cannot_be_said_is_left_out_or_makes_the_tool_unusable(schema: dict[str, Any]) -> None:
    needed = form(spec("tool", {"x": schema}))
    spared = form(spec("tool", {"x": schema}, optional=("x",)))
    assert (needed.usable, needed.slots) == (False, ())
    assert (spared.usable, spared.slots) == (True, ())


def test_a_schema_that_is_none_has_no_slots() -> None:
    odd = spec("tool")
    odd.parameters.update({"properties": 5, "required": "x"})
    assert form(odd).slots == ()
    assert form(odd).usable


@pytest.mark.parametrize(
    ("name", "schema", "question"),
    [
        ("x", {"type": "string", "x-ask": "Which one?"}, "Which one?"),
        ("address", {"type": "string"}, "What is the address?"),
        (
            "address",
            {"type": "string", "description": "Your address, in full."},
            "What is your address?",
        ),
        ("x", {"type": "string", "description": "Where to go"}, "What is the where to go?"),
        ("x", {"type": "string", "description": "Which floor (0-9)"}, "Which floor?"),
        ("seats", {"type": "integer"}, "How many seats?"),
        ("floor_number", {"type": "integer"}, "What is the floor number?"),
        (
            "pets",
            {"type": "boolean", "description": "Whether there are pets"},
            "There are pets, yes or no?",
        ),
    ],
)
def test_questions_are_made_from_what_the_schema_says(
    name: str, schema: dict[str, Any], question: str
) -> None:
    assert one(name, **schema).ask == question


def test_choices_come_as_values_or_as_objects() -> None:
    found = choices_of(["car_wash", 3, {"value": "b-1", "label": "the first"}, {"id": 7}, None, {}])
    assert found == (
        Choice("car_wash", "car wash"),
        Choice(3, "3"),
        Choice("b-1", "the first"),
        Choice(7, "7"),
    )
    assert choices_of("abc") == ()


# ---- sentences --------------------------------------------------------------------------------

TRIP = slots(
    old_date={"type": "string", "format": "date"},
    date={"type": "string", "format": "date"},
    time={"type": "string", "format": "time"},
    passengers={"type": "integer", "minimum": 1, "maximum": 6},
    phone={"type": "string", "format": "phone"},
    car={"enum": ["van", "saloon car", "estate car"]},
    pets={"type": "boolean"},
    traveller={"type": "string", "format": "name"},
    remarks={"type": "string"},
)
OFFERED = {slot.name: slot.choices for slot in TRIP}


def told(text: str, focus: str | None = None, setting: Setting = SETTING) -> Readings:
    return read(text, TRIP, setting, focus=focus, offered=OFFERED)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            "a van on Tuesday at ten for three people, my name is Kim Lee",
            {
                "car": "van",
                "date": "2026-11-24",
                "time": "10:00",
                "passengers": 3,
                "traveller": "Kim Lee",
            },
        ),
        ("for a party of four", {"passengers": 4}),
        ("from Tuesday to Thursday", {"old_date": "2026-11-24", "date": "2026-11-26"}),
        ("my Tuesday booking to Thursday", {"old_date": "2026-11-24", "date": "2026-11-26"}),
        ("Tuesday", {"date": "2026-11-24"}),
        ("not Tuesday, Wednesday", {"date": "2026-11-25"}),
        ("seven tomorrow morning", {"date": "2026-11-21"}),
        ("at seven tomorrow morning", {"date": "2026-11-21", "time": "07:00"}),
        ("call me on 555 123 4567", {"phone": "5551234567"}),
        ("I have three cats", {}),
        ("", {}),
    ],
)
def test_a_sentence_gives_all_its_values(text: str, values: dict[str, Any]) -> None:
    assert told(text).values == values


@pytest.mark.parametrize(
    ("focus", "text", "value"),
    [
        ("time", "ten", "10:00"),
        ("passengers", "five", 5),
        ("pets", "yes please", True),
        ("pets", "no", False),
        ("traveller", "kim", "Kim"),
        ("remarks", "  ring   the bell ", "ring the bell"),
        ("car", "the second one", "saloon car"),
        ("car", "saloon", "saloon car"),
        ("traveller", "correct", None),
        ("remarks", "yes", None),
        ("pets", "maybe", None),
    ],
)
def test_the_slot_asked_for_takes_bare_answers(focus: str, text: str, value: object) -> None:
    assert told(text, focus).values.get(focus) == value


def test_what_several_choices_have_is_unclear() -> None:
    found = told("a car")
    assert [choice.value for choice in found.unclear["car"]] == ["saloon car", "estate car"]
    assert found


def test_a_number_out_of_bounds_is_refused() -> None:
    assert told("nine people").refused == {"passengers": "It has to be at least 1 and at most 6."}
    assert not told("nothing at all").refused


def test_this_number_needs_a_number() -> None:
    assert told("the number I'm calling from", "phone").values == {}
    known = Setting(TODAY, caller_number="+15550100")
    assert told("the number I'm calling from", "phone", known).values == {"phone": "+15550100"}


@given(st.text(max_size=80), st.sampled_from([None, *(slot.name for slot in TRIP)]))
def test_no_text_breaks_the_readers(text: str, focus: str | None) -> None:
    for name, value in told(text, focus).values.items():
        slot = next(slot for slot in TRIP if slot.name == name)
        assert say(slot, value, TODAY, slot.choices)


# ---- said and listened for --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slot", "value", "said"),
    [
        (one("date", format="date"), "2026-11-24", "on Tuesday the twenty-fourth of November"),
        (one("return_date", format="date"), "2026-11-24", "return date Tuesday"),
        (one("time", format="time"), "15:30", "at three thirty p m"),
        (one("pickup_time", format="time"), "15:30", "pickup time three thirty p m"),
        (one("phone", format="phone"), "5551234", "phone five five five, one two three four"),
        (one("phone", format="phone"), "ext. 5", "phone ext. 5"),
        (one("date", format="date"), "soon", "on soon"),
        (one("time", format="time"), "soon", "at soon"),
        (one("name", format="name"), "Kim", "name Kim"),
        (one("seats", type="integer"), 1, "one seat"),
        (one("seats", type="integer"), 3, "three seats"),
        (one("floor", type="integer"), 3, "floor three"),
        (one("weight", type="number"), 2.5, "weight two point five"),
        (one("pets", type="boolean"), False, "pets: no"),
        (one("car", enum=["van"]), "van", "van"),
        (one("size", enum=[1, 2]), 2, "size 2"),
    ],
)
def test_values_are_read_back_so_that_one_knows_which_they_are(
    slot: Slot, value: Any, said: str
) -> None:
    assert read_back(slot, value, TODAY, slot.choices).startswith(said)


def test_decimals_are_said_digit_by_digit_after_the_point() -> None:
    assert spoken_decimal(3.0) == "three"
    assert spoken_decimal(-0.25) == "minus zero point two five"


def test_long_lists_are_cut_short_and_said_so() -> None:
    slot = one("n", enum=list(range(9)))
    assert listed(slot, slot.choices, TODAY).endswith("5, and three more")
    assert joined([]) == ""


@pytest.mark.parametrize(
    ("focus", "text"),
    [
        ("date", "on tuesday"),
        ("date", "tuesday at three thirty"),
        ("date", "how about the twenty-fourth"),
        ("time", "at half past three please"),
        ("time", "ten thirty on wednesday"),
        ("passengers", "five please"),
        ("car", "the estate car please"),
        ("car", "a van on tuesday"),
        ("pets", "yes please"),
        ("phone", "555-1234"),
    ],
)
def test_answers_are_listened_for(focus: str, text: str) -> None:
    slot = next(slot for slot in TRIP if slot.name == focus)
    pattern = answer_pattern(slot, [other for other in TRIP if other is not slot], OFFERED)
    assert pattern is not None
    assert pattern_takes(pattern, plain(text))


@pytest.mark.parametrize("focus", ["date", "time", "passengers", "car", "pets", "phone"])
def test_what_is_listened_for_is_read_or_refused(focus: str) -> None:
    slot = next(slot for slot in TRIP if slot.name == focus)
    pattern = answer_pattern(slot, [], OFFERED)
    assert pattern is not None

    @given(accepted_by(pattern))
    def reads(text: str) -> None:
        told(text, focus)

    reads()


def test_names_words_and_unknown_lists_are_listened_to_openly() -> None:
    by_name = {slot.name: slot for slot in TRIP}
    assert answer_pattern(by_name["traveller"], TRIP, OFFERED) is None
    assert answer_pattern(by_name["remarks"], TRIP, OFFERED) is None
    assert answer_pattern(by_name["car"], TRIP, {}) is None


@pytest.mark.parametrize("text", ["yes", "no wednesday", "no the time", "make it ten", "a van"])
def test_read_backs_are_answered_with_yes_no_or_a_change(text: str) -> None:
    assert pattern_takes(check_pattern(TRIP, OFFERED), text)
    assert check_pattern((), {})


def test_openings_are_the_tools_phrases_and_choices() -> None:
    forms = [form(each) for each in SALON]
    known = {"book_appointment": {"service": choices_of(["haircut"])}}
    pattern = opening_pattern(forms, known)
    assert pattern is not None
    for text in ("hi i'd like a haircut on tuesday at ten please", "what services do you have"):
        assert pattern_takes(pattern, text)
        assert pattern_takes(more_pattern(pattern), text)
    assert opening_pattern([], {}) is None
    assert pattern_takes(more_pattern(None), "no that's all")


@pytest.mark.parametrize("letter", ["a", "one ", "five five ", "the ", "no no "])
def test_patterns_stay_quick_on_long_nonsense(letter: str) -> None:
    patterns = [check_pattern(TRIP, OFFERED), opening_pattern([form(each) for each in SALON], {})]
    patterns += [answer_pattern(slot, TRIP, OFFERED) for slot in TRIP]
    for pattern in filter(None, patterns):
        compiled = regex.compile(pattern)
        assert compiled.fullmatch(letter * 2_000, partial=True, timeout=1.0) is None
