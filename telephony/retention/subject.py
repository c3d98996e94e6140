"""Everything there is about one number, as one ZIP file a person can read."""

import datetime as dt
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import sqlalchemy as sa

from telephony.retention import mentions, people
from telephony.retention.classes import Kept
from telephony.retention.plan import call_of
from telephony.retention.rows import calls_of, chunks, rows
from telephony.retention.sealing import places
from telephony.transcripts.archive import StoredCall, export_json, export_text, stored
from telephony.transcripts.names import VOICEMAIL
from tools.phone import e164
from tools.store import Store

SCHEMA = 1
_README = """Everything kept about {number}, as of {at}.

calls/<id>/call.json       who called whom, when, how long, and every line of the conversation
calls/<id>/transcript.txt  the same to read; ~~struck through~~ was never heard
calls/<id>/*.wav           the recordings: caller.wav is the caller, agent.wav what they heard
database.json              bookings, messages, tool calls and contact data, by table
index.json                 what is in this file
"""


def export(store: Store, data_dir: Path, number: str, into: BinaryIO, now: dt.datetime) -> int:
    """Write the file; how many calls are in it. `number` is in E.164. Blocks.

    Raises BackendError and OSError; what was written by then is of no use.
    """
    found = list(_calls(data_dir, number))
    known = {call_of(place) for place, _ in found}
    tables = store.read(lambda on: _tables(on, number, known, now))
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as file:
        names = [name for place, call in found for name in _put(file, place, call)]
        at = now.astimezone(dt.UTC).isoformat(timespec="seconds")
        _write(file, "database.json", _json(tables))
        _write(file, "README.txt", _README.format(number=number, at=at).encode())
        index = {"schema": SCHEMA, "number": number, "exported_at": at, "files": names}
        _write(file, "index.json", _json({**index, "calls": sorted(known)}))
    return len(known)


def exported(store: Store, data_dir: Path, number: str, now: dt.datetime) -> bytes:
    """The file itself; see `export`."""
    into = io.BytesIO()
    export(store, data_dir, number, into, now)
    return into.getvalue()


def _calls(data_dir: Path, number: str) -> Iterator[tuple[str, StoredCall]]:
    for place, folder in places(data_dir):
        call = stored(folder)
        if e164(call.summary.from_number or "") == number:
            yield place, call


def _put(file: zipfile.ZipFile, place: str, call: StoredCall) -> Iterator[str]:
    at = f"calls/{place.replace('/', '_')}"
    document = msgspec.json.decode(export_json(call))
    # Where a file lies on our disk is nothing about them.
    document["recordings"] = sorted(document["recordings"])
    yield _write(file, f"{at}/call.json", _json(document))
    yield _write(file, f"{at}/transcript.txt", export_text(call).encode())
    for name, path in call.recordings.items():
        file.write(path, f"{at}/{name}", zipfile.ZIP_DEFLATED)
        yield f"{at}/{name}"
    if (call.folder / VOICEMAIL).is_file():
        yield _write(file, f"{at}/{VOICEMAIL}", (call.folder / VOICEMAIL).read_bytes())


def _write(file: zipfile.ZipFile, name: str, data: bytes) -> str:
    file.writestr(name, data)
    return name


def _tables(
    on: sa.Connection, number: str, known: set[str], now: dt.datetime
) -> dict[str, list[dict[str, Any]]]:
    """Each row of the number or of one of its calls, once; of others' what names the number."""
    calls = sorted(known | calls_of(on, number, now))
    found: dict[str, list[dict[str, Any]]] = dict(people.read(on, number))
    for each in rows(now):
        if each.kept is not Kept.METADATA:
            continue
        wanted = [each.of_calls(ids) for ids in chunks(calls)] + [each.of_number(number)]
        told = found.setdefault(each.table.name, [])
        for condition in wanted:
            if condition is not None:
                rows_found = on.execute(sa.select(each.table).where(condition)).mappings()
                told += [row for row in map(dict, rows_found) if row not in told]
    for name, asked in mentions.read(on, number).items():
        found.setdefault(name, []).extend(asked)
    return {name: told for name, told in found.items() if told}


def _json(data: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n"
