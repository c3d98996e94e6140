"""All routes Twilio uses, put together over the two ports of the service."""

import msgspec
from fastapi import APIRouter

from telephony.line import Line
from telephony.twilio.noise import Noise
from telephony.twilio.onward import Documents
from telephony.twilio.ports import CallsPort, Count, StreamPort
from telephony.twilio.signature import Signatures
from telephony.twilio.softphone import Softphones
from telephony.twilio.stream import MediaEndpoint, StreamLimits
from telephony.twilio.tokens import StreamTokens
from telephony.twilio.urls import PublicUrl
from telephony.twilio.webhook import Webhooks


class EdgeConfig(msgspec.Struct, frozen=True):
    """What the Twilio side needs to know of the deployment."""

    public_url: str
    """`https://host[:port][/prefix]` as Twilio reaches us; `http` on loopback only."""
    account_sid: str
    auth_tokens: tuple[str, ...]
    """All are good: list the new and the old one while rotating."""
    apology: str
    """Spoken by Twilio itself when the service cannot."""
    language: str = ""
    """Of what Twilio itself says: `en-GB`, ... or empty for Twilio's default."""
    limits: StreamLimits = StreamLimits()
    worker: int | None = None
    """Who of several this is."""

    def __repr__(self) -> str:
        return f"EdgeConfig(public_url={self.public_url!r}, account_sid={self.account_sid!r})"


class TwilioEdge:
    """The webhooks and the media socket, sharing signatures and stream tokens."""

    def __init__(
        self,
        config: EdgeConfig,
        calls: CallsPort,
        streams: StreamPort,
        count: Count,
        documents: Documents | None = None,
        softphones: Softphones | None = None,
    ) -> None:
        """`documents` send callers on; without any there is nobody to send them to. `softphones`
        are calls that come without Twilio.

        Raises BadPublicUrl, or ValueError for missing auth tokens.
        """
        public_url = PublicUrl(config.public_url, config.worker)
        signatures = Signatures(public_url, config.auth_tokens)
        tokens = StreamTokens()
        noise = Noise(count)
        self._webhooks = Webhooks(
            account_sid=config.account_sid,
            public_url=public_url,
            signatures=signatures,
            tokens=tokens,
            calls=calls,
            documents=documents or Documents(Line(), public_url, config.language),
            noise=noise,
            apology=config.apology,
            language=config.language,
        )
        self._media = MediaEndpoint(
            config.account_sid, signatures, tokens, streams, noise, config.limits
        )
        if softphones is not None:
            softphones.connect(config.account_sid, tokens, calls, self._media)

    def router(self) -> APIRouter:
        """To be included in the application without a prefix."""
        router = self._webhooks.router()
        router.routes.append(self._media.route())
        return router
