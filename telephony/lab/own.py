"""Our own service as a target: on loopback, for as long as the lab runs, with nothing kept."""

import contextlib
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec

from telephony.lab.phone import DialledTarget
from telephony.running import serving
from telephony.server import listen
from telephony.settings import Settings
from telephony.simulator.dial import VOICE_PATH, SimulatedTwilio
from telephony.values import Secret, database_url

_DRAIN_S = 2


class OwnTarget(DialledTarget):
    """Our own service."""

    def __init__(self, twilio: SimulatedTwilio, address: str) -> None:
        super().__init__(twilio, address + VOICE_PATH)
        self.name = "frontdesk on loopback"
        self.twilio = twilio
        self.address = address


@contextlib.asynccontextmanager
async def own_target(settings: Settings, base_url: str) -> AsyncGenerator[OwnTarget]:
    """This deployment, with the model at `base_url` and a simulated Twilio account.

    Its database and journals lie in a temporary folder: a lab's calls are nobody's.
    """
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with tempfile.TemporaryDirectory(prefix="frontdesk-lab-") as folder:
        async with SimulatedTwilio(address) as twilio:
            there = _in_the_lab(settings, Path(folder), address, base_url, twilio)
            async with serving(there, listener):
                yield OwnTarget(twilio, address)


def _in_the_lab(
    settings: Settings, folder: Path, address: str, base_url: str, twilio: SimulatedTwilio
) -> Settings:
    return msgspec.structs.replace(
        settings,
        engine="realtime",
        host="127.0.0.1",
        public_url=address,
        data_dir=folder / "data",
        database_url=database_url(f"sqlite:///{folder / 'lab.db'}"),
        drain_seconds=_DRAIN_S,
        lost_seconds=0,
        recording_consent="none",
        twilio_account_sid=twilio.account_sid,
        twilio_auth_tokens=(Secret(twilio.auth_token),),
        twilio_api_url=twilio.api_url,
        openai_api_key=Secret("sk-lab-0123456789"),
        openai_base_url=base_url,
    )
