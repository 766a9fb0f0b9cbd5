import asyncio

import pytest

from clients.client import VoiceClient
from clients.connector import Connector
from clients.errors import Refused, Unreachable
from tests.clients.scripted_server import scripted_server
from tests.gateway.auth.test_authenticator import SECRET, token
from tests.gateway.fakes import Gate, staged
from voicegw.dialects import native
from voicegw.gateway.auth.authenticator import TokenOptions

pytestmark = pytest.mark.usefixtures("virtual_clock")

NO_SERVER = "ws://127.0.0.1:9/v1/stream"


async def test_tries_each_server_until_one_answers() -> None:
    async with scripted_server() as server:
        connector = Connector([NO_SERVER, server.url], {"rate": "8000"})
        await (await connector.open({"session": "s"})).close()
        await (await connector.open()).close()
    assert [path.partition("?")[2] for path in server.paths] == ["rate=8000&session=s", "rate=8000"]


async def test_retries_end_after_the_time_limit() -> None:
    with pytest.raises(Unreachable):
        await Connector([NO_SERVER], {}).reopen({}, within_s=0.05)


@pytest.mark.parametrize(("within_s", "longest_s"), [(1, 2), (600, 61)])
async def test_waits_no_longer_than_a_minute_or_the_time_that_is_left(
    within_s: float, longest_s: float
) -> None:
    clock = asyncio.get_running_loop().time
    async with scripted_server() as server:
        connector = Connector([server.url], {})
        connector.set_retry_after(10**12)
        began = clock()
        await (await connector.reopen({}, within_s)).close()
    assert longest_s - 1 <= clock() - began <= longest_s


async def test_a_permanent_refusal_is_not_retried() -> None:
    async with scripted_server(refuse_with=(401, "")) as server:  # type: ignore[arg-type]
        with pytest.raises(Refused):
            await Connector([server.url], {}).reopen({}, within_s=60)
    assert len(server.paths) == 1


async def test_sends_its_token_and_a_new_one_when_the_session_needs_it() -> None:
    made = (token(jti=str(number)) for number in range(9))
    gate = Gate(tokens=TokenOptions(secret=SECRET, session_ttl_s=1))
    async with staged(gate=gate) as stage, VoiceClient.connect(stage.url, token=lambda: next(made)) as client:
        renewed = 0
        while renewed < 2:
            renewed += isinstance(await anext(client), native.RefreshedMessage)


async def test_a_session_goes_on_when_no_new_token_can_be_made() -> None:
    made = iter([token()])

    async def make() -> str:
        for each in made:
            return each
        raise Unreachable("no token")

    gate = Gate(tokens=TokenOptions(secret=SECRET, session_ttl_s=1))
    async with staged(gate=gate) as stage, VoiceClient.connect(stage.url, token=make) as client:
        while not isinstance(await anext(client), native.EndingMessage):
            pass
        message = await anext(client)
        assert isinstance(message, native.ErrorMessage)
        assert message.code == "token_expired"


async def test_with_a_wrong_token_it_is_refused_permanently() -> None:
    async with staged(gate=Gate(tokens=TokenOptions(secret=SECRET))) as stage:
        with pytest.raises(Refused) as refused:
            await Connector([stage.url], {}, "nonsense").reopen({}, within_s=60)
    assert (refused.value.code, refused.value.retryable) == ("token_invalid", False)
