"""WhisperLiveKit (QuentinFuxa/WhisperLiveKit): LocalAgreement over a window, behind Silero VAD."""

from collections.abc import Sequence
from typing import Any

from benchmarks.peers.dialect import Dialect, Message
from benchmarks.peers.peer import Peer, Setup, faster_whisper, one_thread_each

WINDOW_S = (
    6  # its default, 15, lets a window run over several utterances, which the bundled model reads badly
)

_SILENCE = -2  # the `speaker` of a line of silence


class WhisperLiveKitDialect(Dialect):
    """One running text: the lines are committed words, the buffer what is not committed yet."""

    def closing(self) -> Sequence[Message]:
        return (b"",)

    def read(self, at_s: float, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "config":
                self.is_ready = True
            case "ready_to_stop":
                self.is_over = True
        if message.get("error"):
            self.problems.append(message["error"])
        if "lines" in message:
            spoken = (line["text"] or "" for line in message["lines"] if line["speaker"] != _SILENCE)
            self.show(0, at_s, " ".join(text.strip() for text in spoken), message["buffer_transcription"])


def _command(setup: Setup) -> Sequence[str]:
    return (
        *(str(setup.python.with_name("wlk")), "--host", "127.0.0.1", "--port", str(setup.port)),
        *("--backend-policy", "localagreement", "--backend", "faster-whisper"),
        *("--model_dir", str(setup.model), "--language", "en", "--pcm-input", "--warmup-file", ""),
        *("--buffer_trimming_sec", str(WINDOW_S)),
        *("--log-level", "WARNING"),
    )


WHISPERLIVEKIT = Peer(
    name="whisperlivekit",
    version="0.2.26",
    path="/asr",
    health="/health",
    settings=(
        "LocalAgreement on faster-whisper, as its other policy, SimulStreaming, decodes with a PyTorch"
        " checkpoint that a CTranslate2 model is not; windows trimmed at 6 s, not 15, with which the bundled"
        " model misreads half of the words; it chooses the number format, one thread"
    ),
    dialect=WhisperLiveKitDialect,
    command=_command,
    environment=one_thread_each,
    requirements=(
        *faster_whisper("1.2.1"),
        "librosa==0.11.0",
        "numba==0.68.1",
        "python-multipart==0.0.34",
        "soundfile==0.14.0",
        "tiktoken==0.14.0",
        "tqdm==4.70.1",
        "uvicorn==0.54.0",
        "websockets==17.4",
    ),
    bare=("whisperlivekit==0.2.26",),
)
