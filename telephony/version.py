"""Which program is this? Kept in journals, because a later one may rightly decide otherwise."""

VERSION = "0.1.0"
"""As in pyproject.toml; a test compares them."""
