"""Style sheets, scripts and pictures of the console."""

from functools import cache
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response

from telephony.console.access.policy import anybody_s_files
from telephony.console.problems import Refused
from telephony.console.rendering import STATIC, static_version

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, no-cache"

Name = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,60}\.[a-z]{1,12}$")]
IfNoneMatch = Annotated[str | None, Header()]


def files_router() -> APIRouter:
    """Everything under /static; nothing in it is secret."""
    router = APIRouter(prefix="/static", dependencies=[anybody_s_files()])

    @router.get("/{version}/{name}")
    def versioned(version: str, name: Name, if_none_match: IfNoneMatch = None) -> Response:
        # A page of before an update may still ask by its own version: it gets what there is now.
        kept = _FOR_EVER if version == static_version() else _ASK_AGAIN
        return _answer(name, if_none_match, kept)

    @router.get("/{name}")
    def plain(name: Name, if_none_match: IfNoneMatch = None) -> Response:
        return _answer(name, if_none_match, _ASK_AGAIN)

    return router


def _answer(name: str, if_none_match: str | None, kept: str) -> Response:
    content, tag, kind = _read(name)
    headers = {"ETag": tag, "Cache-Control": kept}
    if if_none_match == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, 200, headers, kind)


@cache
def _read(name: str) -> tuple[bytes, str, str]:
    path = STATIC / name
    kind = KINDS.get(path.suffix)
    # The name has no slash, and no dot but one.
    if kind is None or not path.is_file():
        raise Refused(404, "no-file", "There is no such file.")
    content = path.read_bytes()
    return content, f'"{sha256(content).hexdigest()[:32]}"', kind
