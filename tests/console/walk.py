"""Every address of the console and the API, as a walk for whoever tries doors."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from telephony.console.access.gate import Gate
from telephony.console.access.policy import Rule
from telephony.console.headers import SecurityHeaders
from tests.console.house import Console

_EXAMPLES = {"path": "shop.yaml", "kind": "shop", "name": "base.css", "version": "1"}


class Door(NamedTuple):
    """One route of one of the mounted applications."""

    method: str
    """WEBSOCKET for a socket."""
    url: str
    rule: Rule


def gates(console: Console) -> Iterator[tuple[str, Gate]]:
    """The gates, by the path they stand at."""
    for mount in console.app.routes:
        app: Any = getattr(mount, "app", None)
        if isinstance(app, SecurityHeaders):
            gate: Any = app.gate
            yield getattr(mount, "path", ""), gate


def doors(console: Console) -> Iterator[Door]:
    for prefix, gate in gates(console):
        for rule in gate.policy.rules:
            for method in rule.methods or ("WEBSOCKET",):
                yield Door(method, prefix + re.sub(r"{(\w+)(:\w+)?}", _example, rule.path), rule)


def _example(found: "re.Match[str]") -> str:
    name = found[1]
    return "0" * 24 if name.endswith("_id") else _EXAMPLES.get(name, "1")
