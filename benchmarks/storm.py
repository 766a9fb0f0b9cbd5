"""All clients are cut off at once: how long until every one of them has its session back, and whether those
who keep their connections notice.

The clients are the library's own, on loopback, each with an open session and audio on its way; a relay resets
all their connections in one moment. The survivors speak past the relay, from processes of their own.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from benchmarks import survivors
from benchmarks.arguments import FIXED_END_SILENCE, add_json, add_serve, new_parser
from benchmarks.links import link
from benchmarks.measures import percentile
from benchmarks.report import report
from clients.client import VoiceClient
from clients.errors import ClientError
from clients.local_server import LocalServer, local_server
from voicegw.core.audio import SAMPLE_RATE
from voicegw.dialects import native

GIVE_UP_S = 60.0
AT_ONCE = 50  # clients that are let connect at a time, before the storm
AUDIO = bytes(2 * SAMPLE_RATE // 5)
MEANINGS = {
    "storm_clients": "clients cut off at once",
    "storm_back_s": "until the last of them had its session back",
    "storm_back_p50_ms": "until half of them had",
    "storm_lost": "clients whose session was lost, or who did not come back",
    **survivors.MEANINGS,
}


@dataclass
class Storm:
    """What became of so many clients. back_s: from the cut until each had its session again. survived: the
    figures of those who were not cut off, if anybody was there."""

    clients: int
    back_s: list[float] = field(default_factory=list)
    lost: int = 0
    cut_at: float = 0.0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    survived: dict[str, float] = field(default_factory=dict)

    @property
    def over_at(self) -> float:
        """When the last one was back."""
        return self.cut_at + max(self.back_s, default=GIVE_UP_S)

    def receive(self, message: native.ServerMessage) -> None:
        if isinstance(message, native.ReadyMessage):
            self.count(back=message.resumed)

    def count(self, *, back: bool) -> None:
        """One more has its session, or has lost it."""
        if back:
            self.back_s.append(time.monotonic() - self.cut_at)
        else:
            self.lost += 1
        if len(self.back_s) + self.lost >= self.clients:
            self.over.set()


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 when a session was lost."""
    options = _parser().parse_args(argv)
    try:
        storm = asyncio.run(measure(options.clients, options.serve))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    figures = figures_of(storm)
    settings = {"clients": options.clients, "serve": options.serve}
    report("storm", settings, figures, MEANINGS, options.json)
    return 1 if figures["storm_lost"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("storm", __doc__)
    parser.add_argument(
        "--clients", type=int, default=200, metavar="N", help="how many (default: %(default)s)"
    )
    add_json(parser)
    add_serve(parser)
    return parser


async def measure(count: int, serve: Sequence[str] = ()) -> Storm:
    """A storm on a server of its own."""
    async with (
        local_server("--model", "bundled", "--workers", "1", FIXED_END_SILENCE, *serve) as server,
        link(server.url) as way,
        AsyncExitStack() as stack,
    ):
        clients = await connected(stack, way.url, count)
        return await survived_storm(server, clients, way.cut, serve)


async def connected(stack: AsyncExitStack, url: str, count: int) -> list[VoiceClient]:
    """So many clients, each with a session."""
    clients = list[VoiceClient]()
    for begin in range(0, count, AT_ONCE):
        some = range(min(AT_ONCE, count - begin))
        opening = [stack.enter_async_context(VoiceClient.connect(url, reply="none")) for _ in some]
        clients += await asyncio.gather(*opening)
    return clients


async def survived_storm(
    server: LocalServer, clients: Sequence[VoiceClient], cut: Callable[[], object], serve: Sequence[str] = ()
) -> Storm:
    """The storm while others, whom `cut` leaves alone, speak at a server with FIXED_END_SILENCE."""
    storms: list[Storm] = []

    async def rage() -> None:
        await asyncio.sleep(survivors.AROUND_S)
        storms.append(await raise_storm(clients, cut))

    spoken = await survivors.speak_through(server, rage)
    [storm] = storms
    from_s, to_s = storm.cut_at - survivors.AROUND_S, storm.over_at + survivors.AROUND_S
    storm.survived = survivors.figures_of(spoken, from_s, to_s, serve)
    return storm


async def raise_storm(clients: Sequence[VoiceClient], cut: Callable[[], object]) -> Storm:
    """`cut` cuts all of them off; waits until they are back."""
    storm = Storm(len(clients))
    listeners = [asyncio.create_task(_listen(client, storm), name="listener") for client in clients]
    try:
        for client in clients:
            await client.send_audio(AUDIO)
        storm.cut_at = time.monotonic()
        cut()
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_UP_S):
                await storm.over.wait()
    finally:
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    return storm


async def _listen(client: VoiceClient, storm: Storm) -> None:
    try:
        async for message in client:
            storm.receive(message)
    except ClientError:
        storm.count(back=False)


def figures_of(storm: Storm) -> dict[str, float]:
    """Under the names that results have everywhere."""
    back = sorted(storm.back_s) or [GIVE_UP_S]
    return {
        "storm_clients": storm.clients,
        "storm_back_s": max(back),
        "storm_back_p50_ms": 1000 * percentile(back, 50),
        "storm_lost": storm.clients - len(storm.back_s),
        **storm.survived,
    }
