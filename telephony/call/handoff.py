"""What is a caller told before they are put through without the model's help?"""

from telephony.call.commands import Onward, Transfer
from telephony.call.config import CallConfig, Route


def route(config: CallConfig, target: str) -> Route:
    """A target's route; one that is not configured is a bug of ours."""
    found = next((each for each in config.routes if each.name == target), None)
    assert found is not None, "a target that is not configured"
    return found


def own_words(
    config: CallConfig, onward: Onward, tries: int, *, sorry: bool
) -> list[tuple[str, str, bytes]]:
    """Name, words and mu-law of what we say ourselves; no sound where none was recorded.

    `tries`: how many targets were dialled before. Only what is said before the route to a person
    is recorded.
    """
    words = [("sorry", config.persona.sorry, config.sorry_ulaw)] if sorry else []
    if isinstance(onward, Transfer):
        say = route(config, onward.target).say
        ulaw = config.human_ulaw if onward.target == config.human else b""
        words.append((f"handoff_{tries}", say, ulaw))
    return words
