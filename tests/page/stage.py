"""The servers that the page is tested with, in a thread with an event loop of its own, because Playwright's
interface for tests is synchronous.

One is `voicegw serve` with the bundled model and a language model endpoint, behind a relay that can cut
connections. The others are gateways without a voice; one of them asks for tokens, and one has no recogniser
that is ready.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.relay import Relay, relay
from benchmarks.server_under_test import PATIENT
from clients.local_server import local_server
from tests.gateway.auth.test_authenticator import SECRET
from tests.gateway.fakes import Gate, staged
from tests.llm_server import LLMServer
from tests.observing import START_S
from voicegw.gateway.auth.authenticator import TokenOptions

_TOOLS = "tools.json"
TOOL: dict[str, object] = {
    "name": "add",
    "description": "Adds two numbers.",
    "entry_point": "tests.reply.application_functions:add",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}},
}


@dataclass
class Servers:
    """page, guarded, voiceless, loading: the URLs of the pages. llm: the endpoint that answers. relay: before
    the first server."""

    llm: LLMServer
    relay: Relay
    guarded: str
    voiceless: str
    loading: str
    loop: asyncio.AbstractEventLoop

    @property
    def page(self) -> str:
        return page_of(self.relay.url)

    def cut(self) -> None:
        """Resets all connections to the first server."""
        self.loop.call_soon_threadsafe(self.relay.cut)


def page_of(url: str) -> str:
    """The URL of the page of the server with this stream."""
    return url.replace("ws://", "http://").removesuffix("v1/stream")


@contextmanager
def servers(directory: Path, tool: dict[str, object] = TOOL) -> Iterator[Servers]:
    """All, for the duration of the block. tool: of the first. directory: for its declaration."""
    (directory / _TOOLS).write_text(json.dumps([tool]))
    started: Future[tuple[Servers, asyncio.Event]] = Future()
    thread = threading.Thread(target=_run, args=(directory, started), name="servers of the page")
    thread.start()
    try:
        running, stopping = started.result(START_S)
        yield running
        running.loop.call_soon_threadsafe(stopping.set)
    finally:
        thread.join(START_S)


def _run(directory: Path, started: Future[tuple[Servers, asyncio.Event]]) -> None:
    try:
        asyncio.run(_serve(directory, started))
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


async def _serve(directory: Path, started: Future[tuple[Servers, asyncio.Event]]) -> None:
    stopping = asyncio.Event()
    async with AsyncExitStack() as stack:
        llm = await stack.enter_async_context(LLMServer())
        model = ("--llm-url", llm.url, "--llm-model", "test", "--tools.file", str(directory / _TOOLS))
        options = ("--model", "bundled", "--workers", "1", "--voice-engine", "espeak", *model, *PATIENT)
        server = await stack.enter_async_context(local_server(*options, ready_s=START_S))
        relayed = await stack.enter_async_context(relay(server.url))
        gate = Gate(tokens=TokenOptions(secret=SECRET))
        guarded = await stack.enter_async_context(staged(gate=gate))
        voiceless = await stack.enter_async_context(staged())
        loading = await stack.enter_async_context(staged())
        loading.warm.clear()
        loop = asyncio.get_running_loop()
        others = page_of(guarded.url), page_of(voiceless.url), page_of(loading.url)
        running = Servers(llm, relayed, *others, loop)
        started.set_result((running, stopping))
        await stopping.wait()
