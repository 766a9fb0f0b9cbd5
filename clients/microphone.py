"""`python -m clients.microphone`: talk to a voicegw server, or play it a sound file in real time."""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from rich.console import Console

from clients.audio import frames, microphone, paced, read_pcm
from clients.client import DEFAULT_URL, VoiceClient
from clients.conversation import Conversation
from clients.errors import ClientError
from clients.talk import talk
from clients.terminal import view
from voicegw.core.audio import INPUT_RATES

DESCRIPTION = """\
Talk to a voicegw server and watch your words appear while you speak: solid once they are stable, dim while
they may still change. When you pause, the turn is settled and the reply streams in, with a line of what
each step took, in ms after the end of your speech. Ctrl-C ends the conversation.
"""

EXAMPLES = """\
examples:
  voicegw serve --model base.en &          a server on this machine (for your own voice)
  python -m clients.microphone             talk to it; needs the `mic` extra and PortAudio
  python -m clients.microphone --file models/samples/command-1.wav
                                           play it a file instead; any rate, any channel count
  python -m clients.microphone --rate 8000 --no-reply
                                           telephone quality, dictation without replies

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
        help="the server's stream, or those of several, separated by commas: when one is lost, the next goes "
        "on (default: %(default)s)",
    )
    parser.add_argument("--file", type=Path, metavar="PATH", help="play this sound file in real time")
    parser.add_argument("--device", metavar="NAME", help="microphone: a part of its name, or its number")
    parser.add_argument(
        "--rate",
        type=int,
        default=16_000,
        choices=INPUT_RATES,
        help="samples per second on the wire (default: %(default)s); a file is converted to it",
    )
    parser.add_argument("--no-reply", action="store_true", help="transcribe only")
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
    async with (
        aclosing(_source(options)) as source,
        VoiceClient.connect(
            options.url, rate=options.rate, reply="text" if expects_reply else "none"
        ) as client,
    ):
        if options.end_silence_ms is not None:
            await client.configure(end_silence_ms=options.end_silence_ms)
        with view(Console(highlight=False)) as screen:
            await talk(
                client,
                source,
                lambda message: screen.show(message, conversation.receive(message)),
                _interrupted(),
            )
    return 0 if conversation.is_completed(expects_reply=expects_reply) else 1


def _source(options: argparse.Namespace) -> AsyncGenerator[tuple[float, bytes], None]:
    if options.file is None:
        return microphone(options.rate, options.device)
    return paced(frames(read_pcm(options.file, options.rate), options.rate))


def _interrupted() -> asyncio.Event:
    """Set by the first Ctrl-C, which ends the conversation in order; the second one breaks it off."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        stop.set()

    loop.add_signal_handler(signal.SIGINT, on_interrupt)
    return stop


if __name__ == "__main__":
    sys.exit(main())
