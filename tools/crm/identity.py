"""How far may a caller be believed to be who their number says?

A number is a hint: anybody can send any. Nothing here proves identity; a check asks for
something the caller's number does not tell.
"""

import datetime as dt
import re
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Literal

import msgspec

from tools.crm.records import Contact
from tools.names import name_key


class Hint(Enum):
    """What the networks say about a caller's number."""

    NONE = "none"
    ATTESTED = "attested"
    """The carrier knows its customer and that the number is theirs (level A)."""
    PARTLY = "partly"
    """The carrier knows its customer (B), or only where the call came in (C)."""
    FAILED = "failed"
    """The signature is wrong: the number is likely not the caller's."""


def hint_of(verstat: str) -> Hint:
    """What Twilio's `StirVerstat` amounts to: `TN-Validation-Passed-A`, `...-Failed-B`, ....

    https://www.twilio.com/docs/voice/trusted-calling-with-shakenstir
    """
    found = re.match(r"TN-Validation-(Passed|Failed)(?:-([ABC]))?(?:-|$)", verstat, re.ASCII)
    if found is None:
        return Hint.NONE
    passed, level = found.group(1) == "Passed", found.group(2)
    if not passed:
        return Hint.FAILED
    return Hint.ATTESTED if level == "A" else Hint.PARTLY


Fact = Literal["email", "appointment"]


class CheckRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a caller must know before private things are told."""

    facts: Annotated[
        tuple[Fact, ...],
        msgspec.Meta(min_length=1, max_length=2, description="What may be asked besides the name."),
    ] = ("appointment", "email")
    needed: Annotated[
        int, msgspec.Meta(ge=1, le=2, description="How many of them must be right.")
    ] = 1
    tries_per_call: Annotated[int, msgspec.Meta(ge=1, le=10, description="In one call.")] = 3
    tries_per_day: Annotated[
        int, msgspec.Meta(ge=1, le=50, description="From one number, whatever calls it makes.")
    ] = 5


class Said(msgspec.Struct, frozen=True):
    """What the caller gave; empty or None for what they did not."""

    name: str
    email: str = ""
    appointment: dt.date | None = None


class Appointment(msgspec.Struct, frozen=True):
    """One to come that was not made in this very call. `day` is on the shop's calendar."""

    name: str
    day: dt.date


def passes(
    rules: CheckRules, said: Said, contact: Contact | None, appointments: Iterable[Appointment]
) -> bool:
    """Whether the name fits and enough facts do; one wrong fact spoils it."""
    known = list(appointments)
    if not _names_fit(said.name, contact, known):
        return False
    given = [fact for fact in rules.facts if _was_given(fact, said)]
    right = [fact for fact in given if _is_right(fact, said, contact, known)]
    return len(right) == len(given) and len(right) >= rules.needed


def _was_given(fact: Fact, said: Said) -> bool:
    return bool(said.email) if fact == "email" else said.appointment is not None


def _is_right(fact: Fact, said: Said, contact: Contact | None, known: list[Appointment]) -> bool:
    if fact == "email":
        return (
            contact is not None
            and contact.email_proven
            and said.email.strip().casefold() == contact.email.casefold() != ""
        )
    return any(each.day == said.appointment and _alike(said.name, each.name) for each in known)


def _names_fit(name: str, contact: Contact | None, known: list[Appointment]) -> bool:
    names = [contact.name] if contact else []
    return any(_alike(name, each) for each in (*names, *(one.name for one in known)) if each)


def _alike(said: str, known: str) -> bool:
    """The same words in any order, or all of the shorter one's: `Lee` for `Ann Lee`."""
    heard, kept = set(name_key(said).split()), set(name_key(known).split())
    return bool(heard & kept) and (heard <= kept or kept <= heard)
