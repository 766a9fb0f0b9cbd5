"""WhisperLive (collabora/WhisperLive): a transcription thread per connection over a growing window."""

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.peers.dialect import Dialect, Message
from benchmarks.peers.peer import Peer, Setup, faster_whisper, one_thread_each

# Its command line, run_server.py, is not in its wheel. Every connection has a model of its own, which is
# 5 MB for the bundled one, since connections that share one wait for each other's decodes.
_SERVE = """
import sys
from whisper_live.server import TranscriptionServer
port, model, sessions = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
TranscriptionServer().run(
    "127.0.0.1", port, backend="faster_whisper", faster_whisper_custom_model_path=model,
    max_clients=sessions, max_connection_time=3600,
)
"""


class WhisperLiveDialect(Dialect):
    """One running text: segments, of which all but the last are completed and sent again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._completed: list[str] = []
        self._completed_to_s = 0.0

    def opening(self) -> Sequence[Message]:
        """The configuration that its own client sends, with the language known."""
        wishes = {
            "uid": "benchmark",
            "language": "en",
            "task": "transcribe",
            "model": "small",
            "use_vad": True,
            "audio_format": "int16",
            "send_last_n_segments": 10,
            "no_speech_thresh": 0.45,
            "clip_audio": False,
            "same_output_threshold": 10,
        }
        return (json.dumps(wishes),)

    def read(self, at_s: float, message: dict[str, Any]) -> None:
        if message.get("message") == "SERVER_READY":
            self.is_ready = True
        elif "status" in message:
            self.problems.append(f"{message['status']}: {message['message']}")
        segments = message.get("segments", [])
        for segment in segments:
            if segment["completed"] and float(segment["start"]) >= self._completed_to_s:
                self._completed.append(segment["text"].strip())
                self._completed_to_s = float(segment["end"])
        if segments:
            tentative = "" if segments[-1]["completed"] else segments[-1]["text"]
            self.show(0, at_s, " ".join(self._completed), tentative)


def _command(setup: Setup) -> Sequence[str]:
    return str(setup.python), "-c", _SERVE, str(setup.port), str(setup.model), str(setup.sessions)


WHISPERLIVE = Peer(
    name="whisperlive",
    version="0.10.0",
    path="/",
    health="",
    settings="a model for each connection, int8 on one thread; its client's defaults, language en",
    dialect=WhisperLiveDialect,
    command=_command,
    environment=one_thread_each,
    requirements=(
        *faster_whisper("1.2.0"),
        "python-multipart==0.0.34",
        "requests==2.34.2",
        "tqdm==4.70.1",
        "uvicorn==0.54.0",
        "websockets==17.4",
    ),
    bare=("whisper-live==0.10.0",),
)
