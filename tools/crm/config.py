"""Which book of contacts the agent uses, and how callers are checked: `crm.yaml`."""

from functools import cache
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from tools.config import SECRET_NAME, Document
from tools.crm.identity import CheckRules
from tools.phone import REGIONS
from tools.validation import Schema

FILE = "crm.yaml"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

DEFAULT_CRM = """\
# Where contacts, notes and tasks are kept: own (the database of Frontdesk) or hubspot (both: the
# calls work with our database, and HubSpot is told of every change).
backend: own
# Where numbers without a country code are from, as two letters; "" takes full numbers only.
region: ""
# What a caller must know, besides the name, before notes, appointments and details are told.
check:
  # appointment: the day of one to come. email: the address, if staff or HubSpot gave it.
  facts: [appointment, email]
  # How many of them must be right.
  needed: 1
  tries_per_call: 3
  tries_per_day: 5
# Only for another backend than own.
outside:
  base_url: "https://api.hubapi.com"
  # The name of the secret with the access token: here FRONTDESK_SECRET_HUBSPOT_TOKEN.
  credential: hubspot-token
  # A caller waits for what is read, and nobody for what is written.
  read_s: 1.5
  write_s: 10
  # Properties: a unique one that holds our id, and those that hold telephone numbers.
  id_property: frontdesk_id
  phone_properties: [phone, mobilephone]
"""

Property = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,99}$")]


class Outside(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another system's book, over HTTP."""

    base_url: Annotated[str, msgspec.Meta(description="https, or http on this machine.")] = (
        "https://api.hubapi.com"
    )
    credential: Annotated[
        str,
        msgspec.Meta(pattern=rf"^{SECRET_NAME}$", description="Name of the access token's secret."),
    ] = "hubspot-token"
    read_s: Annotated[
        float, msgspec.Meta(ge=0.1, le=5, description="How long a caller waits for a reading.")
    ] = 1.5
    write_s: Annotated[
        float, msgspec.Meta(ge=1, le=60, description="How long a writing may take.")
    ] = 10.0
    id_property: Annotated[
        Property, msgspec.Meta(description="The unique property that holds our id.")
    ] = "frontdesk_id"
    phone_properties: Annotated[
        tuple[Property, ...],
        msgspec.Meta(min_length=1, max_length=4, description="Which hold telephone numbers."),
    ] = ("phone", "mobilephone")


class CrmFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`crm.yaml`."""

    backend: Annotated[
        Literal["own", "hubspot"], msgspec.Meta(description="Where contacts are kept.")
    ] = "own"
    region: Annotated[str, msgspec.Meta(description="Two letters, like GB.")] = ""
    check: Annotated[
        CheckRules, msgspec.Meta(description="What a caller must know to be told private things.")
    ] = CheckRules()
    outside: Annotated[
        Outside, msgspec.Meta(description="The other system; not used by `own`.")
    ] = Outside()


class CrmConfig(msgspec.Struct, frozen=True):
    """How this deployment keeps contacts."""

    outside: Outside | None = None
    """None: in our own database only."""
    book: str = ""
    """The outside book's name, or empty."""
    region: str = ""
    check: CheckRules = CheckRules()


def parse_crm(text: str, where: str) -> CrmConfig:
    """What a `crm.yaml` describes. Raises ConfigError naming file, line and column."""
    document = Document(text, where)
    file = document.read(CrmFile, crm_schema())
    if file.region and file.region not in REGIONS:
        hint = 'Use two capital letters like GB, or ""'
        raise document.error(("region",), f"{file.region!r} is no region of numbers", hint)
    if len(set(file.check.facts)) != len(file.check.facts):
        hint = "Name each once"
        raise document.error(("check", "facts"), "names a fact twice", hint)
    if file.check.needed > len(file.check.facts):
        hint = "Ask for at most as many as there are facts"
        raise document.error(("check", "needed"), "is more than the facts that are asked", hint)
    if not _usable(file.outside.base_url):
        hint = "Write https:// and a host; http:// only on this machine"
        raise document.error(("outside", "base_url"), "is not a URL that can be used", hint)
    if file.backend == "own":
        return CrmConfig(region=file.region, check=file.check)
    return CrmConfig(file.outside, file.backend, file.region, file.check)


@cache
def crm_schema() -> Schema:
    """What `crm.yaml` is checked against."""
    document = msgspec.json.schema(CrmFile)
    for definition in document["$defs"].values():
        definition["additionalProperties"] = False
    return Schema(document)


def _usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        good = parts.port != 0 and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        return False
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return good and safe and parts.username is None and url.isprintable() and " " not in url
