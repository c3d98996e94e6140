"""Who the agent is on the phone: words and voice, the same for every engine."""

import msgspec


class Persona(msgspec.Struct, frozen=True):
    """Configuration of one agent; a running call keeps the one it started with."""

    business: str = "Willow Street Salon"
    greeting: str = "Thanks for calling Willow Street Salon, this is the automated assistant."
    """Said first, word for word; should tell that an AI is speaking."""
    instructions: str = ""
    """What a language model is told about its task; the embedded engine does not read it."""
    language: str = "en"
    voice: str = ""
    """An engine's own voice id; empty means the engine's default."""
    reprompt: str = "I'm sorry, could you say that again?"
    """Asked of the engine when it left a caller without an answer."""
    go_on: str = "Shall I go on?"
    """Asked after a reply that was broken off for its length."""
    silence_prompt: str = "Are you still there?"
    second_prompt: str = "I can't hear you. Please say something, or press any key."
    filler: str = ""
    """The words of the recorded filler, for the transcript."""
    disclosure: str = ""
    """Said before the greeting, and again until it was heard in full."""
    idle_goodbye: str = (
        "I can't hear you, so I'll hang up now. Please call again any time. Goodbye."
    )
    length_goodbye: str = "I'm sorry, we have reached the longest time for a call. Goodbye."
    drain_goodbye: str = (
        "I'm sorry, I have to end this call now. Please call again in a minute. Goodbye."
    )
    budget_goodbye: str = (
        "I'm sorry, I have to end this call now. Please call again another time. Goodbye."
    )
    """Said when a call has cost as much as it may."""
    staff_goodbye: str = (
        "I'm sorry, I have to end this call now. Please call again another time. Goodbye."
    )
    """Said when somebody of the staff ends the call."""
    apology: str = (
        "I'm sorry, something has gone wrong on our side and I can't go on with this call. "
        "Nothing you agreed to is lost. Please call again in a few minutes. Goodbye."
    )
    """Spoken from our own recording when no engine can speak any more."""
    sorry: str = "I'm sorry, something has gone wrong on our side."
    """The same in short, when somebody else takes the call over."""
    nobody_free: str = "I'm sorry, nobody is free to take your call just now. How else can I help?"
    """Said to a caller who could not be put through."""
    broke_off: str = "Sorry, the line broke off for a moment."
    """Said first on a new stream, when the one before it broke."""
    where_were_we: str = "Where were we?"
    """Said after it where no answer is owed."""
    not_done: str = "I'm sorry, I was too quick: that is not done yet. Shall I do it now?"
    """Said instead of a claim that something was done which was not even tried."""
    not_worked: str = "I'm sorry, that did not work. What would you like to do instead?"
    """The same when it was tried in vain."""
    not_sure: str = "I'm sorry, I can't tell yet whether that worked."
    """The same when nobody knows whether it worked."""
