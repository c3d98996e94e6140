"""REST calls from a file, against a server that behaves and one that does not."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from tests.tools.desk import NOW, Desk, said
from tests.tools.http_double import (
    CONTEXT,
    Double,
    Names,
    Reply,
    answer,
    base,
    certificate,
    drip,
    flood,
    hang_up,
    never,
    raw,
    redirect,
)
from tools.breaker import Breaker
from tools.http import templates
from tools.http.door import (
    Door,
    ForbiddenAddressError,
    NoAnswerError,
    NotSentError,
    _checked_socket,
)
from tools.http.offer import http_tool
from tools.http.plan import Request, Response
from tools.spec import (
    BackendError,
    OutcomeUnknownError,
    Result,
    Risk,
    Tool,
    ToolContext,
    ToolRefusal,
    ToolState,
)
from tools.store import Store

LOOPBACK = ["127.0.0.1"]
SECRETS = {"ORDERS_KEY": "s3cr3t/key+1"}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    opened = Door()
    yield opened
    await opened.close()


class Pauses:
    """Waits no time, and remembers how long it should have."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


def fresh(_host: str) -> Breaker:
    """One that has seen nothing."""
    return Breaker()


def section(double: Double, path: str = "/orders/{order}", **given: Any) -> dict[str, Any]:
    return {"url": double.url() + path.lstrip("/"), "allow_private": LOOPBACK, **given}


async def run(tool: Tool, **arguments: Any) -> Result:
    return await tool.handler(arguments, CONTEXT)  # type: ignore[misc, no-any-return]


def plainly(tool: Tool) -> Tool:
    """The tool for a dispatcher, whichever way that hands out arguments."""

    async def handler(arguments: Any, context: ToolContext) -> Result:
        return await tool.handler(msgspec.to_builtins(arguments), context)  # type: ignore[misc, no-any-return]

    return msgspec.structs.replace(tool, handler=handler)


def reading(door: Door, double: Double, **given: Any) -> Tool:
    return http_tool(section(double, **given), base("order"), SECRETS, door.fetch, breakers=fresh)


def writing(
    door: Door,
    double: Double,
    *,
    idempotent: bool = False,
    **given: Any,
) -> Tool:
    kind = base("order", risk=Risk.WRITE_OTHER, idempotent=idempotent)
    filled = section(double, **{"method": "POST", "json": {"order": "{order}"}, **given})
    return http_tool(filled, kind, SECRETS, door.fetch, breakers=fresh)


# ---- as it should go -----------------------------------------------------------------------------


async def test_a_question_is_asked_and_its_answer_mapped(door: Door) -> None:
    order = {"order": {"day": "Tuesday", "items": [{"name": "lamp", "cost": 3}, {"name": "cup"}]}}
    async with Double(answer(data=order)) as double:
        tool = reading(
            door,
            double,
            query={"caller": "{context.caller_number}", "deep": True},
            headers={"Authorization": "Bearer {secret.ORDERS_KEY}"},
            answer={
                "results": {
                    "day": "/order/day",
                    "items": {"at": "order.items", "limit": 1, "fields": {"name": "name"}},
                    "absent": "/nowhere",
                },
                "message": "Order {order} arrives on {day}.",
            },
        )
        result = await run(tool, order="1 2/ü?")
    assert result == {
        "day": "Tuesday",
        "items": [{"name": "lamp"}],
        "message": "Order 1 2/ü? arrives on Tuesday.",
    }
    (seen,) = double.seen
    assert seen.method == "GET"
    assert seen.target == "/orders/1%202%2F%C3%BC%3F?caller=%2B442079460001&deep=true"
    assert seen.headers["authorization"] == "Bearer s3cr3t/key+1"
    assert "idempotency-key" not in seen.headers


async def test_a_write_carries_its_key_and_typed_json(door: Door) -> None:
    async with Double(answer(201, {"id": 7})) as double:
        kind = base("count", "note", "tags", risk=Risk.WRITE_OWN)
        tool = http_tool(
            section(
                double,
                "/notes",
                method="POST",
                json={"n": "{count}", "text": "{count} x", "note": "{note}", "tags": "{tags}"},
                answer={"results": {"id": "/id"}, "message": "Noted as {id}."},
            ),
            kind,
            {},
            door.fetch,
            breakers=fresh,
        )
        assert await run(tool, count=3, tags=["a", 1]) == {"id": 7, "message": "Noted as 7."}
    (seen,) = double.seen
    assert seen.json == {"n": 3, "text": "3 x", "tags": ["a", 1]}
    assert seen.headers["idempotency-key"] == "key-1"
    assert seen.headers["content-type"] == "application/json"


