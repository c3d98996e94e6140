"""What the embedded engine says, apart from values: its sentences in one place."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from agents.local.answers import Move
from agents.local.choices import Choice
from agents.local.offers import Frame
from agents.local.slots import Form, Kind, Slot
from agents.local.speech import listed, read_back, spelled_out
from agents.local.text import joined, words
from agents.persona import Persona

MISSED: Final = "Sorry, I didn't catch that."
ANYTHING_ELSE: Final = "Is there anything else I can do for you?"
WHAT_NOW: Final = "What can I do for you?"
WHAT_TO_CHANGE: Final = "All right. What should I change?"
SPELL: Final = "Please spell the name for me, letter by letter."
TYPE: Final = "Please type the number on your telephone's keys, and then press the hash key."
RIGHT: Final = "Is that right?"
ONE_MOMENT: Final = "One moment, please."
TAKE_YOUR_TIME: Final = "Take your time."
NO_PERSON: Final = "I'm an automated assistant, and I can't put you through to a person."
TAKE_MESSAGE: Final = "I can't put you through to a person, but I can take a message."
GOODBYE: Final = "Goodbye."
NOT_SURE: Final = (
    "I'm sorry, something went wrong, and I can't tell whether that worked. "
    "Please ask us again later."
)
NOT_WORKED: Final = "I'm sorry, that didn't work."
NO_LIST: Final = "I'm sorry, I can't look that up just now."
_MOST_ABILITIES: Final = 4

Offered = Mapping[str, Sequence[Choice]]


def goodbye(persona: Persona) -> str:
    return f"Thank you for calling {persona.business}. Goodbye."


def courtesy(move: Move, forms: Sequence[Form]) -> str:
    """The answer to a courtesy, before the question is asked again."""
    match move:
        case Move.THANKS:
            return "You're welcome."
        case Move.GREETING:
            return "Hello."
        case Move.NO | Move.ABANDON:
            return "All right."
        case Move.ABILITIES:
            return abilities(forms)
        case _:
            return ""


def abilities(forms: Sequence[Form]) -> str:
    """`I can book an appointment or cancel an appointment.`"""
    useful = [form for form in forms if form.usable and not form.spec.ends_call]
    told = [form for form in useful if form.spec.risk.writes] or useful
    said = list(dict.fromkeys(action(form) for form in told[:_MOST_ABILITIES]))
    return f"I can {joined(said, 'or')}." if said else "I'm afraid there is little I can do."


def action(form: Form) -> str:
    """What the tool does, to be said after `I can`: from a phrase with its verb, or its name."""
    name = form.name.replace("_", " ")
    verb = name.split(" ")[0]
    for phrase in form.spec.phrases:
        said = words(phrase)
        if verb in said and len(said) - said.index(verb) >= 2:
            return " ".join(_YOURS.get(word, word) for word in said[said.index(verb) :])
    return name


_YOURS: Final = {"my": "your", "me": "you", "i": "you", "mine": "yours"}


def check(frame: Frame, today: dt.date, offered: Offered, lead: str) -> tuple[str, str]:
    """The read-back before a write: what must be heard of it, and the whole of it."""
    spec = frame.form.spec
    names = dict.fromkeys((*spec.confirm, *frame.values))
    slots = [slot for name in names if (slot := frame.form.slot(name)) and name in frame.values]
    said = [
        read_back(slot, frame.values[slot.name], today, offered.get(slot.name, ()))
        for slot in slots
    ]
    deed = f"I'll {action(frame.form)}"
    body = f"Let me check. {deed}{': ' if said else ''}{', '.join(said)}."
    needed = f"{lead} {body}".strip()
    return needed, f"{needed} {RIGHT}"


def check_spelling(name: str, spelled: str) -> str:
    """The read-back of a spelled name."""
    return f"{name}, spelled {spelled_out(spelled)}. {RIGHT}"


def not_offered(slot: Slot, said: str, message: str) -> str:
    """The value is none of those there are; `message` tells what there is."""
    what = f"{said} is not available" if slot.kind is not Kind.CHOICE else f"there is no {said}"
    return f"I'm sorry, {what}. {message}".strip()


def which_one(slot: Slot, choices: Sequence[Choice], today: dt.date) -> str:
    return f"Do you mean {listed(slot, choices, today)}?"


def offer(slot: Slot, message: str, choices: Sequence[Choice], today: dt.date) -> str:
    """The list as the tool words it, or else in words of our own."""
    if message:
        return message
    return f"You can choose {listed(slot, choices, today)}." if choices else hint(slot, (), today)


def of_part(slot: Slot, part: str, choices: Sequence[Choice], today: dt.date) -> str:
    """The times there are in the morning, the afternoon or the evening."""
    return f"In the {part} I have {listed(slot, choices, today, 'and')}. Which would suit you?"


def none_of_part(part: str) -> str:
    return f"There is nothing free in the {part}."


def earliest(day: str, time: str) -> str:
    return f"The earliest is {' at '.join(filter(None, (day, time)))}."


def hint(slot: Slot, choices: Sequence[Choice], today: dt.date) -> str:
    """How to answer, for a caller who was not understood twice."""
    match slot.kind:
        case Kind.NAME:
            return SPELL
        case Kind.PHONE:
            return "Please say it digit by digit."
        case Kind.BOOLEAN:
            return "Please say yes or no."
        case Kind.DATE:
            return "You can say a day, such as tomorrow, or next Tuesday, or the third of May."
        case _ if choices:
            return f"You can choose {listed(slot, choices, today)}."
        case Kind.TIME:
            return "You can say a time, such as ten thirty, or half past three."
        case Kind.INTEGER | Kind.NUMBER:
            return "Please say just a number."
    return "Please say it in a few words."


_PERSON: Final = frozenset(words("transfer handoff human person operator forward connect"))
_MESSAGE: Final = frozenset(words("message callback voicemail"))


def to_person(forms: Sequence[Form]) -> Form | None:
    return _named(forms, _PERSON)


def to_message(forms: Sequence[Form]) -> Form | None:
    return _named(forms, _MESSAGE)


def _named(forms: Sequence[Form], wanted: frozenset[str]) -> Form | None:
    for form in forms:
        texts = (form.name.replace("_", " "), *form.spec.phrases)
        if form.usable and any(wanted & set(words(text)) for text in texts):
            return form
    return None


def sorry(message: str) -> str:
    """A refusal as a tool words it, softened once."""
    if not message:
        return NOT_WORKED
    return (
        message
        if "sorry" in message.lower() or "afraid" in message.lower()
        else f"I'm sorry. {message}"
    )
