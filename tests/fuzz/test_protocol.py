"""Any sequence of valid, invalid and spoilt messages against a real gateway, over a real socket: every step
is answered as the dialect says, the session stays in a state it may be in, and the session beside it is heard
as if it were alone.
"""

import subprocess
import sys
from collections.abc import Iterator
from random import Random
from typing import ClassVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from websockets.frames import Opcode

from benchmarks.fuzz import corpus
from benchmarks.raw_client import RawClient, encoded
from clients.samples import sample_named
from tests.observing import PATIENCE_S
from tests.speech import pcm
from voicegw import errors
from voicegw.core import commands
from voicegw.dialects import native

MARK = "are you there"
PIECE_BYTES = 3_200
SPEECH = (pcm(sample_named("yes-1.wav")) + bytes(32_000))[: 30 * PIECE_BYTES]
MOST_FAULTS = 40  # of a session; a few more, and the server ends it
BY_VALUE = {
    error.code
    for error in (errors.InvalidValue, errors.InvalidState, errors.TokenInvalid, errors.UnsupportedReply)
}

_decoder: msgspec.json.Decoder[native.ServerMessage] = msgspec.json.Decoder(native.ServerMessage)
randoms = st.integers(0, 2**32).map(Random)


class Session:
    """One session from the client's side; `ended` after an `end`, `asked_to_stay` after a `refresh`."""

    def __init__(self, url: str) -> None:
        self.wire = RawClient(url)
        assert self.wire.upgrade() == 101
        self.ended = self.asked_to_stay = False
        self.seq = 0
        self.faults = 0
        self.finals: list[str] = []
        self.unsaid = SPEECH

    def speak(self, pieces: int = len(SPEECH) // PIECE_BYTES) -> None:
        """The next pieces of what there is left to say."""
        for _ in range(min(pieces, -(-len(self.unsaid) // PIECE_BYTES))):
            self.wire.send(self.unsaid[:PIECE_BYTES])
            self.unsaid = self.unsaid[PIECE_BYTES:]

    def ask(self, frames: bytes) -> list[native.ErrorMessage]:
        """Sends frames; the errors that answer them, up to the answer to a mark behind them."""
        self.wire.send_raw(frames + encoded(f'{{"type":"{MARK}"}}'.encode(), Opcode.TEXT))
        told: list[native.ErrorMessage] = []
        for message in self.messages():
            if isinstance(message, native.ErrorMessage):
                self.faults += 1
                if MARK in message.message:
                    break
                told.append(message)
        return told

    def messages(self) -> Iterator[native.ServerMessage]:
        """What comes, numbered without gaps."""
        for raw in self.wire.messages():
            message = _decoder.decode(raw)
            self.seq += 1
            assert message.seq == self.seq
            if isinstance(message, native.FinalMessage):
                self.finals.append(message.text)
            yield message

    def end(self) -> list[str]:
        """Ends it; the texts of its finals."""
        self.wire.send(b'{"type":"end"}', Opcode.TEXT)
        assert not [message for message in self.messages() if isinstance(message, native.ErrorMessage)]
        assert self.wire.close_code == 1000
        return self.finals


class Rudeness(RuleBasedStateMachine):
    """A client that sends anything; and after every step a piece of what the client beside it says."""

    url = ""
    undisturbed: ClassVar[list[str]] = []

    def __init__(self) -> None:
        super().__init__()
        self.other = Session(self.url)
        self.peer = Session(self.url)

    @rule(rng=randoms)
    def send_valid(self, rng: Random) -> None:
        self.send_text(corpus.valid(rng))

    @rule(rng=randoms)
    def send_spoilt(self, rng: Random) -> None:
        self.send_text(corpus.invalid(rng))

    @rule(rng=randoms)
    def send_audio(self, rng: Random) -> None:
        audio = corpus.audio(rng)
        broken = errors.OddByteCount.code if len(audio) % 2 or not audio else None
        self.step(encoded(audio), errors.InvalidState.code if self.peer.ended and audio else broken)

    @rule(rng=randoms)
    def send_text_as_audio(self, rng: Random) -> None:
        self.step(encoded(corpus.valid(rng)), errors.WrongFrameKind.code)

    @rule(rng=randoms)
    def send_in_fragments(self, rng: Random) -> None:
        message = corpus.invalid(rng) + b"]"
        half = rng.randrange(len(message))
        first = encoded(message[:half], Opcode.TEXT, fin=False)
        self.send_text(message, first + encoded(b"", Opcode.PING) + encoded(message[half:], Opcode.CONT))

    @rule(rng=randoms)
    def vanish(self, rng: Random) -> None:
        whole = encoded(corpus.valid(rng), Opcode.TEXT)
        self.peer.wire.send_raw(whole[: rng.randrange(len(whole))])
        rng.choice((self.peer.wire.reset, self.peer.wire.socket.close))()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Another session for the rude client."""
        self.peer.wire.socket.close()
        self.peer = Session(self.url)

    def send_text(self, message: bytes, frames: bytes | None = None) -> None:
        """A text frame, to be answered as the decoder judges it."""
        try:
            command = native.decode(message.decode())
        except UnicodeDecodeError:  # the transport's business, and the end
            self.peer.wire.send_raw(frames or encoded(message, Opcode.TEXT))
            list(self.peer.messages())
            assert self.peer.wire.close_code == 1007
            self.begin_anew()
        except errors.InputError as error:
            self.step(frames or encoded(message, Opcode.TEXT), error.code)
        else:
            self.step(frames or encoded(message, Opcode.TEXT), None, command)

    def step(self, frames: bytes, expected: str | None, command: commands.Command | None = None) -> None:
        told = [message.code for message in self.peer.ask(frames)]
        wanted = [expected] if expected else []
        if self.peer.asked_to_stay:  # an answer may come at any time
            told, wanted = ([code for code in codes if code not in BY_VALUE] for codes in (told, wanted))
        if self.peer.wire.close_code is not None:
            assert self.peer.ended or isinstance(command, commands.End)
            assert self.peer.wire.close_code == 1000
            self.begin_anew()
        elif command is None:
            assert told == wanted
        else:
            assert set(told) <= BY_VALUE
            self.peer.ended |= isinstance(command, commands.End)
            self.peer.asked_to_stay |= isinstance(command, commands.Refresh)
        if self.peer.faults > MOST_FAULTS:
            self.begin_anew()
        self.other.speak(pieces=1)

    def teardown(self) -> None:
        self.peer.wire.socket.close()
        with self.other.wire:
            self.other.speak()
            assert self.other.end() == self.undisturbed


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    command = (
        sys.executable,
        "-m",
        "benchmarks.scripted_gateway",
        "--words",
        "hashes",
        "--resume-window-ms",
        "500",
    )
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip().removeprefix("listening on ")
        process.communicate(timeout=PATIENCE_S)


def test_any_messages_in_any_order(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Session(url)
    with alone.wire:
        alone.speak()
        monkeypatch.setattr(Rudeness, "undisturbed", alone.end())
    monkeypatch.setattr(Rudeness, "url", url)
    assert Rudeness.undisturbed
    # the same messages in every run; `scripts/bench fuzz` looks for new ones
    run_state_machine_as_test(Rudeness, settings=settings(Rudeness.TestCase.settings, derandomize=True))
