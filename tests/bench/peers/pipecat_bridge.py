"""A bot of pipecat's parts: its Twilio serializer, WebSocket transport and Realtime service."""

import json

from fastapi import WebSocket
from front import INSTRUCTIONS, KEY, MODEL_URL, serve
from loguru import logger
from pipecat.frames.frames import LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    SessionProperties,
    TurnDetection,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport


def service() -> OpenAIRealtimeLLMService:
    properties = SessionProperties(
        instructions=INSTRUCTIONS,
        audio=AudioConfiguration(input=AudioInput(turn_detection=TurnDetection())),
    )
    return OpenAIRealtimeLLMService(
        api_key=KEY,
        base_url=MODEL_URL,
        settings=OpenAIRealtimeLLMService.Settings(session_properties=properties),
    )


async def call(phone: WebSocket) -> None:
    await phone.accept()
    await phone.receive_text()  # connected
    start = json.loads(await phone.receive_text())["start"]
    serializer = TwilioFrameSerializer(
        stream_sid=start["streamSid"],
        call_sid=start["callSid"],
        params=TwilioFrameSerializer.InputParams(auto_hang_up=False),
    )
    transport = FastAPIWebsocketTransport(
        websocket=phone,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True, audio_out_enabled=True, serializer=serializer
        ),
    )
    pair = LLMContextAggregatorPair(LLMContext([{"role": "user", "content": "Hello."}]))
    stages = [transport.input(), pair.user(), service(), transport.output(), pair.assistant()]
    rates = PipelineParams(audio_in_sample_rate=8_000, audio_out_sample_rate=8_000)
    task = PipelineTask(Pipeline(stages), params=rates)

    @transport.event_handler("on_client_connected")
    async def connected(_transport: object, _client: object) -> None:
        await task.queue_frames([LLMRunFrame()])

    @transport.event_handler("on_client_disconnected")
    async def gone(_transport: object, _client: object) -> None:
        await task.cancel()

    await PipelineRunner(handle_sigint=False).run(task)


logger.remove()
serve(call)
