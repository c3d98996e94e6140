"""What a dialogue wants done next."""

import msgspec


class Speak(msgspec.Struct, frozen=True):
    """Say this, as one spoken item."""

    text: str


class CallTool(msgspec.Struct, frozen=True):
    tool_call_id: str
    name: str
    arguments_json: str


class Consult(msgspec.Struct, frozen=True):
    """Ask the language model, and say and do what it answers."""

    body: bytes
    """Of the request, JSON."""


Act = Speak | CallTool | Consult
