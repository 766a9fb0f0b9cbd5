"""What is put in the place of lost packets, by tones and by the shape of a loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from voicegw.core.audio import AudioFormat, encode, samples_of
from voicegw.core.profile import SessionProfile
from voicegw.dialects.telephony.caller_input import sample_bytes
from voicegw.dialects.telephony.concealment import Concealment

PACKET_MS = 20
FORMATS = [
    (8_000, AudioFormat.MULAW),
    (8_000, AudioFormat.ALAW),
    (16_000, AudioFormat.PCM),
    (48_000, AudioFormat.PCM),
]
every_format = pytest.mark.parametrize(("rate", "audio_format"), FORMATS)

Samples = NDArray[np.float64]


def voice(rate: int, packets: int, hertz: float = 120.0) -> NDArray[np.int16]:
    """A vowel: a pitch with harmonics."""
    time = np.arange(packets * PACKET_MS * rate // 1000) / rate
    waves = [np.sin(2 * np.pi * hertz * harmonic * time) / harmonic for harmonic in range(1, 8)]
    return np.asarray(np.rint(5_000 * np.sum(waves, axis=0)), np.int16)


def heard(pcm: NDArray[np.int16], profile: SessionProfile, lost: set[int]) -> list[Samples]:
    """The packets behind the concealment."""
    size = PACKET_MS * profile.rate // 1000
    data, concealment = encode(pcm.tobytes(), profile.audio_format), Concealment(profile)
    step = size * sample_bytes(profile)
    packets = [data[begin : begin + step] for begin in range(0, len(data), step)]
    found = [concealment.receive(None if at in lost else packet) for at, packet in enumerate(packets)]
    return [samples_of(each, profile.audio_format).astype(float) for each in found]


def level_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(samples**2) + 1e-9))


@every_format
@pytest.mark.parametrize("hertz", [80.0, 120.0, 190.0])
def test_a_vowel_continues_through_a_lost_packet(rate: int, audio_format: AudioFormat, hertz: float) -> None:
    pcm = voice(rate, 12, hertz)
    found = np.concatenate(heard(pcm, SessionProfile(rate, audio_format), lost={6}))
    error = level_db(found - pcm)
    with_silence = pcm.astype(float)
    with_silence[6 * PACKET_MS * rate // 1000 : 7 * PACKET_MS * rate // 1000] = 0
    assert error < level_db(with_silence - pcm) - 9
    assert np.abs(np.diff(found)).max() < 1.5 * np.abs(np.diff(pcm.astype(float))).max()  # no clicks


@every_format
def test_a_long_loss_fades_out(rate: int, audio_format: AudioFormat) -> None:
    packets = heard(voice(rate, 12), SessionProfile(rate, audio_format), lost=set(range(4, 10)))
    before, first, second, third = (level_db(packet) for packet in packets[3:7])
    assert first == pytest.approx(before, abs=3)
    assert first > second + 3 > third + 6
    assert all(np.abs(packet).max() <= 8 for packet in packets[7:10]), "silent; A-law has no 0"


@every_format
def test_audio_without_losses_is_not_changed(rate: int, audio_format: AudioFormat) -> None:
    profile = SessionProfile(rate, audio_format)
    concealment = Concealment(profile)
    data = encode(voice(rate, 3).tobytes(), audio_format)
    assert concealment.receive(data) == data


def test_a_loss_at_the_begin_of_a_call_is_silence() -> None:
    concealment = Concealment(SessionProfile(8_000, AudioFormat.PCM))
    assert concealment.receive(None) == b""
    concealment.receive(b"\1\1" * 160)
    assert concealment.receive(None) == bytes(320)


PACKETS = st.lists(st.none() | st.binary(max_size=700), max_size=12)


@given(PACKETS, st.sampled_from(FORMATS))
def test_nothing_but_the_fade_in_is_changed(
    packets: list[bytes | None], kind: tuple[int, AudioFormat]
) -> None:
    """Half samples included."""
    profile = SessionProfile(*kind)
    concealment, fade = Concealment(profile), 4 * profile.rate // 1000 * sample_bytes(profile)
    for packet in packets:
        found = concealment.receive(packet)
        if packet is not None:
            assert len(found) == len(packet)
            assert found[fade:] == packet[fade:]
