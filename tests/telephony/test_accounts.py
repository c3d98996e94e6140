"""Who is told what of a call, also of the sound that passes all checks by one."""

from agents.engine import ItemDone, ResponseStarted, TextDelta
from telephony.accounts import Accounts
from telephony.call.commands import StoreAudio, Track
from telephony.call.events import CallerAudio
from telephony.custody import Unkept
from telephony.redacting.conversation import Conversation
from telephony.transcripts.withholding import Standing, Withholding
from tests.telephony.redacting.studio import VOICE, Tape
from tools.redacting.kinds import DEFAULT

SOUND = VOICE * 160
STORED = [StoreAudio(Track.CALLER, 0, SOUND)]


def accounts(standing: Standing = Standing.OPEN) -> Accounts:
    return Accounts(Withholding(Tape(), standing), Conversation(DEFAULT, "US"), Unkept())


def heard(of: Accounts) -> list[bytes]:
    """What those who listen in get of a caller's frame."""
    told = of.take(1.0, CallerAudio(SOUND, 0), STORED).told
    return [each.ulaw for each in told if isinstance(each, StoreAudio)]


def says(of: Accounts, text: str) -> None:
    for event in (ResponseStarted("r"), TextDelta("r", "i", text), ItemDone("r", "i")):
        of.take(0.5, event, [])


def test_a_caller_is_heard_until_they_are_asked_for_what_may_not_be_kept() -> None:
    call = accounts()
    assert heard(call) == [SOUND]
    says(call, "What is your card number?")
    assert heard(call) == [b"\xff" * 160]


def test_who_has_not_agreed_is_heard_by_nobody_and_no_tool_keeps_their_words() -> None:
    asked = accounts(Standing.METADATA)
    assert heard(asked) == [b"\xff" * 160]
    assert (asked.wordless, accounts(Standing.WAITING).wordless) == (True, True)
    assert not accounts().wordless
