"""The redactor on a labelled corpus, on hostile text and on JSON."""

import json
import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exploring import examples
from tests.tools.redacting.corpus import EVERYTHING, harmless, measure, sensitive
from tools.redacting import numbers, redactor
from tools.redacting.kinds import (
    ALL_LABELS,
    DEFAULT,
    LABELS,
    NOTHING,
    Sensitive,
    Span,
    blotted,
    kinds_of,
    merged,
    replaced,
)
from tools.redacting.redactor import find, may_tell, redact, redact_json
from tools.redacting.tokens import NUMBER_WORDS

CARD = "4111 1111 1111 1111"
WORDS = (
    "my the is card number password pin security code born dob at dot com a b DE GB one two oh"
    " double forty hundred and um first next 4 41 1111 4111 123 2026 social ssn iban cvv please"
    " : . , - @ + sk- birthday may"
)
PIECES = st.sampled_from(
    [*ALL_LABELS, *WORDS.split(), CARD, "123-45-6789", "DE89370400440532013000"]
)
TEXT = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=25).map(" ".join))
NUMBERS = frozenset(word.casefold() for word in NUMBER_WORDS)
KINDS = st.frozensets(st.sampled_from(Sensitive))


def test_requirement_d1_recall_and_precision_on_the_corpus() -> None:
    examples, quiet = sensitive(), harmless()
    assert len(examples) >= 250
    assert len(quiet) >= 200
    score = measure(examples, EVERYTHING)
    assert score.recall >= 0.98, score.missed
    assert score.precision >= 0.98, score.alarms
    for kind, count in score.marked.items():
        assert score.hit[kind] / count >= 0.9, score.missed
    calm = measure(quiet, DEFAULT)
    assert calm.clean >= 0.99, calm.alarms


def test_the_corpus_can_fail() -> None:
    score = measure(sensitive(), frozenset({Sensitive.CVV}))
    assert score.recall < 0.3


def test_only_what_is_asked_for_is_taken() -> None:
    text = f"{CARD}, jo@example.com, +1 415 555 2671"
    assert (
        redact(text, frozenset({Sensitive.EMAIL})) == f"{CARD}, [e-mail address], +1 415 555 2671"
    )
    assert redact(text, NOTHING) == text
    assert redact(text) == "[card number], jo@example.com, +1 415 555 2671"
    assert kinds_of(["card", "birth_date"]) == {Sensitive.CARD, Sensitive.BIRTH_DATE}
    with pytest.raises(ValueError, match="shoe_size"):
        kinds_of(["shoe_size"])


@given(TEXT, KINDS, KINDS)
def test_it_never_raises_and_its_spans_lie_in_the_text(
    text: str, kinds: frozenset[Sensitive], asked: frozenset[Sensitive]
) -> None:
    spans = find(text, kinds, asked, "US")
    assert spans == merged(spans)
    assert all(0 <= span.start < span.end <= len(text) and span.kind in kinds for span in spans)
    assert len(blotted(text, spans)) == len(text)


@settings(max_examples=examples(400))
@given(TEXT)
def test_what_is_redacted_stays_as_it_is(text: str) -> None:
    once = redact(text, EVERYTHING, region="US")
    assert redact(once, EVERYTHING, region="US") == once


@given(st.integers(0, 10**15 - 1).map(lambda number: f"4{number:015}"))
def test_a_check_digit_decides(digits: str) -> None:
    assert numbers.luhn(digits) is (redact(digits) == "[card number]")


@given(st.sampled_from(["card", "cvv", "PIN", "apiKey", "date of birth", "party", "name"]), TEXT)
def test_json_stays_json(name: str, text: str) -> None:
    source = json.dumps({name: [text, {"n": 41, "ok": True, "none": None}]})
    kept = json.loads(redact_json(source, EVERYTHING))
    assert len(kept) == 1
    assert redact_json(json.dumps(kept), EVERYTHING) == json.dumps(kept, ensure_ascii=False) or kept


