"""What of a caller an engine is told."""

import hashlib

from telephony.engines import pseudonyms


def test_a_caller_s_pseudonym_is_stable_and_tells_nothing_without_our_key() -> None:
    ours, theirs = pseudonyms("our key"), pseudonyms("their key")
    said = ours("+14155550100")
    assert said == ours("+1 415 555 0100") != ours("+14155550101")
    assert said != theirs("+14155550100")
    assert said != hashlib.sha256(b"frontdesk:+14155550100").hexdigest()[:32]
    assert len(said) == 32


def test_withheld_numbers_have_no_pseudonym() -> None:
    assert {pseudonyms("key")(caller) for caller in ("", "anonymous", "+266696687")} == {""}
