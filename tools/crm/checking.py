"""Whether the caller of this call has shown that they are who their number says."""

import datetime as dt
import zoneinfo
from enum import Enum

import sqlalchemy as sa

from tools.booking.tables import BOOKINGS
from tools.crm.contacts import Contacts
from tools.crm.identity import Appointment, CheckRules, Said, passes
from tools.crm.records import Contact
from tools.crm.tables import CHECKS
from tools.spec import ToolContext
from tools.store import Store


class Checked(Enum):
    PASSED = "passed"
    WRONG = "wrong"
    TOO_OFTEN = "too often"


class Checks:
    """Every method blocks. BackendError when nothing was changed because the database failed."""

    def __init__(self, store: Store, contacts: Contacts, rules: CheckRules) -> None:
        self._store = store
        self._contacts = contacts
        self._rules = rules

    def passed(self, call_id: str, number: str) -> bool:
        """Whether this call's caller, from this number, has been checked."""
        query = sa.select(CHECKS.c.id).where(
            CHECKS.c.call_id == call_id, CHECKS.c.number == number, CHECKS.c.passed
        )
        return self._store.read(lambda c: c.execute(query.limit(1)).first() is not None)

    def check(self, number: str, said: Said, context: ToolContext) -> Checked:
        """Compare what the caller said with what is known of their number.

        Every try counts, in the call and in the day of `context.now`, right or wrong; the same
        effect again is the same try.
        """
        contact = self._contacts.find(number)
        good = passes(self._rules, said, contact, self._appointments(number, contact, context))
        # Of tries at once, each round counts one at least.
        looks = max(self._rules.tries_per_call, self._rules.tries_per_day) + 2
        return self._store.contend(
            lambda connection: self._count(connection, number, context, good=good), "check", looks
        )

    def made_with(self, key: str) -> Checked | None:
        return self._store.read(lambda connection: _made_with(connection, key))

    def _count(
        self, connection: sa.Connection, number: str, context: ToolContext, *, good: bool
    ) -> Checked:
        again = _made_with(connection, context.idempotency_key)
        if again is not None:
            return again
        day = context.now.date().isoformat()
        of_day = sa.and_(CHECKS.c.number == number, CHECKS.c.day == day)
        in_call = _tries(connection, CHECKS.c.call_id == context.call_id)
        in_day = _tries(connection, of_day)
        if in_call >= self._rules.tries_per_call or in_day >= self._rules.tries_per_day:
            return Checked.TOO_OFTEN
        row = {
            "idempotency_key": context.idempotency_key,
            "call_id": context.call_id,
            "in_call": in_call + 1,
            "number": number,
            "day": day,
            "in_day": in_day + 1,
            "passed": good,
            "at": context.now,
        }
        connection.execute(sa.insert(CHECKS).values(**row))
        return Checked.PASSED if good else Checked.WRONG

    def _appointments(
        self, number: str, contact: Contact | None, context: ToolContext
    ) -> list[Appointment]:
        """Those to come, but not this call's own: who makes one knows it."""
        numbers = contact.numbers if contact else (number,)
        query = sa.select(BOOKINGS.c.name, BOOKINGS.c.starts_at, BOOKINGS.c.zone).where(
            BOOKINGS.c.caller_number.in_(numbers),
            BOOKINGS.c.call_id != context.call_id,
            BOOKINGS.c.state == "booked",
            BOOKINGS.c.starts_at >= context.now,
        )
        return self._store.read(
            lambda c: [_appointment(*row) for row in c.execute(query.limit(50))]
        )


def _appointment(name: str, starts_at: dt.datetime, zone: str) -> Appointment:
    return Appointment(name, starts_at.astimezone(zoneinfo.ZoneInfo(zone)).date())


def _tries(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.select(sa.func.count()).where(which)).scalar_one()


def _made_with(connection: sa.Connection, key: str) -> Checked | None:
    query = sa.select(CHECKS.c.passed).where(CHECKS.c.idempotency_key == key)
    passed = connection.execute(query).scalar_one_or_none()
    if passed is None:
        return None
    return Checked.PASSED if passed else Checked.WRONG
