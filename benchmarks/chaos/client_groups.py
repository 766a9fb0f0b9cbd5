"""Groups of clients: speakers, resuming clients, silent ones, slow handshakes, floods, clients that do not
read.

Each group closes all connections that it opens, and returns their number. It raises AssertionError when it is
not served correctly, and ConnectionFailed when the server closes a connection or does not answer.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from urllib.parse import urlencode

import msgspec
from websockets.frames import Opcode

from benchmarks.raw_client import SWITCHING_PROTOCOLS, ConnectionFailed, RawClient, encoded
from clients.audio import read_pcm
from clients.samples import sample_named
from voicegw.core.audio import SAMPLE_RATE
from voicegw.dialects import native
from voicegw.errors import AudioTooFast

PIECE_BYTES = 3_200  # 100 ms
END = b'{"type":"end"}'
HELLO = b'{"type":"text","text":"hello"}'
SPOKEN = "yes-1.wav"
FLOOD_S = 8  # of audio at once, more than the server accepts in a burst
HELD_S = 2.0  # for which silent clients stay connected
BYTE_S = 0.005  # between two bytes of a slow handshake
UNREAD = 200  # requests whose answers are not read

Group = Callable[[str, Random, int], int]

_decoder: msgspec.json.Decoder[native.ServerMessage] = msgspec.json.Decoder(native.ServerMessage)


@contextmanager
def session(url: str, **query: object) -> Iterator[tuple[RawClient, native.ReadyMessage]]:
    """An open session and its ready event, which follows the missed events when the session is resumed."""
    with RawClient(f"{url}?{urlencode(query)}") as connection:
        status = connection.upgrade()
        assert status == SWITCHING_PROTOCOLS, f"refused with {status}"
        messages = map(_decoder.decode, connection.messages())
        yield connection, next(message for message in messages if isinstance(message, native.ReadyMessage))


def send_audio(connection: RawClient, pcm: bytes) -> None:
    """Sends audio faster than real time."""
    for begin in range(0, len(pcm), PIECE_BYTES):
        connection.send(pcm[begin : begin + PIECE_BYTES])


def finish(connection: RawClient) -> None:
    """Ends the session; the server must close it with 1000."""
    connection.send(END, Opcode.TEXT)
    for _ in connection.messages():
        pass
    assert connection.close_code == 1000, f"closed with {connection.close_code}"


def speakers(url: str, rng: Random, count: int) -> int:
    """Send a part of a recording; half of them end the session, half reset the connection."""
    pcm = read_pcm(sample_named(SPOKEN).path, SAMPLE_RATE)
    for number in range(count):
        with session(url) as (connection, _):
            send_audio(connection, pcm[: 2 * rng.randrange(len(pcm) // 2)])
            connection.reset() if number % 2 else finish(connection)
    return count


def resuming(url: str, rng: Random, count: int) -> int:
    """Reset the connection in the middle of a word, resume the session, and end it."""
    pcm = read_pcm(sample_named(SPOKEN).path, SAMPLE_RATE)
    for _ in range(count):
        with session(url, reply="none") as (connection, ready):
            send_audio(connection, pcm[: 2 * rng.randrange(len(pcm) // 2)])
            connection.reset()
        with session(url, session=ready.session, epoch=ready.epoch, last_seq=ready.seq) as (
            connection,
            again,
        ):
            assert again.resumed
            finish(connection)
    return 2 * count


def silent(url: str, rng: Random, count: int) -> int:
    """Stay connected at the same time without sending; one more client must be served meanwhile."""
    with ExitStack() as stack:
        connections = [stack.enter_context(session(url))[0] for _ in range(count)]
        time.sleep(HELD_S)
        speakers(url, rng, 1)
        for connection in connections[::2]:
            connection.reset()
    return count + 1


def slow_handshakes(url: str, rng: Random, count: int) -> int:
    """Send the request byte by byte and never finish it; one more client must be served meanwhile."""
    with ExitStack() as stack:
        connections = [stack.enter_context(RawClient(url)) for _ in range(count)]
        requests = [connection.handshake() for connection in connections]
        for at in range(min(map(len, requests)) - 2):
            for connection, request in zip(connections, requests, strict=True):
                connection.send_raw(request[at : at + 1])
            time.sleep(BYTE_S)
        speakers(url, rng, 1)
    return count + 1


def floods(url: str, rng: Random, count: int) -> int:
    """Send audio faster than real time until the server stops them."""
    for _ in range(count):
        with session(url) as (connection, _):
            try:
                send_audio(connection, bytes(2 * SAMPLE_RATE * FLOOD_S))
                *_, last = map(_decoder.decode, connection.messages())
                assert isinstance(last, native.ErrorMessage)
                assert last.code == AudioTooFast.code
            except ConnectionFailed:  # the server has closed the connection before all was sent
                continue
    return count


def not_reading(url: str, rng: Random, count: int) -> int:
    """Send requests and do not read the answers."""
    with ExitStack() as stack:
        connections = [stack.enter_context(session(url))[0] for _ in range(count)]
        for connection in connections:
            connection.send_raw(encoded(HELLO, Opcode.TEXT) * UNREAD)
        speakers(url, rng, 1)
        for connection in connections:
            connection.reset()
    return count + 1


SHARES: dict[Group, float] = {
    speakers: 0.2,
    resuming: 0.1,
    silent: 1.0,
    slow_handshakes: 0.05,
    floods: 0.02,
    not_reading: 0.02,
}
