"""The HTTP API under /api/v1, put together: a new part of it is one line in `api`."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.routing import Mount

from telephony.console.approvals import approvals_router
from telephony.console.auth import Guard
from telephony.console.costs import costs_router
from telephony.console.desk import ConfigDesk
from telephony.console.problems import MEDIA_TYPE, answer_with_problems
from telephony.console.routes import author, config_router
from telephony.console.views import Problem
from telephony.console.waiting import waiting_router
from telephony.purse import Book
from telephony.version import VERSION
from tools.approvals import Approvals
from tools.booking.waiting import Waiting

API_PATH = "/api/v1"
_PROBLEM = {"$ref": "#/components/schemas/Problem"}


def api(
    key: str | None,
    config: ConfigDesk,
    approvals: Approvals,
    waiting: Callable[[], Waiting],
    book: Book,
    clock: Callable[[], dt.datetime],
) -> Mount:
    """Everything under API_PATH, behind the key; without one nothing is there."""
    app = FastAPI(
        title="Frontdesk",
        version=VERSION,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    answer_with_problems(app)
    app.include_router(config_router(config))
    app.include_router(approvals_router(approvals, clock, author))
    app.include_router(waiting_router(waiting, clock, author))
    app.include_router(costs_router(book, lambda: clock().date()))
    _describe(app)
    mount = Mount(API_PATH, app=Guard(app, key))
    # A line feed in a path would lead past the mount, and so past the key.
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


def _describe(app: FastAPI) -> None:
    """What the description cannot know by itself: the key, and the form of every problem."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            components = schema.setdefault("components", {})
            components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{"key": []}]
            schemas = components.setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            _add_problem(schemas)
            for path in schema["paths"].values():
                for operation in path.values():
                    _show_problems(operation["responses"], body="requestBody" in operation)
        assert app.openapi_schema is not None
        return app.openapi_schema

    # FastAPI's own way: https://fastapi.tiangolo.com/how-to/extending-openapi/
    app.openapi = openapi  # type: ignore[method-assign]


def _add_problem(schemas: dict[str, Any]) -> None:
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem


def _show_problems(responses: dict[str, Any], *, body: bool) -> None:
    for status in ("401", "413", "422", "503", *(["400"] if body else [])):
        responses.setdefault(status, {"description": "Refused"})
    for status, response in responses.items():
        if status >= "400":
            response["content"] = {MEDIA_TYPE: {"schema": _PROBLEM}}
