"""The receiver of a connection: valid frames reach the session, invalid ones are reported to their sender."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.observing import until
from voicegw.core import events
from voicegw.core.commands import Cancel, Command, Configure, Refresh, Relay, ReplyMode, TypeText
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import Audio, Codec, Opening, Received
from voicegw.errors import (
    AudioTooFast,
    MalformedMessage,
    NoReply,
    RateLimited,
    ReplyInProgress,
    ScopeMissing,
    TooManyErrors,
    VoicegwError,
)
from voicegw.gateway.session.connection_context import ConnectionContext
from voicegw.gateway.session.frame_receiver import FrameReceiver
from voicegw.gateway.session.runner import SessionRunner
from voicegw.telemetry import Metrics
from voicegw.traffic_metrics import TrafficMetrics

PIECE_BYTES = 4


class FakeCodec:
    """Decodes binary frames to audio, followed by `behind`, and text frames to the content of `messages`.
    performed: the messages after which it went on."""

    reference = "the last one"
    lock_step = False

    def __init__(self, behind: Received | None = None, **messages: Received | VoicegwError) -> None:
        self.behind = () if behind is None else (behind,)
        self.messages = messages
        self.performed: list[Received] = []

    def receive(self, frame: str | bytes) -> Iterable[Received]:
        if isinstance(frame, bytes):
            return (Audio(frame), *self.behind)
        message = self.messages[frame]
        if isinstance(message, VoicegwError):
            raise message
        return self._noting(message)

    def _noting(self, message: Received) -> Iterator[Received]:
        yield message
        self.performed.append(message)


@dataclass
class FakeRunner:
    """Records what it receives; rejects audio with `failure`."""

    failure: VoicegwError | None = None
    audio: list[bytes] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    emitted: list[events.Event] = field(default_factory=list)
    ends: list[VoicegwError | None] = field(default_factory=list)
    text_frames: int = 0
    traffic: TrafficMetrics = field(default_factory=lambda: Metrics().traffic)
    record: Any = field(default_factory=lambda: SimpleNamespace(alive_at=0.0, profile=SessionProfile()))

    def receive_message(self) -> None:
        self.text_frames += 1

    def receive_audio(self, data: bytes, now: float) -> None:
        if self.failure is not None:
            raise self.failure
        self.audio.append(data)

    def receive_command(self, command: Command) -> None:
        self.commands.append(command)

    def configure(self, command: Configure) -> None:
        self.commands.append(command)

    def emit(self, event: events.Event) -> None:
        self.emitted.append(event)

    def finish(self, error: VoicegwError | None) -> None:
        self.ends.append(error)

    def codes(self) -> list[str]:
        return [event.code for event in self.emitted if isinstance(event, events.Fault)]


@dataclass
class FakeContext:
    """Allows everything but `forbidden`. Audio and messages are over a limit as `limited` says."""

    forbidden: type[Command] | None = None
    limited: Callable[[], bool] = lambda: True
    renewing: asyncio.Event = field(default_factory=asyncio.Event)
    piece_bytes: int = PIECE_BYTES
    sample_bytes: int = 2
    silence: bytes = b"\0"
    identity: Any = field(default_factory=lambda: SimpleNamespace(fixed=Configure(voice="en")))

    @property
    def limiter(self) -> "FakeContext":
        return self

    def admit_message(self, now: float) -> bool:
        return self.limited()

    def admit_audio(self, size: int, now: float) -> bool:
        return self.limited()

    def check(self, command: Command, replies: ReplyMode) -> None:
        if self.forbidden is not None and isinstance(command, self.forbidden):
            raise ScopeMissing

    async def renew(self, token: str, session: Callable[[], SessionProfile]) -> int:
        await self.renewing.wait()
        return 1_000


@dataclass
class Stage:
    receiver: FrameReceiver
    runner: FakeRunner
    charged: list[int]

    async def send(self, *frames: str | bytes) -> None:
        for frame in frames:
            if (rest := self.receiver.receive(frame, time.monotonic())) is not None:
                await rest


@asynccontextmanager
async def receiving(
    codec: FakeCodec | None = None,
    runner: FakeRunner | None = None,
    context: FakeContext | None = None,
    *,
    max_errors: int = 10,
    numbered: bool = True,
) -> AsyncIterator[Stage]:
    runner, charged = runner or FakeRunner(), list[int]()
    async with asyncio.TaskGroup() as group:
        receiver = FrameReceiver(
            cast(Codec, codec or FakeCodec()),
            cast(SessionRunner, runner),
            cast(ConnectionContext, context or FakeContext()),
            group,
            max_errors,
            charged.append,
            numbered=numbered,
        )
        yield Stage(receiver, runner, charged)
        receiver.stop()


async def test_valid_frames_reach_the_session() -> None:
    async with receiving(FakeCodec(cancel=Cancel())) as stage:
        await stage.send(b"\1\2", "cancel")
        assert stage.runner.audio == [b"\1\2"]
        assert stage.runner.commands == [Cancel()]
        assert stage.runner.record.alive_at > 0


@pytest.mark.parametrize(("numbered", "count"), [(True, 2), (False, 0)])
async def test_text_frames_are_counted_valid_or_not(numbered: bool, count: int) -> None:
    codec = FakeCodec(cancel=Cancel(), bad=MalformedMessage())
    async with receiving(codec, numbered=numbered) as stage:
        await stage.send("cancel", "bad", b"\1\2")
        assert stage.runner.text_frames == count


async def test_a_rejected_frame_is_reported_and_the_session_continues() -> None:
    async with receiving(FakeCodec(bad=MalformedMessage(), cancel=Cancel())) as stage:
        await stage.send("bad", "cancel")
        assert stage.runner.codes() == ["malformed_message"]
        assert stage.runner.commands == [Cancel()]
        assert stage.runner.ends == []


async def test_too_many_rejected_frames_end_the_session() -> None:
    async with receiving(FakeCodec(bad=MalformedMessage()), max_errors=2) as stage:
        await stage.send("bad", "bad")
        assert stage.runner.ends == []
        await stage.send("bad")
        assert [type(error) for error in stage.runner.ends] == [TooManyErrors]


@pytest.mark.parametrize("error", [NoReply(), ReplyInProgress()])
async def test_what_a_client_cannot_know_does_not_count(error: VoicegwError) -> None:
    async with receiving(FakeCodec(late=error), max_errors=2) as stage:
        await stage.send(*["late"] * 5)
        assert stage.runner.codes() == [error.code] * 5
        assert stage.runner.ends == []


async def test_an_error_with_a_close_code_ends_the_session() -> None:
    failure = AudioTooFast()
    async with receiving(runner=FakeRunner(failure)) as stage:
        await stage.send(b"\1\2")
        assert stage.runner.ends == [failure]
        assert stage.runner.emitted == []


async def test_a_long_frame_is_processed_in_pieces() -> None:
    async with receiving() as stage:
        await stage.send(bytes(range(10)))
        assert stage.runner.audio == [bytes(range(4)), bytes(range(4, 8)), bytes(range(8, 10))]


@pytest.mark.parametrize("audio", [bytes(2), bytes(10)], ids=["short", "long"])
async def test_what_follows_audio_in_its_frame_is_processed_after_it(audio: bytes) -> None:
    async with receiving(FakeCodec(behind=Cancel())) as stage:
        await stage.send(audio)
        assert b"".join(stage.runner.audio) == audio
        assert stage.runner.commands == [Cancel()]


async def test_bad_input_behind_long_audio_is_reported() -> None:
    async with receiving(FakeCodec(behind=Opening(SessionProfile()))) as stage:
        await stage.send(bytes(10))
        assert len(stage.runner.audio) == 3
        assert stage.runner.codes() == ["invalid_state"]


async def test_a_long_frame_with_half_a_sample_is_discarded() -> None:
    async with receiving() as stage:
        await stage.send(bytes(11))
        assert stage.runner.audio == []
        assert stage.runner.codes() == ["odd_byte_count"]


async def test_other_tasks_run_between_the_pieces_of_a_long_frame() -> None:
    async with receiving() as stage:
        sending = asyncio.create_task(stage.send(bytes(100 * PIECE_BYTES)))
        await asyncio.sleep(0)
        assert 0 < len(stage.runner.audio) < 100
        await sending
        assert len(stage.runner.audio) == 100


async def test_audio_over_a_limit_becomes_silence_of_the_same_length() -> None:
    def limited() -> bool:
        raise RateLimited

    async with receiving(context=FakeContext(limited=limited, silence=b"\xff")) as stage:
        await stage.send(b"\1\2")
        assert stage.runner.audio == [b"\xff\xff"]
        assert stage.runner.codes() == ["rate_limited"]


async def test_a_message_over_a_limit_is_discarded() -> None:
    codec = FakeCodec(cancel=Cancel())
    async with receiving(codec, context=FakeContext(limited=lambda: False)) as stage:
        await stage.send("cancel")
        assert stage.runner.commands == codec.performed == []


async def test_a_command_that_the_token_forbids_is_discarded() -> None:
    async with receiving(FakeCodec(cancel=Cancel()), context=FakeContext(forbidden=Cancel)) as stage:
        await stage.send("cancel")
        assert stage.runner.commands == []
        assert stage.runner.codes() == ["scope_missing"]


async def test_an_answer_of_the_codec_is_charged_by_its_length() -> None:
    async with receiving(FakeCodec(short=Relay(bytes(1023)), long=Relay(bytes(5000)))) as stage:
        await stage.send("short", "long")
        assert stage.charged == [4]


async def test_a_typed_message_is_charged_as_several_frames() -> None:
    async with receiving(FakeCodec(typed=TypeText("hello"), cancel=Cancel())) as stage:
        await stage.send("typed", "cancel")
        assert stage.charged == [20]


async def test_a_second_opening_is_rejected() -> None:
    async with receiving(FakeCodec(start=Opening(SessionProfile()))) as stage:
        await stage.send("start")
        assert stage.runner.codes() == ["invalid_state"]


async def test_one_token_is_renewed_at_a_time() -> None:
    context = FakeContext()
    async with receiving(FakeCodec(refresh=Refresh("t")), context=context) as stage:
        await stage.send("refresh", "refresh")
        assert stage.runner.codes() == ["invalid_state"]
        context.renewing.set()
        await until(lambda: events.Refreshed(1_000) in stage.runner.emitted)
        assert stage.runner.commands == [Configure(voice="en")]


async def test_after_a_stop_frames_are_ignored_and_the_renewal_ends() -> None:
    context = FakeContext()
    async with receiving(FakeCodec(refresh=Refresh("t")), context=context) as stage:
        await stage.send("refresh")
        stage.receiver.stop()
        await stage.send(b"\1\2")
        assert stage.runner.audio == []
    assert stage.runner.emitted == []
