"""The tables of configuration versions. Only the pointers are ever changed."""

import sqlalchemy as sa

from tools.schema import METADATA, Instant

VERSIONS = sa.Table(
    "config_versions",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent_id", sa.Integer, sa.ForeignKey("config_versions.id")),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, index=True),
    # The version this one could not be merged with: kept so that nobody's text is lost.
    sa.Column("conflicts_with", sa.Integer, sa.ForeignKey("config_versions.id")),
    # The version that holds just what the folder held when this one was made.
    sa.Column("folder_id", sa.Integer, sa.ForeignKey("config_versions.id")),
)

TEXTS = sa.Table(
    "config_texts",
    METADATA,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)

FILES = sa.Table(
    "config_files",
    METADATA,
    sa.Column("version_id", sa.Integer, sa.ForeignKey("config_versions.id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, sa.ForeignKey("config_texts.digest"), nullable=False),
    sa.Index("ix_config_files_path_digest", "path", "digest"),
)

EVENTS = sa.Table(
    "config_events",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("version_id", sa.Integer, sa.ForeignKey("config_versions.id"), nullable=False),
    sa.Column("previous_id", sa.Integer, sa.ForeignKey("config_versions.id")),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)

POINTERS = sa.Table(
    "config_pointers",
    METADATA,
    # One row, made by the migration; whoever writes anything here locks it first.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("head_id", sa.Integer, sa.ForeignKey("config_versions.id")),
    sa.Column("published_id", sa.Integer, sa.ForeignKey("config_versions.id")),
    sa.Column("folder_id", sa.Integer, sa.ForeignKey("config_versions.id")),
)
