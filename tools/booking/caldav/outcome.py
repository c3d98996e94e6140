"""How a request to a calendar server can end, each by a name that status and docs use."""

from enum import Enum


class Outcome(Enum):
    """What became of the last round, or of one request."""

    OK = "ok"
    NEVER = "never"
    """Not tried yet."""
    WRONG_PASSWORD = "wrong_password"  # noqa: S105
    FORBIDDEN = "forbidden"
    NO_CALENDAR = "no_calendar"
    PARENT_MISSING = "parent_missing"
    CHANGED_MEANWHILE = "changed_meanwhile"
    LOCKED = "locked"
    TOO_MANY_REQUESTS = "too_many_requests"
    STORAGE_FULL = "storage_full"
    SERVER_ERROR = "server_error"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    UNREACHABLE = "unreachable"
    BAD_CERTIFICATE = "bad_certificate"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    NONSENSE = "nonsense"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    NO_PASSWORD = "no_password"  # noqa: S105
    DATABASE = "database"


MEANINGS: dict[Outcome, str] = {
    Outcome.OK: "Both sides agree.",
    Outcome.NEVER: "Not tried yet.",
    Outcome.WRONG_PASSWORD: "The server refuses user or password (401).",
    Outcome.FORBIDDEN: "The user may not read or write this calendar (403).",
    Outcome.NO_CALENDAR: "There is no calendar at this URL (404, 410).",
    Outcome.PARENT_MISSING: "The folder above the calendar is missing (409).",
    Outcome.CHANGED_MEANWHILE: "The event changed each time we looked (412); tried again later.",
    Outcome.LOCKED: "The event is locked (423); tried again later.",
    Outcome.TOO_MANY_REQUESTS: "The server wants fewer requests (429); its wait is kept.",
    Outcome.STORAGE_FULL: "The server has no room left (507).",
    Outcome.SERVER_ERROR: "The server failed (5xx).",
    Outcome.REFUSED: "The server refused the request for another reason (4xx).",
    Outcome.REDIRECTED: "The server sends us elsewhere (3xx); enter the final URL.",
    Outcome.UNREACHABLE: "No connection to the server.",
    Outcome.BAD_CERTIFICATE: "The server's certificate is not trusted.",
    Outcome.TOO_SLOW: "The server did not answer in time.",
    Outcome.TOO_LARGE: "The answer, or the calendar, is too large.",
    Outcome.NONSENSE: "The answer is not WebDAV.",
    Outcome.TOKEN_EXPIRED: "The server forgot where we were; everything is read again.",
    Outcome.NO_PASSWORD: "There is no secret of the name that shop.yaml gives as its password.",
    Outcome.DATABASE: "Our own database could not be used.",
}
"""For people; docs/calendars.md has the same list."""

_BY_STATUS = {
    401: Outcome.WRONG_PASSWORD,
    403: Outcome.FORBIDDEN,
    404: Outcome.NO_CALENDAR,
    409: Outcome.PARENT_MISSING,
    410: Outcome.NO_CALENDAR,
    412: Outcome.CHANGED_MEANWHILE,
    423: Outcome.LOCKED,
    429: Outcome.TOO_MANY_REQUESTS,
    507: Outcome.STORAGE_FULL,
}

OF_ONE_EVENT = frozenset(
    {Outcome.PARENT_MISSING, Outcome.CHANGED_MEANWHILE, Outcome.LOCKED, Outcome.REFUSED}
)
"""What concerns one event only: the others are still worth trying."""


def of_status(status: int) -> Outcome:
    """What an HTTP status means, 2xx included."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    match status // 100:
        case 2:
            return Outcome.OK
        case 3:
            return Outcome.REDIRECTED
        case 4:
            return Outcome.REFUSED
        case 5:
            return Outcome.SERVER_ERROR
        case _:
            return Outcome.NONSENSE


class DavError(Exception):
    """A request that did not do what it should; holds nothing that was sent or received."""

    def __init__(
        self, outcome: Outcome, detail: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{outcome.value}: {detail}" if detail else outcome.value)
        self.outcome = outcome
        self.detail = detail
        self.retry_after_s = retry_after_s
