"""Which tool calls wait for their output, and which outputs the model has yet to speak about.

A response knows an output only if the output's item stood in the conversation before the response
was created. The server handles our messages in order and reports each item it takes
(`conversation.item.added`), so the order of its own events decides: an output is answered by
the first response created after its item was reported. Counting on our own sending order instead
would lose outputs that crossed a response on the wire.
"""

from enum import Enum


class _State(Enum):
    OPEN = "open"
    """Called; no output given yet."""
    GIVEN = "given"
    """Output sent; the server has not reported it."""
    TAKEN = "taken"
    """The server has it in the conversation; no response has seen it."""


class ToolCalls:
    """The tool calls of one session."""

    def __init__(self) -> None:
        # Ids are kept for the whole session: a duplicate must be known however late it comes.
        self._known: set[str] = set()
        self._states: dict[str, _State] = {}
        self._response_of: dict[str, str] = {}
        self._unfinished: set[str] = set()
        self._said: dict[str, str] = {}
        """Of responses with calls that wait: what they said besides."""

    def called(self, response_id: str, tool_call_id: str) -> bool:
        """Take note of a call; False when it is one we know already."""
        if tool_call_id in self._known:
            return False
        self._known.add(tool_call_id)
        self._states[tool_call_id] = _State.OPEN
        self._response_of[tool_call_id] = response_id
        self._unfinished.add(response_id)
        return True

    def give(self, tool_call_id: str, *, respond: bool) -> bool:
        """An output is about to be sent; False when there is no open call for it."""
        if self._states.get(tool_call_id) is not _State.OPEN:
            return False
        if respond:
            self._states[tool_call_id] = _State.GIVEN
        else:
            self._forget(tool_call_id)
        return True

    def taken(self, tool_call_id: str) -> None:
        """The server reports the output's item."""
        if self._states.get(tool_call_id) is _State.GIVEN:
            self._states[tool_call_id] = _State.TAKEN

    def seen_by_response(self, *, ours: bool) -> None:
        """A response was created that goes by the conversation. One of ours comes after all
        we sent before it, even where a gateway reports no items."""
        seen = {_State.TAKEN, _State.GIVEN} if ours else {_State.TAKEN}
        for tool_call_id in [call for call, state in self._states.items() if state in seen]:
            self._forget(tool_call_id)

    def _forget(self, tool_call_id: str) -> None:
        del self._states[tool_call_id]
        response_id = self._response_of.pop(tool_call_id)
        if response_id not in self._response_of.values():
            self._said.pop(response_id, None)

    def response_done(self, response_id: str, said: str = "") -> None:
        """`said`: its words, if it spoke besides calling."""
        self._unfinished.discard(response_id)
        if response_id in self._response_of.values():
            self._said[response_id] = said

    def interrupted(self) -> None:
        """Not all that was said was heard: nothing is taken for said any more."""
        self._said.clear()

    def said_before_answer(self) -> str | None:
        """Not None when an answer is owed: some response is done, all its calls have outputs, and
        one of these is unanswered. Then it is what that response has said already."""
        if not self._states:  # As at nearly every frame of the caller, when this is asked.
            return None
        waiting = self._unfinished | {
            self._response_of[call] for call, at in self._states.items() if at is _State.OPEN
        }
        ready = {
            self._response_of[call] for call, at in self._states.items() if at is not _State.OPEN
        } - waiting
        return " ".join(filter(None, map(self._said.get, sorted(ready)))) if ready else None
