"""Both sides of a session as files: `microphone --save DIR`.

Each session adds four files, which begin with its date and time, and a line of `manifest.jsonl`. With that
the directory is one of recordings for `scripts/bench ... --recordings DIR`. The text was recognised, and not
written down by a person: correct it and set `wer_ok` to true before counting word errors by it.

  ...-user.wav, ...-assistant.wav   the two sides, on the same clock
  ...-messages.jsonl                the messages of the server
  ...-transcript.txt                who said what
"""

import json
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec
import numpy as np
import soundfile

from clients.assistant_track import AssistantTrack
from clients.audio import SAMPLE_BYTES
from clients.conversation import Conversation
from clients.errors import AudioError
from voicegw.dialects import native

_GAP_S = 0.2  # frames come in bunches; a longer gap is one in which the microphone was off
_KIND, _KIND_WITHOUT_SPEECH, _NO_LANGUAGE = "session", "nonspeech", "xx"


class SessionRecording:
    """A context manager: the files are complete after the block. assistant: records the replies.

    Raises AudioError when the directory cannot be written.
    """

    def __init__(self, directory: Path, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        begin = clock()
        self._directory = directory
        self._rate = rate
        self._clock: Callable[[], float] = lambda: clock() - begin
        self.assistant = AssistantTrack(self._clock, rate)
        self._user = bytearray()
        self._conversation = Conversation()
        self._languages: set[str] = set()

    def __enter__(self) -> Self:
        name = f"{datetime.now():%Y%m%d-%H%M%S}"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._prefix = self._directory / name
            self._messages: IO[bytes] = self._path("messages.jsonl").open("xb")
        except OSError as error:
            raise AudioError(f"the session cannot be saved in {self._directory}: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._messages.close()
        self._write_sides()
        self._path("transcript.txt").write_text(self._transcript(), encoding="utf-8")
        with (self._directory / "manifest.jsonl").open("a", encoding="utf-8") as manifest:
            manifest.write(json.dumps(self._entry(), ensure_ascii=False) + "\n")

    def add_user(self, frame: bytes) -> None:
        """A frame that was sent now."""
        now = int(self._clock() * self._rate) * SAMPLE_BYTES
        gap = now - len(frame) - len(self._user)
        if gap > _GAP_S * self._rate * SAMPLE_BYTES:
            self._user += bytes(gap)
        self._user += frame

    def handle(self, message: native.ServerMessage) -> None:
        """A message of the server."""
        self._messages.write(msgspec.json.encode(message) + b"\n")
        self._conversation.receive(message)
        if isinstance(message, native.FinalMessage) and message.language:
            self._languages.add(message.language)

    def _path(self, ending: str) -> Path:
        return self._prefix.with_name(f"{self._prefix.name}-{ending}")

    def _write_sides(self) -> None:
        sides = {"user.wav": self._user, "assistant.wav": self.assistant.pcm}
        length = max(map(len, sides.values())) // SAMPLE_BYTES
        for ending, pcm in sides.items():
            samples = np.frombuffer(bytes(pcm), dtype="<i2")
            padded = np.pad(samples, (0, length - len(samples)))
            soundfile.write(self._path(ending), padded, self._rate, subtype="PCM_16")

    def _transcript(self) -> str:
        lines = []
        for turn in self._conversation.turns.values():
            said = turn.final.text if turn.final else ""
            lines += [f"{who}: {text}\n" for who, text in (("user", said), ("assistant", turn.reply)) if text]
        return "".join(lines)

    def _entry(self) -> dict[str, object]:
        """The line of the manifest."""
        finals = (turn.final.text for turn in self._conversation.turns.values() if turn.final)
        text = " ".join(filter(None, finals))
        language = self._languages.pop() if len(self._languages) == 1 else "en"
        return {
            "file": self._path("user.wav").name,
            "text": text,
            "lang": language if text else _NO_LANGUAGE,
            "kind": _KIND if text else _KIND_WITHOUT_SPEECH,
            "wer_ok": False,
        }
