"""Which version does this call go by? The same for the same caller, for as long as it runs."""

import hashlib

from tools.phone import e164
from tools.rollout.spec import Arm, Rollout

_STEPS = 1_000_000


def arm_of(rollout: Rollout, call_id: str, caller: str, called: str) -> Arm:
    """`caller` and `called` as the carrier gave them. Who has the new version keeps it when more
    callers get it. A caller without a number is dealt anew with each call. Pure."""
    numbers = {number for number in (e164(caller), e164(called)) if number}
    if numbers & set(rollout.numbers):
        return Arm.NEW
    whose = e164(caller) or call_id
    return Arm.NEW if _place(f"{rollout.id}:{whose}") < rollout.percent / 100 else Arm.OLD


def _place(text: str) -> float:
    """Where in 0 to 1 a text falls: everywhere alike, and always the same."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % _STEPS / _STEPS
