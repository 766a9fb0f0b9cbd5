"""This server, as the comparison sees it: the native dialect, without replies."""

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.command import FIXED_END_SILENCE
from benchmarks.peers.dialect import Dialect, Message
from benchmarks.peers.peer import Peer, Setup
from voicegw import __version__


class VoicegwDialect(Dialect):
    """A part is a turn; a turn's text is finished with its final."""

    def closing(self) -> Sequence[Message]:
        return (json.dumps({"type": "end"}),)

    def read(self, at_s: float, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ready":
                self.is_ready = True
            case "partial":
                self.show(message["turn"], at_s, "", f"{message['stable']} {message['tentative']}")
            case "final":
                self.show(message["turn"], at_s, message["text"])
            case "error":
                self.problems.append(message["code"])


def _command(setup: Setup) -> Sequence[str]:
    return (
        *(str(setup.python), "-m", "voicegw.cli", "serve", "--port", str(setup.port)),
        *("--asr.model", str(setup.model), "--asr.device", setup.device),
        *("--asr.compute-type", setup.compute_type, "--asr.threads", str(setup.threads)),
        *("--session.endpoint.end-silence-ms", str(setup.end_silence_ms), FIXED_END_SILENCE),
        *("--log.level", "warning"),
    )


VOICEGW = Peer(
    name="voicegw",
    version=__version__,
    path="/v1/stream?rate=16000&format=pcm_s16le&reply=none",
    health="/readyz",
    settings="its defaults",
    dialect=VoicegwDialect,
    command=_command,
    has_end_silence=True,
)
