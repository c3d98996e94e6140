"""Sessions are told apart by what browsers say of themselves."""

import pytest

from telephony.console.browsers import browser

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0"


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko Firefox/140.0", "Firefox, Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "Chrome, Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {CHROME} Safari/537.36 Edg/150.0.0.0", "Edge, Windows"),
        (f"Mozilla/5.0 (Linux; Android 16) {CHROME} Mobile Safari/537.36", "Chrome, Android"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1",
            "Safari, iPhone",
        ),
        ("curl/8.14.1", "curl/8.14.1"),
        ("", "unknown"),
    ],
)
def test_a_browser_is_told_in_two_words(agent: str, shown: str) -> None:
    assert browser(agent) == shown
