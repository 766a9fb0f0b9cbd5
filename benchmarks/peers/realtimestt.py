"""RealtimeSTT's multi-user server (KoljaB/RealtimeSTT, example_fastapi_server)."""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.peers.dialect import Dialect, Message
from benchmarks.peers.peer import Peer, Setup, faster_whisper, one_thread_each
from clients.audio import SAMPLE_BYTES
from voicegw.core.audio import SAMPLE_RATE

_SCRIPT = "example_fastapi_server/server.py"


class RealtimeSTTDialect(Dialect):
    """A part is a segment of speech between silences; its text is finished with its final."""

    def opening(self) -> Sequence[Message]:
        return (json.dumps({"type": "start"}),)

    def frame(self, pcm: bytes) -> bytes:
        """A length, JSON about the audio, the audio."""
        frames = len(pcm) // SAMPLE_BYTES
        about = {"sampleRate": SAMPLE_RATE, "channels": 1, "format": "pcm_s16le", "frames": frames}
        head = json.dumps(about).encode()
        return struct.pack("<I", len(head)) + head + pcm

    def closing(self) -> Sequence[Message]:
        return (json.dumps({"type": "stop"}),)

    def read(self, at_s: float, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ready":
                self.is_ready = True
            case "realtime":
                self.show(message["segmentId"], at_s, "", message["text"])
            case "final":
                self.show(message["segmentId"], at_s, message["text"])
            case "error" | "warning":
                self.problems.append(message["message"])


def _command(setup: Setup) -> Sequence[str]:
    assert setup.checkout is not None
    sessions = str(setup.sessions)
    return (
        *(str(setup.python), str(setup.checkout / _SCRIPT), "--host", "127.0.0.1", "--port", str(setup.port)),
        *("--model", str(setup.model), "--realtime-model", str(setup.model), "--language", "en"),
        *("--device", setup.device, "--compute-type", setup.compute_type),
        *("--beam-size", "5", "--beam-size-realtime", "1"),
        *("--max-sessions", sessions, "--max-active-speakers", sessions),
        *("--post-speech-silence-duration", str(setup.end_silence_ms / 1000), "--log-level", "WARNING"),
    )


def _environment(setup: Setup) -> Mapping[str, str]:
    return {**one_thread_each(setup), "PYTHONPATH": str(setup.checkout)}


REALTIMESTT = Peer(
    name="realtimestt",
    version="checkout",
    path="/ws/transcribe",
    health="/health",
    settings=(
        "a lane for partials and one for finals, int8 on one thread each; partials greedy and the end"
        " silence as for voicegw; no microphone library, which the server does not use"
    ),
    dialect=RealtimeSTTDialect,
    command=_command,
    environment=_environment,
    requirements=(
        *faster_whisper("1.2.1"),
        "halo==0.0.31",
        "scipy==1.17.1",
        "silero-vad==6.2.3",
        "soundfile==0.14.0",
        "uvicorn[standard]==0.54.0",
        "webrtcvad-wheels==2.0.14.post1",
        "websocket-client==1.9.2",
    ),
    script=_SCRIPT,
    has_end_silence=True,
)
