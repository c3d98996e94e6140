"""Which samples are silenced, and what becomes of words."""

from telephony.redacting.conversation import Line
from telephony.redacting.timing import (
    Stretch,
    of_agent,
    of_caller,
    silenced,
    whole,
    words_kept,
)
from telephony.transcripts.entry import AgentLine, CallerLine, Fate, Word, WordFate
from tools.redacting.kinds import Sensitive, Span

TEXT = "hello there my card is 4111 1111 1111 1111 and I would like to come at noon tomorrow"
CARD = Span(TEXT.index("4"), TEXT.index(" and"), Sensitive.CARD)


def words(text: str) -> tuple[Word, ...]:
    return tuple(
        Word(word, 1_000 + 500 * number, 1_400 + 500 * number, WordFate.HEARD)
        for number, word in enumerate(text.split())
    )


def agent(text: str, times: tuple[Word, ...]) -> AgentLine:
    return AgentLine("a1", 1, text, text, Fate.HEARD, 1_000, 9_000, 8_000, 8_000, words=times)


def test_figures_take_longer_than_letters_and_a_margin_is_left() -> None:
    line = Line("k", "caller", TEXT, (CARD,))
    (found,) = of_caller(line, CallerLine("u", TEXT, 10_000, 30_000))
    assert 80_000 - 4_000 <= found.start < 90_000
    assert 160_000 < found.end < 239_000
    (all_of_it,) = of_caller(line, CallerLine("u", TEXT, 10_000, 10_500))
    assert all_of_it == Stretch(9_500 * 8, 11_000 * 8)
    assert of_caller(Line("k", "caller", "", ()), CallerLine("u", "", 0, 0)) == []


def test_all_of_an_utterance_is_a_little_more_than_it() -> None:
    assert whole(CallerLine("u", "", 200, 1_000)) == [Stretch(0, 12_000)]


def test_an_agents_words_have_times() -> None:
    line = Line("k", "agent", TEXT, (CARD,))
    (found,) = of_agent(line, agent(TEXT, words(TEXT)))
    assert found == Stretch((3_500 - 400) * 8, (5_400 + 400) * 8)
    (without,) = of_agent(line, agent(TEXT, ()))
    assert without == Stretch(600 * 8, 9_400 * 8)
    assert of_agent(Line("k", "agent", TEXT, ()), agent(TEXT, words(TEXT))) == []
    beyond = Line("k", "agent", TEXT, (Span(500, 510, Sensitive.CARD),))
    assert of_agent(beyond, agent(TEXT, words(TEXT))) == []


def test_what_lies_in_a_stretch_is_silent() -> None:
    sound = b"\x10" * 100
    assert silenced(1_000, sound, [Stretch(1_100, 1_200), Stretch(0, 1_000)]) is sound
    assert silenced(1_000, sound, [Stretch(1_050, 2_000)]) == b"\x10" * 50 + b"\xff" * 50
    assert silenced(1_000, sound, [Stretch(0, 1_001), Stretch(1_099, 1_100)]) == (
        b"\xff" + b"\x10" * 98 + b"\xff"
    )


def test_the_words_of_one_span_are_one_word() -> None:
    kept = words_kept(TEXT, words(TEXT), [CARD])
    assert [word.text for word in kept[:7]] == [
        "hello", "there", "my", "card", "is", "[card number]", "and",
    ]  # fmt: skip
    assert (kept[5].start_ms, kept[5].end_ms) == (3_500, 5_400)
    text = "(4111 1111), ok"
    kept = words_kept(text, words(text), [Span(1, 10, Sensitive.CARD)])
    assert [word.text for word in kept] == ["([card number]),", "ok"]
    assert words_kept("", (), [CARD]) == ()