def test_names_in_json_tell_of_their_values() -> None:
    source = json.dumps(
        {
            "cardNumber": 4111111111111111,
            "cvv": 123,
            "pin_code": "0042",
            "dob": "1980-05-03",
            "nested": {"password": ["a", "b"], "note": f"paid with {CARD}", "amount": 4111},
            "list": [4242424242424242, 4242, True, None, 1.5],
            "party": 4,
        }
    )
    assert json.loads(redact_json(source, EVERYTHING)) == {
        "cardNumber": "[card number]",
        "cvv": "[security code]",
        "pin_code": "[secret]",
        "dob": "[date of birth]",
        "nested": {
            "password": ["[secret]", "[secret]"],
            "note": "paid with [card number]",
            "amount": 4111,
        },
        "list": ["[card number]", 4242, True, None, 1.5],
        "party": 4,
    }


def test_json_with_nothing_to_hide_is_the_same_text() -> None:
    source = '{ "party":4,\n"name": "Ann" }'
    assert redact_json(source) == source
    assert redact_json("", EVERYTHING) == ""
    assert redact_json(source, NOTHING) == source


def test_what_is_no_json_is_read_as_text() -> None:
    assert redact_json(f"oops {CARD}") == "oops [card number]"
    assert "4111" not in redact_json("[" * 2000 + f'"{CARD}"' + "]" * 2000)
    assert "4111" not in redact_json('{"a":' * 60 + f'"{CARD}"' + "}" * 60)


@pytest.mark.parametrize(
    "piece",
    [
        "4 ", "4111 ", "four ", "double ", "a@", "@", "at a dot ", "cvv ", "my pin is ", "1-",
        "password is ", "born ", "-----BEGIN PRIVATE KEY-----", "sk-", "eyJ", "forty-", "[secret]",
        "x at y.", "DE89 ", "\ue000", "first four are ", "birthday may 3 ", "123 is the cvv ",
    ],
)  # fmt: skip
def test_work_grows_with_the_text_and_no_faster(piece: str) -> None:
    """Counted in steps of the interpreter, so that no clock is asked."""
    small, large = (_steps(piece * count) for count in (150, 600))
    assert large < small * 8 + 20_000


def _steps(text: str) -> int:
    count = 0

    def step(_frame: object, event: str, _arg: object) -> object:
        nonlocal count
        count += event == "line"
        return step

    before = sys.gettrace()
    sys.settrace(step)  # type: ignore[arg-type]
    try:
        find(text, EVERYTHING, EVERYTHING, "US")
    finally:
        sys.settrace(before)
    return count


_VOCABULARY = [
    "pin",
    "p i n",
    "code",
    "passcode",
    "otp",
    "cvv",
    "c v v",
    "ssn",
    "social",
    "iban",
    "card",
    "visa",
    "password",
    "pass word",
    "maiden",
    "maİden",
    "mother's",
    "name",
    "is",
    "my",
    "the",
    "one-time",
    "api-key",
    "secret",
    "word",
    "security",
    "born",
    "I was born",
    "on",
    "in",
    "date of birth",
    "dob",
    "d.o.b.",
    "D O B",
    "birthday",
    "geboren",
    "geburtsdatum",
    "first",
    "second",
    "third",
    "may",
    "June",
    "of",
    "nineteen",
    "o",
    "oh",
    "double",
    "at",
    "AT",
    "_at_",
    "arroba",
    "example",
    "jo",
    "dot",
    "point",
    ".",
    ". ",
    "com",
    "org",
    "sk-",
    "Bearer",
    "x",
    "y",
    "z",
]


@settings(max_examples=examples(600))
@given(
    st.lists(
        st.tuples(st.sampled_from(_VOCABULARY), st.sampled_from((" ", " ", "", "_"))), max_size=12
    )
)
def test_what_cannot_tell_is_not_looked_at(parts: list[tuple[str, str]]) -> None:
    text = "".join(word + gap for word, gap in parts)
    if not may_tell(text):
        assert redactor._found(text, EVERYTHING, NOTHING, "US") == []


