"""How the routes of several routers become those of one."""

from collections.abc import Iterable

from fastapi import APIRouter


def joined(into: APIRouter, parts: Iterable[APIRouter]) -> None:
    """What `into.include_router` comes to, for a router that adds nothing of its own.

    FastAPI makes every route it includes a second time, to give it the other router's prefix and
    dependencies, and reads its parameters anew: half of what the start of a console takes.
    """
    assert not any((into.prefix, into.dependencies, into.tags, into.responses))
    for part in parts:
        into.routes.extend(part.routes)
