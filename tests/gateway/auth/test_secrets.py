"""Whatever happens, no token and no key is written anywhere."""

import gc
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.protocol import State
from websockets.typing import Subprotocol

from tests.gateway.auth.test_authenticator import SECRET, bearer, token
from tests.gateway.fakes import Gate, staged
from tests.peer import joined
from voicegw.dialects import native
from voicegw.gateway.auth import signing_keys as keys
from voicegw.gateway.auth.authenticator import TokenOptions
from voicegw.gateway.auth.signing_keys import Algorithm
from voicegw.gateway.http.limited_connection import LimitedConnection
from voicegw.log_configuration import configure_logging, drain_log

WRONG = token(key="another secret of thirty-two bytes")


@pytest.fixture(autouse=True)
def usual_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()


async def test_no_token_and_no_key_is_ever_written(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    configure_logging("debug", as_json=True)
    file = tmp_path / "keys.json"
    key = keys.generate(Algorithm.HS256, "a")
    file.write_text(json.dumps({"keys": [key]}))
    good = token(jti="1")
    async with staged(gate=Gate(tokens=TokenOptions(secret=SECRET, keys=str(file)))) as stage:
        for shown in (
            bearer(WRONG),
            {"subprotocols": [Subprotocol("voicegw.v1"), Subprotocol(f"bearer.{WRONG}")]},
        ):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(stage.url, proxy=None, **shown):
                    pass
            assert WRONG.encode() not in (refused.value.response.body or b"")
        async with joined(stage.url, **bearer(good)) as peer:
            await peer.send(native.RefreshMessage(token=WRONG))
            assert WRONG not in (await peer.until_error()).message
        file.write_text(json.dumps({"keys": [{**key, "alg": "none"}]}))
        stage.gateway.reload()
        metrics = stage.gateway.metrics.exposition().decode()
    assert drain_log()
    captured = capfd.readouterr()
    written = captured.out + captured.err + caplog.text + metrics
    assert "not reloaded" in written
    assert not [secret for secret in (WRONG, good, SECRET, key["k"]) if secret in written]


def test_no_option_shows_its_secret() -> None:
    assert SECRET not in repr(TokenOptions(secret=SECRET))


async def test_a_session_does_not_keep_the_token_that_opened_it() -> None:
    async with (
        staged(gate=Gate(tokens=TokenOptions(secret=SECRET))) as stage,
        joined(stage.url, **bearer(token())),
    ):
        callers = [one for one in gc.get_objects() if type(one) is LimitedConnection]
        [caller] = [one for one in callers if one.state is State.OPEN]
        assert caller.identity is not None
        assert caller.request is not None
        assert not caller.request.headers
