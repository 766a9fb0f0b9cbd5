"""LiveKit's OpenAI realtime model, with spoken replies and a function. Before the second turn its connection
is closed: it opens another session, and repeats the conversation there."""

import asyncio
import json

import aiohttp
from livekit import rtc
from livekit.agents import llm
from livekit.plugins.openai import realtime
from trial import FUNCTION, RATE, TURN_S, Microphone, Turns, arguments, converse


class Connector(aiohttp.ClientSession):
    """Remembers the sockets that the client opens."""

    async def ws_connect(self, *arguments: object, **options: object) -> aiohttp.ClientWebSocketResponse:
        socket = await super().ws_connect(*arguments, **options)
        self.__dict__.setdefault("sockets", []).append(socket)
        return socket


async def main() -> None:
    url, recordings = arguments()
    turns, again = Turns(), asyncio.Event()
    async with Connector() as connector:
        model = realtime.RealtimeModel(base_url=url, api_key="none", http_session=connector)
        session = model.session()

        async def read(generation: llm.GenerationCreatedEvent) -> None:
            async for message in generation.message_stream:
                text = [piece async for piece in message.text_stream]
                samples = [frame.samples_per_channel async for frame in message.audio_stream]
                turns.reply(f"{''.join(map(str, text))} ({sum(samples) / RATE:.1f} s of audio)")
            async for call in generation.function_stream:
                await answer(call)

        async def answer(call: llm.FunctionCall) -> None:
            output = turns.turn_on(**json.loads(call.arguments))
            context = session.chat_ctx.copy()
            context.items.append(
                llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output=output, is_error=False)
            )
            await session.update_chat_ctx(context)
            session.generate_reply()

        reading: set[asyncio.Task[None]] = set()
        session.on("generation_created", lambda event: reading.add(asyncio.create_task(read(event))))
        session.on(
            "input_audio_transcription_completed",
            lambda event: turns.hear(event.transcript) if event.is_final else None,
        )
        session.on("session_reconnected", lambda event: again.set())
        session.on("error", lambda error: turns.fail(error.error) if not error.recoverable else None)
        await session.update_instructions("Answer briefly.")

        @llm.function_tool(raw_schema=FUNCTION)
        async def turn_on(raw_arguments: dict[str, object]) -> None: ...

        await session.update_tools([turn_on])
        microphone = Microphone(lambda pcm: session.push_audio(rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2)))
        async with microphone.on():
            await converse(turns, microphone, recordings[:1], replies=True)
            await connector.__dict__["sockets"][-1].close()
            async with asyncio.timeout(TURN_S):
                await again.wait()
            print("reconnected", flush=True)
            await converse(turns, microphone, recordings[1:], replies=True, after=1)
        await session.aclose()
    turns.check_calls()


asyncio.run(main())
