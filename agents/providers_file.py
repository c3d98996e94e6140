"""Where the providers' data file lies: beside this module."""

from collections.abc import Mapping
from pathlib import Path

from agents.providers import Provider, parse_providers

SHIPPED = Path(__file__).with_name("providers.json")


def read_providers(path: Path = SHIPPED) -> Mapping[str, Provider]:
    """By name. Raises OSError and `agents.providers.BadProviders`."""
    return parse_providers(path.read_bytes())
