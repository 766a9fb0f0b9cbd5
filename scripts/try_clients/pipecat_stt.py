"""pipecat's OpenAI realtime speech-to-text service: first as by default, where the client finds the end of
speech and commits, then with the server's voice activity detection."""

import asyncio
from pathlib import Path

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import ErrorFrame, Frame, InputAudioRawFrame, TranscriptionFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.stt import OpenAIRealtimeSTTService
from trial import RATE, Microphone, Turns, arguments, converse, websocket_url


class Ear(FrameProcessor):
    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self._turns = turns

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            self._turns.hear(frame.text)
        elif isinstance(frame, ErrorFrame):
            self._turns.fail(frame.error)
        await self.push_frame(frame, direction)


async def transcribe(url: str, recordings: list[Path], *, by_client: bool) -> None:
    turns = Turns()
    detection = {} if by_client else {"turn_detection": None}
    speech = OpenAIRealtimeSTTService(api_key="none", base_url=f"{websocket_url(url)}/realtime", **detection)
    rate = 16_000 if by_client else RATE  # the client's detection needs 16 kHz
    before = [VADProcessor(vad_analyzer=SileroVADAnalyzer())] if by_client else []
    task = PipelineTask(
        Pipeline([*before, speech, Ear(turns)]),
        params=PipelineParams(audio_in_sample_rate=rate),
        idle_timeout_secs=None,
    )
    running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))
    microphone = Microphone(
        lambda pcm: task.queue_frame(InputAudioRawFrame(audio=pcm, sample_rate=rate, num_channels=1)),
        rate,
    )
    async with microphone.on():
        await converse(turns, microphone, recordings, replies=False)
    await task.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def main() -> None:
    url, recordings = arguments()
    for by_client in (True, False):
        await transcribe(url, recordings, by_client=by_client)


asyncio.run(main())
