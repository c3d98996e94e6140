"""How the HTTP API says no: every error is a problem document (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException

from telephony.console.views import ConflictView, ErrorView, Problem, error_views
from tools.config import ConfigError
from tools.spec import BackendError
from tools.store import CommitUnknownError
from tools.versions.spec import NoVersion

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:frontdesk:problem:"
RETRY_S = "1"
# Not from the phrase of the status: Python renamed some.
_CODES = {400: "bad-request", 404: "not-found", 405: "method-not-allowed", 413: "too-large"}


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """A request that is answered with a problem."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: list[ErrorView] | None = None,
        conflict: ConflictView | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`code` is a word for programs, `detail` a sentence for people."""
        super().__init__(detail)
        self.problem = Problem(
            type=f"{TYPE}{code}",
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            errors=errors or [],
            conflict=conflict,
        )
        self.headers = dict(headers or {})

    def response(self) -> Response:
        headers = {"Cache-Control": "no-store", **self.headers}
        # Half a surrogate pair, quoted back from a request, would break an encoder that is strict.
        body = self.problem.model_dump_json(ensure_ascii=True)
        return Response(body, self.problem.status, headers, MEDIA_TYPE)


KNOWN = (
    Refused,
    StarletteHTTPException,
    RequestValidationError,
    ConfigError,
    NoVersion,
    BackendError,
    CommitUnknownError,
)
"""What `problem_of` has an answer to besides what was not expected."""


def answer_with_problems(app: FastAPI) -> None:
    """From now on every error of this application is a problem document."""
    for kind in (*KNOWN, Exception):
        app.add_exception_handler(kind, _answer)


def _answer(_request: Request, error: Exception) -> Response:
    return problem_of(error).response()


def problem_of(error: Exception) -> Refused:
    """What is answered to whoever asked; what they cannot mend is logged."""
    match error:
        case Refused():
            return error
        case StarletteHTTPException():
            code = _CODES.get(error.status_code, "http")
            return Refused(error.status_code, code, str(error.detail), headers=error.headers)
        case RequestValidationError():
            return _invalid(error)
        case ConfigError():
            return Refused(422, "bad-file", str(error), errors=error_views([error]))
        case NoVersion():
            return Refused(404, "no-version", str(error))
        case BackendError():
            log.error("api_database_failed", error=str(error))
            detail = "The database cannot be reached just now; nothing was changed."
            return Refused(503, "database", detail, headers={"Retry-After": RETRY_S})
        case CommitUnknownError():
            log.error("api_commit_unknown", error=str(error))
            detail = "The database broke off: look into the history whether the change was made."
            return Refused(503, "unknown", detail, headers={"Retry-After": RETRY_S})
    log.error("api_failed", exc_info=error)
    return Refused(500, "internal", "Something went wrong on our side; the log says more.")


def _invalid(error: RequestValidationError) -> Refused:
    errors = [
        ErrorView(where=".".join(str(step) for step in each["loc"])[:200], what=each["msg"])
        for each in error.errors()[:50]
    ]
    return Refused(422, "bad-request", "The request is not as described.", errors=errors)
