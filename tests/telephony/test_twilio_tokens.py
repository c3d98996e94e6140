"""One token, one call, one use, one minute."""

from base64 import urlsafe_b64decode
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.twilio.ports import Offer
from telephony.twilio.tokens import StreamTokens, TokenRefusal
from tests.telephony import twilio_peer as peer

SECRET = bytes(range(32))


def offer(call_sid: str, account_sid: str = peer.ACCOUNT) -> Offer:
    return Offer(call_sid=call_sid, account_sid=account_sid, from_="+1", to="+2")


def test_a_token_opens_its_call_once_with_all_that_was_known_of_it() -> None:
    tokens = StreamTokens()
    token = tokens.issue(peer.OFFER, SECRET, now=0.0)
    assert tokens.redeem(token, peer.CALL, peer.ACCOUNT, now=1.0) == peer.OFFER


def test_fault_t10_a_replayed_token_opens_nothing() -> None:
    tokens = StreamTokens()
    token = tokens.issue(peer.OFFER, SECRET, now=0.0)
    tokens.redeem(token, peer.CALL, peer.ACCOUNT, now=1.0)
    assert tokens.redeem(token, peer.CALL, peer.ACCOUNT, now=1.1) is TokenRefusal.UNKNOWN
    assert len(tokens) == 0


@pytest.mark.parametrize(("after_s", "opens"), [(59.99, True), (60.0, False), (3_600.0, False)])
def test_fault_t10_a_token_lives_for_a_minute(after_s: float, opens: bool) -> None:
    tokens = StreamTokens()
    token = tokens.issue(peer.OFFER, SECRET, now=5.0)
    answer = tokens.redeem(token, peer.CALL, peer.ACCOUNT, now=5.0 + after_s)
    assert answer == (peer.OFFER if opens else TokenRefusal.EXPIRED)


def test_fault_t10_a_token_of_another_call_opens_nothing_and_is_still_good_for_its_own() -> None:
    tokens = StreamTokens()
    own = tokens.issue(offer(peer.CALL), SECRET, now=0.0)
    tokens.issue(offer(peer.OTHER_CALL), bytes(32), now=0.0)
    assert tokens.redeem(own, peer.OTHER_CALL, peer.ACCOUNT, now=0.1) is TokenRefusal.UNKNOWN
    assert tokens.redeem(own, peer.CALL, peer.ACCOUNT, now=0.2) == offer(peer.CALL)


def test_fault_t10_a_stream_of_another_account_uses_the_token_up() -> None:
    tokens = StreamTokens()
    token = tokens.issue(peer.OFFER, SECRET, now=0.0)
    refused = tokens.redeem(token, peer.CALL, peer.OTHER_ACCOUNT, now=0.1)
    assert refused is TokenRefusal.WRONG_ACCOUNT
    assert tokens.redeem(token, peer.CALL, peer.ACCOUNT, now=0.2) is TokenRefusal.UNKNOWN


def test_fault_t14_a_new_token_for_a_call_makes_the_old_one_worthless() -> None:
    tokens = StreamTokens()
    old = tokens.issue(peer.OFFER, SECRET, now=0.0)
    new = tokens.issue(peer.OFFER, bytes(32), now=1.0)
    assert tokens.redeem(old, peer.CALL, peer.ACCOUNT, now=1.1) is TokenRefusal.UNKNOWN
    assert tokens.redeem(new, peer.CALL, peer.ACCOUNT, now=1.2) == peer.OFFER


def test_a_token_carries_all_of_its_randomness_and_fits_a_parameter() -> None:
    token = StreamTokens().issue(peer.OFFER, SECRET, now=0.0)
    assert urlsafe_b64decode(token + "=") == SECRET
    assert len(token) == 43


def test_tokens_are_not_kept_in_clear() -> None:
    tokens = StreamTokens()
    token = tokens.issue(peer.OFFER, SECRET, now=0.0)
    assert token not in repr(vars(tokens))


@pytest.mark.parametrize("length", [0, 15, 65])
def test_too_little_randomness_is_our_bug(length: int) -> None:
    with pytest.raises(ValueError, match="random bytes"):
        StreamTokens().issue(peer.OFFER, bytes(length), now=0.0)


