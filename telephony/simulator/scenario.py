"""What does the synthetic caller want, and what does it answer to which question?

The agent's wording is not known beforehand, so rules look for loose keywords in what the caller
made out. All a scenario can say is listed in `lines`, so that it can be recorded before the call.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec


class Goal(msgspec.Struct, frozen=True):
    """What the caller is after, in the words it says."""

    service: str = "haircut"
    day: str = "Tuesday"
    time: str = "three in the afternoon"
    changed_time: str = "three thirty"
    """What it changes its mind to, in the middle of a sentence of the agent's."""
    name: str = "Peter Baker"


class Rule(msgspec.Struct, frozen=True):
    """If the agent's words match, say this."""

    name: str
    hears: str
    """A regular expression, searched without regard to case."""
    says: str
    """Empty: nothing, the agent will go on."""
    gives: tuple[str, ...] = ()
    """The facts the agent has been told by this."""
    ends: bool = False
    """This is the caller's goodbye."""
    insists: bool = False
    """Answered even after the caller's goodbye."""
    unless: str = ""
    """Does not hold when this is found as well; empty: holds all the same."""
    most: int | None = None
    """Holds so many times in a call; None: every time."""

    def holds(self, words: str, used: int) -> bool:
        if self.most is not None and used >= self.most:
            return False
        if self.unless and re.search(self.unless, words, re.I):
            return False
        return re.search(self.hears, words, re.I) is not None


class Interruption(msgspec.Struct, frozen=True):
    """Speak up once while the agent is talking."""

    says: str
    after_ms: int = 1_200
    """Of the agent's talking without a longer pause."""
    after: tuple[str, ...] = ()
    """Facts that must have been given before."""
    hears: str = ""
    """Only when what has been heard of the sentence matches; empty: whatever it is."""

    def matches(self, words: str) -> bool:
        return re.search(self.hears, words, re.I) is not None


class Scenario(msgspec.Struct, frozen=True):
    """A caller's part. The first rule that matches answers.

    No line holds a full stop but at its end: the caller's voice pauses there for longer than
    people do when they have not finished.
    """

    opening: Rule
    """Said after the agent's first words, whatever they are."""
    rules: tuple[Rule, ...]
    goodbye: str
    interruption: Interruption | None = None
    confused: str = "Sorry, could you repeat that?"
    wondering: str = "Hello, are you still there?"
    giving_up: str = "I'm sorry, I will call again later, goodbye."
    most_confusions: int = 4
    """In a row, before it gives up."""
    most_ms: int = 4 * 60_000
    patience_ms: int = 15_000
    """How long it waits in silence before it wonders; agents ask sooner, and both at once would
    talk over each other."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything this caller may say."""
        spoken = (self.opening.says, *(rule.says for rule in self.rules if rule.says), self.goodbye)
        own = (self.confused, self.wondering, self.giving_up)
        interruption = (self.interruption.says,) if self.interruption else ()
        return tuple(dict.fromkeys((*spoken, *own, *interruption)))

    def answer(self, words: str, used: Mapping[str, int] | None = None) -> Rule | None:
        """`used`: how often each rule has answered in this call, by its name."""
        counted = used or {}
        return next(
            (rule for rule in self.rules if rule.holds(words, counted.get(rule.name, 0))), None
        )


_ASKS_AGAIN = re.compile(
    r"\b(didn'?t|did not|couldn'?t) (\w+ )?(get|catch|under|hear)"
    r"|\b(repeat|say) (that|it)\b|\bagain\b|\bpardon",
    re.I,
)


def asks_again(words: str) -> bool:
    """The agent did not understand, and says so."""
    return _ASKS_AGAIN.search(words) is not None


def booking(goal: Goal, *, interrupts: bool = True) -> Scenario:
    """A caller who books an appointment, and changes the time while the agent reads it back.

    What is read back wrongly it corrects, twice at most: its own ears may be at fault.
    """
    goodbye = "No, that's all, thank you, goodbye."
    change = f"Actually, make it {goal.changed_time}."
    final = (goal.changed_time, change) if interrupts else (goal.time, f"No, at {goal.time}.")
    return Scenario(
        opening=Rule(
            "opening", "", f"Hello, I'd like to book a {goal.service}, please.", ("service",)
        ),
        rules=(*_corrections(goal, *final), *_rules(goal, goodbye, change)),
        goodbye=goodbye,
        interruption=Interruption(change, after=("day", "time", "name")) if interrupts else None,
    )


