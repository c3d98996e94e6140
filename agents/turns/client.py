"""The HTTP side of a turn-based session: carries out what `agents.turns.protocol` orders.

Each reply is one streamed request, read by a task that is cancelled, and with it the stream
closed, as soon as nothing more of it is wanted. The `openai` package's client does the HTTP; its
retries and its parsing of streams are not used, since a caller is waiting and every byte is
hostile. The API key is in its headers and nowhere else: the loggers that write requests are quiet.
"""

import asyncio
import logging
import re
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx2
import openai

from agents.engine import (
    AnyEngineCommand,
    AnyEngineEvent,
    AppendAudio,
    AudioFormat,
    Capabilities,
    CloseEngine,
    EngineFailed,
    EngineNotice,
)
from agents.local.vad import Detector
from agents.persona import Persona
from agents.tasks import TICK_S, Tasks
from agents.turns import failures
from agents.turns.failures import Failure, Remedy
from agents.turns.protocol import RETRY_S, Ask, Drop, Order, TurnsProtocol, WriteDown
from agents.turns.settings import TurnsSettings, http_address
from tools.spec import ToolSpec

CONNECT_S = 2.5
"""For one connection; its request is made once more when it fails."""
WRITE_DOWN_S = 8.0
"""The words of a turn that come later than this are of no use to the next answer."""
_KEY = re.compile(r"[\x21-\x7e]+")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_REFUSED = frozenset({401, 403})
"""Statuses that every request with this key would meet."""
_LOGGERS = ("openai", "httpx2", "httpcore2")


class NoClient(ValueError):  # noqa: N818 - the code of a failure
    """The settings lead to no server; the message is one of `failures.REASONS`."""


def http_client(settings: TurnsSettings) -> openai.AsyncOpenAI:
    """The connections of all calls; to be closed at the end. Raises NoClient."""
    try:
        address = http_address(settings.base_url)
    except ValueError:
        raise NoClient("bad_base_url") from None
    # A key that cannot stand in a header would be quoted by whatever fails on it.
    if not _KEY.fullmatch(settings.api_key):
        raise NoClient("invalid_api_key")
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    # How long an answer may take is the protocol's to say, who knows what has come of it.
    timeout = httpx2.Timeout(None, connect=CONNECT_S)
    connections = httpx2.AsyncClient(
        timeout=timeout,
        # The key would go along.
        follow_redirects=False,
        # No proxy stands between a machine and itself.
        trust_env=address.host not in _LOOPBACK,
        # A caller may take a while over what to say next.
        limits=httpx2.Limits(
            max_connections=None, max_keepalive_connections=100, keepalive_expiry=60.0
        ),
    )
    return openai.AsyncOpenAI(
        api_key=settings.api_key,
        base_url=address.url,
        default_query=address.query,
        max_retries=0,
        timeout=timeout,
        http_client=connections,
    )


def capabilities(*, on_request: bool) -> Capabilities:
    return Capabilities(
        name="turns",
        input_format=AudioFormat.PCM16_24K,
        output_format=AudioFormat.PCM16_24K,
        cancels_on_speech=not on_request,
        answers_on_request=on_request,
        truncates=True,
    )


