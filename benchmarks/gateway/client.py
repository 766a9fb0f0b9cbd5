"""`python -m benchmarks.gateway.client`: the client process. Opens sessions, and streams when it is told to.

It prints `open` when all sessions are open. Each Stream on stdin, a line of JSON, is followed and answered by
what came of it; the end of stdin is the end. A Knock opens sessions that are to be refused.
All times are seconds of the host's monotonic clock.
"""

import argparse
import itertools
import select
import sys
import time
from collections.abc import Sequence

import msgspec

from benchmarks.gateway.orders import Knock, Knocked, Stream, Streamed
from benchmarks.measures import percentile
from benchmarks.raw_client import RawClient, elapsed_ms, encoded
from clients.audio import frames, read_pcm
from clients.samples import read_samples
from voicegw.core.audio import SAMPLE_RATE, WINDOW_SAMPLES

SPEECH = "conversation.wav"
SWITCHING_PROTOCOLS = 101
DRAIN_EVERY = 50  # frames of a session
PING_EVERY_S = 1.0
MOST_FRAMES = 1_000_000  # of a session: over five hours


def main(argv: Sequence[str] | None = None) -> int:
    """Follow the orders on stdin; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway.client", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--sessions", type=int, required=True)
    options = parser.parse_args(argv)
    url = f"{options.url}?reply=none"
    wires = [opened(url) for _ in range(options.sessions)]
    print("open", flush=True)
    speech = masked_speech()
    while line := next_line(wires):
        order = msgspec.json.decode(line, type=Stream | Knock)
        outcome = stream(wires, speech, order) if isinstance(order, Stream) else knock(url, order)
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()
    for wire in wires:
        wire.socket.close()
    return 0


def next_line(wires: Sequence[RawClient]) -> bytes:
    """The next order, empty at the end; until it comes, pings are answered."""
    while not select.select([sys.stdin], [], [], PING_EVERY_S)[0]:
        for wire in wires:
            wire.drain()
    return sys.stdin.buffer.readline()


def opened(url: str) -> RawClient:
    """A session. Raises Broken, or AssertionError when it is refused."""
    wire = RawClient(url)
    status = wire.upgrade()
    assert status == SWITCHING_PROTOCOLS, f"refused with {status}"
    return wire


def masked_speech() -> list[bytes]:
    """The sample conversation as frames of 20 ms, ready for the network."""
    path = next(sample.path for sample in read_samples() if sample.file == SPEECH)
    whole = (frame for frame in frames(read_pcm(path, SAMPLE_RATE), SAMPLE_RATE))
    return [encoded(frame) for frame in whole if len(frame) == 2 * WINDOW_SAMPLES]


def stream(wires: Sequence[RawClient], speech: Sequence[bytes], order: Stream) -> Streamed:
    """Sends on schedule, however late the frames before were; each session begins elsewhere in the speech."""
    late_ms: list[float] = []
    for round_, (number, wire) in itertools.product(range(MOST_FRAMES), enumerate(wires)):
        due_s = order.start_s + order.every_s * (round_ + number / len(wires))
        if due_s >= order.end_s:
            break
        _until(due_s)
        late_ms.append(elapsed_ms(due_s))
        wire.send_raw(speech[(round_ + 37 * number) % len(speech)])
        if (round_ + number) % DRAIN_EVERY == 0:
            wire.drain()
    return Streamed(len(late_ms), percentile(late_ms, 99))


def knock(url: str, order: Knock) -> Knocked:
    """One after the other; a late answer counts against the next attempt, too."""
    statuses, answered_ms = [], []
    for number in range(order.attempts):
        due_s = order.start_s + (order.end_s - order.start_s) * number / order.attempts
        _until(due_s)
        with RawClient(url) as wire:
            statuses.append(wire.upgrade())
        answered_ms.append(elapsed_ms(due_s))
    return Knocked(tuple(statuses), tuple(answered_ms))


def _until(moment_s: float) -> None:
    time.sleep(max(0.0, moment_s - time.monotonic()))


if __name__ == "__main__":
    sys.exit(main())
