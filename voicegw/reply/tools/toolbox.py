"""Calls of the declared tools: checks the arguments, limits the time, and turns every failure into a result
that the model can read. Arguments and results may contain a user's words, so they are not logged.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from voicegw.core.background_calls import AskedCall, CallProgress
from voicegw.core.events import ToolAnswered, ToolCalled
from voicegw.core.text import encodable
from voicegw.errors import ConfigurationError, ToolFailed
from voicegw.reply.endpoints.http_client import http_client
from voicegw.reply.functions.threads import Threads
from voicegw.reply.tools.tool_backends import Backend, FunctionBackend, HttpBackend
from voicegw.reply.tools.tool_declarations import Tool, ToolOptions, declared_tools
from voicegw.telemetry import Metrics
from voicegw.tracing import span

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

log = structlog.get_logger(__name__)

_THREADS = 8  # for plain functions; a function that hangs keeps its thread
_MAX_ARGUMENTS_CHARACTERS = 64 * 1024
_CONNECT_S = 3.0


class Toolbox:
    """The declared tools, and `external` ones with their backends. Raises ConfigurationError for an invalid
    declaration."""

    def __init__(
        self, options: ToolOptions, metrics: Metrics, external: Sequence[tuple[Tool, Backend]] = ()
    ) -> None:
        self._options = options
        self._metrics = metrics
        self._threads = Threads(_THREADS, "tool")
        self._tools = {tool.name: tool for tool in declared_tools(options)}
        by_http = any(tool.url is not None for tool in self._tools.values())
        self._client = http_client(_CONNECT_S) if by_http else None
        self._validators = {name: _validator(tool) for name, tool in self._tools.items()}
        self._backends = {name: self._backend(tool) for name, tool in self._tools.items()}
        for tool, backend in external:
            if tool.name in self._tools:
                raise ConfigurationError(f"tool {tool.name}: declared twice")
            self._tools[tool.name], self._backends[tool.name] = tool, backend
            self._validators[tool.name] = _validator(tool)

    @property
    def definitions(self) -> tuple[dict[str, Any], ...]:
        """The definitions of the tools for the model."""
        return tuple(tool.definition() for tool in self._tools.values())

    @property
    def definition_characters(self) -> int:
        """Length of the definitions, which are part of every prompt."""
        return len(msgspec.json.encode(self.definitions)) if self._tools else 0

    def in_background(self, name: str) -> bool:
        """Whether calls of this tool are background calls."""
        return name in self._tools and self._tools[name].background

    def check(self, call: ToolCalled) -> dict[str, Any]:
        """The arguments of the call. Raises ToolFailed for an unknown tool or invalid arguments."""
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
        """The result of the call, within the tool's time limit."""
        async with aclosing(self.run(call)) as updates:
            async for update in updates:
                answered = ToolAnswered(call.id, call.name, update.content, update.ok)
        return answered  # from the last update, which is the result

    async def run(self, call: ToolCalled) -> AsyncGenerator[CallProgress, None]:
        """Progress, and at last the result; a failure is a result, too."""
        started = time.monotonic()
        result = CallProgress("null", done=True)
        label = call.name if call.name in self._tools else "unknown"  # the model may write any name
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": label}
        try:
            with span(f"execute_tool {label}", attributes, current=False):
                async with aclosing(self._texts(call)) as texts:
                    async for text in texts:
                        yield CallProgress(text)
                        result = CallProgress(text, done=True)
        except ToolFailed as failure:
            result = failed_result(failure.message)
            log.info("tool failed", tool=label)
        except Exception as error:  # noqa: BLE001 - the application's code may raise anything
            # The message may quote a user or contain a password: it goes neither to the model nor to the log.
            result = failed_result(f"the tool raised {type(error).__name__}")
            log.warning("tool raised", tool=label, error=type(error).__name__)
        self._metrics.observe_tool(label, time.monotonic() - started, ok=result.ok)
        yield result

    async def _texts(self, call: ToolCalled) -> AsyncGenerator[str, None]:
        """The texts of the tool's backend. Raises ToolFailed, or an exception of the application."""
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
                        raise  # the application raised it
                    raise ToolFailed(f"no result within {limit_ms} ms") from None
                if text is None:
                    return
                yield text

    def _limit_ms(self, tool: Tool) -> int:
        default = self._options.background_timeout_ms if tool.background else self._options.timeout_ms
        return tool.timeout_ms or default

    def _backend(self, tool: Tool) -> Backend:
        if self._client is not None and tool.url is not None:
            return HttpBackend(self._client, tool, self._options.max_result_bytes)
        return FunctionBackend(self._threads, tool, self._options.max_result_bytes)

    async def close(self) -> None:
        """Closes the connection pool."""
        if self._client is not None:
            await self._client.aclose()


def failed_result(reason: str) -> CallProgress:
    """The result of a failed call, with the reason for the model."""
    content = msgspec.json.encode({"error": encodable(reason[:500])}).decode()
    return CallProgress(content, done=True, ok=False)


def _validator(tool: Tool) -> "Validator":
    """Checks arguments against the tool's schema. With the empty registry, `$ref` downloads nothing."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    return Draft202012Validator(tool.parameters, registry=Registry())
