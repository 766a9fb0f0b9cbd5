"""A Chromium whose microphone plays a file, and what a page in it says to others."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import soundfile
from playwright.sync_api import Browser, Page, WebSocket, sync_playwright

PATIENCE_MS = 120_000  # generous: the machine may be busy, and nothing waits so long when all is well
INSECURE_NAME = "voice.test"
_QUIET = ("background-networking", "component-update", "sync", "gpu", "quic", "dev-shm-usage")
_ALLOWED_ERRORS = ("WebSocket connection to", "Failed to load resource")  # of tests in which connections fail


@dataclass
class Visit:
    """A page, with what it said to others: the hosts of its requests, its errors and its WebSocket frames."""

    page: Page
    microphone: Path
    hosts: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname or ""))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note)
        self.page.on("websocket", self._record)

    def _record(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: self.sent.append(payload))

    def _note(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith(_ALLOWED_ERRORS):
            self.errors.append(message.text)

    def hears(self, sample: Path) -> None:
        """The microphone plays this recording and then silence, from when it is opened."""
        samples, rate = soundfile.read(sample, dtype="int16")
        soundfile.write(self.microphone, np.pad(samples, (0, 2 * rate)), rate, subtype="PCM_16")

    def hears_nothing(self) -> None:
        """The microphone plays silence."""
        soundfile.write(self.microphone, np.zeros(16_000), 16_000, subtype="PCM_16")

    def requests(self, kind: str) -> list[str]:
        """The text frames of this type that were sent."""
        return [frame for frame in self.sent if isinstance(frame, str) and f'"type":"{kind}"' in frame]


@contextmanager
def chromium(microphone: Path) -> Iterator[Browser]:
    """The system's Chromium. Its microphone plays the file from the start whenever a page opens it."""
    flags = [
        *(f"--disable-{name}" for name in _QUIET),
        *(f"--{name}" for name in ("no-sandbox", "no-first-run", "use-fake-device-for-media-stream")),
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
        f"--host-resolver-rules=MAP {INSECURE_NAME} 127.0.0.1",
    ]
    program = shutil.which("chromium")
    assert program, "Chromium is not installed; scripts/system-packages installs what the tests need"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()
