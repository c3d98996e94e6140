"""What counts as a claim that something was done: rules, and sentences of every kind."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exploring import examples
from tests.tools.claim_sentences import CLAIMS, HONEST, STANDING, lines
from tools import claims as language
from tools.booking.offer import booking_tools
from tools.booking.shop import default_shop
from tools.calls.errands import errand_tools
from tools.calls.offer import Targets, call_tools
from tools.claims import ClaimError, Index, Rule, claims, parse, plain
from tools.crm.offer import crm_tools
from tools.spec import Tool
from tools.store import Store

OPENERS = ("", "Okay. ", "Great, ", "Right then, ", "Okay, thank you. ", "Perfect! ", "So, ")


@pytest.fixture(scope="module")
def shipped(migrated_file: object) -> tuple[Tool, ...]:
    store = Store.__new__(Store)  # no tool is run here
    shop = default_shop()
    calls = call_tools(Targets({"sales": "I'll put you through."}))
    kept = errand_tools(shop, store, print)
    return (*booking_tools(shop, store), *kept, *crm_tools(store), *calls)


def claimed(tools: tuple[Tool, ...], sentence: str, *, whole: bool = True) -> set[str]:
    """The tools that write of which the sentence claims that one was done."""
    return {
        tool.name
        for tool in tools
        if tool.risk.writes
        for rule in tool.claims
        if claims(sentence, parse(rule), whole=whole)
    }


@pytest.mark.parametrize("sentence", lines(CLAIMS))
def test_no_claim_is_without_a_sign_of_its_rule(shipped: tuple[Tool, ...], sentence: str) -> None:
    rules = [parse(rule) for tool in shipped for rule in tool.claims]
    index = Index(rules)
    words = sentence.split(" ")
    for said in (" ".join(words[:count]) for count in range(len(words) + 1)):
        for rule in set(rules) - set(index.likely(said)):
            assert not claims(said, rule)


_VOCABULARY = sorted({word for line in lines(CLAIMS) for word in plain(line).split()} - {","})
_WORDS = st.sampled_from(
    [*_VOCABULARY, "is", "'s", "it's", "been", "has", "I've", "\u0130s", "cannot"]
)
_RULES = st.lists(
    st.one_of(
        _WORDS.map(lambda word: Rule((word,))),
        st.tuples(_WORDS, st.lists(st.just("...") | _WORDS, max_size=2), _WORDS).map(
            lambda parts: Rule((parts[0], *parts[1], parts[2]))
        ),
    ),
    max_size=8,
)
_SAID = st.one_of(
    st.sampled_from([*lines(CLAIMS), *lines(HONEST), *lines(STANDING)]),
    st.lists(_WORDS | st.sampled_from([",", "-", ".", "\u2019s"]), max_size=12).map(" ".join),
    st.text(max_size=30),
)


@given(_RULES, _SAID, st.booleans())
@settings(max_examples=examples(400))
def test_rules_without_a_sign_find_nothing(rules: list[Rule], said: str, whole: bool) -> None:
    likely = Index(rules).likely(said)
    assert len(likely) == len(set(likely))
    assert {rule for rule in rules if claims(said, rule, whole=whole)} <= set(likely) <= set(rules)


def test_most_of_what_is_said_shows_no_sign_of_a_claim(shipped: tuple[Tool, ...]) -> None:
    index = Index(parse(rule) for tool in shipped for rule in tool.claims)
    assert index.likely("Good morning, how can I help?") == []
    rule = parse("is ... is")
    assert Index([rule]).likely("Is it that?") == [rule]
    assert Index([rule]).likely("That's all it's.") == [rule]


def test_a_rule_of_several_tools_is_looked_at_once() -> None:
    assert Index([parse("booked"), parse("booked")]).likely("Booked!") == [parse("booked")]


def test_there_are_enough_sentences() -> None:
    sentences = [*lines(CLAIMS), *lines(HONEST)]
    assert len(sentences) == len(set(sentences)) >= 200


@pytest.mark.parametrize("sentence", lines(CLAIMS))
def test_a_claim_is_found(shipped: tuple[Tool, ...], sentence: str) -> None:
    assert claimed(shipped, sentence)


@pytest.mark.parametrize("sentence", lines(HONEST))
def test_an_honest_sentence_is_left_alone(shipped: tuple[Tool, ...], sentence: str) -> None:
    assert claimed(shipped, sentence) == set()


@pytest.mark.parametrize("sentence", lines(HONEST))
def test_so_is_its_beginning_while_it_comes(shipped: tuple[Tool, ...], sentence: str) -> None:
    words = sentence.split(" ")
    for count in range(len(words)):
        begun = " ".join(words[:count])
        assert claimed(shipped, begun, whole=False) == set(), begun


@given(st.sampled_from(OPENERS), st.sampled_from(lines(CLAIMS)), st.booleans())
@settings(max_examples=examples(60))
def test_how_a_claim_begins_hides_nothing(opener: str, sentence: str, loud: bool) -> None:
    rules = [parse(rule) for tool in _without_store() for rule in tool.claims]
    said = opener + sentence
    assert any(claims(said.upper() if loud else said, rule) for rule in rules)


@given(st.sampled_from(OPENERS), st.sampled_from(lines(HONEST)))
@settings(max_examples=examples(60))
def test_how_an_honest_sentence_begins_makes_no_claim_of_it(opener: str, sentence: str) -> None:
    for part in [opener, sentence]:
        assert claimed(_without_store(), part) == set()


def _without_store() -> tuple[Tool, ...]:
    store = Store.__new__(Store)
    shop = default_shop()
    every = (*booking_tools(shop, store), *crm_tools(store), *errand_tools(shop, store, print))
    return tuple(tool for tool in every if tool.risk.writes)


def test_a_claim_of_two_deeds_is_two_claims(shipped: tuple[Tool, ...]) -> None:
    sentence = "I've cancelled Tuesday and booked you in for Thursday."
    assert {"cancel_appointment", "book_appointment"} <= claimed(shipped, sentence)


@pytest.mark.parametrize("sentence", lines(STANDING))
def test_what_was_looked_up_may_be_told(shipped: tuple[Tool, ...], sentence: str) -> None:
    (looked_up,) = (tool for tool in shipped if tool.name == "my_appointments")
    found = [each for rule in looked_up.claims for each in claims(sentence, parse(rule))]
    assert any(each.stands for each in found)


@pytest.mark.parametrize(
    "sentence", ["I've booked you in.", "It has been booked.", "Booked!", "I booked it for you."]
)
def test_what_was_done_just_now_was_not_looked_up(sentence: str) -> None:
    assert not any(each.stands for each in claims(sentence, parse("booked")))


# ---- the language of rules ---------------------------------------------------------------------


def test_a_phrase_is_found_across_adverbs_and_gaps() -> None:
    rule = parse("your parcel ... is sent")
    assert claims("Your parcel to Leeds is now sent.", rule)
    assert claims("Your parcel's sent!", rule)
    assert claims("Your parcel has already been sent.", rule)
    assert not claims("Your parcel will be sent.", rule)
    assert not claims("Your parcel, which I can not see, is sent.", rule)
    assert not claims("Is your parcel sent?", rule)


@pytest.mark.parametrize("before", ["I will", "I can", "I could", "I may", "To", "I'd have to"])
def test_a_phrase_that_is_still_to_come_claims_nothing(before: str) -> None:
    assert not claims(f"{before} have sent your parcel.", parse("have sent your parcel"))
    assert claims("I have sent your parcel.", parse("have sent your parcel"))


def test_an_exception_is_left_alone_wherever_it_ends() -> None:
    rule = parse("moved unless we have moved to, moved on")
    assert rule == Rule(("moved",), (("we", "have", "moved", "to"), ("moved", "on")))
    assert claims("I've moved it.", rule)
    assert not claims("We've moved to King Street.", rule)
    assert not claims("I've moved on.", rule)


def test_what_may_become_an_exception_is_not_judged_before() -> None:
    rule = parse("moved unless moved on")
    assert not claims("I've moved", rule, whole=False)
    assert claims("I've moved", rule)
    assert claims("I've moved it", rule, whole=False)


def test_a_participle_alone_is_judged_with_what_follows() -> None:
    rule = parse("booked")
    assert not claims("Booked", rule, whole=False)
    assert claims("Booked for", rule, whole=False)
    assert claims("Booked", rule)
    assert not claims("Booked appointments", rule)


@pytest.mark.parametrize(
    ("rule", "cure"),
    [
        ("", "write what the agent says"),
        ("  ", "write what the agent says"),
        ("...", "write what the agent says"),
        ("... booked", "leave it out"),
        ("booked ...", "leave it out"),
        ("booked, cancelled", "write only words"),
        ("booked unless in, ", "write what the agent says"),
        (" ".join("abcdefghijklmn"), "at most"),
    ],
)
def test_a_rule_of_no_use_is_refused_with_the_cure(rule: str, cure: str) -> None:
    with pytest.raises(ClaimError, match=cure):
        parse(rule)


def test_words_are_compared_without_their_dress() -> None:
    assert plain("I\u2019ve BOOKED it -- you're in, aren't you?") == (
        "i have booked it you are in , are not you"
    )
    assert plain("I cannot, I'm told; can't we?") == "i can not , i am told , can not we"
    assert plain("The table is n't booked.").split() == ["the", "table", "is", "not", "booked"]


@given(_SAID)
@settings(max_examples=examples(100))
def test_each_word_is_spelt_out_alone(said: str) -> None:
    lowered = said.casefold().replace("\u2019", "'")
    tokens = [found[0] for found in language._TOKEN.finditer(lowered)]
    assert plain(said) == " ".join(
        language._spelt(token) if token[0].isalnum() else "," for token in tokens
    )


@given(st.text(max_size=60), st.text(max_size=200), st.booleans())
@settings(max_examples=examples(100))
def test_any_text_is_a_rule_or_refused_and_any_sentence_can_be_read(
    rule: str, sentence: str, whole: bool
) -> None:
    for claim in claims(sentence, parse("booked unless booked up"), whole=whole):
        assert plain(sentence)[: claim.end].endswith("booked")
    try:
        parsed = parse(rule)
    except ClaimError:
        return
    claims(sentence, parsed, whole=whole)
    claims(rule, parsed, whole=whole)
