"""How a page is made: from a template, for whoever asks, with what every page has."""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import jinja2
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup

from telephony.console.access import cookies
from telephony.console.access.gate import CSRF, CSRF_FIELD, VISIT
from telephony.console.access.policy import WHO
from telephony.console.access.roles import Right, Who
from telephony.console.browsers import browser
from telephony.version import VERSION

HOME = "/console"
HERE = Path(__file__).parent
STATIC = HERE / "static"
FLASH = "frontdesk-flash"
THEME = "frontdesk-theme"
_LONGEST_FLASH = 500


class Place(NamedTuple):
    """One of the places the navigation leads to."""

    name: str
    path: str
    key: str
    """Pressed after g."""
    right: Right = Right.VIEW


NAVIGATION = (
    Place("Live", f"{HOME}/live", "l"),
    Place("Calls", f"{HOME}/calls", "c"),
    Place("Tools", f"{HOME}/tools", "t"),
    Place("Try it", f"{HOME}/trial", "y", Right.CONTROL),
    Place("Health", f"{HOME}/health", "h"),
    Place("Settings", f"{HOME}/settings", "s", Right.ADMIN),
)


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of `templates/`, which may use `values` and what `_around` gives to all of them.

    Blocks for as long as it takes: a long page is made in a thread (a plain `def` route is).
    """
    response = HTMLResponse(rendered(template, **(_around(request) | values)), status)
    hand_over(request, response)
    return response


def rendered(template: str, **values: Any) -> str:
    """A template with these values and nothing else: what is no page of the console. Blocks."""
    return _templates().get_template(template).render(values)


def redirect(request: Request, path: str, *, flash: str = "", kind: str = "good") -> Response:
    """Go on there after a form was sent; `flash` is said once, on the next page. `kind` is good,
    bad or note."""
    response = RedirectResponse(own_path(path), 303)
    if flash:
        text = quote(json.dumps({"kind": kind, "text": flash[:_LONGEST_FLASH]}))
        secure = _secure(request)
        response.set_cookie(
            FLASH, text, max_age=60, path="/", httponly=True, secure=secure, samesite="lax"
        )
    return response


def own_path(path: str) -> str:
    """The path if it leads into the console, and home if it leads anywhere else."""
    parts = urlsplit(path.replace("\\", "/"))
    own = parts.path == HOME or parts.path.startswith(f"{HOME}/")
    plain = path.isprintable() and path.isascii()
    return path if own and plain and not parts.scheme and not parts.netloc else HOME


def offered(who: Who | None, places: Sequence[Place]) -> list[Place]:
    return [place for place in places if who is not None and who.may(place.right)]


def static_url(name: str) -> str:
    """Where a file of `static/` is, under an address that changes with all of them: modules find
    each other relative to it."""
    return f"{HOME}/static/{static_version()}/{name}"


@cache
def static_version() -> str:
    """Files do not change while the process runs."""
    total = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"v-{total.hexdigest()[:12]}"


def _around(request: Request) -> dict[str, Any]:
    """What every template may use: who, rights, csrf_field(), csrf_token, flash, static(), places,
    here (the path), theme, version."""
    who = request.scope.get(WHO)
    return {
        "who": who,
        "may": lambda right: who is not None and who.may(Right(right)),
        "csrf_token": request.scope[CSRF],
        "csrf_field": lambda: _csrf_field(request.scope[CSRF]),
        "flash": _flash(request),
        "static": static_url,
        "places": offered(who, request.app.state.places),
        "here": request.url.path,
        "theme": _theme(request),
        "version": VERSION,
    }


def _csrf_field(token: str) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, token)


def _flash(request: Request) -> dict[str, str] | None:
    try:
        said = json.loads(unquote(request.cookies[FLASH]))
        kind = said["kind"] if said["kind"] in ("good", "bad", "note") else "note"
        return {"kind": kind, "text": str(said["text"])[:_LONGEST_FLASH]}
    except (KeyError, ValueError, TypeError):
        return None


def _theme(request: Request) -> str:
    """As the reader has chosen; empty: as their machine is set."""
    chosen = request.cookies.get(THEME, "")
    return chosen if chosen in ("light", "dark") else ""


def hand_over(request: Request, response: Response) -> None:
    """Give the browser what its next form needs, and take away what was shown."""
    if FLASH in request.cookies:
        response.delete_cookie(FLASH, path="/")
    visit = request.scope[VISIT]
    if visit is not None:
        cookies.give(response, *visit, secure=_secure(request))


def _secure(request: Request) -> bool:
    return bool(request.app.state.secure)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["moment"] = _moment
    environment.filters["browser"] = browser
    environment.filters["prose"] = _prose
    return environment


def _moment(value: dt.datetime | None) -> Markup:
    """A time that the reader's browser shows in its own zone; UTC without scripts. `value` is
    aware, or None."""
    if value is None:
        return Markup("")
    utc = value.astimezone(dt.UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        utc.isoformat(timespec="seconds"), utc.strftime("%Y-%m-%d %H:%M")
    )


def _prose(text: str) -> Markup:
    """A sentence as documents have it: code as code, of links to other documents their words."""
    pieces = re.split(r"`([^`]*)`", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text))
    marked = (Markup("<code>{}</code>") if at % 2 else Markup("{}") for at in range(len(pieces)))
    return Markup("").join(mark.format(piece) for mark, piece in zip(marked, pieces, strict=True))
