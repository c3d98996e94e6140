"""Yes and no, and the things callers may say at any time, whatever was asked."""

from enum import Enum
from typing import Final

from agents.local.text import Words, any_of, contains_any, starts_with, words


class Move(Enum):
    """What a sentence does to the conversation, apart from the values it holds."""

    YES = "yes"
    NO = "no"
    REPEAT = "repeat"
    PERSON = "person"
    CHOICES = "choices"
    """Asks what there is to choose from: times, services."""
    ABILITIES = "abilities"
    """Asks what this agent can do."""
    ABANDON = "abandon"
    GREETING = "greeting"
    THANKS = "thanks"
    WAIT = "wait"
    GOODBYE = "goodbye"


YES_PHRASES: Final = (
    "yes",
    "yeah",
    "yep",
    "yup",
    "yes please",
    "yes please do",
    "yes that's right",
    "yes that's correct",
    "yes it is",
    "yeah that's right",
    "sure",
    "of course",
    "correct",
    "right",
    "that's right",
    "that is right",
    "that's correct",
    "that is correct",
    "that's fine",
    "that's good",
    "that's great",
    "that's perfect",
    "that's okay",
    "that's ok",
    "that's lovely",
    "that'll do",
    "that works",
    "works for me",
    "ok",
    "okay",
    "perfect",
    "great",
    "fine",
    "absolutely",
    "definitely",
    "exactly",
    "go ahead",
    "please do",
    "sounds good",
    "sounds great",
    "i think so",
    "uh huh",
    "mm hmm",
    "you got it",
    "book it",
    "do it",
    "i'll take it",
    "i'll take that",
    "i'll take that one",
    "take it",
    "take that",
    "take that one",
    "lovely",
    "brilliant",
    "wonderful",
)
NO_PHRASES: Final = (
    "no",
    "nope",
    "nah",
    "no thanks",
    "no thank you",
    "no that's wrong",
    "no that's not right",
    "not really",
    "not quite",
    "wrong",
    "that's wrong",
    "that's not right",
    "that is not right",
    "that's not correct",
    "that's not it",
    "incorrect",
    "i don't think so",
    "no it isn't",
    "no it's not",
)
_DONE: Final = (
    "that's all",
    "that is all",
    "that's it",
    "that's everything",
    "nothing else",
    "i'm done",
    "i'm good",
    "nothing",
)
REPEAT_PHRASES: Final = (
    "repeat that",
    "can you repeat that",
    "could you repeat that",
    "say that again",
    "say it again",
    "can you say that again",
    "once more",
    "come again",
    "pardon",
    "pardon me",
    "what did you say",
    "what was that",
    "sorry what",
    "i didn't hear you",
    "i didn't catch that",
    "what",
)
_PERSON: Final = (
    "a person",
    "real person",
    "a human",
    "human being",
    "talk to someone",
    "talk to somebody",
    "speak to someone",
    "speak to somebody",
    "speak with someone",
    "an operator",
    "operator",
    "representative",
    "receptionist",
    "a manager",
    "the manager",
    "the owner",
    "member of staff",
)
PERSON_PHRASES: Final = (
    "can i talk to a person",
    "can i speak to a person",
    "can i talk to someone",
    "i want to talk to a person",
    "operator",
    "a real person please",
)
_CHOICES: Final = (
    "do you have",
    "have you got",
    "do you offer",
    "are there",
    "is there",
    "what's available",
    "what is available",
    "what's free",
    "what's open",
    "are available",
    "are free",
    "is free",
    "is available",
    "are open",
    "what are the",
    "what are my",
    "my options",
    "the options",
    "my choices",
    "the choices",
    "which ones",
    "read them",
    "list them",
    "what can i choose",
    "what else",
    "what other",
    "any other",
    "other times",
    "anything else available",
    "something else",
    "something earlier",
    "something later",
    "anything earlier",
    "anything later",
    "when can i come",
    "when could i come",
    "when are you free",
    "when is",
)
CHOICES_PHRASES: Final = (
    "what times do you have",
    "what time do you have",
    "what times are available",
    "what do you have",
    "what's available",
    "when are you free",
    "what services do you have",
    "what services do you offer",
    "what are my options",
    "what are the options",
    "any other times",
)
ABILITIES_PHRASES: Final = (
    "help",
    "help me",
    "what can you do",
    "what can i do",
    "what can i say",
    "what do you do",
    "how does this work",
    "what are you",
    "who are you",
    "are you a robot",
    "are you a machine",
    "are you human",
    "are you real",
)
ABANDON_PHRASES: Final = (
    "never mind",
    "nevermind",
    "forget it",
    "forget about it",
    "start over",
    "start again",
    "cancel that",
    "leave it",
    "stop",
    "i changed my mind",
    "i've changed my mind",
)
GOODBYE_PHRASES: Final = (
    "goodbye",
    "good bye",
    "bye",
    "bye bye",
    "bye now",
    "thanks bye",
    "thank you goodbye",
    "thanks goodbye",
    "see you",
    "hang up",
    "have a nice day",
    "have a good day",
)
_THANKS: Final = ("thanks", "thank you", "cheers", "much appreciated")
_GREETING: Final = ("hi", "hello", "hey", "good morning", "good afternoon", "good evening")
WAIT_PHRASES: Final = (
    "wait",
    "hold on",
    "hang on",
    "one moment",
    "just a moment",
    "one second",
    "just a second",
    "let me think",
    "let me see",
    "give me a second",
)

