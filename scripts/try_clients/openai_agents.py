"""openai-agents: the realtime runner, with spoken replies and a function."""

import asyncio

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner
from trial import Microphone, Turns, arguments, converse, websocket_url


async def main() -> None:
    url, recordings = arguments()
    turns, words = Turns(), []
    tools = [function_tool(turns.turn_on)]
    agent = RealtimeAgent(name="Assistant", instructions="Answer briefly.", tools=tools)
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
                elif data.type == "turn_ended" and words:  # not a turn that only calls a function
                    turns.reply("".join(words))
                    words.clear()

        receiving = asyncio.create_task(receive())
        microphone = Microphone(session.send_audio)
        async with microphone.on():
            await converse(turns, microphone, recordings, replies=True)
        receiving.cancel()
    turns.check_calls()


asyncio.run(main())
