"""What the decoding process makes of files; its limits are tested with the process itself."""

import io

import av
import numpy as np
import pytest

from voicegw.asr.recording_process import INVALID, TOO_LONG, decode

TONE = (8_000 * np.sin(2 * np.pi * 440 * np.arange(2 * 48_000) / 48_000)).astype(np.int16)  # 2 s

FORMATS = {
    "wav": ("wav", "pcm_s16le", 48_000),
    "wav of a telephone": ("wav", "pcm_mulaw", 8_000),
    "mp3": ("mp3", "libmp3lame", 48_000),
    "m4a": ("ipod", "aac", 48_000),
    "webm of a browser": ("webm", "libopus", 48_000),
    "ogg": ("ogg", "libopus", 48_000),
    "flac": ("flac", "flac", 48_000),
}


def encoded(container: str, codec: str, rate: int, title: str = "") -> bytes:
    """The tone as a file."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        output.metadata.update({"title": title} if title else {})
        stream = output.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(TONE[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate)
        frame_size = stream.frame_size or 1024
        fifo = av.AudioFifo()
        for converted in (*resampler.resample(frame), *resampler.resample(None)):
            converted.pts = None
            fifo.write(converted)
        while piece := fifo.read(frame_size, partial=True):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return file.getvalue()


def decoded(recording: bytes, longest_s: int = 60) -> tuple[int, bytes]:
    audio = io.BytesIO()
    return decode(recording, audio, longest_s), audio.getvalue()


@pytest.mark.parametrize("name", FORMATS)
def test_a_format(name: str) -> None:
    status, audio = decoded(encoded(*FORMATS[name]))
    samples = np.frombuffer(audio, dtype="<i2")
    assert status == 0
    assert len(samples) == pytest.approx(2 * 16_000, abs=1_600)
    spectrum = np.abs(np.fft.rfft(samples[8_000:24_000]))
    assert spectrum.argmax() == 440  # Hz, in a window of a second


@pytest.mark.parametrize(
    ("container", "codec", "first", "second"),
    [
        ("mp3", "libmp3lame", 48_000, 24_000),
        ("adts", "aac", 16_000, 48_000),
        ("flac", "flac", 16_000, 8_000),  # the first part needs no conversion
    ],
)
def test_two_files_of_different_rates_joined(container: str, codec: str, first: int, second: int) -> None:
    status, audio = decoded(encoded(container, codec, first) + encoded(container, codec, second))
    samples = np.frombuffer(audio, dtype="<i2")
    assert status == 0
    assert len(samples) > 3.9 * 16_000  # FFmpeg repeats a part of joined FLAC files
    for part in (samples[8_000:24_000], samples[-24_000:-8_000]):
        assert np.abs(np.fft.rfft(part)).argmax() == 440  # Hz, in a window of a second


def test_what_is_cut_off_is_heard_as_far_as_it_goes() -> None:
    recording = encoded(*FORMATS["flac"])
    status, audio = decoded(recording[: len(recording) // 2])
    assert status == 0
    assert 8_000 < len(audio) // 2 < 24_000


def test_a_title_that_is_not_utf_8() -> None:
    recording = encoded(*FORMATS["wav"], title="the cafe").replace(b"the cafe", b"the caf\xe9")
    assert b"the caf\xe9" in recording
    assert decoded(recording)[0] == 0


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9.0,\nfile://{path}\n#EXT-X-ENDLIST\n"
CONCATENATION = "ffconcat version 1.0\nfile {path}\n"


@pytest.mark.parametrize("text", ["", "hello " * 1_000, PLAYLIST, CONCATENATION, "RIFF0000WAVEfmt "])
def test_what_is_no_recording(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Above all not a list of other files, which would be read here."""
    path = tmp_path_factory.mktemp("secret") / "other.wav"
    path.write_bytes(encoded(*FORMATS["wav"]))
    assert decoded(text.format(path=path).encode()) == (INVALID, b"")


def test_a_picture_has_no_audio() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("mpeg4", rate=25, width=64, height=64)
        stream.pix_fmt = "yuv420p"
        output.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        output.mux(stream.encode(None))
    assert decoded(file.getvalue()) == (INVALID, b"")


@pytest.mark.parametrize("name", ["wav", "webm of a browser"])
def test_a_recording_that_is_too_long(name: str) -> None:
    assert decoded(encoded(*FORMATS[name]), longest_s=1) == (TOO_LONG, b"")


def test_a_recording_that_does_not_say_how_long_it_is() -> None:
    raw = encoded("adts", "aac", 48_000)
    status, audio = decoded(raw, longest_s=1)
    assert status == TOO_LONG
    assert len(audio) <= 32_000