_SAID_ANYWHERE: Final = (
    (Move.GOODBYE, GOODBYE_PHRASES),
    (Move.REPEAT, tuple(phrase for phrase in REPEAT_PHRASES if phrase != "what")),
    (Move.PERSON, _PERSON),
    (Move.ABANDON, tuple(phrase for phrase in ABANDON_PHRASES if phrase != "stop")),
    (Move.ABILITIES, tuple(phrase for phrase in ABILITIES_PHRASES if phrase != "help")),
    (Move.CHOICES, _CHOICES),
)
_SAID_ALONE: Final = {
    "i do": Move.YES,
    "i would": Move.YES,
    "i don't": Move.NO,
    "don't": Move.NO,
    "do not": Move.NO,
    "what": Move.REPEAT,
    "sorry": Move.REPEAT,
    "excuse me": Move.REPEAT,
    "stop": Move.ABANDON,
    "cancel": Move.ABANDON,
    "help": Move.ABILITIES,
}


def move(words: Words) -> Move | None:
    """What this sentence asks of the conversation; None for one that only tells something."""
    alone = _SAID_ALONE.get(" ".join(words))
    if alone is not None:
        return alone
    for found, phrases in _SAID_ANYWHERE:
        if contains_any(words, phrases):
            return found
    answer = yes_or_no(words)
    if answer is not None:
        return Move.YES if answer else Move.NO
    for found, phrases in (
        (Move.WAIT, WAIT_PHRASES),
        (Move.THANKS, _THANKS),
        (Move.GREETING, _GREETING),
    ):
        if contains_any(words, phrases):
            return found
    return None


def says_done(sentence: Words) -> bool:
    """Whether the caller wants nothing more."""
    return contains_any(sentence, _DONE)


_FILLERS: Final = frozenset(words("um uh er oh well so hm and but"))
_YES_SPLIT: Final = sorted((tuple(phrase.split()) for phrase in YES_PHRASES), key=len, reverse=True)
_NO_SPLIT: Final = sorted(
    (tuple(phrase.split()) for phrase in (*NO_PHRASES, *_DONE)), key=len, reverse=True
)
_REVERSED: Final = (
    "not right",
    "not correct",
    "not fine",
    "isn't right",
    "isn't correct",
    "don't think",
    "wrong",
)
_AGREED: Final = (
    "that's right",
    "that is right",
    "that's correct",
    "that is correct",
    "no problem",
    "no worries",
)


def yes_or_no(words: Words) -> bool | None:
    """Whether the sentence begins by agreeing or refusing; None when it does neither."""
    if contains_any(words, _REVERSED):
        return False
    if contains_any(words, _AGREED):
        return True
    start = next((at for at, word in enumerate(words) if word not in _FILLERS), 0)
    for phrases, answer in ((_NO_SPLIT, False), (_YES_SPLIT, True)):
        if any(starts_with(words, start, phrase) for phrase in phrases):
            return answer
    return None


def is_plain(words: Words) -> bool:
    """Whether the sentence is nothing but a yes or a no, with no further matter in it."""
    rest = [word for word in words if word not in _FILLERS]
    for phrases in (_NO_SPLIT, _YES_SPLIT):
        while found := next((each for each in phrases if starts_with(rest, 0, each)), None):
            rest = rest[len(found) :]
    return not [word for word in rest if word not in _POLITE]


_POLITE: Final = frozenset(words("please thanks thank you it is that's that sir ma'am then"))

_YES_PATTERN: Final = any_of(YES_PHRASES)
YES_NO_PATTERN: Final = f"(?:{_YES_PATTERN}(?: {_YES_PATTERN})?|{any_of(NO_PHRASES)})"
ANYTIME_PATTERN: Final = any_of(
    [
        *NO_PHRASES[:4],
        *(phrase for phrase in REPEAT_PHRASES if phrase != "what"),
        *PERSON_PHRASES,
        *CHOICES_PHRASES,
        *ABANDON_PHRASES,
        *(phrase for phrase in GOODBYE_PHRASES[:8] if phrase != "bye"),
        *WAIT_PHRASES,
        "help",
        "sorry",
    ]
)
"""What may be said in answer to any question.

Without words that sound like an hour and answer nothing (`yes` and `thanks` like ten, `bye` like
five): those are still understood when heard openly.
"""
