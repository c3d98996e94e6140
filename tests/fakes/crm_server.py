"""HubSpot's CRM interface on loopback: strict about shapes, with its limits, lags and faults.

As documented: unique properties (e-mail, and one of ours), a search that sees writes late, 409
with the id only in a sentence, 207 for batches that are done in part, 429 with Retry-After.
What no document promises is a choice here: whether `Idempotency-Key` is remembered.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

TOKEN = "pat-test"
OURS = "frontdesk_id"
DEFAULTS = ("createdate", "email", "firstname", "hs_object_id", "lastname")
TO_CONTACT = {"notes": 202, "tasks": 204}
NEEDED = {"notes": ("hs_timestamp", "hs_note_body"), "tasks": ("hs_timestamp",)}


class Fault(msgspec.Struct, frozen=True):
    """What happens to one request instead of, or around, what it asks for."""

    status: int = 0
    """Answer so, and do nothing."""
    body: bytes = b"{}"
    headers: dict[str, str] = {}
    after_s: float = 0.0
    done: bool = False
    """Do it first; then answer as above, or not at all."""
    hang_up: bool = False
    """Close the connection without an answer."""
    on: str = ""
    """Only for a request whose method and path match this pattern: others pass by."""


class Asked(msgspec.Struct, frozen=True):
    method: str
    path: str
    key: str
    body: Any


class CrmServer:
    """One portal. `faults` are used up in order; then everything is done as asked."""

    def __init__(
        self, *faults: Fault, keys: bool = True, lag: int = 0, unique: bool = True
    ) -> None:
        """`keys`: remembers Idempotency-Keys. `lag`: a search does not see the last so many
        records created. `unique`: our property takes each value once, as it is set up to."""
        self.faults = list(faults)
        self.asked: list[Asked] = []
        self.objects: dict[str, dict[str, dict[str, str]]] = {
            "contacts": {},
            "notes": {},
            "tasks": {},
        }
        self.about: dict[str, str] = {}
        """The contact of each note and task."""
        self.executed: list[str] = []
        """The keys of the writes that were really done."""
        self.down = False
        self.token = TOKEN
        self.page = 100
        self.base_url = ""
        self.reached = asyncio.Event()
        self._keys = keys
        self._lag = lag
        self._names = ("email", OURS) if unique else ("email",)
        self._ids = itertools.count(101)
        self._answers: dict[str, tuple[Any, int, Any]] = {}

    # ---- what tests look at ------------------------------------------------------------------

    def add(self, **properties: str) -> str:
        """A contact somebody entered there."""
        ref = str(next(self._ids))
        self.objects["contacts"][ref] = properties
        return ref

    def contacts(self) -> list[dict[str, str]]:
        return list(self.objects["contacts"].values())

    def writes(self) -> list[Asked]:
        return [each for each in self.asked if each.key]

    # ---- serving -----------------------------------------------------------------------------

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["CrmServer"]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        key = request.headers.get("Idempotency-Key", "")
        self.asked.append(Asked(request.method, request.path, key, body))
        self.reached.set()
        if self.down:
            return self._hang_up(request)
        fault = self._fault(f"{request.method} {request.path}")
        if fault is None:
            return await self._kept(request, body, key)
        answer = await self._kept(request, body, key) if fault.done else None
        await asyncio.sleep(fault.after_s)
        if fault.hang_up:
            return self._hang_up(request)
        if fault.status:
            return web.Response(status=fault.status, body=fault.body, headers=fault.headers)
        return answer or await self._kept(request, body, key)

    def _fault(self, what: str) -> Fault | None:
        if not self.faults or not re.search(self.faults[0].on, what):
            return None
        return self.faults.pop(0)

    def _hang_up(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response(status=500)

    async def _kept(self, request: web.Request, body: Any, key: str) -> web.Response:
        """With a remembered key: the first answer again, and an error for another request."""
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        what = (request.method, request.path, body)
        if self._keys and key in self._answers:
            before, status, said = self._answers[key]
            if before != what:
                return _error(409, "IDEMPOTENCY", "This key stands for another request.")
            return web.json_response(said, status=status)
        status, said = self._do(request, body)
        if key and status < 300:
            self._answers[key] = (what, status, said)
            self.executed.append(key)
        return web.json_response(said, status=status)

    def _do(self, request: web.Request, body: Any) -> tuple[int, Any]:
        path = request.path.removeprefix("/crm/v3/objects/")
        routes: list[tuple[str, str, Callable[..., tuple[int, Any]]]] = [
            ("POST", r"(contacts)/search", self._search),
            ("POST", r"(contacts)/batch/upsert", self._upsert),
            ("POST", r"(contacts|notes|tasks)", self._create),
            ("GET", r"(contacts|notes|tasks)/([^/]+)", self._read),
            ("PATCH", r"(contacts|notes|tasks)/([^/]+)", self._update),
        ]
        for method, pattern, act in routes:
            found = re.fullmatch(pattern, path)
            if found and method == request.method:
                try:
                    return act(request, body, *found.groups())
                except Refused as refused:
                    return refused.status, refused.body
        return 404, {"status": "error", "message": "No such path", "category": "OBJECT_NOT_FOUND"}

    # ---- what it can do ----------------------------------------------------------------------

    def _create(self, _request: web.Request, body: Any, kind: str) -> tuple[int, Any]:
        properties = _properties(body)
        missing = [name for name in NEEDED.get(kind, ()) if not properties.get(name)]
        if missing:
            raise Refused(400, "VALIDATION_ERROR", f"Required: {missing}")
        self._unique(kind, properties)
        ref = str(next(self._ids))
        if kind in TO_CONTACT:
            self.about[ref] = self._associated(kind, body)
        self.objects[kind][ref] = properties
        return 201, self._shown(kind, ref)

    def _associated(self, kind: str, body: Any) -> str:
        (to,) = body["associations"]
        (given,) = to["types"]
        wanted = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TO_CONTACT[kind]}
        assert given == wanted
        ref = to["to"]["id"]
        if ref not in self.objects["contacts"]:
            raise Refused(404, "OBJECT_NOT_FOUND", "No such contact")
        return str(ref)

    def _unique(self, kind: str, properties: dict[str, str], own: str = "") -> None:
        for ref, held in self.objects[kind].items():
            same = [name for name in self._names if _equal(held.get(name), properties.get(name))]
            if ref == own or not same:
                continue
            if same[0] == "email":
                raise Refused(409, "CONFLICT", f"Contact already exists. Existing ID: {ref}")
            raise Refused(
                400, "VALIDATION_ERROR", f"{ref} already has that value. propertyName {OURS}"
            )

    def _read(self, request: web.Request, _body: Any, kind: str, value: str) -> tuple[int, Any]:
        name = request.query.get("idProperty", "")
        ref = self._by(kind, name, value) if name else value
        if ref not in self.objects[kind]:
            raise Refused(404, "OBJECT_NOT_FOUND", "Object not found")
        wanted = request.query.get("properties", ",".join(DEFAULTS)).split(",")
        return 200, self._shown(kind, ref, wanted)

    def _by(self, kind: str, name: str, value: str) -> str:
        held = self.objects[kind].items()
        return next((ref for ref, each in held if _equal(each.get(name), value)), "")

    def _update(self, _request: web.Request, body: Any, kind: str, ref: str) -> tuple[int, Any]:
        if ref not in self.objects[kind]:
            raise Refused(404, "OBJECT_NOT_FOUND", "Object not found")
        properties = _properties(body)
        self._unique(kind, properties, ref)
        self.objects[kind][ref].update(properties)
        return 200, self._shown(kind, ref)

    def _upsert(self, _request: web.Request, body: Any, kind: str) -> tuple[int, Any]:
        assert len(body["inputs"]) <= 100
        results, errors = [], []
        for each in body["inputs"]:
            try:
                results.append(self._upsert_one(kind, each))
            except Refused as refused:
                errors.append(refused.body)
        answer = {"status": "COMPLETE", "results": results}
        return (207, {**answer, "errors": errors}) if errors else (200, answer)

    def _upsert_one(self, kind: str, given: dict[str, Any]) -> Any:
        properties = {**_properties(given), given["idProperty"]: given["id"]}
        ref = self._by(kind, given["idProperty"], given["id"])
        self._unique(kind, properties, ref)
        ref = ref or str(next(self._ids))
        self.objects[kind].setdefault(ref, {}).update(properties)
        return self._shown(kind, ref)

    def _search(self, _request: web.Request, body: Any, kind: str) -> tuple[int, Any]:
        seen = list(self.objects[kind])
        seen = seen[: len(seen) - self._lag] if self._lag else seen
        found = [ref for ref in seen if _fits(self.objects[kind][ref], body)]
        first = int(body.get("after", "0"))
        page = min(int(body.get("limit", 10)), self.page)
        wanted = body.get("properties", list(DEFAULTS))
        shown = [self._shown(kind, ref, wanted) for ref in found[first : first + page]]
        answer: dict[str, Any] = {"total": len(found), "results": shown}
        if first + page < len(found):
            answer["paging"] = {"next": {"after": str(first + page), "link": "?"}}
        return 200, answer

    def _shown(self, kind: str, ref: str, wanted: list[str] | None = None) -> dict[str, Any]:
        held = self.objects[kind][ref]
        names = held if wanted is None else wanted
        shown = {name: held.get(name) for name in names}
        return {"id": ref, "properties": shown, "archived": False, "createdAt": "2026-01-01T00:00Z"}


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    def __init__(self, status: int, category: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"status": "error", "category": category, "message": message}


def _error(status: int, category: str, message: str) -> web.Response:
    return web.json_response(Refused(status, category, message).body, status=status)


def _properties(body: Any) -> dict[str, str]:
    given = body["properties"]
    assert all(isinstance(value, str) for value in given.values())
    return dict(given)


def _equal(one: str | None, other: str | None) -> bool:
    return bool(one) and bool(other) and str(one).casefold() == str(other).casefold()


def _fits(held: dict[str, str], body: Any) -> bool:
    words = str(body.get("query", "")).casefold().split()
    text = " ".join(held.values()).casefold()
    groups = body.get("filterGroups", [])
    filtered = not groups or any(
        all(held.get(one["propertyName"]) == one["value"] for one in group["filters"])
        for group in groups
    )
    return filtered and all(word in text for word in words)
