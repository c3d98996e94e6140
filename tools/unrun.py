"""Answers to what was not run, or did not come to a known end; each with its line in the log."""

from collections.abc import Mapping
from typing import Any

import structlog

from tools.attempt import Answer, Attempt, plain_answer
from tools.gate import refusal
from tools.policy import Refused
from tools.results import answer, bad_arguments, invalid
from tools.spec import ToolOutcome, ToolRequest, ToolState
from tools.validation import Problem

log = structlog.get_logger()


def refused(request: ToolRequest, why: Refused) -> ToolOutcome:
    held = refusal(why)
    log.info("tool_refused_by_policy", call_id=request.call_id, tool=request.name, rule=why.rule)
    return ToolOutcome(request.tool_call_id, request.name, held.state, held.output)


def unknown_tool(request: ToolRequest, names: tuple[str, ...]) -> ToolOutcome:
    message = "There is no such tool. Use one of: " + ", ".join(names)
    output = invalid(message, tools=names)
    log.warning("tool_unknown", call_id=request.call_id)
    return ToolOutcome(request.tool_call_id, request.name, ToolState.INVALID, output)


def bad_arguments_of(
    request: ToolRequest, schema: Mapping[str, Any], problems: list[Problem]
) -> ToolOutcome:
    output = bad_arguments(problems, schema)
    log.warning(
        "tool_arguments_invalid", call_id=request.call_id, tool=request.name, problems=len(problems)
    )
    return ToolOutcome(request.tool_call_id, request.name, ToolState.INVALID, output)


def failed(attempt: Attempt, *, begun: bool) -> ToolOutcome:
    state = ToolState.UNKNOWN if begun and attempt.tool.risk.writes else ToolState.FAILED
    return attempt.outcome(state, answer(state))


def isolated(attempt: Attempt) -> Answer:
    log.warning("tool_is_isolated", call_id=attempt.request.call_id, tool=attempt.tool.name)
    return plain_answer(ToolState.FAILED, try_again=False)


def log_outcome(attempt: Attempt, outcome: ToolOutcome) -> None:
    log.info(
        "tool_ended",
        call_id=attempt.request.call_id,
        tool=attempt.tool.name,
        state=outcome.state.value,
        repeated=outcome.repeated,
    )


def log_late(attempt: Attempt, state: ToolState | None) -> None:
    log.warning(
        "tool_ended_late",
        call_id=attempt.request.call_id,
        tool=attempt.tool.name,
        state=state.value if state else "",
    )