async def test_a_form_and_a_text_are_sent_as_such(door: Door) -> None:
    async with Double(answer(204, body=b"")) as double:
        form = writing(door, double, json=None, form={"order": "{order}", "all": ["a", "b"]})
        await run(form, order="x&y=1")
        text = writing(door, double, json=None, body="order={order}", content_type="text/plain")
        await run(text, order="7")
    assert [seen.body for seen in double.seen] == [b"order=x%26y%3D1&all=a&all=b", b"order=7"]
    assert double.seen[0].headers["content-type"] == "application/x-www-form-urlencoded"


async def test_a_status_can_mean_a_refusal_that_is_spoken(door: Door) -> None:
    async with Double(answer(404, {"why": "gone"})) as double:
        tool = reading(door, double, answer={"refused": {404: "I can't find order {order}."}})
        with pytest.raises(ToolRefusal, match=r"^I can't find order 7\.$"):
            await run(tool, order="7")


async def test_what_the_file_says_of_a_status_goes_before_what_http_says(door: Door) -> None:
    async with Double(answer(503, {}), answer(302, {}), answer(200, {}), answer(404, {})) as double:
        codes = {"failed": [503], "done": [302, 404], "unknown": ["200-299"]}
        tool = writing(door, double, answer=codes)
        with pytest.raises(BackendError):
            await run(tool, order="7")
        assert await run(tool, order="7") == {}
        with pytest.raises(OutcomeUnknownError):
            await run(tool, order="7")
        assert await run(tool, order="7") == {}


async def test_through_the_dispatcher_a_refusal_is_refused_and_a_lost_write_unknown(
    door: Door, plain: Any
) -> None:
    async with Double(answer(404, {}), hang_up()) as double:
        kind = base(risk=Risk.WRITE_OTHER)
        filled = section(double, "/", method="POST", answer={"refused": {404: "No such order."}})
        tool = http_tool(filled, kind, {}, door.fetch, breakers=fresh)
        desk = Desk([plainly(tool)], plain)
        first = said(await desk.ask("ask"))
        assert (first["status"], first["message"]) == ("refused", "No such order.")
        assert said(await desk.ask("ask"))["status"] == "unknown"
    assert double.seen[0].headers["idempotency-key"] == double.seen[1].headers["idempotency-key"]


# ---- X11: what a server can do to us -------------------------------------------------------------

Expected = tuple[type[Exception], str | None]


@pytest.mark.parametrize(
    ("reply", "read", "write"),
    [
        (answer(500, {}), "status_500", (OutcomeUnknownError, "status_500")),
        (answer(429, {}), "status_429", (BackendError, "status_429")),
        (answer(body=b"{"), "malformed_body", (OutcomeUnknownError, "malformed_body")),
        (answer(body=b"[" * 40_000), "malformed_body", (OutcomeUnknownError, "malformed_body")),
        (
            answer(body=b"[" * 40 + b"]" * 40),
            "nested_too_deep",
            (OutcomeUnknownError, "nested_too_deep"),
        ),
        (
            answer(body=b"<html>", kind="text/html"),
            "wrong_content_type",
            (OutcomeUnknownError, "wrong_content_type"),
        ),
        (
            raw(HEAD + b"Content-Length: 900\r\n\r\n{", then_reset=True),
            None,
            (OutcomeUnknownError, None),
        ),
        (
            flood(HEAD + b"\r\n"),
            "body_too_large",
            (OutcomeUnknownError, "body_too_large"),
        ),
        (
            raw(HEAD + b"Content-Length: 999999999\r\n\r\n"),
            "body_too_large",
            (OutcomeUnknownError, "body_too_large"),
        ),
        (
            answer(body=b"x", headers={"Content-Encoding": "gzip"}),
            "packed_body",
            (OutcomeUnknownError, "packed_body"),
        ),
        (hang_up(), "connection_lost", (OutcomeUnknownError, "connection_lost")),
        (raw(b"no http at all\r\n\r\n"), None, (OutcomeUnknownError, None)),
    ],
    ids=[
        "500", "429", "malformed", "deep", "nested", "wrong-type", "reset-mid-body", "flood",
        "huge", "packed", "hang-up", "not-http",
    ],
)  # fmt: skip
async def test_fault_x11_external_error(
    door: Door, reply: Reply, read: str | None, write: Expected
) -> None:
    """A read fails; a write fails only where the server certainly did nothing."""
    async with Double(reply) as double:
        with pytest.raises(BackendError) as failed:
            await run(reading(door, double, max_bytes=50_000), order="7")
        assert read is None or str(failed.value) == read
        kind, reason = write
        with pytest.raises(kind, match=reason):
            await run(writing(door, double, max_bytes=50_000), order="7")
        assert len(double.seen) == 2