@pytest.mark.parametrize(("ttl_s", "capacity"), [(0.0, 1), (60.1, 1), (60.0, 0)])
def test_no_store_keeps_tokens_longer_than_a_minute(ttl_s: float, capacity: int) -> None:
    with pytest.raises(ValueError, match="at most 60 s"):
        StreamTokens(ttl_s, capacity)


@pytest.mark.parametrize("token", ["", "x", "x" * 129, "\ud800", "ä" * 43, "A" * 43])
def test_guesses_open_nothing(token: str) -> None:
    tokens = StreamTokens()
    tokens.issue(peer.OFFER, SECRET, now=0.0)
    assert tokens.redeem(token, peer.CALL, peer.ACCOUNT, now=0.1) is TokenRefusal.UNKNOWN
    assert len(tokens) == 1


def test_expired_tokens_leave_the_store_by_themselves() -> None:
    tokens = StreamTokens()
    for n in range(50):
        tokens.issue(offer(f"CA{n}"), SECRET, now=n * 2.0)
    assert len(tokens) == 30


def test_a_full_store_gives_up_its_oldest_token() -> None:
    tokens = StreamTokens(capacity=2)
    first, second, third = (
        tokens.issue(offer(f"CA{n}"), bytes([n]) * 32, now=n / 10) for n in range(3)
    )
    assert len(tokens) == 2
    assert tokens.redeem(first, "CA0", peer.ACCOUNT, now=1.0) is TokenRefusal.UNKNOWN
    assert tokens.redeem(second, "CA1", peer.ACCOUNT, now=1.0) == offer("CA1")
    assert tokens.redeem(third, "CA2", peer.ACCOUNT, now=1.0) == offer("CA2")


def test_a_renewed_token_is_a_young_one() -> None:
    tokens = StreamTokens(capacity=2)
    tokens.issue(offer("CA0"), SECRET, now=0.0)
    tokens.issue(offer("CA1"), SECRET, now=1.0)
    renewed = tokens.issue(offer("CA0"), SECRET, now=2.0)
    tokens.issue(offer("CA2"), SECRET, now=3.0)
    assert tokens.redeem(renewed, "CA0", peer.ACCOUNT, now=4.0) == offer("CA0")


def test_a_renewed_token_goes_after_those_issued_since_the_first() -> None:
    tokens = StreamTokens(capacity=3)
    tokens.issue(offer("CA0"), SECRET, now=0.0)
    older = tokens.issue(offer("CA1"), SECRET, now=1.0)
    renewed = tokens.issue(offer("CA0"), SECRET, now=2.0)
    for number in (2, 3):
        tokens.issue(offer(f"CA{number}"), SECRET, now=3.0)
    assert tokens.redeem(older, "CA1", peer.ACCOUNT, now=4.0) is TokenRefusal.UNKNOWN
    assert tokens.redeem(renewed, "CA0", peer.ACCOUNT, now=4.0) == offer("CA0")


@dataclass
class Book:
    """What a store must do, written down the slow way."""

    good: dict[str, tuple[str, float]] = field(default_factory=dict)
    """CallSid -> token and the time it was issued."""

    def redeem(self, token: str, call_sid: str, now: float) -> bool:
        issued = self.good.get(call_sid)
        if issued is None or issued[0] != token:
            return False
        del self.good[call_sid]
        return now < issued[1] + 60.0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["issue", "redeem"]),
        st.sampled_from(["CA1", "CA2", "CA3"]),
        st.integers(0, 9),
        st.floats(0, 40),
    ),
    max_size=60,
)


@given(STEPS)
def test_no_order_of_steps_opens_a_call_twice_late_or_with_anothers_token(
    steps: list[tuple[str, str, int, float]],
) -> None:
    tokens, book, now = StreamTokens(), Book(), 0.0
    issued: list[str] = ["never-issued"]
    for step, call_sid, which, pause in steps:
        now += pause
        if step == "issue":
            token = tokens.issue(offer(call_sid), len(issued).to_bytes(16, "big"), now)
            issued.append(token)
            book.good[call_sid] = (token, now)
        else:
            token = issued[which % len(issued)]
            answer = tokens.redeem(token, call_sid, peer.ACCOUNT, now)
            assert isinstance(answer, Offer) == book.redeem(token, call_sid, now)
            assert not isinstance(answer, Offer) or answer.call_sid == call_sid
