"""The tables of who may use the console: users, sessions, links, keys, tries, and the audit log."""

import sqlalchemy as sa

from tools.schema import METADATA, Instant

USERS = sa.Table(
    "console_users",
    METADATA,
    # Random.
    sa.Column("id", sa.Text, primary_key=True),
    # As it is signed in with; small letters only, so that nobody looks like somebody else.
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("role", sa.Text, nullable=False),
    # argon2id; NULL until one is chosen.
    sa.Column("password", sa.Text),
    # Base32; NULL without a second factor.
    sa.Column("totp_secret", sa.Text),
    # Of the last code that was taken: it and those before are not taken again.
    sa.Column("totp_step", sa.BigInteger, nullable=False),
    # Issuer and subject of who signs in elsewhere.
    sa.Column("subject", sa.Text, unique=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("disabled_at", Instant),
)

RECOVERY_CODES = sa.Table(
    "console_recovery_codes",
    METADATA,
    sa.Column("user_id", sa.Text, primary_key=True),
    sa.Column("code_hash", sa.Text, primary_key=True),
)

SESSIONS = sa.Table(
    "console_sessions",
    METADATA,
    # SHA-256 of the cookie: who reads the database cannot sign in with it.
    sa.Column("token_hash", sa.Text, primary_key=True),
    # What lists and logs show.
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("user_id", sa.Text, nullable=False, index=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("ip", sa.Text, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
)

LINKS = sa.Table(
    "console_links",
    METADATA,
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False, index=True),
    # What it is good for.
    sa.Column("purpose", sa.Text, nullable=False),
    # What belongs to it, as text.
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
)

KEYS = sa.Table(
    "console_keys",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("key_hash", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    # The name of the user who made it.
    sa.Column("made_by", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("used_at", Instant),
    sa.Column("revoked_at", Instant),
)

TRIES = sa.Table(
    "console_tries",
    METADATA,
    # What is counted: a digest of a name or an address.
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
    sa.Column("blocked_until", Instant, nullable=False),
)

AUDIT = sa.Table(
    "console_audit",
    METADATA,
    # One after the other, without a gap.
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("who_id", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    # JSON, or empty.
    sa.Column("before", sa.Text, nullable=False),
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("ip", sa.Text, nullable=False),
    # SHA-256 of this entry and the hash of the one before it.
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("ix_console_audit_at", "at"),
)

AUDIT_ENDS = sa.Table(
    "console_audit_ends",
    METADATA,
    # "first": what the oldest entry is chained to; "last": the newest entry.
    sa.Column("end", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
