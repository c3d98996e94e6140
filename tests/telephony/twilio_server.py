"""The edge behind the real server on loopback, for the tests that need sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from twilio.request_validator import RequestValidator

from telephony.server import PhoneServer, listen
from telephony.twilio.edge import EdgeConfig, TwilioEdge
from telephony.twilio.ports import Count
from telephony.twilio.stream import StreamLimits
from tests.telephony import twilio_peer as peer

APOLOGY = "Sorry, something went wrong."
OLD_TOKEN = "f" * 32


def signed(url: str, fields: dict[str, str] | None = None, token: str = peer.AUTH_TOKEN) -> str:
    return str(RequestValidator(token).compute_signature(url, fields or {}))


@asynccontextmanager
async def serving(
    service: peer.Service, limits: StreamLimits | None = None, patience_s: float = 5.0
) -> AsyncIterator[int]:
    """The port the edge listens on, with the settings it needs of uvicorn."""
    config = EdgeConfig(
        public_url=peer.PUBLIC_URL,
        account_sid=peer.ACCOUNT,
        auth_tokens=(OLD_TOKEN, peer.AUTH_TOKEN),
        apology=APOLOGY,
        limits=limits or StreamLimits(),
    )
    assert peer.AUTH_TOKEN not in repr(config)
    app = FastAPI(openapi_url=None)
    app.include_router(TwilioEdge(config, service, service, service.count).router())
    async with serving_app(app, service.count, patience_s) as port:
        yield port


@asynccontextmanager
async def serving_app(
    app: FastAPI, count: Count = lambda _: None, patience_s: float = 5.0
) -> AsyncIterator[int]:
    """On the product's own server, with its own settings."""
    server = PhoneServer(app, _nothing_to_drain, lambda: None, count=count, patience_s=patience_s)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    listener = listen("127.0.0.1", 0)
    # Not `serve()`: it takes over the signals, and stops on a tick of a tenth of a second.
    await server.startup([listener])
    try:
        yield listener.getsockname()[1]
    finally:
        await server.shutdown()
        listener.close()


async def _nothing_to_drain() -> None:
    pass
