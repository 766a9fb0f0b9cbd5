"""`python -m clients.microphone`: talk to a voicegw server, or stream a sound file to it in real time."""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from rich.console import Console

from clients.audio import frames, microphone, paced, read_pcm
from clients.client import DEFAULT_URL, VoiceClient
from clients.conversation import Conversation
from clients.errors import ClientError
from clients.playback import Loudspeaker, ReplyPlayer
from clients.talk import talk
from clients.terminal import view
from voicegw.core.audio import INPUT_RATES
from voicegw.dialects import native

DESCRIPTION = """\
Talk to a voicegw server and watch your words appear while you speak: bright once they are stable, dim while
they may still change. When you pause, the turn ends and the reply streams in, with a line of the time of
each step, in ms after the end of your speech. Ctrl-C ends the conversation.
"""

EXAMPLES = """\
examples:
  voicegw serve --model base &          a server on this machine (for your own voice)
  python -m clients.microphone             talk to it; needs the `mic` extra and PortAudio
  python -m clients.microphone --file models/samples/command-1.wav
                                           stream a file instead; any rate, any channel count
  python -m clients.microphone --rate 8000 --no-reply
                                           telephone quality, dictation without replies
  python -m clients.microphone --voice    hear the replies too

exit status: 0 when every turn was completed, 1 when one was not or the connection failed, 2 for wrong usage
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit status."""
    options = _parser().parse_args(argv)
    try:
        return asyncio.run(_converse(options))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m clients.microphone",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url",
        default=DEFAULT_URL,
        help="the URL of the server, or of several, separated by commas: when one is lost, the next takes "
        "over (default: %(default)s)",
    )
    parser.add_argument("--file", type=Path, metavar="PATH", help="stream this sound file in real time")
    parser.add_argument("--device", metavar="NAME", help="microphone: a part of its name, or its number")
    parser.add_argument(
        "--rate",
        type=int,
        default=16_000,
        choices=INPUT_RATES,
        help="samples per second that are sent (default: %(default)s); a file is converted to it",
    )
    parser.add_argument("--token", help="access token, if the server requires one")
    replies = parser.add_mutually_exclusive_group()
    replies.add_argument("--no-reply", action="store_true", help="transcribe only")
    replies.add_argument(
        "--voice", action="store_true", help="hear the replies (wear headphones: echo interrupts them)"
    )
    parser.add_argument(
        "--end-silence-ms",
        type=int,
        metavar="MS",
        help="silence that ends a turn (default: as the server)",
    )
    return parser


async def _converse(options: argparse.Namespace) -> int:
    conversation = Conversation()
    expects_reply = not options.no_reply
    mode = "audio" if options.voice else "text" if expects_reply else "none"
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(aclosing(_source(options)))
        player = ReplyPlayer(stack.enter_context(Loudspeaker(options.rate))) if options.voice else None
        on_audio = player.receive if player is not None else lambda audio: None
        connecting = VoiceClient.connect(
            options.url, rate=options.rate, reply=mode, token=options.token, on_audio=on_audio
        )
        client = await stack.enter_async_context(connecting)
        if player is not None:
            stack.callback(asyncio.create_task(player.report(client), name="report").cancel)
        if options.end_silence_ms is not None:
            await client.configure(end_silence_ms=options.end_silence_ms)
        screen = stack.enter_context(view(Console(highlight=False)))

        def show(message: native.ServerMessage) -> None:
            if player is not None:
                player.handle(message)
            screen.show(message, conversation.receive(message))

        await talk(client, source, show, _interrupted())
    return 0 if conversation.is_completed(expects_reply=expects_reply) else 1


def _source(options: argparse.Namespace) -> AsyncGenerator[tuple[float, bytes], None]:
    if options.file is None:
        return microphone(options.rate, options.device)
    return paced(frames(read_pcm(options.file, options.rate), options.rate))


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
    sys.exit(main())
