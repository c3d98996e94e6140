"""What a free sentence asks for: which tool, which values, which move of the conversation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.answers import YES_PHRASES, Move, is_plain, move, yes_or_no
from agents.local.choices import by_place, partial, whole
from agents.local.offers import Frame, Offers, answer, arguments
from agents.local.slots import choices_of, form
from agents.local.text import words
from agents.local.understanding import is_question, request, slot_meant
from agents.local.values import Setting
from tests.agents.talk import FRIDAY, SALON, spec
from tools.assent import Reply, reply
from tools.booking.offer import booking_tools
from tools.booking.shop import default_shop
from tools.registry import Registry
from tools.store import open_store

SETTING = Setting(FRIDAY.date())
FORMS = [form(each) for each in SALON if not each.ends_call]
KNOWN = {"book_appointment": {"service": choices_of(["haircut", "colour", "beard trim"])}}
CUTS = choices_of(["haircut", "men's cut", "women's cut", "full colour", "half head highlights"])


@pytest.mark.parametrize(
    ("said", "moved"),
    [
        ("Yes.", Move.YES),
        ("uh yeah sure", Move.YES),
        ("no, that's right", Move.YES),
        ("no problem", Move.YES),
        ("I think so", Move.YES),
        ("No.", Move.NO),
        ("that's not right", Move.NO),
        ("no thank you", Move.NO),
        ("I don't think so", Move.NO),
        ("I don't", Move.NO),
        ("that's all thanks", Move.NO),
        ("Can I talk to a person?", Move.PERSON),
        ("operator", Move.PERSON),
        ("What times do you have?", Move.CHOICES),
        ("when are you free", Move.CHOICES),
        ("sorry, what did you say?", Move.REPEAT),
        ("what?", Move.REPEAT),
        ("never mind", Move.ABANDON),
        ("cancel", Move.ABANDON),
        ("hold on a second", Move.WAIT),
        ("thank you", Move.THANKS),
        ("thanks, bye", Move.GOODBYE),
        ("good morning", Move.GREETING),
        ("help", Move.ABILITIES),
        ("are you a robot", Move.ABILITIES),
        ("I don't know what you want", None),
        ("Tuesday", None),
        ("", None),
        ("cancel my appointment", None),
    ],
)
def test_moves_are_told_apart(said: str, moved: Move | None) -> None:
    assert move(words(said)) is moved


@pytest.mark.parametrize(
    "said",
    [
        *("yes", "yes please", "no thanks", "yes that's right thank you", "yes that's fine"),
        *("yeah go ahead", "yes please do", "perfect thanks", "lovely book it", "ok great sure"),
        *("no no that's wrong", "no nothing else thanks"),
    ],
)
def test_a_plain_answer_holds_nothing_else(said: str) -> None:
    assert is_plain(words(said))
    assert not is_plain(words(f"{said} wednesday"))


@pytest.mark.parametrize("phrase", YES_PHRASES)
def test_every_yes_that_is_listened_for_is_one_wherever_tools_are_allowed(phrase: str) -> None:
    for text in (phrase, f"um, {phrase}, thanks", f"yes, {phrase}", f"{phrase} yes please"):
        assert reply([text], "A haircut, is that right?") is Reply.YES, text


@pytest.mark.parametrize(
    "said",
    ["yes no", "okay no", "right no wrong", "sure that's all no", "yes not quite", "do it not"],
)
def test_a_yes_that_is_taken_back_is_no_plain_yes(said: str) -> None:
    assert not (yes_or_no(words(said)) and is_plain(words(said)))


@given(st.text(max_size=60))
def test_any_text_is_understood_somehow(text: str) -> None:
    said = words(text)
    assert move(said) in {None, *Move}
    assert yes_or_no(said) in {None, True, False}
    assert is_question(said) in {True, False}
    slot_meant(said, FORMS[2].slots)
    request(text, FORMS, SETTING, KNOWN)
    whole(said, CUTS)
    partial(said, CUTS)
    by_place(said, CUTS)


@pytest.mark.parametrize(
    ("said", "tool"),
    [
        ("I'd like to book an appointment", "book_appointment"),
        ("Can I make an appointment for Tuesday?", "book_appointment"),
        ("I'd like a haircut", "book_appointment"),
        ("Tuesday at ten please", "book_appointment"),
        ("What services do you have?", "list_services"),
        ("what do you offer", "list_services"),
        ("What times do you have on Tuesday?", "find_times"),
        ("what is the weather like", None),
        ("", None),
    ],
)
def test_the_tool_is_found_by_its_words_and_values(said: str, tool: str | None) -> None:
    found = request(said, FORMS, SETTING, KNOWN)
    assert (found.form.name if found else None) == tool


def test_a_request_carries_the_values_it_names() -> None:
    found = request("a haircut on Tuesday at three thirty", FORMS, SETTING, KNOWN)
    assert found is not None
    assert found.readings.values == {"service": "haircut", "date": "2026-11-24", "time": "15:30"}


@pytest.mark.parametrize(
    ("said", "slot"),
    [
        ("the time", "time"),
        ("what times do you have", "time"),
        ("which services", "service"),
        ("when", "time"),
        ("change the day", "date"),
        ("the name is wrong", "name"),
        ("what", None),
    ],
)
def test_the_slot_a_sentence_is_about(said: str, slot: str | None) -> None:
    found = slot_meant(words(said), FORMS[2].slots)
    assert (found.name if found else None) == slot


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ("a hair cut please", ["haircut"]),
        ("haircuts", ["haircut"]),
        ("a mens cut", ["men's cut"]),
        ("the colour", ["full colour"]),
        ("highlights", ["half head highlights"]),
        ("highlight", ["half head highlights"]),
        ("a cut", ["men's cut", "women's cut"]),
        ("shampoo", []),
    ],
)
def test_choices_are_matched_loosely_and_honestly(said: str, values: list[str]) -> None:
    found = whole(words(said), CUTS) or partial(words(said), CUTS)
    assert [choice.value for choice, _ in found] == values


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("the first one", "haircut"),
        ("the second", "men's cut"),
        ("the last one please", "half head highlights"),
        ("the latest", "half head highlights"),
        ("the earliest", None),
        ("I'll take the third one thanks", "women's cut"),
        ("the ninth one", None),
        ("on Tuesday the second of May", None),
    ],
)
def test_choices_are_picked_by_place(said: str, value: str | None) -> None:
    found = by_place(words(said), CUTS)
    assert (found.value if found else None) == value
    assert by_place(words(said), ()) is None


@pytest.mark.parametrize(
    ("output", "done", "field"),
    [
        ('{"status":"done","message":"Yes."}', True, None),
        ('{"message":"Yes."}', True, None),
        ('{"status":"refused","message":"No.","field":"time"}', False, "time"),
        ('{"message":"No.","field":"time"}', False, "time"),
        ('{"error":"x"}', False, None),
        ('{"field":7}', True, None),
        ("[]", False, None),
        ("", False, None),
        ("{", False, None),
        ("\ud800", False, None),
    ],
)
def test_answers_of_tools_are_read_whatever_they_are(
    output: str, done: bool, field: str | None
) -> None:
    found = answer(output)
    assert (found.done, found.field) == (done, field)


def test_a_list_that_was_cut_to_size_is_not_complete() -> None:
    assert not answer('{"choices":["a"],"cut":true}').complete
    assert answer('{"choices":["a"]}').complete


def test_arguments_leave_out_what_is_not_known() -> None:
    assert arguments({"a": 1, "b": None, "c": False}) == '{"a":1,"c":false}'


def test_a_list_is_never_looked_up_with_a_tool_that_writes() -> None:
    greedy = spec("book", {"x": {"type": "string", "x-choices-from": "book"}})
    forms = [form(greedy)]
    assert Offers(forms).source(forms[0].slots[0]) is not None
    missing = [form(spec("other", {"x": {"type": "string", "x-choices-from": "nowhere"}}))]
    assert Offers(missing).source(missing[0].slots[0]) is None


SHIPPED = [
    ("Hello, I'd like to make an appointment, please", "book_appointment"),
    ("I'd like an appointment", "book_appointment"),
    ("can I schedule an appointment for Friday", "book_appointment"),
    ("do I have an appointment", "my_appointments"),
    ("I can't make my appointment", "cancel_appointment"),
    ("I need a haircut on Tuesday", "book_appointment"),
    ("I'd like to book a beard trim", "book_appointment"),
    ("I want to cancel my appointment", "cancel_appointment"),
    ("I need to move my appointment to Thursday", "reschedule_appointment"),
    ("when is my appointment", "my_appointments"),
    ("what times do you have on Friday", "available_times"),
    ("how long does a haircut take", "list_services"),
    ("do you have anything on Friday", "available_times"),
    ("I can't make it on Tuesday", "cancel_appointment"),
]


@pytest.mark.parametrize(("said", "tool"), SHIPPED)
def test_the_tools_that_ship_are_told_apart(
    said: str, tool: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('understanding') / 'never.db'}")
    forms = [form(each) for each in Registry(booking_tools(default_shop(), store)).specs()]
    store.close()
    known = {each.name: Offers(forms).choices(Frame(each)) for each in forms}
    found = request(said, forms, SETTING, known)
    assert found is not None
    assert found.form.name == tool
