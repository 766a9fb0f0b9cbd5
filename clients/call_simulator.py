"""`python -m clients.call_simulator --dialect NAME`: a simulated telephone call with a voicegw server.

The caller speaks a line, and a second one into the reply to the first, which has to stop; then hears the
second reply and hangs up. The exit status is 0 if both lines were answered and the first reply stopped.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from urllib.parse import urlsplit

from clients.audio import SAMPLE_BYTES, read_pcm
from clients.calls.asterisk import AsteriskJsonCarrier, AsteriskTextCarrier
from clients.calls.audiosocket_pbx import AudioSocketCarrier
from clients.calls.call import Call, CallRecord
from clients.calls.caller import Line
from clients.calls.carrier import Carrier
from clients.calls.exotel import ExotelCarrier
from clients.calls.figures import MEANINGS, figures_of
from clients.calls.impairment import Impairment
from clients.calls.jambonz import JambonzCarrier
from clients.calls.mod_audio_stream import AudioStreamCarrier
from clients.calls.plivo import PlivoCarrier
from clients.calls.recording import write_recording
from clients.calls.server_latency import SERVER_MEANINGS, server_latency
from clients.calls.telnyx import TelnyxCarrier
from clients.calls.timeline import write_timeline
from clients.calls.twilio import SignalWireCarrier, TwilioCarrier
from clients.calls.vonage import VonageCarrier
from clients.errors import ClientError, Incomplete
from clients.local_server import local_server
from clients.samples import sample_named

CARRIERS: Mapping[str, type[Carrier]] = {
    each.name: each
    for each in (
        *(TwilioCarrier, SignalWireCarrier, TelnyxCarrier, ExotelCarrier, PlivoCarrier),
        *(JambonzCarrier, AudioStreamCarrier, VonageCarrier),
        *(AsteriskTextCarrier, AsteriskJsonCarrier, AudioSocketCarrier),
    )
}
_FIRST = "conversation.wav", "What's the weather like in London today?"
_SECOND = "overlap.flac", "Wait, I have a question."
_MEANINGS = MEANINGS | SERVER_MEANINGS
_MARGIN_MS = 150  # around an utterance that is cut out of a sample
_MAX_JITTER_MS, _MAX_LOSS = 1000.0, 0.5


@dataclass(frozen=True)
class Outcome:
    """A call and its figures."""

    record: CallRecord
    figures: Mapping[str, float]

    def problems(self) -> Iterator[str]:
        """Why the call was not complete."""
        if self.figures["turns"] < len(self.record.said):
            yield f"{self.figures['turns']:g} of {len(self.record.said)} lines were answered"
        if any(isnan(value) for value in self.figures.values()):
            yield "the second line did not interrupt the reply to the first"


def main(argv: Sequence[str] | None = None) -> int:
    """Conduct the call; its exit status."""
    options = _parser().parse_args(argv)
    try:
        outcome = asyncio.run(_run(options))
        _report(outcome, options)
        if problems := list(outcome.problems()):
            raise Incomplete("; ".join(problems))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m clients.call_simulator",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--dialect", choices=sorted(CARRIERS), default="twilio", help="carrier (default: %(default)s)")
    server = parser.add_mutually_exclusive_group(required=True)
    server.add_argument("--url", help="of a running server: ws://host:port, or wss://host")
    server.add_argument("--serve", action="store_true", help="start a server for this call")
    add("--model", default="bundled", help="speech model of the started server (default: %(default)s)")
    add(
        "--serve-options", nargs=argparse.REMAINDER, default=[], metavar="ARG", help="its other options, last"
    )
    add("--token", help="for a server that requires one")
    add("--wav", type=Path, metavar="FILE", help="the first line of the caller (default: a sample)")
    add("--interruption", type=Path, metavar="FILE", help="the second line (default: a sample)")
    add("--jitter-ms", type=float, default=0.0, metavar="MS", help="greatest delay of a message, both ways")
    add("--loss", type=float, default=0.0, metavar="SHARE", help="of the caller's packets: 0.01 is 1 %%")
    add("--json", type=Path, metavar="FILE", help="write the figures here")
    add("--recording", type=Path, metavar="FILE.wav", help="write the call: caller left, reply right")
    add("--timeline", type=Path, metavar="FILE.svg", help="draw the call")
    return parser


async def _run(options: argparse.Namespace) -> Outcome:
    carrier = CARRIERS[options.dialect]()
    impairment = Impairment(
        min(options.jitter_ms, _MAX_JITTER_MS), min(options.loss, _MAX_LOSS), carrier.in_order
    )
    lines = [
        Line(_line(options.wav, _FIRST, carrier.rate)),
        Line(_line(options.interruption, _SECOND, carrier.rate), interrupts=True),
    ]
    async with AsyncExitStack() as stack:
        url = options.url
        if options.serve:
            arguments = ("--model", options.model, *options.serve_options)
            url = (await stack.enter_async_context(local_server(*arguments))).url
        origin = _origin(url)
        record = await Call(carrier, lines, impairment).run(origin, options.token)
        measured = await asyncio.to_thread(server_latency, origin) if options.serve else {}
    return Outcome(record, figures_of(record) | measured)


def _origin(url: str) -> str:
    """The URL without its path, which the carrier knows."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _line(file: Path | None, sample: tuple[str, str], rate: int) -> bytes:
    """A file, or an utterance of a sample."""
    if file is not None:
        return read_pcm(file, rate)
    name, text = sample
    found = sample_named(name)
    said = next(each for each in found.utterances if each.text == text)
    begin, end = (
        (at + by) * rate // 1000 for at, by in ((said.start_ms, -_MARGIN_MS), (said.end_ms, _MARGIN_MS))
    )
    return read_pcm(found.path, rate)[begin * SAMPLE_BYTES : end * SAMPLE_BYTES]


def _report(outcome: Outcome, options: argparse.Namespace) -> None:
    for name, value in outcome.figures.items():
        print(f"{name:16} {value:8g}  {_MEANINGS[name]}")
    if options.json is not None:
        settings = {name: getattr(options, name) for name in ("dialect", "model", "jitter_ms", "loss")}
        content = {"settings": settings, "figures": outcome.figures}
        options.json.write_text(json.dumps(content, indent=1) + "\n")
    if options.recording is not None:
        write_recording(outcome.record, options.recording)
    if options.timeline is not None:
        title = f"a {options.dialect} call"
        write_timeline(outcome.record, outcome.figures, title, options.timeline)


if __name__ == "__main__":
    sys.exit(main())