def _rules(goal: Goal, goodbye: str, change: str) -> tuple[Rule, ...]:
    """Longer sentences hold several keywords, so what is most particular comes first."""
    service = f"I'd like to book a {goal.service}, please."
    return (
        Rule("recorded", r"\b(may|can|do) (i|we|you) .*\brecord", "Yes, that's fine."),
        Rule("taken", _TAKEN, change, gives=("time",)),
        Rule("anything else", r"(any|some)thing else", goodbye, ends=True, insists=True),
        Rule("change", r"\bchange\b", change, gives=("time",)),
        Rule("check", f"{_CHECK}|{_OFFER}", "Yes, that's right."),
        Rule("done", _DONE, goodbye, ends=True),
        Rule("wait", r"\bmoment\b|\bsecond\b|hold on|take your time", "", unless=_ASKED),
        Rule("spell", r"\bspell|letter by letter", f"{', '.join(_letters(goal.name))}."),
        Rule("name", r"\bnames?\b|who('s| is| am i)", f"My name is {goal.name}.", ("name",)),
        Rule(
            "day and time",
            r"\bday\b.*\btime\b|\bwhen\b",
            f"On {goal.day}, at {goal.time}.",
            ("day", "time"),
        ),
        Rule("day", r"\b(days?|dates?)\b", f"On {goal.day}, please.", ("day",)),
        Rule("time", r"\btimes?\b|o'?clock|which one|prefer", f"At {goal.time}.", ("time",)),
        Rule("number", r"\bnumber\b|\bphone\b", "You can use the number I'm calling from."),
        Rule("service", r"\bservices?\b|\bwhat (can|would|kind|sort)", service, ("service",)),
        Rule("still there", r"\b(still|are you) there\b", "Yes, I'm still here."),
        Rule("goodbye", r"good-?\s?bye|\bbye\b", goodbye, ends=True),
        Rule("greeting", r"\bhelp\b|\bcalling\b|\bassistant\b", service, ("service",)),
        Rule("thinking", r"let me (check|see|look)", ""),
    )


def _corrections(goal: Goal, time: str, time_again: str) -> tuple[Rule, ...]:
    """For a read-back that holds another day, time or name than was said."""
    return (
        Rule("wrong day", _read_back(_A_DAY), f"No, on {goal.day}.", unless=_day(goal.day), most=2),
        Rule("wrong time", _read_back(_A_TIME), time_again, ("time",), unless=_time(time), most=2),
        Rule(
            "wrong name",
            _read_back(r"\bnamed?\b"),
            f"No, my name is {goal.name}.",
            unless=_any_of(goal.name.split()),
            most=2,
        ),
    )


def _read_back(fact: str) -> str:
    return f"(?=.*(?:{fact}))(?=.*(?:{_CHECK}|{_OFFER}))"


_HOURS = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_A_DAY = r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b"
_A_TIME = r"\bat (?:\d|noon|half|" + "|".join(_HOURS) + ")"


def _any_of(words: Iterable[str]) -> str:
    return rf"\b(?:{'|'.join(map(re.escape, words))})\b"


def _day(said: str) -> str:
    """The day as it may be heard; only the weekday is listened for."""
    return _any_of([word for word in said.split() if re.fullmatch(_A_DAY, word, re.I)] or [said])


def _time(said: str) -> str:
    """`three thirty` or `three in the afternoon` as they may be heard."""
    hour = next((word for word in said.split() if word in _HOURS), "noon")
    figure = _HOURS.index(hour) + 1 if hour in _HOURS else 12
    either = f"(?:{hour}|{figure})"
    if "thirty" in said:
        return rf"\b{either}[-:. ]*(?:thirty|30)|half past {either}\b"
    return rf"\b{either}\b(?![-:. ]*(?:\d\d|fifteen|thirty|forty))"


_ASKED = r"\?|\b(what|which|when|who|(would|could|can) you|(can|may|shall|should) i)\b"
_TAKEN = r"already (booked|taken)|(not|isn'?t|no longer) (free|available|open)|fully booked"
_DONE = r"(you are|you'?re|is|been|i have|i'?ve) (now |all )*(booked|confirmed|set)\b|see you"
_CHECK = (
    r"\b(is|are|was) (that|this|it|these) (all )?(right|correct|ok|fine)"
    r"|\bright\?|correct\?|yes or no"
)
_OFFER = (
    r"(?<!name )(shall|should|can|may) i (\w+ )?(book|go|make|put|confirm|reserve)"
    r"|go ahead|to confirm"
)


def _letters(name: str) -> list[str]:
    return [letter.upper() for letter in name if letter.isalpha()]
