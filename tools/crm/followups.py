"""What the staff is to do for contacts: noted down once, listed, done or dropped."""

import datetime as dt

import msgspec
import sqlalchemy as sa

from tools.crm.contacts import Contacts, known
from tools.crm.outbox import enqueue, key_of
from tools.crm.port import Kind, TaskCard
from tools.crm.records import FollowUp, TaskState, follow_up
from tools.crm.tables import FOLLOW_UPS
from tools.spec import ToolContext, ToolRefusal
from tools.store import Store


class Task(msgspec.Struct, frozen=True):
    """A follow-up with whom it is for, as the staff sees it."""

    todo: FollowUp
    name: str
    numbers: tuple[str, ...]


class FollowUps:
    """Every method blocks. BackendError when nothing was changed because the database failed."""

    def __init__(self, store: Store, contacts: Contacts, book: str = "") -> None:
        self._store = store
        self._contacts = contacts
        self._book = book

    def add(self, number: str, text: str, due: dt.date | None, context: ToolContext) -> FollowUp:
        """Note a task for the contact of this number; the same effect again finds the same."""
        return self._store.contend(lambda c: self._add(c, number, text, due, context), "contact")

    def made_with(self, key: str) -> FollowUp | None:
        return self._store.read(lambda connection: _made_with(connection, key))

    def open(self, limit: int = 200) -> list[Task]:
        """What is to be done, by the day it is due; what has none comes last."""
        query = (
            sa.select(FOLLOW_UPS)
            .where(FOLLOW_UPS.c.state == TaskState.OPEN.value)
            .order_by(FOLLOW_UPS.c.due_on.is_(None), FOLLOW_UPS.c.due_on, FOLLOW_UPS.c.id)
            .limit(limit)
        )
        return self._store.read(lambda c: [_task(c, row) for row in c.execute(query)])

    def end(self, task_id: int, state: TaskState, by: str, now: dt.datetime) -> FollowUp:
        """Done or dropped; the same again changes nothing. ToolRefusal for another's ending."""
        return self._store.write(lambda connection: self._end(connection, task_id, state, by, now))

    def _add(
        self,
        connection: sa.Connection,
        number: str,
        text: str,
        due: dt.date | None,
        context: ToolContext,
    ) -> FollowUp:
        again = _made_with(connection, context.idempotency_key)
        if again is not None:
            return again
        contact = self._contacts.of_number(connection, number, context.now)
        row = {
            "idempotency_key": context.idempotency_key,
            "contact_id": contact.id,
            "call_id": context.call_id,
            "text": text,
            "due_on": due.isoformat() if due else None,
            "state": TaskState.OPEN.value,
            "created_at": context.now,
            "changed_at": context.now,
            "changed_by": "call",
        }
        connection.execute(sa.insert(FOLLOW_UPS).values(**row))
        made = _made_with(connection, context.idempotency_key)
        assert made is not None
        self._tell(connection, made, context.now)
        return made

    def _end(
        self, connection: sa.Connection, task_id: int, state: TaskState, by: str, now: dt.datetime
    ) -> FollowUp:
        mine = FOLLOW_UPS.c.id == task_id
        opened = sa.update(FOLLOW_UPS).where(mine, FOLLOW_UPS.c.state == TaskState.OPEN.value)
        change = opened.values(state=state.value, changed_at=now, changed_by=by)
        changed = connection.execute(change).rowcount
        row = connection.execute(sa.select(FOLLOW_UPS).where(mine)).one_or_none()
        if row is None:
            raise ToolRefusal(f"There is no task {task_id}.")
        found = follow_up(row)
        if found.state is not state:
            raise ToolRefusal(f"Task {task_id} is {found.state.value} already.")
        if changed:
            self._tell(connection, found, now)
        return found

    def _tell(self, connection: sa.Connection, task: FollowUp, now: dt.datetime) -> None:
        if not self._book:
            return
        card = TaskCard(
            own_id=task.id,
            token=key_of("task", task.id, task.created_at.isoformat()),
            text=task.text,
            due=task.due,
            state=task.state,
            at=task.created_at,
        )
        key = key_of(self._book, card.token, task.state.value)
        enqueue(connection, Kind.TASK, task.contact_id, card, key, now)


def _made_with(connection: sa.Connection, key: str) -> FollowUp | None:
    query = sa.select(FOLLOW_UPS).where(FOLLOW_UPS.c.idempotency_key == key)
    row = connection.execute(query).one_or_none()
    return follow_up(row) if row else None


def _task(connection: sa.Connection, row: sa.Row[tuple[object, ...]]) -> Task:
    todo = follow_up(row)
    contact = known(connection, todo.contact_id)
    return Task(todo, contact.name, contact.numbers)
