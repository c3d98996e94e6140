"""What becomes of callers for whom there is no room, by what is set."""

from pathlib import Path

import pytest

from telephony.app import open_service
from telephony.call.commands import TakeMessage, Transfer
from telephony.settings import load
from telephony.switchboard import BUSY, BUSY_ONWARD
from telephony.twilio.ports import Admission, Admitted, Diverted, Offer, Refused

DESK = 'transfers:\n  desk: {number: "+12125550100", say: "One moment."}\nhuman: desk\n'


async def second_caller(tmp_path: Path, when_full: str, phone: str) -> Admission:
    """What they get where one is the most."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "phone.yaml").write_text(phone)
    environment = {
        "FRONTDESK_DATA_DIR": str(tmp_path / "data"),
        "FRONTDESK_CONFIG_DIR": str(config),
        "FRONTDESK_ENGINE": "local",
        "FRONTDESK_MAX_CALLS": "1",
        "FRONTDESK_WHEN_FULL": when_full,
    }
    service = await open_service(load(environment, tmp_path))
    try:
        offers = [Offer(f"CA{n}", "AC1", "+14155550100", "+14155550199") for n in range(2)]
        first, second = (service.switchboard.offer(offer) for offer in offers)
        assert first == Admitted()
        return second
    finally:
        await service.drain()
        await service.stop()


async def test_a_further_caller_is_told_so(tmp_path: Path) -> None:
    assert await second_caller(tmp_path, "say", DESK) == Refused(BUSY, "at_capacity")


@pytest.mark.parametrize(
    ("phone", "given"),
    [
        (DESK, Diverted(Transfer("desk", BUSY_ONWARD))),
        ("voicemail: {enabled: true}\n", Diverted(TakeMessage(BUSY_ONWARD))),
        ("voicemail: {enabled: false}\n", Refused(BUSY, "at_capacity")),
    ],
)
async def test_a_further_caller_is_passed_on_to_who_there_is(
    tmp_path: Path, phone: str, given: Admission
) -> None:
    assert await second_caller(tmp_path, "hand_over", phone) == given
