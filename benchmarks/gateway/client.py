"""`python -m benchmarks.gateway.client`: the client process. It opens sessions, and streams on request.

Its sessions are those of the native dialect, and send speech; with `--calls` they are Twilio calls in which
nobody speaks. It prints `open` when all are open. Each request on stdin, a line of JSON, is executed and
answered by its result: Stream sends audio, ConnectAttempts opens sessions that must be refused. It ends with
stdin. All times are seconds of the host's monotonic clock.
"""

import argparse
import itertools
import select
import sys
import time
from collections.abc import Sequence

import msgspec
from websockets.frames import Opcode

from benchmarks.gateway.requests import AttemptResults, ConnectAttempts, Stream, StreamResult
from benchmarks.measures import percentile
from benchmarks.raw_client import SWITCHING_PROTOCOLS, RawClient, elapsed_ms, encoded
from clients.audio import SAMPLE_BYTES, frames, read_pcm
from clients.calls.twilio import TwilioCarrier
from clients.samples import sample_named
from voicegw.core.audio import SAMPLE_RATE, WINDOW_SAMPLES
from voicegw.dialects import native, twilio

SPEECH = "conversation.wav"
DRAIN_EVERY = 50  # frames of a session
PING_EVERY_S = 1.0
MOST_FRAMES = 1_000_000  # of a session: over five hours


def main(argv: Sequence[str] | None = None) -> int:
    """Execute the requests on stdin; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway.client", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--sessions", type=int, required=True)
    parser.add_argument("--calls", action="store_true")
    options = parser.parse_args(argv)
    url = options.url.replace(native.PATH, twilio.PATH) if options.calls else f"{options.url}?reply=none"
    connections = [opened(url) for _ in range(options.sessions)]
    for connection in connections if options.calls else ():
        connection.send_raw(encoded(start_of_call(), Opcode.TEXT))
    print("open", flush=True)
    audio = silent_call() if options.calls else masked_speech()
    while line := next_line(connections):
        request = msgspec.json.decode(line, type=Stream | ConnectAttempts)
        outcome = (
            stream(connections, audio, request)
            if isinstance(request, Stream)
            else attempt_connections(url, request)
        )
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()
    for connection in connections:
        connection.socket.close()
    return 0


def next_line(connections: Sequence[RawClient]) -> bytes:
    """The next request, empty at the end; while it waits, pings are answered."""
    while not select.select([sys.stdin], [], [], PING_EVERY_S)[0]:
        for connection in connections:
            connection.drain()
    return sys.stdin.buffer.readline()


def opened(url: str) -> RawClient:
    """A session. Raises ConnectionFailed, or AssertionError when it is refused."""
    connection = RawClient(url)
    status = connection.upgrade()
    assert status == SWITCHING_PROTOCOLS, f"refused with {status}"
    return connection


def masked_speech() -> list[bytes]:
    """The sample conversation as frames of 20 ms, ready for the network."""
    pcm = read_pcm(sample_named(SPEECH).path, SAMPLE_RATE)
    return [encoded(frame) for frame in frames(pcm, SAMPLE_RATE) if len(frame) == 2 * WINDOW_SAMPLES]


def start_of_call() -> bytes:
    """The last message before the audio of a call."""
    *_, start = TwilioCarrier().begin(None)
    return str(start).encode()


def silent_call() -> list[bytes]:
    """A minute of packets in which nobody speaks, ready for the network."""
    carrier = TwilioCarrier()
    silence = bytes(carrier.rate * carrier.packet_ms // 1000 * SAMPLE_BYTES)
    packets = range(60_000 // carrier.packet_ms)
    messages = (str(message) for number in packets for message in carrier.packet(silence, number))
    return [encoded(message.encode(), Opcode.TEXT) for message in messages]


def stream(connections: Sequence[RawClient], audio: Sequence[bytes], request: Stream) -> StreamResult:
    """Sends on a fixed schedule; each session starts at another position of the audio."""
    late_ms: list[float] = []
    for round_, (number, connection) in itertools.product(range(MOST_FRAMES), enumerate(connections)):
        due_s = request.start_s + request.every_s * (round_ + number / len(connections))
        if due_s >= request.end_s:
            break
        _until(due_s)
        late_ms.append(elapsed_ms(due_s))
        connection.send_raw(audio[(round_ + 37 * number) % len(audio)])
        if (round_ + number) % DRAIN_EVERY == 0:
            connection.drain()
    return StreamResult(len(late_ms), percentile(late_ms, 99))


def attempt_connections(url: str, request: ConnectAttempts) -> AttemptResults:
    """One attempt after another; a late answer also delays the next one, which counts."""
    statuses, answered_ms = [], []
    for number in range(request.attempts):
        due_s = request.start_s + (request.end_s - request.start_s) * number / request.attempts
        _until(due_s)
        with RawClient(url) as connection:
            statuses.append(connection.upgrade())
        answered_ms.append(elapsed_ms(due_s))
    return AttemptResults(tuple(statuses), tuple(answered_ms))


def _until(moment_s: float) -> None:
    time.sleep(max(0.0, moment_s - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())
