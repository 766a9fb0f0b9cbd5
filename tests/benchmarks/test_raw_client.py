"""The bare client against a real server of the `websockets` package."""

import threading
from collections.abc import Iterator

import pytest
from websockets.frames import Opcode
from websockets.sync.server import ServerConnection, serve

from benchmarks.raw_client import ConnectionFailed, RawClient, encoded


def echo(socket: ServerConnection) -> None:
    for message in socket:
        if message == "bye":
            socket.close(4000, "as you wish")
            return
        socket.send(message)


@pytest.fixture
def url() -> Iterator[str]:
    with serve(echo, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        server.shutdown()
        thread.join()


def test_messages_go_both_ways(url: str) -> None:
    with RawClient(url) as connection:
        assert connection.upgrade() == 101
        connection.send(b"hello", Opcode.TEXT)
        connection.send(b"\0\1")
        connection.send(b"again", Opcode.TEXT)
        assert next(connection.messages()) == b"hello"
        assert next(connection.messages()) == b"again"


def test_the_server_s_close_code_is_kept(url: str) -> None:
    with RawClient(url) as connection:
        connection.upgrade()
        connection.send(b"bye", Opcode.TEXT)
        assert list(connection.messages()) == []
        assert connection.close_code == 4000
        with pytest.raises(ConnectionFailed, match="closed with 4000"):
            connection.receive()


def test_pings_are_answered_while_draining(url: str) -> None:
    with RawClient(url) as connection:
        connection.upgrade()
        connection.send_raw(encoded(b"half a mess", Opcode.TEXT, fin=False) + encoded(b"age", Opcode.CONT))
        assert next(connection.messages()) == b"half a message"
        connection.drain()


def test_a_silent_server_is_a_timeout(url: str) -> None:
    with RawClient(url) as connection:
        connection.upgrade()
        with pytest.raises(ConnectionFailed, match="no answer"):
            connection.receive(timeout_s=0.01)


def test_after_a_reset_nothing_can_be_sent(url: str) -> None:
    connection = RawClient(url)
    connection.upgrade()
    connection.reset()
    with pytest.raises(ConnectionFailed):
        connection.send(b"anybody there?")
