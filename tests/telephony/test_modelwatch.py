"""Models grow old: warned of in good time, stepped over in time, and never at the caller's cost."""

import asyncio
import datetime as dt
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from agents.listing import LARGEST_BYTES, BadListing
from agents.tasks import Tasks
from telephony.modelwatch import (
    AFTER_FAILURE_S,
    AGAIN_S,
    Ask,
    ModelWatch,
    asking,
    file_of_models,
    lifetimes,
    models_set,
)
from telephony.settings import Settings, load
from tests.telephony.virtual_time import run_virtually
from tools.config import ConfigError

KEY = {"OPENAI_API_KEY": "k1"}
OLD = {**KEY, "FRONTDESK_MODEL": "gpt-realtime"}
GONE = dt.date(2027, 1, 20)
NO_LIST = b'{"data":[]}'


def settings(environ: dict[str, str]) -> Settings:
    return load(environ, Path("/nonexistent"))


class Watched:
    """A watch over what is set, on a day that moves."""

    def __init__(self, environ: dict[str, str], *answers: bytes | Exception) -> None:
        self.today = GONE - dt.timedelta(days=61)
        self.answers = list(answers)
        self.counts: Counter[str] = Counter()
        self.days_left: dict[str, int] = {}
        self.asked_at: list[float] = []
        given = settings(environ)
        self.watch = ModelWatch(
            lifetimes(given, self.today),
            models_set(given),
            self.ask,
            lambda: self.today,
            lambda code: self.counts.update([code]),
            self.days_left.__setitem__,
        )

    async def ask(self) -> bytes:
        self.asked_at.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if self.answers else NO_LIST
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def look(self) -> list[str]:
        """What is logged."""
        with capture_logs() as logs:
            await self.watch.look()
        return [f"{line['log_level']} {line['event']}" for line in logs]


# ---- M6 -----------------------------------------------------------------------------------------


async def test_fault_m6_the_alarm_is_raised_days_before_a_model_is_retired() -> None:
    watched = Watched(OLD)
    assert await watched.look() == []
    watched.today += dt.timedelta(days=1)
    assert await watched.look() == ["warning model_going"]
    assert watched.days_left == {"gpt-realtime": 60}
    assert watched.counts["models.going"] == 1


async def test_fault_m6_on_the_day_itself_calls_use_the_successor_without_being_told_to() -> None:
    watched = Watched(OLD)
    assert watched.watch.living("gpt-realtime") == "gpt-realtime"
    watched.today = GONE
    assert watched.watch.living("gpt-realtime") == "gpt-realtime-2.1"
    assert await watched.look() == ["error model_gone"]
    assert watched.counts["models.gone"] == 1


async def test_fault_m6_an_unexpected_not_found_is_the_last_for_this_model() -> None:
    watched = Watched({**OLD, "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"})
    assert watched.watch.living("gpt-realtime") == "gpt-realtime"
    watched.watch.missing("gpt-realtime")
    assert watched.watch.living("gpt-realtime") == "gpt-realtime-2.1"
    assert watched.counts == {"models.missing": 1, "models.gone": 1}


async def test_fault_m6_the_provider_s_own_date_counts_where_the_file_has_none() -> None:
    listed = {"data": [{"id": "gpt-realtime-2.1", "shutdown_date": "2026-12-20"}]}
    watched = Watched(KEY, json.dumps(listed).encode())
    assert await watched.look() == ["warning model_going"]
    assert watched.days_left == {"gpt-realtime-2.1": 30}


# ---- the file and the provider ------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [aiohttp.ClientError(), ConnectionRefusedError(), TimeoutError(), BadListing(), b"<html>"],
)
async def test_a_provider_that_does_not_say_is_no_reason_not_to_warn(
    failure: bytes | Exception,
) -> None:
    watched = Watched(OLD, failure)
    watched.today = GONE - dt.timedelta(days=3)
    assert await watched.look() == ["warning models_not_listed", "warning model_going"]
    assert watched.counts["models.not_listed"] == 1


def test_it_looks_at_the_start_and_daily_and_sooner_after_a_failure() -> None:
    watched = Watched(OLD, TimeoutError(), TimeoutError(), NO_LIST)

    async def run() -> None:
        tasks = Tasks(lambda *_: None)
        tasks.start("models", watched.watch.run())
        await asyncio.sleep(2 * AFTER_FAILURE_S + 2 * AGAIN_S + 1.0)
        await tasks.cancel_all()

    run_virtually(run())
    steps = [round(at - watched.asked_at[0]) for at in watched.asked_at]
    first = 2 * AFTER_FAILURE_S
    assert steps == [0, AFTER_FAILURE_S, first, first + AGAIN_S, first + 2 * AGAIN_S]


async def test_without_a_key_nothing_is_asked() -> None:
    watched = Watched({})
    assert await watched.look() == []
    assert watched.asked_at == []


def test_a_file_of_one_s_own_goes_before_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    own = [{"id": "house-model", "kind": "realtime", "usd_per_minute": 0.01}]
    path.write_text(json.dumps({"as_of": "2026-11-20", "source": "us", "models": own}))
    found = file_of_models(settings({"FRONTDESK_MODELS_FILE": str(path)}))
    assert found.find("house-model") is not None
    assert found.find("gpt-realtime") is None


@pytest.mark.parametrize("content", [None, "{}"])
def test_a_file_that_cannot_be_used_is_told_by_its_setting(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "models.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        file_of_models(settings({"FRONTDESK_MODELS_FILE": str(path)}))
    assert caught.value.where == "FRONTDESK_MODELS_FILE"
    assert str(path) in caught.value.what


def test_a_retired_model_may_stop_the_start() -> None:
    refusing = settings({**OLD, "FRONTDESK_RETIRED_MODELS": "refuse"})
    lifetimes(refusing, GONE - dt.timedelta(days=1))
    with pytest.raises(ConfigError) as caught:
        lifetimes(refusing, GONE)
    assert caught.value.where == "FRONTDESK_MODEL"
    assert "gpt-realtime-2.1" in caught.value.hint
    lifetimes(settings(OLD), GONE)


# ---- asking, over loopback ----------------------------------------------------------------------


@asynccontextmanager
async def provider(status: int, body: bytes) -> AsyncIterator[tuple[Ask, list[str]]]:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.path} {request.headers.get('Authorization')}")
        return web.Response(status=status, body=body, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    base = {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}
    try:
        async with aiohttp.ClientSession() as http:
            yield asking(http, settings({**KEY, **base})), asked
    finally:
        await runner.cleanup()


async def test_the_list_is_asked_for_with_the_key_and_read_whole() -> None:
    body = json.dumps({"data": [{"id": f"m{number}"} for number in range(20_000)]}).encode()
    async with provider(200, body) as (ask, asked):
        assert await ask() == body
        assert asked == ["/v1/models Bearer k1"]


@pytest.mark.parametrize("status", [302, 401, 404, 500, 503])
async def test_any_other_answer_is_an_error_and_the_key_is_not_sent_on(status: int) -> None:
    async with provider(status, b"") as (ask, asked):
        if status == 302:
            assert await ask() == b""
        else:
            with pytest.raises(aiohttp.ClientResponseError):
                await ask()
        assert len(asked) == 1


async def test_a_list_without_end_is_not_read_to_it() -> None:
    async with provider(200, b"x" * (LARGEST_BYTES + 1)) as (ask, _):
        with pytest.raises(BadListing):
            await ask()
