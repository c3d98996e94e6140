"""Who may sign in: people with a role, of whom every one has a name of their own."""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from telephony.console.access.roles import Role
from telephony.console.access.tables import LINKS, RECOVERY_CODES, SESSIONS, USERS
from telephony.console.access.tokens import new_id
from tools.store import Store

NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?")


class User(msgspec.Struct, frozen=True):
    id: str
    name: str
    role: Role
    password: str | None
    """argon2id; None until one was chosen."""
    totp_secret: str | None
    totp_step: int
    subject: str | None
    created_at: dt.datetime
    disabled_at: dt.datetime | None


class NameTaken(Exception):  # noqa: N818 - an answer, not an error
    """Somebody has this name already."""


class LastAdmin(Exception):  # noqa: N818 - an answer, not an error
    """Then nobody could let anybody in any more."""


class Users:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._clock = clock

    def all(self) -> list[User]:
        """By name."""
        query = sa.select(USERS).order_by(USERS.c.name)
        rows = self._store.read(lambda connection: connection.execute(query).all())
        return [user_of(row) for row in rows]

    def find(self, user_id: str) -> User | None:
        return self._one(USERS.c.id == user_id)

    def named(self, name: str) -> User | None:
        """Capitals do not count."""
        return self._one(USERS.c.name == name.strip().lower())

    def known_as(self, subject: str) -> User | None:
        """By who they are at the single sign-on."""
        return self._one(USERS.c.subject == subject)

    def _one(self, condition: sa.ColumnElement[bool]) -> User | None:
        query = sa.select(USERS).where(condition)
        row = self._store.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else user_of(row)

    def add(self, name: str, role: Role, *, subject: str | None = None) -> User:
        """Somebody without a password. Raises ValueError for a name of no use, and NameTaken."""
        user = User(
            id=new_id(),
            name=checked_name(name),
            role=role,
            password=None,
            totp_secret=None,
            totp_step=0,
            subject=subject,
            created_at=self._clock(),
            disabled_at=None,
        )
        values = {**msgspec.structs.asdict(user), "role": role.value}
        try:
            self._store.write(lambda connection: connection.execute(sa.insert(USERS), values))
        except IntegrityError:
            raise NameTaken(f"There is a user {user.name} already.") from None
        return user

    def set_password(self, user_id: str, hashed: str) -> None:
        """Ends all sessions and links of the user: whoever had the old one is out."""

        def work(connection: sa.Connection) -> None:
            _change(connection, user_id, password=hashed)
            _let_go(connection, user_id)

        self._store.write(work)

    def link(self, user_id: str, subject: str) -> None:
        """From now on this is who they are at the single sign-on."""
        self._store.write(lambda connection: _change(connection, user_id, subject=subject))

    def set_role(self, user_id: str, role: Role) -> None:
        """Raises LastAdmin."""

        def work(connection: sa.Connection) -> None:
            with _keeping_an_admin(connection, user_id):
                _change(connection, user_id, role=role.value)

        self._store.write(work)

    def disable(self, user_id: str, *, disabled: bool) -> None:
        """Ends all their sessions. Raises LastAdmin."""

        def work(connection: sa.Connection) -> None:
            with _keeping_an_admin(connection, user_id):
                _change(connection, user_id, disabled_at=self._clock() if disabled else None)
            _let_go(connection, user_id)

        self._store.write(work)

    def remove(self, user_id: str) -> None:
        """What they did stays in the audit log. Raises LastAdmin."""

        def work(connection: sa.Connection) -> None:
            _let_go(connection, user_id)
            codes = sa.delete(RECOVERY_CODES).where(RECOVERY_CODES.c.user_id == user_id)
            connection.execute(codes)
            with _keeping_an_admin(connection, user_id):
                connection.execute(sa.delete(USERS).where(USERS.c.id == user_id))

        self._store.write(work)


def checked_name(name: str) -> str:
    """Raises ValueError saying what a name may be."""
    plain = name.strip().lower()
    if not NAME.fullmatch(plain):
        what = "1 to 64 letters a to z, digits and . _ @ + -, such as a mail address"
        raise ValueError(f"A name has {what}.")
    return plain


def user_of(row: sa.Row[tuple[object, ...]]) -> User:
    values = {name: getattr(row, name) for name in User.__struct_fields__}
    return User(**{**values, "role": Role(values["role"])})


def _change(connection: sa.Connection, user_id: str, **values: object) -> None:
    connection.execute(sa.update(USERS).where(USERS.c.id == user_id).values(**values))


def _let_go(connection: sa.Connection, user_id: str) -> None:
    for table in (SESSIONS, LINKS):
        connection.execute(sa.delete(table).where(table.c.user_id == user_id))


@contextmanager
def _keeping_an_admin(connection: sa.Connection, user_id: str) -> Iterator[None]:
    """Raises LastAdmin, and so undoes what was done, if there was an admin and is none any more."""
    admins = (USERS.c.role == Role.ADMIN.value) & USERS.c.disabled_at.is_(None)
    # All of them, and in order: so two of them cannot put each other out at the same moment.
    query = sa.select(USERS.c.id).where(admins).order_by(USERS.c.id).with_for_update()
    before = connection.execute(query).scalars().all()
    yield
    if user_id in before and not connection.execute(query).all():
        raise LastAdmin("There must be an admin: make somebody else one before.")


def can_sign_in(users: Sequence[User]) -> bool:
    """Whether one of them can sign in as an admin."""
    return any(
        user.role is Role.ADMIN and user.disabled_at is None and (user.password or user.subject)
        for user in users
    )
