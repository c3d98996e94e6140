"""Secrets that are handed out once and kept as their digest."""

import hashlib
import hmac
import secrets

TOKEN_BYTES = 32
ID_BYTES = 12


def new_token() -> str:
    """43 characters that nobody can guess."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def new_id() -> str:
    """What a row is called: random, so that knowing one says nothing of others."""
    return secrets.token_hex(ID_BYTES)


def digest(token: str) -> str:
    """A plain hash is enough: the token itself cannot be guessed, as a password can."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(secret: str) -> str:
    """What forms of a session carry; known to nobody who does not know its cookie."""
    return hmac.new(secret.encode(), b"frontdesk csrf", hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
