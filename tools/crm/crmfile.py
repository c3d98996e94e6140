"""Reads and writes `crm.yaml` in the configuration folder."""

from pathlib import Path

from tools.configfile import load_file, write_example
from tools.crm.config import DEFAULT_CRM, FILE, CrmConfig, parse_crm


def load_crm(folder: Path | None) -> CrmConfig:
    """How contacts are kept, as the file in `folder` says; without one, in our database only.

    Raises ConfigError for a file that cannot be read or used.
    """
    return (load_file(folder / FILE, parse_crm) if folder else None) or CrmConfig()


def write_default_crm(folder: Path) -> Path:
    """Write the example for the operator to change; an existing file is left alone."""
    write_example(folder / FILE, DEFAULT_CRM)
    return folder / FILE