@pytest.mark.parametrize("reply", [never(), never(HEAD), drip()], ids=["mute", "half", "drip"])
async def test_fault_x11_external_slow(door: Door, reply: Reply) -> None:
    async with Double(reply) as double:
        with pytest.raises(BackendError, match="timeout") as failed:
            await run(reading(door, double, timeout_s=0.3), order="7")
        assert not failed.value.permanent
        with pytest.raises(OutcomeUnknownError, match="timeout"):
            await run(writing(door, double, timeout_s=0.6), order="7")


async def test_fault_x11_external_certificate_of_nobody(door: Door, tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    async with Double(answer(data={}), tls=tls) as double:
        with pytest.raises(BackendError, match="certificate_not_trusted") as failed:
            await run(writing(door, double), order="7")
        assert failed.value.permanent
        assert double.seen == []
        trusting = Door(tls=ssl.create_default_context(cafile=str(pem)))
        await run(writing(trusting, double), order="7")
        await trusting.close()
    assert len(double.seen) == 1


async def test_fault_x11_external_not_there(door: Door) -> None:
    """Nothing has left us, so nothing can have been changed: not even for a write."""
    async with Double(answer()) as double:
        tool = writing(door, double)
    with pytest.raises(BackendError, match="connection_refused") as failed:
        await run(tool, order="7")
    assert not failed.value.permanent


# ---- what became of it ---------------------------------------------------------------------------


def checked(door: Door, double: Double) -> Tool:
    filled = section(
        double,
        "/notes",
        method="POST",
        check={
            "url": double.url("/notes/{context.idempotency_key}"),
            "answer": {"results": {"id": "/id"}, "message": "Noted as {id}."},
        },
    )
    loop = asyncio.get_running_loop()
    return plainly(
        http_tool(filled, base(risk=Risk.MESSAGE), {}, door.fetch, breakers=fresh, loop=loop)
    )


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (answer(data={"id": 7}), "done"),
        (answer(404, {}), "failed"),
        (answer(500, {}), "unknown"),
        (hang_up(), "unknown"),
    ],
    ids=["was-done", "was-not", "broken", "gone"],
)
async def test_fault_x8_external_is_asked_what_became_of_a_lost_write(
    door: Door, store: Any, reply: Reply, status: str
) -> None:
    async with Double(hang_up(), reply) as double:
        outcome = await Desk([checked(door, double)], store).ask("ask")
        assert said(outcome)["status"] == status
        assert ("Noted as 7." in outcome.output) is (status == "done")
        write, *questions = double.seen
    assert write.method == "POST"
    key = write.headers["idempotency-key"]
    assert {(each.method, each.target) for each in questions} == {("GET", f"/notes/{key}")}


async def test_fault_x8_external_a_question_that_cannot_be_sent_is_no_no(door: Door) -> None:
    async with Double() as double:
        reconcile = checked(door, double).reconcile
        assert reconcile is not None
        nameless = ToolContext("CA1", None, NOW, "")
        with pytest.raises(BackendError, match="check_not_sent"):
            await asyncio.to_thread(reconcile, nameless)
        assert double.seen == []


# ---- retries -------------------------------------------------------------------------------------


async def test_fault_x11_external_is_tried_again_where_that_is_harmless(
    door: Door, store: Store
) -> None:
    """By the dispatcher alone, as often as the file says, and not before the server wants it."""
    pauses = Pauses()
    replies = (
        answer(500, {}),
        hang_up(),
        answer(429, {}, headers={"Retry-After": "2"}),
        answer(data={}),
    )
    async with Double(*replies) as double:
        tool = plainly(writing(door, double, idempotent=True, retries=3))
        outcome = await Desk([tool], store, pause=pauses).ask("ask", {"order": "7"})
    assert outcome.state is ToolState.DONE
    keys = {seen.headers["idempotency-key"] for seen in double.seen}
    assert (len(double.seen), len(keys)) == (4, 1)
    assert pauses.asked == [0.2, 0.6, 2.0]


