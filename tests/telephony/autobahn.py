"""An echo on the very server that carries calls, for the Autobahn test suite.

python -m tests.telephony.autobahn 9001      until it is interrupted

docs/conformance.md says how the suite is run against it. `/direct` gives text back as media go,
straight from and to the socket, and does not know binary messages; `/` gives back everything
through ASGI, as a stream does until its `start`.
"""

import asyncio
import signal
import sys
from typing import Any

from fastapi import FastAPI
from starlette.routing import WebSocketRoute

from telephony.server import PhoneServer, listen
from telephony.twilio.direct import EXTENSION


class Echo:
    """Gives every message back."""

    def __init__(self, *, direct: bool) -> None:
        self._direct = direct

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        if self._direct:
            socket = scope["extensions"][EXTENSION]
            socket.take_over(lambda text: text is None or socket.write([text]))
        while (message := await receive())["type"] != "websocket.disconnect":
            await send({**message, "type": "websocket.send"})


async def main(port: int) -> None:
    app = FastAPI(openapi_url=None)
    app.router.routes.append(WebSocketRoute("/", Echo(direct=False)))
    app.router.routes.append(WebSocketRoute("/direct", Echo(direct=True)))
    signals = (signal.SIGTERM, signal.SIGINT)
    server = PhoneServer(app, _nothing, lambda: None, signals)
    await server.serve([listen("127.0.0.1", port)])


async def _nothing() -> None:
    pass


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
