"""Every input that once led a parser somewhere new is parsed again, and what must hold holds."""

from pathlib import Path

import pytest

from tests.fuzzing import CORPUS, TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_is_survived(target: str) -> None:
    for path in kept(target):
        TARGETS[target](path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_half_of_each_is_survived_too(target: str) -> None:
    for path in kept(target):
        data = path.read_bytes()
        TARGETS[target](data[: len(data) // 2])
        TARGETS[target](data[len(data) // 2 :])


def test_every_folder_is_a_target_and_none_is_empty() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert all(kept(target) for target in TARGETS)


def test_a_broken_promise_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(_: str) -> None:
        raise KeyError("streamSid")

    monkeypatch.setattr("telephony.twilio.wire.parse", careless)
    with pytest.raises(KeyError):
        TARGETS["twilio"](b"{}")


def kept(target: str) -> list[Path]:
    return sorted((CORPUS / target).iterdir())