@pytest.mark.parametrize(
    ("given", "requests"),
    [({}, 3), ({"retries": 0}, 1), ({"retries": 1}, 2), ({"retries": 3}, 4)],
)
async def test_a_server_that_is_down_gets_as_many_requests_as_the_file_says(
    door: Door, plain: Store, given: dict[str, Any], requests: int
) -> None:
    async with Double(answer(503, {})) as double:
        tool = plainly(reading(door, double, **given))
        outcome = await Desk([tool], plain, pause=Pauses()).ask("ask", {"order": "7"})
    assert (outcome.state, len(double.seen)) == (ToolState.FAILED, requests)


async def test_a_write_is_tried_again_when_a_busy_server_wants_it(door: Door, plain: Store) -> None:
    pauses = Pauses()
    busy = answer(503, {}, headers={"Retry-After": "1"})
    async with Double(busy, answer(data={})) as double:
        tool = plainly(writing(door, double, idempotent=True))
        outcome = await Desk([tool], plain, pause=pauses).ask("ask", {"order": "7"})
    assert (outcome.state, len(double.seen), pauses.asked) == (ToolState.DONE, 2, [1.0])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_a_write_that_may_not_be_repeated_is_sent_once(door: Door, method: str) -> None:
    """Not by aiohttp either, which sends PUT and DELETE again by itself."""
    async with Double(hang_up()) as double:
        with pytest.raises(OutcomeUnknownError):
            await run(writing(door, double, method=method), order="7")
    assert len(double.seen) == 1


async def test_a_no_after_a_try_that_may_have_worked_proves_nothing(
    door: Door, plain: Store
) -> None:
    async with Double(hang_up(), answer(409, {})) as double:
        taken = {"refused": {409: "It is taken."}}
        tool = plainly(writing(door, double, idempotent=True, answer=taken))
        outcome = await Desk([tool], plain, pause=Pauses()).ask("ask", {"order": "7"})
    assert (outcome.state, len(double.seen)) == (ToolState.UNKNOWN, 2)


async def test_what_cannot_get_better_is_not_tried_again(door: Door, plain: Store) -> None:
    async with Double(answer(400, {})) as double:
        tool = plainly(reading(door, double, retries=3))
        outcome = await Desk([tool], plain, pause=Pauses()).ask("ask", {"order": "7"})
    assert (outcome.state, len(double.seen)) == (ToolState.FAILED, 1)


async def test_a_server_that_wants_us_to_wait_past_the_deadline_is_not_waited_for(
    door: Door, plain: Store
) -> None:
    pauses = Pauses()
    async with Double(answer(429, {}, headers={"Retry-After": "600"})) as double:
        tool = plainly(reading(door, double, retries=2))
        outcome = await Desk([tool], plain, pause=pauses).ask("ask", {"order": "7"})
    assert (outcome.state, len(double.seen), pauses.asked) == (ToolState.FAILED, 1, [])


async def test_fault_x11_external_breaker_by_host(door: Door) -> None:
    hosts: dict[str, Breaker] = {}
    async with Double(answer(404, {}), answer(500, {})) as double:
        tool = http_tool(
            section(double),
            base("order"),
            {},
            door.fetch,
            breakers=lambda host: hosts.setdefault(host, Breaker(failures=1)),
        )
        for reason in ("status_404", "status_500", "breaker_open"):
            with pytest.raises(BackendError, match=reason):
                await run(tool, order="7")
        assert hosts[f"127.0.0.1:{double.port}"].failures == 1
    assert len(double.seen) == 2


# ---- where a request may go ----------------------------------------------------------------------


