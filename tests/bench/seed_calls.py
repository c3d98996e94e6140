"""Fill a database with made-up calls: python -m tests.bench.seed_calls N [--url URL].

Without a URL a SQLite file below the temporary folder, whose URL is printed. What is said is drawn
from 4,000 words, some frequent and most rare, as words are. Rows are written with
SQL, in bulk.
"""

import argparse
import itertools
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from telephony.transcripts.index.index import STEPS
from telephony.transcripts.index.tables import CALL_LABELS, CALL_TEXTS, CALL_TOOLS, CALLS, HITS
from telephony.transcripts.index.words import tsvector
from telephony.versioned import utc_now
from tools.migrate import migrate
from tools.store import Store, open_store

BATCH = 10_000
APART_MS = 30_000
NEWEST_MS = 1_795_176_000_000
"""2026-11-20, noon: a million calls reach back a year."""
WORDS = 4_000
SPOKEN = (25, 70)
"""Words of each speaker in a call."""
OUTCOMES = ("caller_hung_up",) * 60 + ("agent_hung_up",) * 30 + ("transferred",) * 6 + (
    "idle", "engine_failed", "stream_lost", "budget",
)  # fmt: skip
TOOLS = ("find_times", "book_appointment", "cancel_appointment", "take_message", "order_status")


class Speech:
    """Sentences of words that are as unequally frequent as real ones (Zipf)."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        syllables = [first + last for first in "bdfgklmnprstvw" for last in "aeiou"]
        pairs = itertools.product(syllables, repeat=2)
        self.words = ["".join(pair) for pair in itertools.islice(pairs, WORDS)]
        self._weights = list(itertools.accumulate(1 / (rank + 2) for rank in range(WORDS)))

    def said(self) -> str:
        count = self._dice.randint(*SPOKEN)
        return " ".join(self._dice.choices(self.words, cum_weights=self._weights, k=count))


def seed(store: Store, calls: int, seed_of_dice: int = 1) -> None:
    """Put so many calls into a migrated, empty index."""
    postgresql = store.engine.dialect.name == "postgresql"
    with store.engine.connect() as connection:
        if postgresql:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("DROP INDEX ix_call_texts_words")
            connection.commit()
        dice = random.Random(seed_of_dice)
        speech = Speech(dice)
        for batch in _batches(calls):
            rows = [_row(number, dice) for number in batch]
            _put(connection, rows, speech, dice, postgresql=postgresql)
            connection.commit()
        if postgresql:
            connection.exec_driver_sql(
                "CREATE INDEX ix_call_texts_words ON call_texts USING gin (words)"
            )
            # As autovacuum does; SQLite has no figures of its own accord, here neither.
            connection.exec_driver_sql("ANALYZE")
            connection.commit()


def _batches(calls: int) -> Iterator[range]:
    for first in range(0, calls, BATCH):
        yield range(first, min(calls, first + BATCH))


def _row(number: int, dice: random.Random) -> dict[str, Any]:
    started_ms = NEWEST_MS - number * APART_MS - dice.randrange(APART_MS)
    outcome, interruptions = dice.choice(OUTCOMES), dice.choice((0, 0, 0, 1, 2))
    failed_tools = int(dice.random() < 0.02)
    return {
        "number": started_ms * STEPS + number % STEPS,
        "call_id": f"CA{number:032x}",
        "started_ms": started_ms,
        "folder": f"2026-01-01/CA{number:032x}",
        "part": 1,
        "caller": f"+4420794{dice.randrange(60_000):05}" if dice.random() > 0.05 else "",
        "called": f"+44207946{dice.randrange(20):04}",
        "persona": dice.choice(("", "desk", "desk", "night", "sales")),
        "outcome": outcome,
        "engine": dice.choice(("realtime", "realtime", "realtime", "turns", "local")),
        "duration_ms": int(dice.expovariate(1 / 120_000)),
        "turns": dice.randrange(40),
        "interruptions": interruptions,
        "tool_calls": 1,
        "failed_tools": failed_tools,
        "silence_ms": dice.randrange(5_000),
        "cost_micros": int(dice.expovariate(1 / 300_000)),
        "cost_unknown": False,
        "config_version": 1,
        "interrupted": interruptions > 0,
        "failed": failed_tools > 0 or outcome in ("engine_failed", "stream_lost"),
    }


def _put(
    connection: sa.Connection,
    rows: list[dict[str, Any]],
    speech: Speech,
    dice: random.Random,
    *,
    postgresql: bool,
) -> None:
    connection.execute(sa.insert(CALLS), rows)
    texts = [
        {"number": row["number"], "caller": speech.said(), "agent": speech.said()} for row in rows
    ]
    if postgresql:
        worded = [{**each, "words": tsvector(each["caller"], each["agent"])} for each in texts]
        connection.execute(sa.insert(CALL_TEXTS), worded)
    else:
        connection.execute(sa.insert(CALL_TEXTS), texts)
        connection.execute(
            sa.insert(HITS),
            [{"rowid": each["number"], "caller": each["caller"], "agent": each["agent"]}
             for each in texts],
        )  # fmt: skip
    numbers = [row["number"] for row in rows]
    connection.execute(
        sa.insert(CALL_TOOLS), [{"number": each, "tool": dice.choice(TOOLS)} for each in numbers]
    )
    label = {"label": "to check", "author": "seed", "created_at": utc_now()}
    labels = [{"number": each, **label} for each in numbers[::500]]
    connection.execute(sa.insert(CALL_LABELS), labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", type=int)
    parser.add_argument("--url", default="")
    given = parser.parse_args()
    file = Path(tempfile.gettempdir()) / f"frontdesk-{given.calls}-calls.db"
    url = given.url or f"sqlite:///{file}"
    store = open_store(url)
    migrate(store)
    began = time.perf_counter()
    seed(store, given.calls)
    print(f"{given.calls:,} calls in {time.perf_counter() - began:.0f} s: {url}")
    store.close()


if __name__ == "__main__":
    main()
