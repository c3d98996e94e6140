"""Where the models' data file lies: beside this module, or where an operator puts a newer one."""

from pathlib import Path

from agents.models import Models, parse_models

SHIPPED = Path(__file__).with_name("models.json")


def read_models(path: Path = SHIPPED) -> Models:
    """Raises OSError and `agents.models.BadModels`."""
    return parse_models(path.read_bytes())