def to(url: str, hosts: set[str], *private: str, writes: bool = False) -> Request:
    return Request(
        "POST" if writes else "GET", url, (), hosts=frozenset(hosts), private=private, writes=writes
    )


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "10.0.0.8", "169.254.169.254", "[::ffff:127.0.0.1]", "2130706433",
     "127.1", "0x7f.1", "0"],
)  # fmt: skip
async def test_fault_x11_external_private_address_in_the_url(host: str) -> None:
    door = Door(lambda: Names(["127.0.0.1"]))
    async with Double(answer(data={})) as double:
        with pytest.raises(NotSentError) as refused:
            await door.fetch(to(f"http://{host}:{double.port}/", {f"{host}:{double.port}"}))
        assert refused.value.permanent
    assert double.seen == []
    await door.close()


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.1.2.3"], ["93.184.216.34", "127.0.0.1"], ["fd00:ec2::254"]]
)
async def test_fault_x11_external_name_leads_to_a_private_address(addresses: list[str]) -> None:
    door = Door(lambda: Names(addresses))
    with pytest.raises(NotSentError, match="address_not_allowed") as refused:
        await door.fetch(to("http://api.example.com/", {"api.example.com"}))
    assert refused.value.permanent
    await door.close()


async def test_fault_x11_external_name_is_bound_anew() -> None:
    """The address that was checked is the one connected to; the next connection asks again."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    door = Door(lambda: names)
    async with Double(answer(data={})) as allowed:
        async with Double(answer(data={}), host="127.0.0.2", port=allowed.port) as forbidden:
            request = to(
                allowed.url(host="api.test"), {f"api.test:{allowed.port}"}, "127.0.0.1", writes=True
            )
            assert (await door.fetch(request)).status == 200
            assert names.asked == ["api.test"]
            with pytest.raises(NotSentError, match="address_not_allowed"):
                await door.fetch(request)
        assert forbidden.seen == []
    assert len(allowed.seen) == 1
    await door.close()


async def test_one_file_s_permission_opens_nothing_for_another(door: Door) -> None:
    async with Double(answer(data={})) as double:
        hosts = {f"127.0.0.1:{double.port}"}
        await door.fetch(to(double.url(), hosts, "127.0.0.1"))
        with pytest.raises(NotSentError):
            await door.fetch(to(double.url(), hosts))
    assert len(double.seen) == 1


async def test_no_proxy_of_the_environment_is_used(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Double(answer(data={})) as proxy, Double(answer(data={})) as double:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.delenv("NO_PROXY", raising=False)
        await run(reading(door, double), order="7")
        assert (len(proxy.seen), len(double.seen)) == (0, 1)


async def test_cookies_of_one_caller_are_not_given_to_the_next(door: Door) -> None:
    async with Double(answer(data={}, headers={"Set-Cookie": "who=first"})) as double:
        tool = reading(door, double)
        await run(tool, order="7")
        await run(tool, order="7")
    assert all("cookie" not in seen.headers for seen in double.seen)


# ---- redirects -----------------------------------------------------------------------------------


async def test_a_redirect_on_the_list_is_followed_without_the_secrets(door: Door) -> None:
    async with (
        Double(answer(data={"a": 1})) as there,
        Double(redirect(302, there.url("/x"))) as here,
    ):
        tool = reading(
            door,
            here,
            headers={"Authorization": "Bearer {secret.ORDERS_KEY}", "X-Kind": "plain"},
            hosts=[f"127.0.0.1:{there.port}"],
            answer={"results": {"a": "/a"}},
        )
        assert await run(tool, order="7") == {"a": 1}
    (seen,) = there.seen
    assert "authorization" not in seen.headers
    assert seen.headers["x-kind"] == "plain"


async def test_fault_x11_external_redirect_off_the_list(door: Door) -> None:
    async with Double(answer(data={})) as there, Double(redirect(307, there.url())) as here:
        for tool in (reading(door, here), writing(door, here)):
            with pytest.raises(BackendError, match="redirect_off_the_list") as failed:
                await run(tool, order="7")
            assert failed.value.permanent
    assert there.seen == []


async def test_fault_x11_external_redirect_to_a_private_address() -> None:
    """On the list by name; its address is checked all the same."""
    door = Door(lambda: Names(["127.0.0.1"], ["127.0.0.2"]))
    async with Double(redirect(302, "http://inner.test/")) as here:
        filled = {
            "url": here.url(host="api.test"),
            "allow_private": LOOPBACK,
            "hosts": ["inner.test"],
        }
        with pytest.raises(BackendError, match="address_not_allowed"):
            await run(http_tool(filled, base(), {}, door.fetch, breakers=fresh))
    await door.close()


async def test_fault_x11_external_redirect_after_a_write(door: Door) -> None:
    """307 keeps method and body; 302 may come after the work was done, so nobody knows."""
    async with Double(redirect(307, "/again"), answer(data={}), redirect(302, "/done")) as double:
        tool = writing(door, double)
        await run(tool, order="7")
        assert [(seen.method, seen.target) for seen in double.seen] == [
            ("POST", "/orders/7"),
            ("POST", "/again"),
        ]
        assert double.seen[1].json == {"order": "7"}
        with pytest.raises(OutcomeUnknownError, match="redirect_after_write"):
            await run(tool, order="7")


async def test_redirects_end(door: Door) -> None:
    async with Double(redirect(302, "/again")) as double:
        with pytest.raises(BackendError, match="too_many_redirects"):
            await run(reading(door, double), order="7")
    assert len(double.seen) == 4


async def test_a_body_with_a_secret_goes_nowhere_else(door: Door) -> None:
    async with Double(answer(data={})) as there, Double(redirect(307, there.url())) as here:
        tool = writing(
            door,
            here,
            json={"key": "{secret.ORDERS_KEY}"},
            hosts=[f"127.0.0.1:{there.port}"],
        )
        with pytest.raises(BackendError, match="redirect_with_a_secret"):
            await run(tool, order="7")
    assert there.seen == []


# ---- secrets -------------------------------------------------------------------------------------


async def test_fault_x5_external_answer_with_secrets_is_shown_nowhere(door: Door) -> None:
    secret = SECRETS["ORDERS_KEY"]
    echo = {"said": f"your key is {secret}", "list": [{"s3cr3t%2Fkey%2B1": secret}]}
    async with Double(answer(data=echo), answer(400, echo), answer(404, echo), hang_up()) as double:
        shown: list[object] = []
        tool = reading(
            door,
            double,
            headers={"X-Key": "{secret.ORDERS_KEY}"},
            answer={
                "results": {"said": "/said", "list": "/list"},
                "message": "{said}",
                "refused": {404: "No: {said}"},
            },
        )
        with structlog.testing.capture_logs() as logged:
            shown.append(await run(tool, order="7"))
            for kind in (BackendError, ToolRefusal, BackendError):
                with pytest.raises(kind) as failed:
                    await run(tool, order="7")
                shown += [failed.value, repr(failed.value), failed.value.__cause__]
        assert all(seen.headers["x-key"] == secret for seen in double.seen)
    assert len(logged) == 2
    assert "[hidden]" in str(shown[0])
    assert secret not in str([shown, logged])
    assert "s3cr3t%2F" not in str([shown, logged])


async def test_a_request_shows_nothing_of_itself() -> None:
    request = Request("GET", "https://a.test/+442079460001", (("X-Key", "s3cr3t"),), b"body")
    assert repr(request) == "Request(GET a.test)"
    assert repr(Response(200, {"set-cookie": "s3cr3t"}, b"body")) == "Response(200)"
    assert repr(templates.values({"a": "s3cr3t"}, CONTEXT, {"B": "s3cr3t"})) == "Values()"


def test_the_socket_itself_is_checked_once_more() -> None:
    """Should a later version of the client resolve names in another way."""
    make = _checked_socket(())
    with pytest.raises(ForbiddenAddressError):
        make((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80)))
    make((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 80))).close()


async def test_cancelling_a_read_gives_it_up(door: Door) -> None:
    async with Double(never()) as double:
        task = asyncio.get_running_loop().create_task(run(reading(door, double), order="7"))
        await double.got.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_what_is_fetched_says_why_it_failed(door: Door) -> None:
    async with Double(hang_up()) as double:
        with pytest.raises(NoAnswerError) as lost:
            await door.fetch(to(double.url(), {f"127.0.0.1:{double.port}"}, "127.0.0.1"))
        assert lost.value.reason == "connection_lost"
    with pytest.raises(NotSentError, match="host_not_allowed"):
        await door.fetch(to("https://elsewhere.test/", {"api.test"}))


def test_a_section_with_problems_makes_no_tool() -> None:
    async def fetch(_request: Request) -> Any:
        raise AssertionError

    with pytest.raises(ValueError, match="in the clear"):
        http_tool({"url": "http://api.test/"}, base(), {}, fetch, breakers=fresh)
