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
        return self.count(number, context, good=self.fits(number, said, context))

    def fits(self, number: str, said: Said, context: ToolContext) -> bool:
        """Whether the caller knows what is known of their number. Only for what is counted, too."""
        contact = self._contacts.find(number)
        return passes(self._rules, said, contact, self._appointments(number, contact, context))

    def count(self, who: str, context: ToolContext, *, good: bool) -> Checked:
        """One try of `who`: a number, or the call's id where that is withheld."""
        # Of tries at once, each round counts one at least.
        looks = max(self._rules.tries_per_call, self._rules.tries_per_day) + 2
        return self._store.contend(
            lambda connection: self._count(connection, who, context, good=good), "check", looks
        )

    def exhausted(self, who: str, context: ToolContext) -> bool:
        """No further try counts, right or wrong."""
        return self._store.read(lambda connection: self._spent(connection, who, context)[0])

    def made_with(self, key: str) -> Checked | None:
        return self._store.read(lambda connection: _made_with(connection, key))

    def _spent(
        self, connection: sa.Connection, number: str, context: ToolContext
    ) -> tuple[bool, int, int]:
        """Whether there is no try left, and how many there were in the call and in the day."""
        of_day = sa.and_(CHECKS.c.number == number, CHECKS.c.day == _day(context))
        in_call = _tries(connection, CHECKS.c.call_id == context.call_id)
        in_day = _tries(connection, of_day)
        rules = self._rules
        return in_call >= rules.tries_per_call or in_day >= rules.tries_per_day, in_call, in_day

    def _count(
        self, connection: sa.Connection, number: str, context: ToolContext, *, good: bool
    ) -> Checked:
        again = _made_with(connection, context.idempotency_key)
        if again is not None:
            return again
        spent, in_call, in_day = self._spent(connection, number, context)
        if spent:
            return Checked.TOO_OFTEN
        row = {
            "idempotency_key": context.idempotency_key,
            "call_id": context.call_id,
            "in_call": in_call + 1,
            "number": number,
            "day": _day(context),
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


def _day(context: ToolContext) -> str:
    return context.now.date().isoformat()


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
