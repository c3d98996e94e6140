"""HubSpot's book of contacts behind the port: looks before it creates, so nothing is twice."""

from collections.abc import Awaitable, Callable, Sequence

from tools.crm.outside.http import Carrier
from tools.crm.outside.hubspot import BATCH, Dialect, Record, existing, lost, made
from tools.crm.outside.wire import Answer, Request, check, decoded
from tools.crm.port import BookError, By, Card, Cards, Kind, NoteCard, TaskCard, Trouble

NAME = "hubspot"


class HubSpotBook:
    """See `tools.crm.port.Book`. One object may serve many calls at once."""

    def __init__(self, carrier: Carrier, dialect: Dialect, read_s: float, write_s: float) -> None:
        """`read_s`, `write_s`: how long one request of either kind may take."""
        self._carrier = carrier
        self._dialect = dialect
        self._read_s = read_s
        self._write_s = write_s

    @property
    def name(self) -> str:
        return NAME

    # ---- finding -----------------------------------------------------------------------------

    async def find(self, by: By, value: str) -> Card | None:
        if by is By.EMAIL:
            record = await self._record(self._dialect.find(by, value), self._read_s)
            return self._dialect.card(record) if record else None
        answer = await self._ask(self._dialect.find(by, value), self._read_s)
        return self._dialect.with_number(answer, value)

    async def search(self, text: str, after: str = "") -> Cards:
        answer = await self._ask(self._dialect.search(text, after), self._write_s)
        return self._dialect.cards(answer)

    # ---- keeping -----------------------------------------------------------------------------

    async def put_contact(self, card: Card, key: str, *, again: bool = False) -> str:
        theirs = await self._theirs(card)
        if theirs is not None:
            return await self._update(theirs, card, key)
        answer = await self._carry(self._dialect.create(card, key))
        found = existing(answer)
        if found is None:
            self._check(answer)
            return made(answer)
        # Somebody else has just created it, or our search did not see it yet.
        theirs = await self._stored(Kind.CONTACT, found) if found else await self._theirs(card)
        if theirs is None:
            raise lost(Kind.CONTACT)
        return await self._update(theirs, card, key)

    async def put_note(self, ref: str, note: NoteCard, key: str, *, again: bool = False) -> str:
        request = self._dialect.note(ref, note, key)
        return await self._once(Kind.NOTE, note.token, request, again=again)

    async def put_task(
        self, ref: str, task: TaskCard, known: str, key: str, *, again: bool = False
    ) -> str:
        if known:
            return made(await self._write(self._dialect.change_task(known, task, key)))
        request = self._dialect.task(ref, task, key)
        return await self._once(Kind.TASK, task.token, request, again=again)

    async def has(self, card: Card) -> bool:
        """Whether this person is there, by our id, their e-mail address or a number."""
        return await self._theirs(card) is not None

    async def put_contacts(self, cards: Sequence[Card], key: str) -> dict[str, str]:
        """Many at once, at most `BATCH`: HubSpot's ids by token, of those that were taken.

        Only for people it may not have yet: a record with the same e-mail address is refused.
        """
        assert len(cards) <= BATCH, "more than one batch takes"
        return self._dialect.upserted(await self._write(self._dialect.upsert(cards, key)))

    # ---- one step ----------------------------------------------------------------------------

    async def _theirs(self, card: Card) -> Record | None:
        """The record this card is about: with our id, linked, or known by e-mail or number."""
        looks: list[Callable[[], Awaitable[Record | None]]] = []
        if card.token:
            looks.append(lambda: self._own(Kind.CONTACT, card.token))
        if card.ref:
            looks.append(lambda: self._stored(Kind.CONTACT, card.ref))
        if card.email:
            looks.append(lambda: self._record(self._dialect.find(By.EMAIL, card.email)))
        looks.extend(self._by_number(number) for number in card.numbers)
        for look in looks:
            found = await look()
            if found is not None:
                return found
        return None

    def _by_number(self, number: str) -> Callable[[], Awaitable[Record | None]]:
        async def look() -> Record | None:
            answer = await self._ask(self._dialect.find(By.NUMBER, number), self._write_s)
            found = self._dialect.with_number(answer, number)
            return await self._stored(Kind.CONTACT, found.ref) if found else None

        return look

    async def _update(self, theirs: Record, card: Card, key: str) -> str:
        dialect = self._dialect
        ours = card.token == (theirs.properties.get(dialect.id_property) or "") != ""
        changes = dialect.changes(theirs, card, ours=ours)
        if changes:
            await self._write(dialect.update(theirs.id, changes, key))
        return theirs.id

    async def _once(self, kind: Kind, token: str, create: Request, *, again: bool) -> str:
        """Create a record of ours that nobody else has, unless an earlier try did."""
        before = await self._own(kind, token) if again else None
        if before is not None:
            return before.id
        answer = await self._carry(create)
        if existing(answer) is None:
            self._check(answer)
            return made(answer)
        there = await self._own(kind, token)
        if there is None:
            raise lost(kind)
        return there.id

    async def _own(self, kind: Kind, token: str) -> Record | None:
        return await self._record(self._dialect.read(kind, token, self._dialect.id_property))

    async def _stored(self, kind: Kind, ref: str) -> Record | None:
        return await self._record(self._dialect.read(kind, ref))

    async def _record(self, request: Request, within_s: float = 0.0) -> Record | None:
        try:
            answer = await self._ask(request, within_s or self._write_s)
        except BookError as error:
            if error.trouble is Trouble.GONE:
                return None
            raise
        record: Record = decoded(answer, Record)
        return record

    async def _ask(self, request: Request, within_s: float) -> Answer:
        answer = await self._carrier.carry(request, within_s)
        self._check(answer)
        return answer

    async def _write(self, request: Request) -> Answer:
        answer = await self._carry(request)
        self._check(answer)
        return answer

    async def _carry(self, request: Request) -> Answer:
        return await self._carrier.carry(request, self._write_s)

    def _check(self, answer: Answer) -> None:
        check(answer, self._carrier.clock())
