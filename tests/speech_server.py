"""A speech endpoint for tests: a real HTTP server on loopback that streams PCM, fails in the ways endpoints
fail, and remembers what it was asked and whether the caller stayed to the end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.llm_server import Ending, Exchange, LLMServer

SECOND = b"\x10\x20" * 24_000  # of a steady tone nobody would want to hear


@dataclass(eq=False)
class SpeechServer(LLMServer):
    """Answers every sentence with `pieces`, or with an error when `status` is not 200. The knobs for delays,
    endings and refusal are those of LLMServer; a token stands for a piece."""

    pieces: Sequence[bytes] = (SECOND,)
    content_type: str = "audio/pcm"

    @property
    def sentences(self) -> list[str]:
        """What it was asked to say."""
        return [exchange.body["input"] for exchange in self.exchanges]

    async def _answer(self, exchange: Exchange, writer: asyncio.StreamWriter) -> None:
        if self.status != 200:
            secret = f"{exchange.authorization} said {exchange.body['input']}".encode()
            head = f"HTTP/1.1 {self.status} Error\r\nContent-Length: {len(secret)}\r\n\r\n"
            writer.write(head.encode() + secret)
            return
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {self.content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        for number, piece in enumerate(self.pieces):
            await asyncio.sleep(self.token_delay_s if number else self.first_token_delay_s)
            self._send(writer, piece)
        await asyncio.sleep(self.token_delay_s)
        if self.ending is Ending.CUT:
            writer.transport.abort()
        else:
            writer.write(b"0\r\n\r\n")
