"""What a server has to live with: crowds that speak, come back, stay silent, dawdle, flood and do not read.

Each crowd opens what it opens, leaves nothing open, and returns how many connections it made. It raises
AssertionError when it is not served as it must be, and Broken.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from urllib.parse import urlencode

import msgspec
from websockets.frames import Opcode

from benchmarks.subject import sample_named
from benchmarks.wire import Broken, Wire, encoded
from clients.audio import read_pcm
from voicegw.core.audio import SAMPLE_RATE
from voicegw.dialects import native
from voicegw.errors import AudioTooFast

SWITCHING_PROTOCOLS = 101
PIECE_BYTES = 3_200  # 100 ms
END = b'{"type":"end"}'
HELLO = b'{"type":"text","text":"hello"}'
SPOKEN = "yes-1.wav"
FLOOD_S = 8  # of audio at once, which is more than any burst
HELD_S = 2.0  # for which the silent ones stay
LETTER_S = 0.005  # between two bytes of those who dawdle
UNREAD = 200  # messages that are asked for, and their answers not read

Crowd = Callable[[str, Random, int], int]

_decoder: msgspec.json.Decoder[native.ServerMessage] = msgspec.json.Decoder(native.ServerMessage)


@contextmanager
def session(url: str, **query: object) -> Iterator[tuple[Wire, native.ReadyMessage]]:
    """An open session and its greeting, which in a resumed one comes behind what was missed."""
    with Wire(f"{url}?{urlencode(query)}") as wire:
        status = wire.upgrade()
        assert status == SWITCHING_PROTOCOLS, f"refused with {status}"
        messages = map(_decoder.decode, wire.messages())
        yield wire, next(message for message in messages if isinstance(message, native.ReadyMessage))


def say(wire: Wire, pcm: bytes) -> None:
    """Audio, all at once."""
    for begin in range(0, len(pcm), PIECE_BYTES):
        wire.send(pcm[begin : begin + PIECE_BYTES])


def finish(wire: Wire) -> None:
    """Ends the session, which must then close as it should."""
    wire.send(END, Opcode.TEXT)
    for _ in wire.messages():
        pass
    assert wire.close_code == 1000, f"closed with {wire.close_code}"


def speakers(url: str, rng: Random, count: int) -> int:
    """Say something, or half of it: half of them end it, half are cut off."""
    pcm = read_pcm(sample_named(SPOKEN).path, SAMPLE_RATE)
    for number in range(count):
        with session(url) as (wire, _):
            say(wire, pcm[: 2 * rng.randrange(len(pcm) // 2)])
            wire.reset() if number % 2 else finish(wire)
    return count


def returners(url: str, rng: Random, count: int) -> int:
    """Are cut off in mid-word, come back to the same session, and end it."""
    pcm = read_pcm(sample_named(SPOKEN).path, SAMPLE_RATE)
    for _ in range(count):
        with session(url, reply="none") as (wire, ready):
            say(wire, pcm[: 2 * rng.randrange(len(pcm) // 2)])
            wire.reset()
        with session(url, session=ready.session, epoch=ready.epoch, last_seq=ready.seq) as (wire, again):
            assert again.resumed
            finish(wire)
    return 2 * count


def silent(url: str, rng: Random, count: int) -> int:
    """All at once, and none says a word; one who comes then is served."""
    with ExitStack() as stack:
        wires = [stack.enter_context(session(url))[0] for _ in range(count)]
        time.sleep(HELD_S)
        speakers(url, rng, 1)
        for wire in wires[::2]:
            wire.reset()
    return count + 1


def dawdlers(url: str, rng: Random, count: int) -> int:
    """Send their request byte by byte and never finish it; one who comes meanwhile is served."""
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(url)) for _ in range(count)]
        requests = [wire.handshake() for wire in wires]
        for at in range(min(map(len, requests)) - 2):
            for wire, request in zip(wires, requests, strict=True):
                wire.send_raw(request[at : at + 1])
            time.sleep(LETTER_S)
        speakers(url, rng, 1)
    return count + 1


def floods(url: str, rng: Random, count: int) -> int:
    """Send audio faster than anybody speaks, until they are stopped."""
    for _ in range(count):
        with session(url) as (wire, _):
            try:
                say(wire, bytes(2 * SAMPLE_RATE * FLOOD_S))
                *_, last = map(_decoder.decode, wire.messages())
                assert isinstance(last, native.ErrorMessage)
                assert last.code == AudioTooFast.code
            except Broken:  # stopped before all was sent
                continue
    return count


def deaf(url: str, rng: Random, count: int) -> int:
    """Ask for much and read nothing of it."""
    with ExitStack() as stack:
        wires = [stack.enter_context(session(url))[0] for _ in range(count)]
        for wire in wires:
            wire.send_raw(encoded(HELLO, Opcode.TEXT) * UNREAD)
        speakers(url, rng, 1)
        for wire in wires:
            wire.reset()
    return count + 1


SHARES: dict[Crowd, float] = {
    speakers: 0.2,
    returners: 0.1,
    silent: 1.0,
    dawdlers: 0.05,
    floods: 0.02,
    deaf: 0.02,
}
