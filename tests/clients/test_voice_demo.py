from pathlib import Path

import numpy as np
import pytest
import soundfile

from clients.assistant_track import AssistantTrack
from clients.conversation import Conversation, Turn
from clients.errors import Incomplete
from clients.voice_demo import BARGE_IN_MS, RATE, Line, User, check, script, write
from tests.clients.manual_clock import Clock
from tests.clients.scripted_server import DONE, FINAL
from voicegw.core.events import ReplyReason
from voicegw.dialects import native

SECOND = b"\1\1" * RATE
INTERRUPTED = native.ReplyDoneMessage(seq=8, turn=1, text="It", reason=ReplyReason.INTERRUPTED)


def test_the_user_waits_for_the_answer_and_a_moment_longer() -> None:
    user = User([Line(SECOND), Line(SECOND)], AssistantTrack(Clock(), RATE))
    heard = user.frames()
    first = [next(heard) for _ in range(35 + 50 + 10)]
    assert first[-1] == bytes(640)
    user.handle(DONE)
    assert [next(heard) for _ in range(36)][-1] == SECOND[:640]


def test_the_user_interrupts_an_answer_that_is_heard() -> None:
    clock = Clock()
    track = AssistantTrack(clock, RATE)
    user = User([Line(SECOND), Line(SECOND, interrupts=True)], track)
    heard = user.frames()
    for _ in range(35 + 50):
        next(heard)
    user.handle(native.ReplyStartedMessage(seq=2, turn=1))
    track.begin()
    track.play(2 * SECOND)
    assert next(heard) == bytes(640)
    clock.now = BARGE_IN_MS / 1000
    assert next(heard) == SECOND[:640]
    user.handle(INTERRUPTED)
    assert len(user.pcm) == (35 + 50 + 2) * 640


def test_the_user_does_not_wait_for_ever() -> None:
    assert len(list(User([Line(SECOND)], AssistantTrack(Clock(), RATE)).frames())) < 2_000


def test_the_script_says_what_the_samples_say() -> None:
    assert [line.interrupts for line in script()].count(True) == 1
    assert all(len(line.pcm) > len(SECOND) // 2 for line in script())


def test_both_sides_are_written_side_by_side(tmp_path: Path) -> None:
    write(tmp_path / "talk.wav", SECOND, SECOND[:1000])
    samples, rate = soundfile.read(tmp_path / "talk.wav", dtype="int16")
    assert (rate, samples.shape) == (RATE, (RATE, 2))
    assert np.array_equal(samples[:, 0], np.frombuffer(SECOND, dtype="<i2"))
    assert not samples[500:, 1].any()


def conversation(*reasons: ReplyReason | None) -> Conversation:
    turns = {number: Turn(number, final=FINAL, reason=reason) for number, reason in enumerate(reasons)}
    return Conversation(turns)


def test_a_conversation_that_went_as_written_passes() -> None:
    check(conversation(*[ReplyReason.COMPLETED] * 4, ReplyReason.INTERRUPTED))


@pytest.mark.parametrize(
    "reasons",
    [[ReplyReason.COMPLETED] * 5, [ReplyReason.COMPLETED] * 4, [ReplyReason.COMPLETED] * 4 + [None]],
)
def test_one_that_did_not_fails(reasons: list[ReplyReason | None]) -> None:
    with pytest.raises(Incomplete):
        check(conversation(*reasons))
