"""When a response may be asked for: one at a time, and never against the server's own.

With server VAD the server itself creates the response to each caller turn, between
`speech_stopped` and `response.created`. A `response.create` of ours in that span would either
be refused or take the place of the answer to what the caller just said. So ours waits

- while any response is active, until its `response.done` (not until its cancellation is asked for);
- while a create of ours is unanswered;
- while the caller speaks, and then until the server's own response has been created, or has
  failed to come for `OWED_S`.

Where the call decides which turns are answered, the server creates nothing by itself, so there
is nothing to wait for after the caller has spoken.

A create that crosses `speech_started` on the wire is harmless: the server starts it and cancels
it at once, or refuses it with `conversation_already_has_active_response`; then it waits again.
"""

from collections import deque
from enum import Enum

import msgspec

OWED_S = 3.0
"""The server creates its response within milliseconds of the end of a turn; so late, it forgot."""
CREATE_S = 4.0
"""A create that is neither obeyed nor refused for so long is asked once more, then given up."""
BLOCKED_S = 1.0
"""Pause after a refusal that names an active response nobody told us of."""


class Wish(msgspec.Struct, frozen=True):
    """A response we want."""

    text: str | None = None
    """To be said word for word; None lets the model answer by itself."""
    tries: int = 0
    """Creates that vanished without an answer so far."""


ANSWER = Wish()


class Creation(msgspec.Struct, frozen=True):
    """A response.create on its way."""

    wish: Wish
    token: str
    """Sent as metadata, which the server repeats: how we know our own responses."""
    sent_at: float


class _Floor(Enum):
    FREE = "free"
    CALLER = "caller"
    """The caller speaks."""
    SERVER = "server"
    """The caller finished; the server's own response is due."""


class ResponseGate:
    """Decides which response is asked for next, and when."""

    def __init__(self, *, server_answers: bool = True) -> None:
        self._server_answers = server_answers
        self._active: dict[str, Wish | None] = {}
        self._wishes: deque[Wish] = deque()
        self._creation: Creation | None = None
        self._creations = 0
        self._floor = _Floor.FREE
        self._owed_until = 0.0
        self._again: tuple[Wish, float] | None = None
        self._blocked_until = 0.0

    @property
    def creating(self) -> Creation | None:
        return self._creation

    @property
    def server_owes(self) -> bool:
        return self._floor is _Floor.SERVER

    def is_active(self, response_id: str) -> bool:
        return response_id in self._active

    def wish(self, text: str) -> None:
        """Have this said as soon as it may be."""
        self._wishes.append(Wish(text))

    def answer(self) -> None:
        """Have the caller's turn answered as soon as may be; once, however many turns it had."""
        if ANSWER not in self._wishes:
            self._wishes.append(ANSWER)

    def speech_started(self) -> None:
        self._floor = _Floor.CALLER

    def turn_ended(self, now: float) -> None:
        """The server closed the caller's turn (or its own idle timer) and will answer it."""
        if not self._server_answers:
            self._floor = _Floor.FREE
            return
        self._floor = _Floor.SERVER
        self._owed_until = now + OWED_S

    def created(self, response_id: str, token: str | None) -> Wish | None:
        """A response exists. The wish it grants, or None when the server began it by itself."""
        creation = self._creation
        granted = creation.wish if creation is not None and token == creation.token else None
        if granted is not None:
            self._creation = None
        else:
            self._drop_plain_retry()
        self._active[response_id] = granted
        if self._floor is _Floor.SERVER:
            self._floor = _Floor.FREE
        return granted

    def _drop_plain_retry(self) -> None:
        # The server answers by itself now; a second answer to the same words would follow.
        if self._again is not None and self._again[0].text is None:
            self._again = None
        if self._server_answers and ANSWER in self._wishes:
            self._wishes.remove(ANSWER)

    def done(self, response_id: str, token: str | None) -> Wish | None:
        """A response is over. The wish it granted, or None when it was the server's own."""
        creation = self._creation
        known = response_id in self._active
        wish = self._active.pop(response_id, None)
        if creation is None:
            return wish
        # Without metadata it was ours if it was created while ours was on the way and ours was
        # never refused: some gateways do not repeat metadata.
        if token == creation.token or (known and token is None):
            self._creation = None
            return creation.wish
        return wish

    def refused_as_busy(self, now: float) -> None:
        """The server will not have our create beside an active response."""
        creation = self._creation
        self._creation = None
        if not self._active:
            self._blocked_until = now + BLOCKED_S
        # The server's own answer serves as a plain one too, and outputs still unanswered ask
        # for theirs again by themselves.
        if creation is not None and (creation.wish.text is not None or not self._server_answers):
            self._wishes.appendleft(creation.wish)

    def withdraw(self) -> Wish | None:
        """Forget the create on its way, which has failed; its wish."""
        creation, self._creation = self._creation, None
        return creation.wish if creation is not None else None

    def again(self, wish: Wish, at: float) -> None:
        """Ask for a failed response once more at a later time."""
        self._again = (wish, at)

    def owed_is_lost(self, now: float) -> None:
        """The server's own response was refused or never came: ask for it ourselves."""
        self._floor = _Floor.FREE
        if not self._busy and not self._wishes and self._again is None:
            self._again = (ANSWER, now)

    @property
    def _busy(self) -> bool:
        return bool(self._active) or self._creation is not None

    def wake(self, now: float) -> bool:
        """Time has passed. False when a create was given up: the server no longer answers."""
        if self._floor is _Floor.SERVER and now >= self._owed_until:
            self.owed_is_lost(now)
        creation = self._creation
        if creation is None or self._active or now < creation.sent_at + CREATE_S:
            return True
        self._creation = None
        if creation.wish.tries:
            return False
        self._wishes.appendleft(Wish(creation.wish.text, tries=1))
        return True

    def create(self, now: float, *, answer_owed: bool) -> Creation | None:
        """The response to ask for now, if any; it is on its way from here on."""
        if self._busy or self._floor is not _Floor.FREE or now < self._blocked_until:
            return None
        wish = self._next_wish(now, answer_owed)
        if wish is None:
            return None
        self._creations += 1
        self._creation = Creation(wish, str(self._creations), now)
        return self._creation

    def _next_wish(self, now: float, answer_owed: bool) -> Wish | None:
        if self._again is not None:
            wish, at = self._again
            if now < at:
                return None
            self._again = None
            return wish
        if self._wishes:
            return self._wishes.popleft()
        return ANSWER if answer_owed else None

    def next_deadline(self, *, answer_owed: bool) -> float | None:
        """When `wake` and `create` want to be called although nothing has happened."""
        due: list[float] = []
        if self._floor is _Floor.SERVER:
            due.append(self._owed_until)
        if self._creation is not None and not self._active:
            due.append(self._creation.sent_at + CREATE_S)
        if not self._busy and self._floor is _Floor.FREE:
            due += self._pauses(answer_owed)
        return min(due, default=None)

    def _pauses(self, answer_owed: bool) -> list[float]:
        if self._again is not None:
            return [max(self._again[1], self._blocked_until)]
        return [self._blocked_until] if self._wishes or answer_owed else []
