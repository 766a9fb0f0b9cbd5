"""The stream of a page, played by the test in place of the server."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute

_STREAM = re.compile(r"/v1/stream\?")
_LIMITS = {"max_message_bytes": 65_536, "max_burst_ms": 5_000, "idle_timeout_ms": 300_000}


class ScriptedStream:
    """Accepts every socket, and answers typed messages with what `answer` returns for their text. sockets: of
    the page; messages, audio: what was received."""

    def __init__(self, page: Page, answer: Callable[[str], list[dict[str, Any]]] = lambda _: []) -> None:
        self.sockets: list[WebSocketRoute] = []
        self.messages: list[dict[str, Any]] = []
        self.audio: list[bytes] = []
        self._page = page
        self._answer = answer
        self._sent = 0
        page.route_web_socket(_STREAM, self._open)

    @property
    def texts(self) -> list[str]:
        """The typed messages."""
        return [message["text"] for message in self.of("text")]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The messages of this type."""
        return [message for message in self.messages if message["type"] == kind]

    def _open(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(self._receive)

    def begin_session(self, number: int = 1) -> None:
        """Waits for so many sockets, and begins a new session on the last one."""
        self.until(lambda: len(self.sockets) >= number)
        self._sent = 0
        session = {"session": f"s{len(self.sockets)}", "epoch": 1, "resumed": False}
        self.send({"type": "ready", **session, "next_sample": 0, "next_message": 0, "limits": _LIMITS})

    def _receive(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            self.audio.append(frame)
            return
        self.messages.append(json.loads(frame))
        if self.messages[-1]["type"] == "text":
            self.send(*self._answer(self.messages[-1]["text"]))

    def end_session(self, error: str) -> None:
        """Ends the session with the error of this code."""
        self.send({"type": "error", "code": error, "message": "", "retryable": False})
        self.sockets[-1].close(code=1008)

    def send(self, *messages: dict[str, Any]) -> None:
        """Sends messages on the last socket."""
        for message in messages:
            self._sent += 1
            self.sockets[-1].send(json.dumps({**message, "seq": self._sent}))

    def until(self, condition: Callable[[], bool]) -> None:
        """Waits until the condition holds."""
        for _ in range(1_000):
            if condition():
                return
            self._page.wait_for_timeout(30)
        pytest.fail("the page has not sent what was expected")
