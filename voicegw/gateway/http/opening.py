"""The request of a client that opens its session by a frame."""

from websockets.asyncio.server import ServerConnection

from voicegw.dialects.port import Codec, Opening
from voicegw.errors import InvalidState

_MAX_FRAMES = 50  # within which the client must send its request


async def receive_opening(socket: ServerConnection, codec: Codec) -> Opening:
    """The request in the first frames of a client. Raises InputError and ConnectionClosed."""
    for _ in range(_MAX_FRAMES):
        for received in codec.receive(await socket.recv()):
            if not isinstance(received, Opening):
                raise InvalidState("the first message must open a session")
            return received
    raise InvalidState(f"none of the first {_MAX_FRAMES} messages opens a session")
