"""The process that decodes one audio file: reads it from standard input, and writes mono s16le at 16 kHz to
standard output.

Arguments: the longest duration in seconds, and the memory limit in MB. It decodes a few file formats only:
others, such as playlists, can refer to files of this machine and to addresses in its network.
"""

import io
import os
import resource
import signal
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

PIECE_BYTES = 32_000  # a second
INVALID, TOO_LONG = 3, 4  # exit status
_RATE = 16_000
_SAMPLE_BYTES = 2
_NICENESS = 10  # as the recognition processes
_LEAST_CPU_S = 30
_CPU_SHARE = 20  # decoding takes less than this part of the duration
_FORMATS = "wav,mp3,flac,ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,aac,amr,aiff,au,caf,w64"


def main(arguments: list[str]) -> int:
    """The exit status for these arguments."""
    longest_s, memory_mb = map(int, arguments)
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when
    cpu_s = _LEAST_CPU_S + longest_s // _CPU_SHARE
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        return decode(sys.stdin.buffer.read(), sys.stdout.buffer, longest_s)
    except BrokenPipeError:  # the parent wants no more
        os._exit(0)


def decode(recording: bytes, audio: BinaryIO, longest_s: int) -> int:
    """Writes the audio of the file; returns the exit status."""
    import av

    left = longest_s * _RATE
    try:
        options = {"format_whitelist": _FORMATS, "protocol_whitelist": "pipe"}
        with av.open(io.BytesIO(recording), "r", options=options, **_lenient(av.__version__)) as container:
            if not container.streams.audio:
                return INVALID
            if container.duration is not None and container.duration > longest_s * av.time_base:
                return TOO_LONG
            for samples in _samples(container):
                left -= len(samples) // _SAMPLE_BYTES
                if left < 0:
                    return TOO_LONG
                audio.write(samples)
            audio.flush()
    except av.FFmpegError:
        return INVALID
    return 0


def _lenient(version: str) -> dict[str, Any]:
    """The arguments with which PyAV of this version accepts a title that is not UTF-8; 19 always does."""
    return {} if int(version.partition(".")[0]) >= 19 else {"metadata_errors": "ignore"}


def _samples(container: Any) -> Iterator[bytes]:
    """The converted audio of the first stream, without damaged packets."""
    import av

    resampler, setup = _resampler(), None
    for packet in container.demux(container.streams.audio[0]):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            continue
        for frame in frames:
            if setup not in (None, _setup(frame)):  # as in joined files; a resampler takes one setup only
                yield from map(_bytes, resampler.resample(None))
                resampler = _resampler()
            setup = _setup(frame)
            frame.pts = None  # gaps in the time stamps are not filled
            yield from map(_bytes, resampler.resample(frame))
    yield from map(_bytes, resampler.resample(None))


def _resampler() -> Any:
    import av

    return av.AudioResampler(format="s16", layout="mono", rate=_RATE)


def _setup(frame: Any) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _bytes(frame: Any) -> bytes:
    """The samples of a frame, without what fills its buffer up; without numpy, whose import takes long."""
    return bytes(frame.planes[0])[: frame.samples * _SAMPLE_BYTES]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
