"""How HubSpot's REST interface writes people, notes and tasks down (CRM objects, v3).

https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
"""

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from tools.crm.outside.wire import Answer, Request, decoded
from tools.crm.port import BookError, By, Card, Cards, Kind, NoteCard, TaskCard, Trouble
from tools.crm.records import TaskState
from tools.phone import e164

OBJECTS = "/crm/v3/objects"
CONTACTS = f"{OBJECTS}/contacts"
PATHS = {Kind.CONTACT: CONTACTS, Kind.NOTE: f"{OBJECTS}/notes", Kind.TASK: f"{OBJECTS}/tasks"}
PAGE = 100
BATCH = 100
"""What one batch may hold at most."""
TO_CONTACT = {Kind.NOTE: 202, Kind.TASK: 204}
"""HubSpot's numbers for `note to contact` and `task to contact`."""
TITLE_CHARS = 80


class Record(msgspec.Struct, frozen=True):
    """One object as it is returned; fields that we do not use are left out."""

    id: str
    properties: dict[str, str | None] = {}


class Next(msgspec.Struct, frozen=True):
    after: str


class Paging(msgspec.Struct, frozen=True):
    next: Next | None = None


class Records(msgspec.Struct, frozen=True):
    results: list[Record]
    paging: Paging | None = None


class Dialect:
    """HubSpot's words, with the properties one portal uses."""

    def __init__(self, id_property: str, phone_properties: Iterable[str], region: str = "") -> None:
        self.id_property = id_property
        self._phones = tuple(phone_properties)
        self._region = region
        names = ("firstname", "lastname", "email", "hs_language", *self._phones, id_property)
        self._properties = names

    # ---- reading -----------------------------------------------------------------------------

    def read(self, kind: Kind, value: str, id_property: str = "") -> Request:
        """One record by HubSpot's id, or by the value of a unique property. Sees every write;
        a search does so only seconds later."""
        query = {"properties": ",".join(self._properties)} if kind is Kind.CONTACT else {}
        if id_property:
            query["idProperty"] = id_property
        return Request("GET", f"{PATHS[kind]}/{quote(value, safe='')}", query=query)

    def find(self, by: By, value: str) -> Request:
        if by is By.EMAIL:
            return self.read(Kind.CONTACT, value, "email")
        # Groups are alternatives, the filters in one are not.
        groups = [_equal(name, value) for name in self._phones]
        return self._search({"filterGroups": groups, "limit": 10})

    def search(self, text: str, after: str) -> Request:
        body: dict[str, Any] = {"query": text, "limit": PAGE}
        return self._search({**body, "after": after} if after else body)

    def _search(self, body: Mapping[str, Any]) -> Request:
        given = {**body, "properties": list(self._properties)}
        return Request("POST", f"{CONTACTS}/search", given)

    def card(self, record: Record) -> Card:
        """A person of theirs; numbers that are none are left out."""
        given = {name: value or "" for name, value in record.properties.items()}
        written = (given.get(name, "") for name in self._phones)
        numbers = (e164(text, self._region) for text in written)
        return Card(
            ref=record.id,
            token=given.get(self.id_property, ""),
            name=f"{given.get('firstname', '')} {given.get('lastname', '')}".strip(),
            email=given.get("email", ""),
            proven=bool(given.get("email")),
            language=given.get("hs_language", ""),
            numbers=tuple(dict.fromkeys(number for number in numbers if number)),
        )

    def cards(self, answer: Answer) -> Cards:
        found: Records = decoded(answer, Records)
        further = found.paging.next.after if found.paging and found.paging.next else ""
        return Cards(tuple(map(self.card, found.results)), further)

    def with_number(self, answer: Answer, number: str) -> Card | None:
        """Of several with one number, the oldest: which of them calls is nobody's knowledge."""
        fitting = [card for card in self.cards(answer).cards if number in card.numbers]
        return min(fitting, key=lambda card: (len(card.ref), card.ref), default=None)

    # ---- writing -----------------------------------------------------------------------------

    def create(self, card: Card, key: str) -> Request:
        return Request("POST", CONTACTS, {"properties": self.properties(card)}, key=f"{key}-c")

    def update(self, ref: str, changes: Mapping[str, str], key: str) -> Request:
        path = f"{CONTACTS}/{quote(ref, safe='')}"
        return Request("PATCH", path, {"properties": changes}, key=f"{key}-u")

    def upsert(self, cards: Iterable[Card], key: str) -> Request:
        """Create or change many by our id. Some may fail and the others be done."""
        inputs = [
            {"id": card.token, "idProperty": self.id_property, "properties": self.properties(card)}
            for card in cards
        ]
        return Request("POST", f"{CONTACTS}/batch/upsert", {"inputs": inputs}, key=key)

    def upserted(self, answer: Answer) -> dict[str, str]:
        """HubSpot's ids by our tokens: those that were taken."""
        found: Records = decoded(answer, Records)
        taken = ((record.properties.get(self.id_property), record.id) for record in found.results)
        return {token: ref for token, ref in taken if token}

    def properties(self, card: Card) -> dict[str, str]:
        """All that is known; what is not is left out, and so left alone."""
        first, _, last = card.name.rpartition(" ") if " " in card.name else (card.name, "", "")
        numbers = dict(zip(self._phones, card.numbers, strict=False))
        given = {"firstname": first, "lastname": last, "email": card.email}
        every = {**given, "hs_language": card.language, **numbers, self.id_property: card.token}
        return {name: value for name, value in every.items() if value}

    def changes(self, theirs: Record, card: Card, *, ours: bool) -> dict[str, str]:
        """What to change in a record of theirs. `ours`: it is linked to our contact, so what we
        know is newer; otherwise only what they do not have is filled in. No number is lost."""
        now = {name: value or "" for name, value in theirs.properties.items()}
        wished = self.properties(card)
        for name in self._phones:
            wished.pop(name, None)
        # An address nobody vouches for does not replace one, and no id of ours another of ours.
        newer = {name for name in wished if ours and (name != "email" or card.proven)}
        changes = {
            name: value
            for name, value in wished.items()
            if now.get(name, "") != value and (name in newer or not now.get(name))
        }
        return {**_whole_name(changes, now, wished, ours=ours), **self._new_numbers(now, card)}

    def _new_numbers(self, now: Mapping[str, str], card: Card) -> dict[str, str]:
        have = {e164(now.get(name, ""), self._region) for name in self._phones}
        free = [name for name in self._phones if not now.get(name)]
        new = [number for number in card.numbers if number not in have]
        return dict(zip(free, new, strict=False))

    def note(self, ref: str, note: NoteCard, key: str) -> Request:
        # The body is shown as HTML, and what callers said is none.
        body = {"hs_timestamp": _instant(note), "hs_note_body": html.escape(note.text)}
        given = {**body, self.id_property: note.token}
        return Request("POST", PATHS[Kind.NOTE], _about(ref, Kind.NOTE, given), key=f"{key}-c")

    def task(self, ref: str, task: TaskCard, key: str) -> Request:
        given = {**_task(task), self.id_property: task.token}
        return Request("POST", PATHS[Kind.TASK], _about(ref, Kind.TASK, given), key=f"{key}-c")

    def change_task(self, known: str, task: TaskCard, key: str) -> Request:
        path = f"{PATHS[Kind.TASK]}/{quote(known, safe='')}"
        return Request("PATCH", path, {"properties": _task(task)}, key=f"{key}-u")


