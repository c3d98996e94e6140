"""The HTTP API under /api/v1, put together: a new part of it is one line in `_routers`."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse
from starlette.routing import Mount

from telephony.console.access.gate import Gate
from telephony.console.access.policy import Policy, needs
from telephony.console.access.roles import Right
from telephony.console.approvals import approvals_router
from telephony.console.calls import calls_router
from telephony.console.costs import costs_router
from telephony.console.headers import SecurityHeaders, mounted
from telephony.console.health import health_router
from telephony.console.healthdesk import HealthDesk
from telephony.console.hookdesk import HookDesk
from telephony.console.joining import joined
from telephony.console.live import live_router
from telephony.console.onecall import one_call_router, open_calls
from telephony.console.parts import Parts
from telephony.console.people import people_router
from telephony.console.problems import MEDIA_TYPE, answer_with_problems
from telephony.console.retention import retention_router
from telephony.console.rollouts import rollouts_router
from telephony.console.routes import author, config_router
from telephony.console.tools import tools_router
from telephony.console.trial import trial_router
from telephony.console.views import Problem
from telephony.console.waiting import waiting_router
from telephony.console.webhooks import webhooks_router
from telephony.version import VERSION

API_PATH = "/api/v1"
_PROBLEM = {"$ref": "#/components/schemas/Problem"}


def api(parts: Parts) -> Mount:
    """Everything under API_PATH, behind the gate."""
    app = FastAPI(
        title="Frontdesk",
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    answer_with_problems(app)
    joined(app.router, _routers(parts))
    _describe(app)
    gate = Gate(app, parts.access, Policy(app), lambda _request, refused: refused.response())
    return mounted(API_PATH, SecurityHeaders(gate, secure=parts.access.origins.secure))


def _routers(parts: Parts) -> Sequence[APIRouter]:
    """One line a part."""
    return (
        config_router(parts.config, parts.access.audit),
        tools_router(parts.workshop),
        rollouts_router(parts.workshop),
        approvals_router(parts.approvals, parts.clock, author, parts.access.audit),
        waiting_router(parts.waiting, parts.clock, author, parts.access.audit),
        people_router(parts),
        calls_router(parts.calls, parts.access.audit),
        webhooks_router(HookDesk(parts)),
        health_router(HealthDesk(parts)),
        retention_router(parts),
        costs_router(parts.book, lambda: parts.clock().date()),
        one_call_router(open_calls(parts)),
        live_router(parts.live, parts.access),
        trial_router(parts.trials, parts.access),
    )


def _describe(app: FastAPI) -> None:
    """Where it is described, and what the description cannot know by itself: the key, and the form
    of every problem."""
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

    @app.get("/openapi.json", include_in_schema=False, dependencies=[needs(Right.VIEW)])
    def description() -> JSONResponse:
        return JSONResponse({**app.openapi(), "servers": [{"url": API_PATH}]})


def _add_problem(schemas: dict[str, Any]) -> None:
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem


def _show_problems(responses: dict[str, Any], *, body: bool) -> None:
    for status in ("401", "403", "413", "422", "429", "503", *(["400"] if body else [])):
        responses.setdefault(status, {"description": "Refused"})
    for status, response in responses.items():
        if status >= "400":
            response["content"] = {MEDIA_TYPE: {"schema": _PROBLEM}}
