"""What a call goes by, as its part in the configuration says."""

from collections.abc import Callable

from telephony.call.commands import TakeMessage
from telephony.call.commands import Transfer as TakeTransfer
from telephony.call.config import (
    BargeIn,
    Claimable,
    ConsentMode,
    ConsentTerms,
    Route,
    ToolFiller,
    TurnTaking,
)
from telephony.casting import Part
from telephony.configuring.recordingpart import RecordingPart, wanted
from telephony.line import Line, Transfer
from telephony.twilio.ports import Diverted, Refused
from tools.claims import parse
from tools.registry import Registry


def turn_taking(part: Part, number: str) -> TurnTaking:
    """The rules of the number that was called."""
    confirm_s, above_noise_db = part.line.sensitivity(number)
    return TurnTaking(
        barge_in=BargeIn(part.barge_in), confirm_s=confirm_s, above_noise_db=above_noise_db
    )


def claimable(registry: Registry) -> tuple[Claimable, ...]:
    """What may be claimed once each tool is done. Raises ClaimError for a rule of no use."""
    entries = (registry.get(name) for name in registry.names())
    tools = [entry.tool for entry in entries if entry is not None]
    for rule in (rule for tool in tools for rule in tool.claims):
        parse(rule)
    return tuple(
        Claimable(tool.name, tool.claims, tool.risk.writes or tool.transfer_to is not None)
        for tool in tools
        if tool.claims or tool.risk.writes
    )


def consent_terms(
    part: RecordingPart, otherwise: str, number: str | None, clip: Callable[[str], bytes]
) -> ConsentTerms | None:
    """What the caller with this number (E.164; None: withheld) is asked before the call is kept.

    `otherwise` is the rule of the settings, `clip` gives the mu-law of a sentence. None where
    nobody ever said that anything was to be asked.
    """
    kind, region = wanted(part, otherwise, number)
    mode = ConsentMode(kind)
    if mode is ConsentMode.NONE and part == RecordingPart():
        return None
    words = part.notice if mode is ConsentMode.NOTICE else part.question
    return ConsentTerms(
        mode, region, words, clip(words), part.refused, tuple(part.yes), tuple(part.no)
    )


def tool_fillers(registry: Registry, clip: Callable[[str], bytes]) -> tuple[ToolFiller, ...]:
    """What is said while each tool runs, as far as it was recorded (`clip` gives mu-law).

    While a person decides about a tool its words are said by the engine, at once.
    """
    found = ((tool, clip(tool.filler)) for tool in registry.tools() if tool.approval is None)
    return tuple(ToolFiller(tool.name, tool.filler, ulaw) for tool, ulaw in found if ulaw)


def without_engine(part: Part) -> Diverted | Refused:
    """What becomes of a call for whose persona no engine works just now."""
    onward = handed_over(part.line, part.persona.sorry)
    return onward or Refused(part.persona.apology, "no_engine")


def handed_over(line: Line, say: str) -> Diverted | None:
    """A call no agent can take goes to a person or to voicemail, if there is one or the other."""
    if line.human:
        return Diverted(TakeTransfer(line.human, say))
    return Diverted(TakeMessage(say)) if line.voicemail.enabled else None


def route(name: str, target: Transfer) -> Route:
    return Route(name, target.say, target.timeout_s)
