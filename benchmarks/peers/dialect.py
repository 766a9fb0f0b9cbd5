"""One session with a server, in that server's own protocol and without a socket.

A dialect encodes frames of audio for the server, and decodes the server's messages to a common form: for each
part of the transcript, its successive texts with their arrival times.
"""

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.recording import Update

Message = str | bytes


class Dialect:
    """The base: a subclass encodes messages, and decodes received ones in `read`.

    parts: the updates of each part of the transcript, by the part's number, in the order of the parts. In
    an update, `stable` is what the server calls finished and `tentative` what it shows beyond that. A
    server with turns has a part for each turn; one that revises a single running text has one part.
    problems: errors, warnings and refusals, in the server's words.
    """

    def __init__(self) -> None:
        self.parts: dict[int, list[Update]] = {}
        self.problems: list[str] = []
        self.is_ready = False
        self.is_over = False

    def opening(self) -> Sequence[Message]:
        """What is sent when the connection stands."""
        return ()

    def frame(self, pcm: bytes) -> bytes:
        """What is sent for a frame of mono s16le audio at 16 kHz."""
        return pcm

    def closing(self) -> Sequence[Message]:
        """What is sent after the last frame."""
        return ()

    def receive(self, at_s: float, data: Message) -> None:
        """Take in a message and when it arrived."""
        self.read(at_s, json.loads(data))

    def read(self, at_s: float, message: dict[str, Any]) -> None:
        """Understand a message, by `show`, `problems`, `is_ready` and `is_over`."""
        raise NotImplementedError

    def show(self, part: int, at_s: float, finished: str, tentative: str = "") -> None:
        """A part's text from now on; what changes no letter is no update."""
        updates = self.parts.setdefault(part, [])
        update = Update(at_s, finished.strip(), tentative.strip())
        before = (updates[-1].stable, updates[-1].tentative) if updates else ("", "")
        if (update.stable, update.tentative) != before:
            updates.append(update)
