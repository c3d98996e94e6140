"""Who answers where no persona's file says so: built-in words, or those of the settings."""

import msgspec

from agents.persona import Persona
from telephony.line import Line
from telephony.settings import Settings
from tools.booking.shop import Shop


def persona(settings: Settings, shop: Shop, line: Line) -> Persona:
    """The agent of this deployment: built-in words unless the settings have others."""
    greeting = settings.greeting or (
        f"Thanks for calling {shop.name}, this is the automated assistant. How can I help?"
    )
    return msgspec.structs.replace(
        Persona(),
        business=shop.name,
        greeting=greeting,
        instructions=settings.instructions or _instructions(shop),
        language=settings.language,
        voice=settings.voice,
        filler=line.manners.filler,
        disclosure=line.manners.disclosure,
    )


def _instructions(shop: Shop) -> str:
    return (
        f"You are the automated telephone receptionist of {shop.name}. You speak with callers on"
        " the telephone: answer in one or two short sentences, one question at a time, without"
        " lists or formatting. Book, move and cancel appointments only with the tools, and only"
        " after you read service, day, time and name back and the caller said yes. Offer only"
        " times the tools return; never invent one. Say that something is done only when the"
        " tool's answer says so; if it is refused or unknown, say exactly that. If you do not"
        " understand, ask. When the caller is finished, say goodbye and then call end_call."
    )
