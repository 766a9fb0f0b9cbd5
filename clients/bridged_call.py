"""One call of an AudioSocket client, passed on to a voicegw server as a session of the native dialect."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from clients.audiosocket import RATES, UUID_BYTES, Kind, Packet, PacketReader
from clients.client import BURST_MARGIN_MS, VoiceClient
from clients.connector import Token
from clients.early_packets import EarlyPackets
from clients.errors import ClientError, ProtocolError
from clients.paced_output import PacedOutput
from clients.playback import ReplyPlayer
from voicegw.core.commands import ReplyMode
from voicegw.dialects import native
from voicegw.dialects.telephony.keypad import KEYS, Keypad

BEGIN_S = 5.0  # for the id of the call and its first audio
SILENT_S = 300.0  # without any packet: the far end is lost
SEND_S = 5.0  # for the far end to read a packet


@dataclass(frozen=True)
class Server:
    """Where calls are passed on to. token: as of VoiceClient."""

    url: str
    token: Token | None = field(repr=False)


class BridgedCall:
    """One connection of a PBX. report: receives lines for the operator."""

    def __init__(
        self,
        server: Server,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        report: Callable[[str], None],
    ) -> None:
        self._server = server
        self._packets, self._writer = PacketReader(reader), writer
        self._report = report
        self._keypad = Keypad()
        self._rest = b""  # of an incomplete sample
        self.name = "without an id"

    async def run(self) -> None:
        """Serves the call until either side hangs up. Errors are reported, and end the call."""
        try:
            first = await self._begin()
            if first is not None:
                await self._converse(first)
            self._report(f"call {self.name}: ended")
        except ClientError as error:
            self._report(f"call {self.name}: {error}")
        finally:
            await self._hang_up()

    async def _begin(self) -> Packet | None:
        """Reads the id of the call; its first audio, or None if the PBX hangs up before. Raises
        ProtocolError."""
        try:
            async with asyncio.timeout(BEGIN_S):
                packet = await self._packets.read()
                if packet is None or packet.kind == Kind.HANG_UP:
                    return None
                if packet.kind != Kind.UUID or len(packet.content) != UUID_BYTES:
                    raise ProtocolError("the first packet is not the id of the call")
                self.name = str(uuid.UUID(bytes=packet.content))
                return await self._first_audio()
        except TimeoutError:
            raise ProtocolError(f"no call began within {BEGIN_S:g} s") from None

    async def _first_audio(self) -> Packet | None:
        while (packet := await self._packets.read()) is not None and packet.kind != Kind.HANG_UP:
            if packet.kind in RATES:
                return packet
            if packet.kind != Kind.DTMF:
                raise ProtocolError(f"a packet of type {packet.kind:#04x}, which is not supported")
        return None

    async def _converse(self, first: Packet) -> None:
        output = PacedOutput(RATES[first.kind], lambda frame: self._send(Packet(first.kind, frame)))
        player = ReplyPlayer(output)
        async with AsyncExitStack() as stack:
            early = EarlyPackets(first)
            collecting = asyncio.ensure_future(self._collect(early, first.kind))
            opening = asyncio.ensure_future(self._open(stack, RATES[first.kind], player.receive))
            await _first_done(collecting, opening)
            if not collecting.cancelled():
                return
            client = opening.result()
            early.drop_before(max(0, client.ready.limits.max_burst_ms - BURST_MARGIN_MS))
            self._report(f"call {self.name}: session {client.ready.session}")
            await _first_done(
                self._listen(client, early, first.kind),
                self._speak(client, player, output),
                output.run(),
                player.report(client),
            )

    async def _open(self, stack: AsyncExitStack, rate: int, on_audio: Callable[[bytes], None]) -> VoiceClient:
        """A session, which `stack` closes."""
        server = self._server
        session = VoiceClient.connect(
            server.url, rate=rate, reply=ReplyMode.AUDIO, token=server.token, on_audio=on_audio
        )
        return await stack.enter_async_context(session)

    async def _collect(self, early: EarlyPackets, audio_kind: int) -> None:
        """Keeps what the caller says and presses, until the PBX hangs up. Raises ProtocolError."""
        while (packet := await self._next(audio_kind)) is not None:
            early.add(packet)

    async def _listen(self, client: VoiceClient, early: EarlyPackets, audio_kind: int) -> None:
        """Passes on the caller's audio and keys until the PBX hangs up. Raises ProtocolError."""
        for earlier in early:
            await self._handle(client, earlier)
        while (packet := await self._next(audio_kind)) is not None:
            await self._handle(client, packet)

    async def _next(self, audio_kind: int) -> Packet | None:
        """The next audio or key; None when the PBX has hung up. Raises ProtocolError."""
        try:
            async with asyncio.timeout(SILENT_S):
                packet = await self._packets.read()
        except TimeoutError:
            raise ProtocolError(f"the PBX sent nothing for {SILENT_S:g} s") from None
        if packet is None or packet.kind == Kind.HANG_UP:
            return None
        if packet.kind == Kind.ERROR:
            raise ProtocolError(f"the PBX reports error {packet.content.hex() or 'without a code'}")
        if packet.kind not in (audio_kind, Kind.DTMF):
            raise ProtocolError(f"a packet of type {packet.kind:#04x} in a call of {audio_kind:#04x}")
        return packet

    async def _handle(self, client: VoiceClient, packet: Packet) -> None:
        if packet.kind == Kind.DTMF:
            await self._press(client, packet.content)
        else:
            await self._pass_on(client, packet.content, RATES[packet.kind])

    async def _pass_on(self, client: VoiceClient, data: bytes, rate: int) -> None:
        data = self._rest + data
        whole = len(data) - len(data) % 2
        data, self._rest = data[:whole], data[whole:]
        if data:
            await client.send_audio(data)
        if (text := self._keypad.wait(len(data) * 500 / rate)) is not None:
            await client.say(text)

    async def _press(self, client: VoiceClient, content: bytes) -> None:
        digit = content.decode("ascii", errors="replace")
        if digit not in KEYS:
            raise ProtocolError("a key that no telephone has")
        if (text := self._keypad.press(digit)) is not None:
            await client.say(text)

    async def _speak(self, client: VoiceClient, player: ReplyPlayer, output: PacedOutput) -> None:
        """Plays replies until the server ends the session. While the caller speaks over a reply, it pauses,
        as the server does with what it has not sent. Its end is dropped if the server takes it for played and
        the caller has said something."""
        async for message in client:
            match message:
                case native.SpeechStartedMessage():
                    output.pause(True)
                case native.FinalMessage(text=text) if text and not player.replying:
                    output.flush()
                case native.FinalMessage():
                    output.pause(False)
                case native.ErrorMessage():
                    self._report(f"call {self.name}: {message.code}: {message.message}")
                case _:
                    pass
            player.handle(message)

    async def _send(self, packet: Packet) -> None:
        """Raises ProtocolError when the PBX does not read."""
        self._writer.write(packet.encoded())
        try:
            async with asyncio.timeout(SEND_S):
                await self._writer.drain()
        except TimeoutError:
            raise ProtocolError(f"the PBX did not read for {SEND_S:g} s") from None
        except ConnectionError as error:
            raise ProtocolError(f"the PBX closed the connection: {error}") from error

    async def _hang_up(self) -> None:
        with suppress(ProtocolError, ConnectionError):
            await self._send(Packet(Kind.HANG_UP))
        self._writer.close()
        try:
            async with asyncio.timeout(SEND_S):
                await self._writer.wait_closed()
        except ConnectionError:
            pass
        except TimeoutError:
            self._writer.transport.abort()  # or the connection would stay until the PBX reads


async def _first_done(*work: Awaitable[object]) -> None:
    """Runs all until the first one is done, whose error is raised; the others are cancelled."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
