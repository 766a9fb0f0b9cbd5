"""Talk to a voicegw server, or stream a sound file to it in real time.

The command is `voicegw-client`, `voicegw talk`, or in a checkout `python -m clients.microphone`.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing

from rich.console import Console

from clients.audio import frames, microphone, paced, read_pcm
from clients.client import VoiceClient
from clients.conversation import Conversation
from clients.devices import device_lines
from clients.errors import ClientError
from clients.levels import level_of, tapped
from clients.microphone_options import parser
from clients.playback import Loudspeaker, RecordedOutput, ReplyPlayer
from clients.push_to_talk import PushToTalk
from clients.session_recording import SessionRecording
from clients.talk import talk
from clients.terminal import JsonView, view
from voicegw.dialects import native

Source = AsyncGenerator[tuple[float, bytes], None]
Handler = Callable[[native.ServerMessage], None]


def main(argv: Sequence[str] | None = None, program: str = "voicegw-client") -> int:
    """Run the command; its exit status. program: its name."""
    options = parser(program).parse_args(argv)
    try:
        if options.devices:
            print("\n".join(device_lines()))
            return 0
        return asyncio.run(_converse(options))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1


async def _converse(options: argparse.Namespace) -> int:
    conversation = Conversation()
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(aclosing(_source(options)))
        recording = SessionRecording(options.save, options.rate) if options.save else None
        player = _player(options, recording, stack) if options.voice else None
        client = await stack.enter_async_context(_connecting(options, player))
        if options.end_silence_ms is not None:
            await client.configure(end_silence_ms=options.end_silence_ms)
        stop = _interrupted()
        screen = stack.enter_context(JsonView() if options.json else view(Console(highlight=False)))
        taps, handlers = [lambda frame: screen.hear(level_of(frame))], list[Handler]()
        if player is not None:
            stack.callback(asyncio.create_task(player.report(client), name="report").cancel)
            handlers.append(player.handle)
        if recording is not None:
            stack.enter_context(recording)
            taps.append(recording.add_user)
            handlers.append(recording.handle)
        if options.push_to_talk:
            key = PushToTalk(client.commit, lambda is_open: screen.hear(0.0 if is_open else None))
            source = stack.enter_context(key).gate(source, stop)
        handlers.append(lambda message: screen.show(message, conversation.receive(message)))
        sent = await stack.enter_async_context(aclosing(tapped(source, *taps)))
        await talk(client, sent, lambda message: _handle(handlers, message), stop)
    return 0 if conversation.is_completed(expects_reply=not options.no_reply) else 1


def _source(options: argparse.Namespace) -> Source:
    if options.file is None:
        return microphone(options.rate, options.device)
    return paced(frames(read_pcm(options.file, options.rate), options.rate))


def _player(
    options: argparse.Namespace, recording: SessionRecording | None, stack: AsyncExitStack
) -> ReplyPlayer:
    loudspeaker = stack.enter_context(Loudspeaker(options.rate, options.speaker))
    return ReplyPlayer(RecordedOutput(loudspeaker, recording.assistant) if recording else loudspeaker)


def _connecting(
    options: argparse.Namespace, player: ReplyPlayer | None
) -> AbstractAsyncContextManager[VoiceClient]:
    mode = "none" if options.no_reply else "audio" if options.voice else "text"
    on_audio = player.receive if player is not None else lambda audio: None
    return VoiceClient.connect(
        options.url,
        rate=options.rate,
        reply=mode,
        language=options.lang,
        token=options.token,
        on_audio=on_audio,
    )


def _handle(handlers: Sequence[Handler], message: native.ServerMessage) -> None:
    for handler in handlers:
        handler(message)


def _interrupted() -> asyncio.Event:
    """Set by the first Ctrl-C, which ends the session in order; the second one aborts it."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        stop.set()

    loop.add_signal_handler(signal.SIGINT, on_interrupt)
    return stop


if __name__ == "__main__":
    sys.exit(main(program=f"python -m {__package__}.microphone"))