def made(answer: Answer) -> str:
    """HubSpot's id of what was created, changed or read."""
    record: Record = decoded(answer, Record)
    return record.id


def existing(answer: Answer) -> str | None:
    """When a record was not created because it is there: its id, or "" if that is not said."""
    if answer.status not in (400, 409):
        return None
    try:
        error = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "" if answer.status == 409 else None
    message = str(error.get("message", "")) if isinstance(error, dict) else ""
    # The id stands nowhere but in the sentence.
    found = re.search(r"Existing ID: (\d{1,30})", message, re.ASCII)
    if found:
        return found.group(1)
    taken = answer.status == 409 or "already has that value" in message
    return "" if taken else None


def lost(kind: Kind) -> BookError:
    """A record that is said to be there and cannot be found."""
    return BookError(Trouble.DOWN, f"{kind.value}_not_found_yet")


def _whole_name(
    changes: Mapping[str, str], now: Mapping[str, str], wished: Mapping[str, str], *, ours: bool
) -> dict[str, str]:
    """First and last name change together, or a first name would get another's last."""
    parts = ("firstname", "lastname")
    kept = {name: value for name, value in changes.items() if name not in parts}
    named = any(now.get(part) for part in parts)
    if not wished.get("firstname") or (named and not ours) or not set(parts) & set(changes):
        return kept
    return {**kept, **{part: wished.get(part, "") for part in parts}}


def _equal(name: str, value: str) -> dict[str, Any]:
    return {"filters": [{"propertyName": name, "operator": "EQ", "value": value}]}


def _about(ref: str, kind: Kind, properties: Mapping[str, str]) -> dict[str, Any]:
    kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TO_CONTACT[kind]}]
    return {"properties": properties, "associations": [{"to": {"id": ref}, "types": kinds}]}


def _instant(card: NoteCard | TaskCard) -> str:
    return card.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _task(task: TaskCard) -> dict[str, str]:
    title = task.text if len(task.text) <= TITLE_CHARS else f"{task.text[: TITLE_CHARS - 3]}..."
    return {
        # Noon in UTC is the same day almost everywhere.
        "hs_timestamp": f"{task.due}T12:00:00.000Z" if task.due else _instant(task),
        "hs_task_subject": title,
        "hs_task_body": html.escape(task.text),
        "hs_task_status": "NOT_STARTED" if task.state is TaskState.OPEN else "COMPLETED",
    }
