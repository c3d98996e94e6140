"""May this stream carry that call? Single-use tokens between the voice webhook and the socket.

The signature alone is not enough: a stream's URL never changes, so that a captured signature of
its upgrade is good for ever and for any call.
"""

from base64 import urlsafe_b64encode
from enum import Enum
from hashlib import sha256
from hmac import compare_digest

import msgspec

from telephony.twilio.ports import Offer

MAX_TTL_S = 60.0
MIN_SECRET_BYTES = 16
MAX_TOKEN_CHARS = 128


class TokenRefusal(Enum):
    """Why a token opens nothing."""

    UNKNOWN = "unknown"
    """No such token for this call: never issued, used already, or replaced by a newer one."""
    EXPIRED = "expired"
    WRONG_ACCOUNT = "wrong_account"


class _Issued(msgspec.Struct, frozen=True):
    digest: bytes
    offer: Offer
    expires_at: float


class StreamTokens:
    """Tokens waiting for their stream: hashed, short-lived, one for each call, bounded."""

    def __init__(self, ttl_s: float = MAX_TTL_S, capacity: int = 10_000) -> None:
        if not 0 < ttl_s <= MAX_TTL_S or capacity < 1:
            raise ValueError(f"a token lives for at most {MAX_TTL_S:g} s, and one must fit")
        self._ttl_s = ttl_s
        self._capacity = capacity
        self._issued: dict[str, _Issued] = {}  # By CallSid, oldest first.

    def __len__(self) -> int:
        return len(self._issued)

    def issue(self, offer: Offer, secret: bytes, now: float) -> str:
        """A token for the call, from `secret` (random, at least 16 bytes).

        A token issued for the same call before is worthless from now on. When the store is full
        the oldest token goes: it is the one nearest to its end.
        """
        if not MIN_SECRET_BYTES <= len(secret) <= MAX_TOKEN_CHARS // 2:
            raise ValueError("a token needs 16 to 64 random bytes")
        token = urlsafe_b64encode(secret).rstrip(b"=").decode("ascii")
        self._issued.pop(offer.call_sid, None)
        self._drop_expired(now)
        if len(self._issued) >= self._capacity:
            del self._issued[next(iter(self._issued))]
        self._issued[offer.call_sid] = _Issued(_digest(token), offer, now + self._ttl_s)
        return token

    def redeem(
        self, token: str, call_sid: str, account_sid: str, now: float
    ) -> Offer | TokenRefusal:
        """Trade the token for the call it was issued for; good once.

        A token of another call is not used up by trying it here.
        """
        issued = self._issued.get(call_sid)
        if len(token) > MAX_TOKEN_CHARS or issued is None:
            return TokenRefusal.UNKNOWN
        if not compare_digest(_digest(token), issued.digest):
            return TokenRefusal.UNKNOWN
        del self._issued[call_sid]
        if now >= issued.expires_at:
            return TokenRefusal.EXPIRED
        if account_sid != issued.offer.account_sid:
            return TokenRefusal.WRONG_ACCOUNT
        return issued.offer

    def _drop_expired(self, now: float) -> None:
        while self._issued:
            oldest = next(iter(self._issued))
            if now < self._issued[oldest].expires_at:
                return
            del self._issued[oldest]


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
