"""What every peer needs around it: the voice webhook, and a place for its media socket."""

import os
import sys
from collections.abc import Awaitable, Callable

import uvicorn
from fastapi import FastAPI, Response, WebSocket

PORT = int(sys.argv[1])
MODEL_URL = os.environ["PEER_MODEL_URL"]
"""`ws://...` up to and with `/realtime`."""
MODEL = "gpt-realtime"
KEY = "sk-bench-0123456789"
INSTRUCTIONS = "You answer the phone."
TWIML = (
    '<?xml version="1.0" encoding="UTF-8"?><Response><Connect>'
    f'<Stream url="ws://127.0.0.1:{PORT}/media"/></Connect></Response>'
)


def serve(call: Callable[[WebSocket], Awaitable[None]]) -> None:
    """`call` is given each media socket, not accepted yet."""
    app = FastAPI()

    @app.get("/readyz")
    def ready() -> str:
        return "ready"

    @app.post("/twilio/voice")
    def voice() -> Response:
        return Response(TWIML, media_type="application/xml")

    @app.post("/twilio/call-status")
    def status() -> Response:
        return Response(status_code=204)

    app.websocket("/media")(call)
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning")
