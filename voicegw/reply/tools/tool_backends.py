"""The targets of tool calls: an HTTP endpoint, or a Python function of the application.

Both run a call as an asynchronous generator of texts. The last text is the result; those before it are
progress, which only background calls report.
"""

import inspect
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import msgspec

from voicegw.core.background_calls import AskedCall
from voicegw.core.text import encodable
from voicegw.errors import ToolFailed
from voicegw.reply.functions.application_functions import exits_as_failures, import_function
from voicegw.reply.functions.threads import Threads
from voicegw.reply.tools.tool_declarations import CALLER, Tool

if TYPE_CHECKING:
    import httpx2

_DETAIL_CHARACTERS = 300


class Backend(Protocol):
    """Runs the calls of one tool."""

    def run(self, arguments: dict[str, Any], call: AskedCall) -> AsyncGenerator[str, None]:
        """Progress and then the result of a call with these arguments. Raises ToolFailed, whose message is
        for the model, or any exception of the application's code."""
        ...


class HttpBackend:
    """POSTs the arguments as JSON, with the user and the session in headers if the tool declares
    `tell_caller`. In a response of type `application/x-ndjson` the last line is the result and the lines
    before it are progress; any other response is one JSON value.
    """

    def __init__(self, client: "httpx2.AsyncClient", tool: Tool, max_bytes: int) -> None:
        assert tool.url is not None, "declarations are checked"
        self._client = client
        self._url = tool.url
        self._headers = tool.headers
        self._tell_caller = tool.tell_caller
        self._max_bytes = max_bytes

    async def run(self, arguments: dict[str, Any], call: AskedCall) -> AsyncGenerator[str, None]:
        import httpx2

        caller = {"X-Voicegw-User": quote(call.user), "X-Voicegw-Session": call.session}
        headers = {**self._headers, **caller} if self._tell_caller else self._headers
        request = self._client.stream("POST", self._url, json=arguments, headers=headers)
        try:
            async with request as response, aclosing(self._read(response)) as texts:
                if response.is_server_error:  # the body is about the server, and not for the user
                    raise ToolFailed(f"HTTP {response.status_code}")
                async for text in texts:
                    if not response.is_success:
                        raise ToolFailed(f"HTTP {response.status_code}: {text[:_DETAIL_CHARACTERS]}")
                    yield _checked(text, self._max_bytes)
                if not response.is_success:
                    raise ToolFailed(f"HTTP {response.status_code}")
        except httpx2.HTTPError as error:
            raise ToolFailed(f"no answer from the tool: {type(error).__name__}") from None

    async def _read(self, response: "httpx2.Response") -> AsyncGenerator[str, None]:
        """The lines of a stream, or the whole body. Holds little more than `max_bytes`."""
        by_line = response.headers.get("content-type", "").startswith("application/x-ndjson")
        pending = b""
        async for data in response.aiter_bytes():
            pending += data
            if by_line:
                *lines, pending = pending.split(b"\n")
                for line in filter(bytes.strip, lines):
                    yield line.decode(errors="replace")
            if len(pending) > self._max_bytes:
                raise ToolFailed(f"the result is longer than {self._max_bytes} bytes")
        if pending.strip() or not by_line:
            yield pending.decode(errors="replace")


def _checked(text: str, max_bytes: int) -> str:
    """`text`, or "null" if it is empty. Raises ToolFailed unless it is JSON of at most `max_bytes`."""
    if len(text.encode()) > max_bytes:
        raise ToolFailed(f"the result is longer than {max_bytes} bytes")
    try:
        msgspec.json.decode(text or "null")
    except (msgspec.DecodeError, RecursionError):
        raise ToolFailed("the result is not JSON") from None
    return text or "null"


class FunctionBackend:
    """Calls a function: a coroutine function is awaited; of an asynchronous generator the last value is the
    result, and the values before it are progress; a plain function runs in a thread of `threads`.

    Raises ConfigurationError when there is no such function.
    """

    def __init__(self, threads: Threads, tool: Tool, max_bytes: int) -> None:
        self._threads = threads
        self._max_bytes = max_bytes
        self._function = import_function(tool.entry_point or "", f"tool {tool.name}")
        self._tell_caller = tool.tell_caller

    async def run(self, arguments: dict[str, Any], call: AskedCall) -> AsyncGenerator[str, None]:
        if self._tell_caller:
            arguments = arguments | {CALLER: {"user": call.user, "session": call.session}}
        with exits_as_failures():
            async with aclosing(self._values(arguments, call.owner)) as values:
                async for value in values:
                    yield self._text(value)

    async def _values(self, arguments: dict[str, Any], owner: str) -> AsyncGenerator[Any, None]:
        if inspect.isasyncgenfunction(self._function):
            async with aclosing(self._function(**arguments)) as values:
                async for value in values:
                    yield value
        elif inspect.iscoroutinefunction(self._function):
            yield await self._function(**arguments)
        else:
            yield await self._threads.run(partial(self._function, **arguments), owner)

    def _text(self, value: Any) -> str:
        text = encodable(value) if isinstance(value, str) else msgspec.json.encode(value).decode()
        if len(text.encode()) > self._max_bytes:
            raise ToolFailed(f"the result is longer than {self._max_bytes} bytes")
        return text
