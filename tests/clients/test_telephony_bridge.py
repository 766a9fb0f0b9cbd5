import asyncio
import sys
from contextlib import AsyncExitStack

import pytest

from clients import telephony_bridge
from clients.bridged_call import Server
from clients.connector import Connector
from clients.errors import Unreachable
from clients.telephony_bridge import bridge
from tests.clients.test_bridged_call import answered, bridged, dialled, exchange
from tests.gateway.fakes import ScriptedVoice, staged
from tests.observing import PATIENCE_S, children, until


async def test_more_calls_than_allowed_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    async with exchange(max_calls=1) as (stage, address):
        async with dialled(address) as pbx:
            await answered(stage, pbx)
            async with dialled(address, None) as other:
                assert await other.ended()
        await until(lambda: stage.value("sessions") == 0)
        async with dialled(address) as pbx:
            await answered(stage, pbx)
    assert "--max-calls" in capsys.readouterr().err


async def test_a_bridge_that_stops_hangs_up() -> None:
    async with AsyncExitStack() as stack, staged(voice=ScriptedVoice(seconds=0.2)) as stage:
        async with bridged(stage.url) as address:
            pbx = await stack.enter_async_context(dialled(address))
            await answered(stage, pbx)
        assert await pbx.ended()
        await until(lambda: stage.value("sessions") == 0)


@pytest.mark.parametrize("listen", ["127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "nowhere.invalid:1"])
async def test_an_address_that_cannot_be_used_is_an_error(listen: str) -> None:
    with pytest.raises(Unreachable, match="cannot listen"):
        async with bridge(listen, Server("ws://127.0.0.1:9", None), 1):
            pass


@pytest.mark.parametrize(
    ("command", "expected"),
    [(f"{sys.executable} -c 'print(42)'", "42"), ("false", "status 1"), ("/nowhere", "cannot be run")],
)
async def test_a_command_makes_the_token_of_a_call(command: str, expected: str) -> None:
    options = telephony_bridge._parser().parse_args(["--token-command", command])
    connector = Connector([], {}, telephony_bridge._token_source(options))
    try:
        assert await connector._made_token() == expected
    except Unreachable as error:
        assert expected in str(error)  # noqa: PT017 - either is right, by command


async def test_a_command_ends_with_its_call() -> None:
    before = children()
    options = telephony_bridge._parser().parse_args(["--token-command", "sleep 1000"])
    asking = asyncio.ensure_future(Connector([], {}, telephony_bridge._token_source(options))._made_token())
    await until(lambda: children() - before)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert not children() - before


def test_the_token_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(telephony_bridge.TOKEN_VARIABLE, "a.b.c")
    assert telephony_bridge._token_source(telephony_bridge._parser().parse_args([])) == "a.b.c"


def test_a_port_that_is_taken_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert telephony_bridge.main(["--listen", "256.0.0.1:1"]) == 1
    assert "cannot listen" in capsys.readouterr().err


async def test_the_command_listens_until_it_is_told_to_stop() -> None:
    command = (sys.executable, "-m", "clients.telephony_bridge", "--listen", "127.0.0.1:0")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        assert (await process.stdout.readline()).startswith(b"listening on 127.0.0.1:")
        process.terminate()
        assert await process.wait() == 0
