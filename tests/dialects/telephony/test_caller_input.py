import numpy as np
import pytest

from voicegw.core.audio import AudioFormat
from voicegw.core.commands import ReplyMode, TypeText
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import Audio
from voicegw.dialects.telephony.caller_input import CallerInput
from voicegw.dialects.telephony.keypad import PAUSE_MS

PCM = SessionProfile(rate=8_000, reply=ReplyMode.AUDIO)
MULAW = SessionProfile(rate=8_000, audio_format=AudioFormat.MULAW, reply=ReplyMode.AUDIO)


def heard(caller: CallerInput, *pieces: bytes) -> bytes:
    received = [each for piece in pieces for each in caller.receive_audio(piece)]
    return b"".join(each.data for each in received if isinstance(each, Audio))


@pytest.mark.parametrize("cut", range(9))
def test_samples_that_are_cut_in_two_are_joined(cut: int) -> None:
    audio = bytes(range(8))
    assert heard(CallerInput(PCM), audio[:cut], audio[cut:]) == audio


@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize("cut", range(0, 17))
def test_one_channel_of_two_is_heard(channel: int, cut: int) -> None:
    stereo = np.arange(8, dtype="<i2").tobytes()
    selected = heard(CallerInput(PCM, 2, channel), stereo[:cut], stereo[cut:])
    assert np.frombuffer(selected, dtype="<i2").tolist() == [channel, 2 + channel, 4 + channel, 6 + channel]


def test_a_part_of_a_sample_is_no_audio_yet() -> None:
    caller = CallerInput(PCM)
    assert list(caller.receive_audio(b"")) == []
    assert list(caller.receive_audio(b"\1")) == []
    assert list(CallerInput(MULAW).receive_audio(b"\1")) == [Audio(b"\1")]


@pytest.mark.parametrize(("profile", "bytes_per_ms"), [(PCM, 16), (MULAW, 8)])
def test_keys_are_a_message_after_a_pause_in_audio(profile: SessionProfile, bytes_per_ms: int) -> None:
    caller = CallerInput(profile)
    assert list(caller.receive_key("4")) == []
    pause = int(PAUSE_MS) * bytes_per_ms
    assert [type(each) for each in caller.receive_audio(bytes(pause - bytes_per_ms))] == [Audio]
    _, message = caller.receive_audio(bytes(bytes_per_ms))
    assert message == TypeText("4")


def test_a_key_completes_a_message() -> None:
    caller = CallerInput(PCM)
    assert list(caller.receive_key("7")) == []
    assert list(caller.receive_key("#")) == [TypeText("7")]
