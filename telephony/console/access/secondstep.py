"""The second step of signing in: codes of an app (RFC 6238), and codes for when it is lost."""

import datetime as dt
import io
import secrets
from collections.abc import Callable

import pyotp
import segno
import sqlalchemy as sa

from telephony.console.access.tables import RECOVERY_CODES, USERS
from telephony.console.access.tokens import digest, same
from telephony.console.access.users import User
from tools.store import Store

ISSUER = "Frontdesk"
STEP_S = 30
WINDOW = 1
"""Clocks may be this many steps apart."""
RECOVERY = 10
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def new_secret() -> str:
    return pyotp.random_base32()


def address(secret: str, name: str) -> str:
    """What the picture says, for apps: otpauth://..."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def picture(secret: str, name: str) -> str:
    """The address as a QR code: an <svg> element without styles of its own."""
    out = io.BytesIO()
    code = segno.make(address(secret, name), error="m", micro=False)
    code.save(
        out, kind="svg", xmldecl=False, svgns=True, nl=False, scale=4, border=3,
        svgclass="qr", lineclass=None, omitsize=True, light="#fff",
    )  # fmt: skip
    return out.getvalue().decode()


def step_of(code: str, secret: str, now: dt.datetime) -> int | None:
    """The time step this code is of, near enough to now; None for any other code."""
    totp = pyotp.TOTP(secret, interval=STEP_S)
    digits = "".join(code.split())
    current = int(now.timestamp()) // STEP_S
    found = None
    # All of them, whichever it is: nothing is learned from how long it takes.
    for step in range(current - WINDOW, current + WINDOW + 1):
        if same(digits, totp.generate_otp(step)):
            found = step
    return found


class SecondStep:
    """Every method blocks; BackendError when the database cannot be reached."""

    def __init__(self, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._store = store
        self._clock = clock

    def take(self, user: User, code: str) -> bool:
        """Whether this code opens, once: a code that was used, or one before it, does not again.
        A recovery code does, and is gone."""
        if user.totp_secret is None:
            return False
        step = step_of(code, user.totp_secret, self._clock())
        if step is None:
            return self._take_recovery(user, code)
        change = (
            sa.update(USERS)
            .where(USERS.c.id == user.id, USERS.c.totp_step < step)
            .values(totp_step=step)
        )
        return self._store.write(lambda connection: connection.execute(change).rowcount) > 0

    def _take_recovery(self, user: User, code: str) -> bool:
        plain = "".join(code.lower().split()).replace("-", "")
        gone = sa.delete(RECOVERY_CODES).where(
            RECOVERY_CODES.c.user_id == user.id, RECOVERY_CODES.c.code_hash == digest(plain)
        )
        return self._store.write(lambda connection: connection.execute(gone).rowcount) > 0

    def begin(self, user: User, secret: str, code: str) -> list[str] | None:
        """Ask this user for codes of this secret from now on, if the app shows the right one;
        gives the recovery codes, which are kept nowhere. None when the code is wrong."""
        step = step_of(code, secret, self._clock())
        if step is None:
            return None
        codes = [_recovery_code() for _ in range(RECOVERY)]

        def work(connection: sa.Connection) -> None:
            self._forget(connection, user.id)
            values = {"totp_secret": secret, "totp_step": step}
            connection.execute(sa.update(USERS).where(USERS.c.id == user.id).values(values))
            rows = [
                {"user_id": user.id, "code_hash": digest(code.replace("-", ""))} for code in codes
            ]
            connection.execute(sa.insert(RECOVERY_CODES), rows)

        self._store.write(work)
        return codes

    def end(self, user_id: str) -> None:
        """Ask for no codes any more."""
        self._store.write(lambda connection: self._forget(connection, user_id))

    def left(self, user_id: str) -> int:
        """How many recovery codes are left."""
        query = sa.select(sa.func.count()).where(RECOVERY_CODES.c.user_id == user_id)
        return self._store.read(lambda connection: int(connection.execute(query).scalar_one()))

    def _forget(self, connection: sa.Connection, user_id: str) -> None:
        connection.execute(sa.delete(RECOVERY_CODES).where(RECOVERY_CODES.c.user_id == user_id))
        change = sa.update(USERS).where(USERS.c.id == user_id)
        connection.execute(change.values(totp_secret=None))


def _recovery_code() -> str:
    """Ten characters, 49 bits; tries are counted."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    return f"{letters[:5]}-{letters[5:]}"