class TurnsEngine:
    """One call over audio chat completions; implements `agents.engine.Engine`.

    `name` tells its ids from those of other sessions of the call; `safety_identifier` is a stable
    hash of the caller, empty sends none.
    """

    def __init__(
        self,
        settings: TurnsSettings,
        persona: Persona,
        tools: Sequence[ToolSpec],
        client: openai.AsyncOpenAI | NoClient,
        detector: Callable[[], Detector],
        *,
        name: str,
        safety_identifier: str = "",
    ) -> None:
        """`detector` is called in a thread, since it may have to load a model."""
        self._settings = settings
        self._language = persona.language
        self._client = client
        self._detector = detector
        self._protocol = TurnsProtocol(settings, persona, tools, name, safety_identifier)
        self._tasks = Tasks(self._broken)
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._over = asyncio.Event()
        self._events: deque[AnyEngineEvent] = deque()
        self._deliver: Callable[[AnyEngineEvent], None] | None = None
        self._delivering = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def capabilities(self) -> Capabilities:
        return capabilities(on_request=self._settings.answers_on_request)

    async def run(self, deliver: Callable[[AnyEngineEvent], None]) -> None:
        """See `agents.engine.Engine.run`. To be awaited once."""
        self._deliver = deliver
        self._carry([])
        self._tasks.start("turns-session", self._session())
        try:
            await self._over.wait()
        finally:
            self._cancel_timer()
            await self._tasks.cancel_all()

    def submit(self, command: AnyEngineCommand) -> None:
        """See `agents.engine.Engine.submit`."""
        self._carry(self._protocol.submit(command, _now()))
        if isinstance(command, CloseEngine):
            self._over.set()

    def hear(self, audio: bytes) -> None:
        """See `agents.engine.Engine.hear`."""
        self.submit(AppendAudio(audio))

    async def _session(self) -> None:
        if isinstance(self._client, NoClient):
            self._carry(self._protocol.fail(EngineFailed(str(self._client), fatal=True)))
            return
        unreachable, detector = await asyncio.gather(
            self._unreachable(self._client), asyncio.to_thread(self._detector)
        )
        if unreachable is not None:
            self._carry(self._protocol.fail(unreachable))
            return
        self._carry(self._protocol.start(detector, _now()))
        self._carry(self._protocol.hear_held(_now()))

    async def _unreachable(self, client: openai.AsyncOpenAI) -> EngineFailed | None:
        """Why no request could succeed; None as far as one can tell without a costly one.

        It also leaves a connection open, which the greeting's request finds ready. What a server
        says of a model here is not believed: gateways have no such address.
        """
        failure = await self._probed(client)
        if failure is not None and failure.remedy is Remedy.AGAIN:
            await asyncio.sleep(RETRY_S)
            failure = await self._probed(client)
        if failure is None:
            return None
        return EngineFailed(failure.reason, fatal=failure.remedy is Remedy.NONE)

    async def _probed(self, client: openai.AsyncOpenAI) -> Failure | None:
        try:
            async with asyncio.timeout(CONNECT_S):
                await client.with_raw_response.models.retrieve(self._settings.model)
        except TimeoutError:
            return Failure("connect_timeout")
        except openai.APIStatusError as error:
            return _failure(error) if error.status_code in _REFUSED else None
        except openai.OpenAIError as error:
            return _failure(error)
        return None

    # ---- requests -----------------------------------------------------------------------------

    def _perform(self, order: Order) -> None:
        client = self._client
        assert not isinstance(client, NoClient), "nothing is ordered before the session began"
        match order:
            case Ask(request_id, body):
                reading = self._read(client, request_id, body)
                self._streams[request_id] = self._tasks.start(f"turns-reply {request_id}", reading)
            case Drop(request_id):
                if (stream := self._streams.pop(request_id, None)) is not None:
                    stream.cancel()
            case WriteDown(item_id):
                self._tasks.start(f"turns-words {item_id}", self._write_down(client, order))

    async def _read(
        self, client: openai.AsyncOpenAI, request_id: str, body: dict[str, Any]
    ) -> None:
        """One reply, from the request to the end of its stream."""
        failure: Failure | None = None
        try:
            async with client.chat.completions.with_streaming_response.create(**body) as answer:
                self._carry(self._protocol.opened(request_id, answer.headers))
                async for data in answer.iter_bytes():
                    self._carry(self._protocol.receive(request_id, data, _now()))
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            failure = _failure(error)
        self._streams.pop(request_id, None)
        self._carry(self._protocol.ended(request_id, failure, _now()))

    async def _write_down(self, client: openai.AsyncOpenAI, order: WriteDown) -> None:
        """What the caller said; a failure costs the words, and nothing else."""
        text: str | None = None
        notices: list[AnyEngineEvent] = []
        try:
            async with asyncio.timeout(WRITE_DOWN_S):
                text = await self._words(client, order)
        except TimeoutError:
            notices = [EngineNotice("transcription_failed_timeout")]
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            notices = [EngineNotice(f"transcription_failed_{_failure(error).reason}")]
        self._carry(notices + self._protocol.written(order.item_id, text))

    async def _words(self, client: openai.AsyncOpenAI, order: WriteDown) -> str:
        if order.body is not None:
            answer = await client.chat.completions.create(**order.body)
            return str(answer.choices[0].message.content or "") if answer.choices else ""
        file = ("turn.wav", order.wav, "audio/wav")
        model = self._settings.transcription_model
        create = client.audio.transcriptions.create
        if model.startswith("gpt-transcribe"):
            written = await create(file=file, model=model, languages=[self._language])
        else:
            written = await create(file=file, model=model, language=self._language)
        return written.text

    # ---- the protocol -------------------------------------------------------------------------

    def _carry(self, events: list[AnyEngineEvent]) -> None:
        """Hand out what the protocol answered: orders to the tasks, events to the call."""
        self._events.extend(events)
        for order in self._protocol.orders():
            self._perform(order)
        self._deliver_events()
        self._arm_timer()

    def _deliver_events(self) -> None:
        # An event may make the call submit a command, whose events come after those before it.
        if self._deliver is None or self._delivering:
            return
        self._delivering = True
        try:
            while self._events:
                event = self._events.popleft()
                self._deliver(event)
                if isinstance(event, EngineFailed):
                    self._over.set()
        finally:
            self._delivering = False

    def _arm_timer(self) -> None:
        self._cancel_timer()
        deadline = self._protocol.next_deadline()
        if deadline is not None and self._deliver is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline + TICK_S, self._wake)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._carry(self._protocol.wake(_now()))

    def _broken(self, name: str, error: BaseException) -> None:
        """A task of ours ended in a bug: the call is told, and the log through the loop."""
        loop = asyncio.get_running_loop()
        loop.call_exception_handler({"message": f"{name} failed", "exception": error})
        self._carry(self._protocol.fail(EngineFailed("internal_error", fatal=False)))
        self._over.set()


def _failure(error: Exception) -> Failure:
    match error:
        case openai.APIStatusError():
            answer = error.response
            return failures.of_answer(answer.status_code, answer.content, answer.headers)
        case openai.APIConnectionError() | httpx2.HTTPError():
            return Failure(_connection_reason(error))
        case _:
            # What the package itself could not make sense of.
            return failures.BAD_STREAM


def _connection_reason(error: BaseException) -> str:
    """Why no connection was made, from whatever caused the error; or that one was lost."""
    for cause in _causes(error):
        match cause:
            case httpx2.ConnectTimeout():
                return "connect_timeout"
            case ssl.SSLError():
                return "tls_failed"
            case socket.gaierror():
                return "name_not_resolved"
            case ConnectionRefusedError() | httpx2.ConnectError() if not cause.__cause__:
                return "connect_refused"
    return "connection_lost"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _now() -> float:
    return asyncio.get_running_loop().time()
