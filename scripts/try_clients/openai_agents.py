"""openai-agents: the realtime runner, with spoken replies."""

import asyncio

from agents.realtime import RealtimeAgent, RealtimeRunner
from trial import Microphone, Turns, arguments, converse, websocket_url


async def main() -> None:
    url, recordings = arguments()
    turns, words = Turns(), []
    agent = RealtimeAgent(name="Assistant", instructions="Answer briefly.")
    config = {"model_settings": {"modalities": ["audio"], "voice": "alloy"}}
    runner = RealtimeRunner(agent, config=config)
    model = {"url": f"{websocket_url(url)}/realtime?model=gpt-realtime", "api_key": "none"}
    async with await runner.run(model_config=model) as session:

        async def receive() -> None:
            async for event in session:
                if event.type == "error":
                    turns.fail(event.error)
                if event.type != "raw_model_event":
                    continue
                data = event.data
                if data.type == "input_audio_transcription_completed":
                    turns.hear(data.transcript)
                elif data.type == "transcript_delta":
                    words.append(data.delta)
                elif data.type == "turn_ended":
                    turns.reply("".join(words))
                    words.clear()

        receiving = asyncio.create_task(receive())
        microphone = Microphone(session.send_audio)
        async with microphone.on():
            await converse(turns, microphone, recordings, replies=True)
        receiving.cancel()


asyncio.run(main())