TELLING = re.compile(
    r"[\d@]|[spr]k[-_]|whsec|akia|asia|gh[pousr]_|github_pat|xox|aiza|glpat|eyj"
    r"|bearer|private key|pass|kennwort|memorable|secret|maiden|api|access key"
    r"|security (?:word|answer|phrase)|pin|p i n|code|otp|born|birth|dob|d o b|d\.o|geb"
    r"|arroba|(?<![^\W_])at(?![^\W_])[^@]{1,400}?(?:dot|point|punkt|punto|\.\s*[a-z])"
)
SIGNS = (
    "sk- sk_ pk- pk_ rk- rk_ whsec akia asia ghp_ gho_ ghu_ ghs_ ghr_ github_pat xox aiza glpat eyj"
    " bearer pass kennwort memorable secret maiden api pin code otp born birth dob d.o geb arroba"
    " at AT @at at_ dot .com punto 4 @ one Two zw\u00f6lf f\u00fcnf z\u00e9ro dos PIN \u0130 \u0131"
    " \u212aode \u017fk- \ufb01 \u0664 \u2019s it\u2019s it's - _ . , ! \u00e9 the booking"
)
PHRASES = [
    *SIGNS.split(), *sorted(NUMBER_WORDS), "private key", "access key", "security word",
    "security answer", "security phrase", "security guard", "p i n", "d o b", "at noon",
    "jo at x dot com", " ", "\n", "\x1c", "\x00",
]  # fmt: skip
PIECEWISE = st.lists(
    st.one_of(
        st.sampled_from(PHRASES),
        st.sampled_from(PHRASES).map(lambda sign: sign[:-1]),
        st.text("abcdegikmnoprstwx_-.' ", max_size=3),
        st.text(max_size=2),
    ),
    max_size=12,
)


@given(PIECEWISE, st.sampled_from(["", " ", ". "]), st.booleans())
@settings(max_examples=examples(2_000))
def test_the_quick_look_is_the_whole_one(parts: list[str], gap: str, loud: bool) -> None:
    text = gap.join(parts)
    text = text.upper() if loud else text
    plain = text.casefold().replace("i\u0307", "i").replace("\u0131", "i")
    words = re.findall(r"[^\W\d_]+", plain)
    whole = TELLING.search(plain) is not None or not NUMBERS.isdisjoint(words)
    assert may_tell(text) is whole


@pytest.mark.parametrize("text", [*PHRASES, *(each.text for each in (*sensitive(), *harmless()))])
def test_the_quick_look_is_the_whole_one_of_each_sign_alone(text: str) -> None:
    plain = text.casefold().replace("i\u0307", "i").replace("\u0131", "i")
    words = re.findall(r"[^\W\d_]+", plain)
    assert may_tell(text) is bool(TELLING.search(plain) or NUMBERS.intersection(words))


@pytest.mark.parametrize(
    "text",
    [
        "my pin is o o o o",
        "my mother's ma\u0130den name is smith",
        "jo at example. com",
        "jo at_example dot com",
        "I was born on the first of May",
    ],
)
def test_what_tells_without_a_figure(text: str) -> None:
    assert may_tell(text)


def test_labels_are_found_by_nothing() -> None:
    assert all(redact(label, EVERYTHING) == label for label in LABELS.values())
    assert all(re.fullmatch(r"\[[a-z -]+\]", label) for label in ALL_LABELS)


def test_spans_are_put_together() -> None:
    spans = [Span(5, 9, None), Span(0, 3, Sensitive.CVV), Span(2, 6, Sensitive.CARD)]
    assert merged(spans) == [Span(0, 9, Sensitive.CVV)]
    assert replaced("0123456789", merged(spans)) == "[security code]9"
    assert blotted("01 3456789", [Span(1, 5, None)]) == "0# ##56789"
