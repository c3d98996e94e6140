"""Versions of the configuration."""

import sqlalchemy as sa
from alembic import op

revision = "0002_versions"
down_revision = "0002_calls"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _versions()
    _events()
    pointers = op.create_table(
        "config_pointers",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("head_id", sa.Integer),
        sa.Column("published_id", sa.Integer),
        sa.Column("folder_id", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_config_pointers"),
        _version_key("config_pointers", "head_id"),
        _version_key("config_pointers", "published_id"),
        _version_key("config_pointers", "folder_id"),
    )
    op.bulk_insert(pointers, [{"id": 1}])


def _versions() -> None:
    op.create_table(
        "config_versions",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("parent_id", sa.Integer),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("conflicts_with", sa.Integer),
        sa.Column("folder_id", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_config_versions"),
        _version_key("config_versions", "parent_id"),
        _version_key("config_versions", "conflicts_with"),
        _version_key("config_versions", "folder_id"),
    )
    op.create_index("ix_config_versions_digest", "config_versions", ["digest"])
    op.create_table(
        "config_texts",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_config_texts"),
    )
    op.create_table(
        "config_files",
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("version_id", "path", name="pk_config_files"),
        _version_key("config_files", "version_id"),
        sa.ForeignKeyConstraint(["digest"], ["config_texts.digest"], name="fk_config_files_digest"),
    )
    op.create_index("ix_config_files_path_digest", "config_files", ["path", "digest"])


def _events() -> None:
    op.create_table(
        "config_events",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.Column("previous_id", sa.Integer),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_config_events"),
        _version_key("config_events", "version_id"),
        _version_key("config_events", "previous_id"),
    )


def _version_key(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["config_versions.id"], name=f"fk_{table}_{column}")
