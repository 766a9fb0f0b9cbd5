"""pipecat's OpenAI realtime service, with spoken replies and a function."""

import asyncio

from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    TranscriptionFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SessionProperties,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from trial import FUNCTION, RATE, Microphone, Turns, arguments, converse, websocket_url


class Ear(FrameProcessor):
    """Both before and behind the service: transcripts go upstream."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns
        self._words: list[str] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            self._turns.hear(frame.text)
        elif isinstance(frame, ErrorFrame):
            self._turns.fail(frame.error)
        elif isinstance(frame, TTSTextFrame):
            self._words.append(frame.text)
        elif isinstance(frame, LLMFullResponseEndFrame):
            if self._words:  # not a turn that only calls a function
                self._turns.reply("".join(self._words))
            self._words.clear()
        await self.push_frame(frame, direction)


async def main() -> None:
    url, recordings = arguments()
    turns = Turns()
    schema = FUNCTION["parameters"]
    described = {name: FUNCTION[name] for name in ("name", "description")}
    described |= {name: schema[name] for name in ("properties", "required")}

    async def call(asked: FunctionCallParams) -> None:
        await asked.result_callback(turns.turn_on(**asked.arguments))

    transcription = InputAudioTranscription(model="gpt-4o-transcribe")
    service = OpenAIRealtimeLLMService(
        api_key="none",
        base_url=f"{websocket_url(url)}/realtime",
        settings=OpenAIRealtimeLLMService.Settings(
            model="gpt-realtime",
            system_instruction="Answer briefly.",
            session_properties=SessionProperties(
                audio=AudioConfiguration(input=AudioInput(transcription=transcription))
            ),
        ),
    )
    context = LLMContext(tools=ToolsSchema([FunctionSchema(**described)]))
    service.register_function(FUNCTION["name"], call)
    of_user, of_assistant = LLMContextAggregatorPair(context)
    task = PipelineTask(
        Pipeline([of_user, Ear(turns), service, Ear(turns), of_assistant]),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        idle_timeout_secs=None,
    )
    running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))
    await task.queue_frame(LLMContextFrame(context))  # which the service takes as a request to begin
    await turns.wait(1, heard=False)
    turns.replies.clear()
    microphone = Microphone(
        lambda pcm: task.queue_frame(InputAudioRawFrame(audio=pcm, sample_rate=RATE, num_channels=1))
    )
    async with microphone.on():
        await converse(turns, microphone, recordings, replies=True)
    await task.cancel()
    await asyncio.gather(running, return_exceptions=True)
    turns.check_calls()


asyncio.run(main())
