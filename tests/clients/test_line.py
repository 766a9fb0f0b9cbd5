import pytest

from clients.errors import Refused, Unreachable
from clients.line import Line
from tests.clients.scripted_server import scripted_server

NOBODY = "ws://127.0.0.1:9/v1/stream"


async def test_asks_each_of_its_servers_until_one_answers() -> None:
    async with scripted_server() as server:
        line = Line([NOBODY, server.url], {"rate": "8000"})
        await (await line.open({"session": "s"})).close()
        await (await line.open()).close()
    assert [path.partition("?")[2] for path in server.paths] == ["rate=8000&session=s", "rate=8000"]


async def test_tries_again_until_it_is_no_use() -> None:
    with pytest.raises(Unreachable):
        await Line([NOBODY], {}).reopen({}, within_s=0.05)


async def test_a_refusal_for_good_is_not_tried_again() -> None:
    async with scripted_server(refuse_with=(401, "")) as server:  # type: ignore[arg-type]
        with pytest.raises(Refused):
            await Line([server.url], {}).reopen({}, within_s=60)
    assert len(server.paths) == 1
