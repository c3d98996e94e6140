"""A labelled corpus of what callers say, and how well the redactor does on it.

`python -m tests.tools.redacting.corpus` prints the figures that docs/redaction.md quotes, and
every miss and false alarm.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from telephony.redacting.conversation import Conversation, Line
from tools.redacting.kinds import DEFAULT, Kinds, Sensitive

HERE = Path(__file__).parent
EVERYTHING: Kinds = frozenset(Sensitive)


@dataclass(frozen=True)
class Turn:
    speaker: str
    text: str
    marked: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Example:
    kind: Sensitive | None
    turns: tuple[Turn, ...]

    @property
    def text(self) -> str:
        return " / ".join(turn.text for turn in self.turns)


@dataclass
class Score:
    """Of marked stretches, and of stretches that were found."""

    marked: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    found: int = 0
    right: int = 0
    examples: int = 0
    missed: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.hit.total() / self.marked.total()

    @property
    def precision(self) -> float:
        return self.right / self.found

    @property
    def clean(self) -> float:
        """The share of examples of which nothing was taken that should stay."""
        return 1 - len(self.alarms) / self.examples


def sensitive() -> list[Example]:
    return [
        Example(Sensitive(kind), _turns(said))
        for kind, _, said in (line.partition("\t") for line in _lines("sensitive.txt"))
    ]


def harmless() -> list[Example]:
    return [Example(None, _turns(line)) for line in _lines("harmless.txt")]


def _lines(name: str) -> Iterator[str]:
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


def _turns(said: str) -> tuple[Turn, ...]:
    return tuple(_turn(part) for part in said.split(" / "))


def _turn(part: str) -> Turn:
    speaker, text = ("agent", part[3:]) if part.startswith("A: ") else ("caller", part)
    plain, marked, began = "", [], 0
    for char in text:
        if char == "{":
            began = len(plain)
        elif char == "}":
            marked.append((began, len(plain)))
        else:
            plain += char
    return Turn(speaker, plain, tuple(marked))


def kept_of(example: Example, kinds: Kinds) -> list[Line]:
    """Every line as it is at the end of the call."""
    conversation = Conversation(kinds, "US")
    last: dict[str, Line] = {}
    for number, turn in enumerate(example.turns):
        for line in conversation.take(f"{number}", turn.speaker, turn.text):
            last[line.key] = line
    last.update((line.key, line) for line in conversation.settle())
    return [last[f"{number}"] for number in range(len(example.turns))]


def measure(examples: list[Example], kinds: Kinds) -> Score:
    score = Score(examples=len(examples))
    for example in examples:
        alarm = False
        for turn, line in zip(example.turns, kept_of(example, kinds), strict=True):
            hidden = [False] * len(turn.text)
            for span in line.spans:
                hidden[span.start : span.end] = [True] * (span.end - span.start)
                right = any(span.start < end and start < span.end for start, end in turn.marked)
                score.found += 1
                score.right += right
                alarm |= not right
            for start, end in turn.marked:
                kind = example.kind.value if example.kind else ""
                score.marked[kind] += 1
                told = (place for place in range(start, end) if turn.text[place].isalnum())
                if all(hidden[place] for place in told):
                    score.hit[kind] += 1
                else:
                    score.missed.append(f"{kind}: {turn.text[start:end]!r} in {example.text!r}")
        if alarm:
            score.alarms.append(" / ".join(line.kept for line in kept_of(example, kinds)))
    return score


def main() -> None:
    found, quiet = measure(sensitive(), EVERYTHING), measure(harmless(), DEFAULT)
    print(f"sensitive: {found.examples} examples, {found.marked.total()} stretches")
    print(f"  recall {found.recall:.3f}, precision {found.precision:.3f}")
    for kind, count in found.marked.items():
        print(f"  {kind}: {found.hit[kind]} of {count}")
    print(f"harmless: {quiet.examples} examples, {quiet.clean:.3f} untouched")
    print(*(f"missed  {each}" for each in found.missed), sep="\n")
    print(*(f"alarm   {each}" for each in (*found.alarms, *quiet.alarms)), sep="\n")


if __name__ == "__main__":
    main()
