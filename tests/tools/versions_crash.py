"""A process that saves or publishes and kills itself at a named point."""

import os
import signal
import sys

import sqlalchemy as sa

from tests.tools.versioned import Editor
from tools.store import open_store

POINTS = ("between", "publishing", "folder")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(url: str, point: str) -> None:
    store = open_store(url)
    desk = Editor(store)
    draft = None if point == "folder" else desk.saved(1, shop="two")
    if point != "between":
        sa.event.listen(store.engine, "commit", committing)
    if point == "folder":
        desk.folder(shop="two")
    elif point == "publishing":
        desk.published(draft or 0)
    die()


def committing(connection: sa.Connection) -> None:
    """Die where the pointer has moved and that is not yet durable."""
    moved = sa.text("SELECT published_id FROM config_pointers")
    if connection.execute(moved).scalar_one() != 1:
        die()


if __name__ == "__main__":
    main(*sys.argv[1:])
