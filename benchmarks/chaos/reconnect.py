"""`scripts/bench chaos reconnect`: all clients lose their connections at the same moment.

Measured are the time until every client has its session again, and whether clients that keep their
connections notice. The clients are those of the library, on loopback, each with an open session and audio
under way; a relay resets all their connections at once. The unaffected speakers bypass the relay, in
processes of their own, and are compared with the objective of `scripts/bench capacity`: by the words and
finals that were due from a second before the reset until a second after the last client was back.
"""

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from benchmarks.capacity.evaluation import EvaluatedSession, figures
from benchmarks.capacity.load import Run, Timing, run
from benchmarks.capacity.ramp import speakers_for
from benchmarks.chaos.installation import installation
from benchmarks.command import FIXED_END_SILENCE, Result, add_numbers, add_serve, chosen
from benchmarks.measures import percentile
from benchmarks.relay import relay
from benchmarks.segments import Segment, emissions, timings
from clients.client import VoiceClient
from clients.errors import ClientError
from clients.local_server import LocalServer, local_server
from voicegw import config
from voicegw.core.audio import SAMPLE_RATE
from voicegw.dialects import native

GIVE_UP_S = 60.0
AT_ONCE = 50  # clients that connect at a time, before the reset
AUDIO = bytes(2 * SAMPLE_RATE // 5)
SPEAKERS = 16
AROUND_S = 1.0
TIMING = Timing(seconds=8.0, warm_up_s=5.0)
UNAFFECTED_MEANINGS = {
    "survivors_words": "words of the clients that kept their connections, said around that moment",
    "survivors_wel_p95_ms": "from the end of such a word until it is shown",
    "survivors_wel_max_ms": "the same, the slowest word",
    "survivors_excess_fl_p95_ms": "their finals around that moment, beyond the end silence",
    "survivors_trouble": "their lost samples, errors and refusals",
}
MEANINGS = {
    "storm_clients": "clients whose connections were reset at once",
    "storm_back_s": "until the last of them had its session back",
    "storm_back_p50_ms": "until half of them had",
    "storm_lost": "clients whose session was lost, or that did not come back",
    **UNAFFECTED_MEANINGS,
}


@dataclass
class Reconnects:
    """How the clients came back. back_s: for each, from the reset until it had its session again. unaffected:
    the figures of the clients that kept their connections, if there were any."""

    clients: int
    back_s: list[float] = field(default_factory=list)
    lost: int = 0
    reset_at: float = 0.0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    unaffected: dict[str, float] = field(default_factory=dict)

    @property
    def over_at(self) -> float:
        """When the last client was back."""
        return self.reset_at + max(self.back_s, default=GIVE_UP_S)

    def receive(self, message: native.ServerMessage) -> None:
        """A client has received this message."""
        if isinstance(message, native.ReadyMessage):
            self.count(resumed=message.resumed)

    def count(self, *, resumed: bool) -> None:
        """One more client has its session again, or has lost it."""
        if resumed:
            self.back_s.append(time.monotonic() - self.reset_at)
        else:
            self.lost += 1
        if len(self.back_s) + self.lost >= self.clients:
            self.over.set()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this case."""
    add_numbers(parser, {"--clients": (200, "how many")})
    add_serve(parser)


async def run_case(options: argparse.Namespace) -> Result:
    """Lost sessions are problems. Raises ClientError."""
    found = figures_of(await measure(options.clients, options.serve))
    problems = [f"{found['storm_lost']:.0f} sessions were lost"] if found["storm_lost"] else []
    return Result(chosen(options, "clients", "serve"), found, MEANINGS, problems)


async def measure(count: int, serve: Sequence[str] = ()) -> Reconnects:
    """The reset of `count` clients, at a server that is started for it. Raises ClientError."""
    async with (
        local_server("--model", "bundled", "--workers", "1", FIXED_END_SILENCE, *serve) as server,
        relay(server.url) as between,
        AsyncExitStack() as stack,
    ):
        clients = await connected(stack, between.url, count)
        return await reset_beside_speakers(server, clients, between.cut, serve)


async def takeover(count: int) -> Reconnects:
    """The same where one of two gateways is killed with all its sessions; the other one, at which the
    unaffected speak, takes them over. Raises ClientError."""
    async with (
        installation(workers=1, gateways=2, serve=[FIXED_END_SILENCE]) as there,
        AsyncExitStack() as stack,
    ):
        clients = await connected(stack, ",".join(there.urls), count)
        killed, other = there.gateways
        server = LocalServer(there.urls[1], other.pid)
        return await reset_beside_speakers(server, clients, lambda: os.kill(killed.pid, signal.SIGKILL))


async def connected(stack: AsyncExitStack, url: str, count: int) -> list[VoiceClient]:
    """Clients, each with a session."""
    clients = list[VoiceClient]()
    for begin in range(0, count, AT_ONCE):
        some = range(min(AT_ONCE, count - begin))
        opening = [stack.enter_async_context(VoiceClient.connect(url, reply="none")) for _ in some]
        clients += await asyncio.gather(*opening)
    return clients


async def reset_beside_speakers(
    server: LocalServer, clients: Sequence[VoiceClient], cut: Callable[[], object], serve: Sequence[str] = ()
) -> Reconnects:
    """The reset, while others, whom `cut` does not affect, speak at a server with FIXED_END_SILENCE. Raises
    ClientError."""
    found: list[Reconnects] = []

    async def reset() -> None:
        await asyncio.sleep(AROUND_S)
        found.append(await reset_all(clients, cut))

    spoken = await _speak_during(server, reset)
    [reconnects] = found
    from_s, to_s = reconnects.reset_at - AROUND_S, reconnects.over_at + AROUND_S
    reconnects.unaffected = unaffected_figures(spoken, from_s, to_s, serve)
    return reconnects


async def reset_all(clients: Sequence[VoiceClient], cut: Callable[[], object]) -> Reconnects:
    """`cut` resets the connections of all clients; waits until they are back."""
    reconnects = Reconnects(len(clients))
    listeners = [asyncio.create_task(_listen(client, reconnects), name="listener") for client in clients]
    try:
        for client in clients:
            await client.send_audio(AUDIO)
        reconnects.reset_at = time.monotonic()
        cut()
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_UP_S):
                await reconnects.over.wait()
    finally:
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    return reconnects


async def _listen(client: VoiceClient, reconnects: Reconnects) -> None:
    try:
        async for message in client:
            reconnects.receive(message)
    except ClientError:
        reconnects.count(resumed=False)


async def _speak_during(server: LocalServer, event: Callable[[], Awaitable[None]]) -> Run:
    return await run(server, speakers_for(SPEAKERS), TIMING, "none", event)


def figures_of(reconnects: Reconnects) -> dict[str, float]:
    """The figures by the names in results."""
    back = sorted(reconnects.back_s) or [GIVE_UP_S]
    return {
        "storm_clients": reconnects.clients,
        "storm_back_s": max(back),
        "storm_back_p50_ms": 1000 * percentile(back, 50),
        "storm_lost": reconnects.clients - len(reconnects.back_s),
        **reconnects.unaffected,
    }


def takeover_figures(reconnects: Reconnects) -> dict[str, float]:
    """The figures of a takeover by the names in results."""
    found = figures_of(reconnects)
    figures = {f"takeover_{name}": found[f"storm_{name}"] for name in ("back_s", "lost")}
    return figures | {f"takeover_{name}": found[name] for name in UNAFFECTED_MEANINGS}


def unaffected_figures(
    spoken: Run, from_s: float, to_s: float, serve: Sequence[str] = ()
) -> dict[str, float]:
    """Latencies of what was due from `from_s` to `to_s` (monotonic clock), loss and errors of all speakers.
    serve: the server's options."""
    end_silence_ms = config.load([FIXED_END_SILENCE, *serve]).session.endpoint.end_silence_ms
    words_ms: list[float] = []
    finals_ms: list[float] = []
    for turn in _turns(spoken):
        words_ms += [1000 * (shown - said) for said, shown, _ in emissions(turn) if from_s <= said <= to_s]
        final_ms = timings(turn, None).final
        if final_ms is not None and from_s <= turn.recording.scheduled_s(turn.words[-1].end_ms) <= to_s:
            finals_ms.append(final_ms - end_silence_ms)
    everything = figures([spoken], end_silence_ms)
    return {
        "survivors_words": len(words_ms),
        "survivors_wel_p95_ms": percentile(words_ms, 95),
        "survivors_wel_max_ms": percentile(words_ms, 100),
        "survivors_excess_fl_p95_ms": percentile(finals_ms, 95),
        "survivors_trouble": sum(everything[name] for name in ("lost_samples", "errors", "refused")),
    }


def _turns(spoken: Run) -> Iterator[Segment]:
    for one in spoken.spoken:
        if one.recording is not None:
            yield from EvaluatedSession(one, one.recording, spoken.from_s, spoken.to_s).turns[0]
