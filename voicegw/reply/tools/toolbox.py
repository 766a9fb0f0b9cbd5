"""Calls the declared tools: checks the arguments, bounds the time, and turns every failure into an answer the
model can read. What users say may stand in arguments and results, so neither is logged.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from voicegw.core.background_calls import AskedCall, CallProgress
from voicegw.core.events import ToolAnswered, ToolCalled
from voicegw.core.text import encodable
from voicegw.errors import ToolFailed
from voicegw.reply.endpoints.http_client import http_client
from voicegw.reply.functions.threads import Threads
from voicegw.reply.tools.tool_backends import Backend, FunctionBackend, HttpBackend
from voicegw.reply.tools.tool_declarations import Tool, ToolOptions, declared
from voicegw.telemetry import Metrics

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

log = structlog.get_logger(__name__)

_THREADS = 8  # for plain functions; each that hangs holds one
_MAX_ARGUMENTS_CHARACTERS = 64 * 1024
_CONNECT_S = 3.0


class Toolbox:
    """Raises ConfigurationError for declarations that lead nowhere."""

    def __init__(self, options: ToolOptions, metrics: Metrics) -> None:
        self._options = options
        self._metrics = metrics
        self._threads = Threads(_THREADS, "tool")
        self._tools = {tool.name: tool for tool in declared(options)}
        by_http = any(tool.url is not None for tool in self._tools.values())
        self._client = http_client(_CONNECT_S) if by_http else None
        self._validators = {name: _validator(tool) for name, tool in self._tools.items()}
        self._backends = {name: self._backend(tool) for name, tool in self._tools.items()}

    @property
    def offers(self) -> tuple[dict[str, Any], ...]:
        """The tools as the model is told of them."""
        return tuple(tool.offer() for tool in self._tools.values())

    @property
    def declared(self) -> int:
        """How many characters the model reads of them with every prompt."""
        return len(msgspec.json.encode(self.offers)) if self._tools else 0

    def in_background(self, name: str) -> bool:
        """Whether calls of this tool are background calls."""
        return name in self._tools and self._tools[name].background

    def check(self, call: ToolCalled) -> dict[str, Any]:
        """The call's arguments. Raises ToolFailed when they, or the name, are not those of a tool."""
        from referencing.exceptions import Unresolvable

        if call.name not in self._tools:
            raise ToolFailed(f"there is no tool {call.name!r}; there are {', '.join(self._tools)}")
        if len(call.arguments) > _MAX_ARGUMENTS_CHARACTERS:
            raise ToolFailed("the arguments are too long")
        try:
            arguments = msgspec.json.decode(call.arguments or "{}")
        except (msgspec.DecodeError, RecursionError) as error:
            raise ToolFailed(f"the arguments are not JSON: {error}") from None
        try:
            for mismatch in self._validators[call.name].iter_errors(arguments):
                raise ToolFailed(f"arguments{mismatch.json_path[1:]}: {mismatch.message}")
        except Unresolvable as error:
            raise ToolFailed(f"the schema of the arguments cannot be resolved: {error}") from None
        return dict(arguments)

    async def call(self, call: ToolCalled) -> ToolAnswered:
        """The tool's answer, within its timeout."""
        async with aclosing(self.run(call)) as reports:
            async for news in reports:
                answered = ToolAnswered(call.id, call.name, news.content, news.ok)
        return answered  # the last one is the result

    async def run(self, call: ToolCalled) -> AsyncGenerator[CallProgress, None]:
        """Progress as it comes, and the result last; a failure is a result too."""
        started = time.monotonic()
        news = CallProgress("null", done=True)
        try:
            async with aclosing(self._texts(call)) as texts:
                async for text in texts:
                    yield CallProgress(text)
                    news = CallProgress(text, done=True)
        except ToolFailed as failure:
            news = failed(failure.message)
            log.info("tool failed", tool=call.name)
        except Exception as error:  # noqa: BLE001 - the application's code may raise anything
            # Its message is for nobody here: it may quote what users say, or hold a password.
            news = failed(f"the tool raised {type(error).__name__}")
            log.warning("tool raised", tool=call.name, error=type(error).__name__)
        known = call.name if call.name in self._tools else "unknown"
        self._metrics.observe_tool(known, time.monotonic() - started, ok=news.ok)
        yield news

    async def _texts(self, call: ToolCalled) -> AsyncGenerator[str, None]:
        """What the tool says, one text after the other. Raises ToolFailed, or what the application raises."""
        arguments = self.check(call)
        limit_ms = self._limit_ms(self._tools[call.name])
        deadline = asyncio.get_running_loop().time() + limit_ms / 1000
        async with aclosing(self._backends[call.name].run(arguments, AskedCall.of(call))) as texts:
            while True:
                limit = asyncio.timeout_at(deadline)
                try:
                    async with limit:
                        text = await anext(texts, None)
                except TimeoutError:
                    if not limit.expired():
                        raise  # the application's own
                    raise ToolFailed(f"no result within {limit_ms} ms") from None
                if text is None:
                    return
                yield text

    def _limit_ms(self, tool: Tool) -> int:
        usual = self._options.background_timeout_ms if tool.background else self._options.timeout_ms
        return tool.timeout_ms or usual

    def _backend(self, tool: Tool) -> Backend:
        if self._client is not None and tool.url is not None:
            return HttpBackend(self._client, tool, self._options.max_result_bytes)
        return FunctionBackend(self._threads, tool, self._options.max_result_bytes)

    async def close(self) -> None:
        """Gives connections back."""
        if self._client is not None:
            await self._client.aclose()


def failed(reason: str) -> CallProgress:
    """The result that tells the model what went wrong."""
    content = msgspec.json.encode({"error": encodable(reason[:500])}).decode()
    return CallProgress(content, done=True, ok=False)


def _validator(tool: Tool) -> "Validator":
    """Checks arguments against the tool's schema. The empty registry keeps `$ref` from fetching anything."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    return Draft202012Validator(tool.parameters, registry=Registry())
