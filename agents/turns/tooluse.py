"""Which tool calls wait for their output, and when the model is to speak about what came."""


class OpenCalls:
    """The tool calls of one session."""

    def __init__(self, rounds: int) -> None:
        """`rounds`: so many responses in a row may call tools."""
        self._most_rounds = rounds
        self._rounds = 0
        self._response_of: dict[str, str] = {}
        """Of the calls without output."""
        self._unfinished: set[str] = set()
        """Responses that are still coming in, and have called."""
        self._owed: set[str] = set()
        """Responses some output of which wants to be answered."""

    @property
    def may_call(self) -> bool:
        return self._rounds < self._most_rounds

    def new_turn(self) -> None:
        """The caller has said something that counts: the rounds begin again."""
        self._rounds = 0

    def called(self, response_id: str, tool_call_id: str) -> None:
        self._response_of[tool_call_id] = response_id
        self._unfinished.add(response_id)

    def round_over(self) -> None:
        """A response that called tools has ended well."""
        self._rounds += 1

    def response_done(self, response_id: str) -> None:
        self._unfinished.discard(response_id)

    def answered(self, tool_call_id: str, *, respond: bool) -> bool:
        """Take note of an output; False when no such call is open."""
        response_id = self._response_of.pop(tool_call_id, None)
        if response_id is None:
            return False
        if respond:
            self._owed.add(response_id)
        return True

    def take_owed(self) -> bool:
        """Whether a reply is owed now: some response is done, and all its calls have outputs."""
        waiting = self._unfinished | set(self._response_of.values())
        ready = self._owed - waiting
        self._owed -= ready
        return bool(ready)
