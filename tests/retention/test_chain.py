"""The chain of calls: what was sealed, what was changed since, what was deleted in good order."""

import datetime as dt
import zlib
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from telephony.retention.classes import name_of
from telephony.retention.sealing import Sealer
from telephony.retention.verifying import Verified, verify_calls
from tests.retention.conftest import NOW, MakeCall
from tools.callchain import Addition, CallChain
from tools.retained import CALL_CHAIN
from tools.store import Store


def sealer(data_dir: Path, on: Store, now: dt.datetime = NOW) -> Sealer:
    return Sealer(data_dir, CallChain(on, lambda: now), lambda: now)


async def test_a_call_is_sealed_once_and_found_as_it_was(
    call: MakeCall, tmp_path: Path, store: Store
) -> None:
    await call()
    await call("CA2", days_ago=30)
    one = sealer(tmp_path, store)
    assert (one.run(), one.run(), sealer(tmp_path, store).run()) == (2, 0, 0)
    found = verify_calls(store, tmp_path)
    assert (found.rows, found.calls, found.unsealed, found.problems) == (2, 2, 0, ())
    assert verify_calls(store, tmp_path, head=found.head).problems == ()


async def test_a_call_that_is_on_waits(call: MakeCall, tmp_path: Path, plain: Store) -> None:
    folder = await call()
    (folder / "call.json").unlink()
    assert sealer(tmp_path, plain, dt.datetime.now(dt.UTC)).run() == 0
    assert verify_calls(plain, tmp_path).unsealed == 1
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=13)
    assert sealer(tmp_path, plain, later).run() == 1


@pytest.mark.parametrize("file", ["journal.bin", "transcript.jsonl", "caller.wav", "call.json"])
@pytest.mark.parametrize("at", [0, -1, 40])
async def test_one_changed_byte_is_named(
    call: MakeCall,
    tmp_path: Path,
    plain: Store,
    file: str,
    at: int,
) -> None:
    path = await call() / file
    sealer(tmp_path, plain).run()
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    problems = verify_calls(plain, tmp_path).problems
    assert any(f"2026-11-20/CA1/{file} was changed since row 1" in each for each in problems)


async def test_a_journal_with_a_record_made_anew_is_named_by_its_byte(
    call: MakeCall,
    tmp_path: Path,
    plain: Store,
) -> None:
    """Whoever mends the checksums has still to mend the chain in each checkpoint."""
    path = await call() / "journal.bin"
    from_ = b"my knee hurts"
    data = path.read_bytes()
    at = data.index(from_)
    forged = bytearray(data)
    forged[at : at + 13] = b"my nose hurts"
    path.write_bytes(_mended(bytes(forged), at))
    problem = verify_calls(plain, tmp_path).problems[0]
    assert problem.startswith("2026-11-20/CA1/journal.bin: something before it was changed (byte ")


def _mended(data: bytes, at: int) -> bytes:
    """With the checksum of the frame that holds this byte put right."""
    offset = 0
    while True:
        length = int.from_bytes(data[offset : offset + 4], "little")
        end = offset + 8 + length
        if end > at:
            payload = data[offset + 8 : end]
            crc = zlib.crc32(payload, zlib.crc32(length.to_bytes(4, "little")))
            return data[: offset + 4] + crc.to_bytes(4, "little") + data[offset + 8 :]
        offset = end


async def test_a_transcript_that_is_not_its_journal_s_is_named_before_it_is_sealed(
    call: MakeCall,
    tmp_path: Path,
    plain: Store,
) -> None:
    path = await call() / "transcript.jsonl"
    path.write_bytes(path.read_bytes().replace(b"my knee hurts", b"my nose hurts"))
    found = verify_calls(plain, tmp_path)
    assert found.problems == ("2026-11-20/CA1/transcript.jsonl is not what its journal says",)


async def test_what_was_taken_away_by_hand_is_named(
    call: MakeCall, tmp_path: Path, plain: Store
) -> None:
    folder = await call()
    sealer(tmp_path, plain).run()
    (folder / "caller.wav").unlink()
    assert "caller.wav is gone, and no deletion took it" in problem(plain, tmp_path)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert problem(plain, tmp_path).startswith("the call of row 1 is gone (agent.wav, call.json")


def problem(on: Store, data_dir: Path) -> str:
    found: Verified = verify_calls(on, data_dir)
    assert len(found.problems) == 1
    return found.problems[0]


async def test_what_a_deletion_took_is_not_missed(
    call: MakeCall, tmp_path: Path, plain: Store
) -> None:
    folder = await call()
    sealer(tmp_path, plain).run()
    gone = [path.name for path in folder.iterdir()]
    what = msgspec.json.encode(gone).decode()
    chain = CallChain(plain, lambda: NOW)
    chain.append([Addition("erased", name_of("2026-11-20/CA1"), what)] * 2)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    found = verify_calls(plain, tmp_path)
    assert (found.rows, found.erased, found.problems) == (2, 1, ())


CHANGES = {
    "was changed": sa.update(CALL_CHAIN).where(CALL_CHAIN.c.number == 2).values(what="{}"),
    "row 2 is missing": sa.delete(CALL_CHAIN).where(CALL_CHAIN.c.number == 2),
    "row 2 was changed": sa.update(CALL_CHAIN).where(CALL_CHAIN.c.number == 2).values(at="2020"),
}


@pytest.mark.parametrize("what", list(CHANGES))
async def test_a_row_that_was_changed_or_taken_out_is_named(
    call: MakeCall,
    tmp_path: Path,
    plain: Store,
    what: str,
) -> None:
    for number in range(3):
        await call(f"CA{number}")
        sealer(tmp_path, plain).run()
    plain.write(lambda on: on.execute(CHANGES[what]))
    chain = [each for each in verify_calls(plain, tmp_path).problems if "call chain" in each]
    assert any(what in each for each in chain), chain


async def test_a_chain_that_was_cut_off_is_seen_by_who_kept_its_end(
    call: MakeCall,
    tmp_path: Path,
    plain: Store,
) -> None:
    await call()
    sealer(tmp_path, plain).run()
    head = verify_calls(plain, tmp_path).head
    plain.write(lambda on: on.execute(sa.delete(CALL_CHAIN)))
    problems = verify_calls(plain, tmp_path, head=head).problems
    assert problems == ("call chain: it does not hold the link it once ended with",)


def test_the_chain_tells_of_nobody() -> None:
    assert "CA1" not in name_of("2026-11-20/CA1")
    assert {column.name for column in CALL_CHAIN.columns} == {
        "number", "kind", "name", "what", "at", "link",
    }  # fmt: skip
