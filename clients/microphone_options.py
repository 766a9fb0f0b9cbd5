"""The options of `voicegw-client`, which is also `voicegw talk`."""

import argparse
from pathlib import Path

from clients.client import DEFAULT_URL
from voicegw.core.audio import INPUT_RATES

DESCRIPTION = """\
Talk to a voicegw server and watch your words appear while you speak: bright once they are stable, dim while
they may still change. When you pause, the turn ends and the reply streams in. A line of times follows, in
ms after the end of your speech: endpoint, when the pause was long enough; final, when the words were final;
the first token, the first audio and the end of the reply. queue and decode are durations: the wait and the
work of the last recognition. Ctrl-C ends the conversation.
"""

EXAMPLES = """\
examples:
  voicegw serve
      a server on this machine, in another terminal
  %(prog)s
      talk to it; needs the `mic` extra and PortAudio
  %(prog)s --devices
      the audio devices of this machine, by number
  %(prog)s --push-to-talk
      the space bar opens and closes the microphone
  %(prog)s --file recording.wav
      stream a file instead; any rate, any channel count
  %(prog)s --rate 8000 --no-reply
      telephone quality, dictation without replies
  %(prog)s --voice --save recordings
      hear the replies too, and save both sides and the transcript
  scripts/bench recordings recordings
      in a checkout of voicegw: what was saved, as recordings for the benchmarks
  %(prog)s --json | jq -r 'select(.type == "final").text'
      messages of the server for another program

exit status: 0 when every turn was completed, 1 when one was not or the connection failed, 2 for wrong usage
"""


def parser(program: str) -> argparse.ArgumentParser:
    """The parser of the command line. program: the name of the command in its help."""
    made = argparse.ArgumentParser(
        prog=program,
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_server(made)
    _add_audio(made)
    made.add_argument(
        "--json", action="store_true", help="print each message of the server as a line of JSON"
    )
    made.add_argument(
        "--save",
        type=Path,
        metavar="DIR",
        help="save both sides of the audio, the messages and the transcript",
    )
    return made


def _add_server(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--url",
        default=DEFAULT_URL,
        help="the URL of the server, or of several, separated by commas: when one is lost, the next takes "
        "over (default: %(default)s)",
    )
    to.add_argument("--token", help="access token, if the server requires one")
    to.add_argument(
        "--lang",
        default="",
        metavar="CODE",
        help="language of the speech: de, fr and others, or auto to detect it (default: as the server)",
    )
    replies = to.add_mutually_exclusive_group()
    replies.add_argument("--no-reply", action="store_true", help="transcribe only")
    replies.add_argument(
        "--voice", action="store_true", help="hear the replies (wear headphones: echo interrupts them)"
    )
    to.add_argument(
        "--end-silence-ms",
        type=int,
        metavar="MS",
        help="silence that ends a turn (default: as the server)",
    )


def _add_audio(to: argparse.ArgumentParser) -> None:
    sources = to.add_mutually_exclusive_group()
    sources.add_argument("--file", type=Path, metavar="PATH", help="stream this sound file in real time")
    sources.add_argument(
        "--push-to-talk",
        action="store_true",
        help="send audio only after the space bar, until it is pressed again",
    )
    to.add_argument("--devices", action="store_true", help="list the audio devices and exit")
    to.add_argument("--device", metavar="NAME", help="microphone: a part of its name, or its number")
    to.add_argument("--speaker", metavar="NAME", help="loudspeaker, likewise")
    to.add_argument(
        "--rate",
        type=int,
        default=16_000,
        choices=INPUT_RATES,
        help="samples per second that are sent (default: %(default)s); a file is converted to it",
    )
