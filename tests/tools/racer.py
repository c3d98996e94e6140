"""A process that waits for the word and then books one slot, for a race with others."""

import asyncio
import sys

from tests.tools.desk import Desk
from tools.booking.shop import default_shop
from tools.catalogue import build
from tools.store import open_store


def main(url: str, racer: str, arguments: str) -> None:
    store = open_store(url)
    desk = Desk(build(default_shop(), store), store)
    print("ready", flush=True)
    sys.stdin.readline()
    number = f"+4420794600{racer:>02}"
    outcome = asyncio.run(desk.ask("book_appointment", arguments, call=f"CA{racer}", number=number))
    sys.stderr.flush()
    print(outcome.state.value, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
