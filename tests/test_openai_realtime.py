"""The unchanged clients of the `openai` package, against a whole server: recorded speech, the bundled model,
and a real HTTP endpoint in place of the language model."""

import asyncio
import base64
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from openai import AsyncOpenAI, OpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.websocket_reconnection import ReconnectingEvent, ReconnectingOverrides

from benchmarks.relay import relay
from tests.documents import ROOT
from tests.live import LiveServer, live_server
from tests.llm_server import Answer, LLMServer
from tests.observing import PATIENCE_S, until
from tests.speech import pcm, said, single_utterances, word_error_rate
from voicegw.dialects import native
from voicegw.dialects.openai_realtime.audio_formats import RATE

SAMPLE = single_utterances()[0]
CHUNK = RATE // 10 * 2  # bytes: 100 ms
SPEECH = soxr.resample(np.frombuffer(pcm(SAMPLE), dtype="<i2"), 16_000, RATE).astype("<i2").tobytes()
SILENCE = bytes(2 * RATE)
TEXT: dict[str, Any] = {"type": "realtime", "output_modalities": ["text"]}
TRANSCRIBED: dict[str, Any] = {"transcription": {"model": "whisper-1"}}
MANUAL: dict[str, Any] = TEXT | {"audio": {"input": TRANSCRIBED | {"turn_detection": None}}}
WEATHER: dict[str, Any] = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
DONE, DELTA = "response.done", "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"


@pytest.fixture(scope="module")
def running() -> Iterator[LiveServer]:
    with live_server(resume_ms=30_000) as server:
        yield server


@pytest.fixture
def server(running: LiveServer) -> LiveServer:
    """The server, whose model says "Hello there." unless a test gives it other answers."""
    running.llm.answers = []
    running.llm.tokens, running.llm.token_delay_s = LLMServer().tokens, 0.0
    return running


def base_url(server: LiveServer) -> str:
    return server.url.replace("ws://", "http://").removesuffix(native.PATH) + "/v1"


class Conversation:
    """A connection, and all events so far."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.events: list[Any] = []

    async def until(self, kind: str) -> Any:
        """The next event of this type."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await self.connection.recv()
                self.events.append(event)
                if event.type == kind:
                    return event
                assert event.type != "error", event

    async def again(self) -> Any:
        """The first event after a reconnect."""
        async with asyncio.timeout(PATIENCE_S):
            event: Any = await anext(aiter(self.connection))
        self.events.append(event)
        return event

    async def error(self) -> Any:
        """The next event, which is an error."""
        event: Any = await self.connection.recv()
        return event.error

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.events if event.type == kind]

    def kinds(self) -> list[str]:
        """The types of the events, without repetitions."""
        return list(dict.fromkeys(event.type for event in self.events))

    async def configure(self, session: dict[str, Any]) -> Any:
        await self.connection.session.update(session=session)  # type: ignore[arg-type]
        return (await self.until("session.updated")).session

    async def hear(self, audio: bytes) -> None:
        for begin in range(0, len(audio), CHUNK):
            chunk = base64.b64encode(audio[begin : begin + CHUNK]).decode()
            await self.connection.input_audio_buffer.append(audio=chunk)

    async def type(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item: Any = {"type": "message", "role": "user", "content": content}
        await self.connection.conversation.item.create(item=item)


@asynccontextmanager
async def talking(server: LiveServer, **options: Any) -> AsyncIterator[Conversation]:
    async with (
        AsyncOpenAI(api_key="none", base_url=base_url(server)) as client,
        client.realtime.connect(**({"model": "any"} | options)) as connection,
    ):
        conversation = Conversation(connection)
        await conversation.until("session.created")
        yield conversation


def order(conversation: Conversation, kinds: Sequence[str]) -> None:
    """These events came, in this order."""
    assert [kind for kind in conversation.kinds() if kind in kinds] == list(kinds)


async def test_a_spoken_turn(server: LiveServer) -> None:
    async with talking(server) as conversation:
        await conversation.configure(TEXT | {"audio": {"input": TRANSCRIBED}})
        await conversation.hear(SPEECH + SILENCE)
        done = await conversation.until(DONE)
    speech = ["speech_started", "speech_stopped", "committed"]
    order(conversation, [f"input_audio_buffer.{kind}" for kind in speech])
    order(conversation, [DELTA, COMPLETED, "response.created", "response.output_text.delta", DONE])
    [completed] = conversation.of(COMPLETED)
    assert word_error_rate(said(SAMPLE), completed.transcript) <= 0.34
    assert "".join(event.delta for event in conversation.of(DELTA)) == completed.transcript
    assert done.response.status == "completed"
    assert done.response.output[0].content[0].text == "Hello there."
    assert done.response.usage.output_tokens == 3
    assert server.llm.exchanges[-1].body["messages"][-1]["content"] == completed.transcript


async def test_a_turn_that_the_client_ends(server: LiveServer) -> None:
    async with talking(server) as conversation:
        session = await conversation.configure(MANUAL)
        assert session.audio.input.turn_detection is None
        await conversation.hear(SPEECH)
        await conversation.connection.input_audio_buffer.commit()
        await conversation.connection.response.create()
        await conversation.until(DONE)
        await conversation.connection.input_audio_buffer.commit(event_id="mine")
        error = await conversation.error()
    assert "input_audio_buffer.speech_started" not in conversation.kinds()
    [completed] = conversation.of(COMPLETED)
    assert word_error_rate(said(SAMPLE), completed.transcript) <= 0.34
    assert server.llm.exchanges[-1].body["messages"][-1]["content"] == completed.transcript
    assert (error.code, error.event_id) == ("input_audio_buffer_commit_empty", "mine")


async def test_a_typed_turn(server: LiveServer) -> None:
    async with talking(server) as conversation:
        await conversation.configure(TEXT | {"instructions": "Be brief.", "max_output_tokens": 7})
        await conversation.type("hello")
        await conversation.connection.response.create(response={"metadata": {"number": "1"}})
        done = await conversation.until(DONE)
    [created] = conversation.of("response.created")
    assert created.response.metadata == done.response.metadata == {"number": "1"}
    body = server.llm.exchanges[-1].body
    assert [message["content"] for message in body["messages"]] == ["Be brief.", "hello"]
    assert body["max_tokens"] == 7


async def test_a_spoken_reply(server: LiveServer) -> None:
    async with talking(server) as conversation:
        await conversation.configure(
            {"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcmu"}}}}
        )
        await conversation.type("hello")
        await conversation.connection.response.create()
        done = await conversation.until(DONE)
    audio = b"".join(
        base64.b64decode(event.delta) for event in conversation.of("response.output_audio.delta")
    )
    assert 4_000 < len(audio) < 24_000, "a second or so, at 8 kHz"
    assert len(set(audio)) > 20
    assert done.response.output[0].content[0].transcript == "Hello there."


async def test_a_reply_is_cancelled(server: LiveServer) -> None:
    server.llm.tokens, server.llm.token_delay_s = [f"{number} " for number in range(1000)], 0.02
    async with talking(server) as conversation:
        await conversation.configure(TEXT)
        await conversation.connection.response.create()
        await conversation.until("response.output_text.delta")
        await conversation.connection.response.cancel()
        done = await conversation.until(DONE)
        await conversation.connection.response.cancel()
        error = await conversation.error()
    assert (done.response.status, done.response.status_details.reason) == ("cancelled", "client_cancelled")
    assert error.code == "response_cancel_not_active"


async def test_a_function_of_the_client(server: LiveServer) -> None:
    server.llm.answers = [Answer(tool_calls=[("weather", '{"city": "Rome"}')]), Answer(tokens=["Sunny."])]
    async with talking(server) as conversation:
        await conversation.configure(TEXT | {"tools": [WEATHER]})
        await conversation.type("How is the weather?")
        await conversation.connection.response.create()
        done = await conversation.until(DONE)
        [call] = done.response.output
        item: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
        await conversation.connection.conversation.item.create(item=item)
        await conversation.connection.response.create()
        answer = await conversation.until(DONE)
    assert (call.name, call.arguments) == ("weather", '{"city": "Rome"}')
    assert answer.response.output[0].content[0].text == "Sunny."
    first, second = (exchange.body for exchange in server.llm.exchanges[-2:])
    assert [tool["function"]["name"] for tool in first["tools"]] == ["weather"]
    assert second["messages"][-1] == {"role": "tool", "content": "sunny", "tool_call_id": call.call_id}


async def test_a_transcription_session(server: LiveServer) -> None:
    query = {"intent": "transcription"}
    async with talking(server, extra_query=query) as conversation:
        await conversation.hear(SPEECH + SILENCE)
        completed = await conversation.until(COMPLETED)
    assert conversation.events[0].session.type == "transcription"
    assert word_error_rate(said(SAMPLE), completed.transcript) <= 0.34
    assert "response.created" not in conversation.kinds()


async def test_a_lost_connection(server: LiveServer) -> None:
    """The client's own reconnect, with the session's id: the conversation and the utterance continue."""
    half = len(SPEECH) // 4 * 2

    def on_reconnecting(event: ReconnectingEvent) -> ReconnectingOverrides:
        last = conversation.events[-1].event_id
        query = {"session_id": conversation.events[0].session.id, "last_event_id": last}
        return {"extra_query": {**event.extra_query, **query}}

    async with talking(server, on_reconnecting=on_reconnecting, initial_delay=0.01) as conversation:
        await conversation.configure(TEXT | {"audio": {"input": TRANSCRIBED | {"turn_detection": None}}})
        await conversation.type("My name is Anna.")
        await conversation.until("conversation.item.done")
        await conversation.hear(SPEECH[:half])
        conversation.connection._connection.transport.abort()
        created = await conversation.again()
        received = created.session.input_audio_ms * RATE // 1000 * 2
        assert received <= half
        assert created.session.events_complete
        await conversation.hear(SPEECH[received:])
        await conversation.connection.input_audio_buffer.commit()
        await conversation.connection.response.create()
        await conversation.until(DONE)
    assert created.session.id == conversation.events[0].session.id
    [completed] = conversation.of(COMPLETED)
    assert word_error_rate(said(SAMPLE), completed.transcript) <= 0.34
    asked = server.llm.exchanges[-1].body["messages"][-1]["content"]
    assert asked == f"My name is Anna.\n{completed.transcript}"


async def test_a_new_session_with_the_items_of_a_lost_one(server: LiveServer) -> None:
    """What LiveKit's client does: a new session gets all items of the earlier one, with their ids."""
    server.llm.answers = [Answer(tool_calls=[("weather", "{}")])]
    async with talking(server) as conversation:
        await conversation.configure(TEXT | {"tools": [WEATHER]})
        await conversation.type("How is the weather?")
        await conversation.connection.response.create()
        await conversation.until(DONE)
        items = [event.item for event in conversation.of("conversation.item.done")]
        conversation.connection._connection.transport.abort()
    async with talking(server) as again:
        await again.configure(TEXT | {"tools": [WEATHER]})
        previous = "root"
        for item in items:
            await again.connection.conversation.item.create(
                item={
                    name: value for name, value in item.to_dict().items() if name not in ("object", "status")
                },  # type: ignore[arg-type]
                previous_item_id=previous,
            )
            previous = item.id
        output: Any = {"type": "function_call_output", "call_id": items[-1].call_id, "output": "sunny"}
        await again.connection.conversation.item.create(item=output)
        await again.connection.response.create()
        await again.until(DONE)
    _, user, called, result = server.llm.exchanges[-1].body["messages"]
    assert user["content"] == "How is the weather?"
    assert called["tool_calls"][0]["function"]["name"] == "weather"
    assert result == {"role": "tool", "content": "sunny", "tool_call_id": items[-1].call_id}


def script(name: str, directory: Path) -> Path:
    """A script of the document."""
    document = (ROOT / "clients/openai.md").read_text()
    [code] = re.findall(rf"```python\n# {name}\n(.*?)```", document, re.DOTALL)
    path = directory / name
    path.write_text(code)
    return path


def run(url: str, *command: Path) -> str:
    """What a script prints."""
    done = subprocess.run(
        [sys.executable, *command],
        env=os.environ | {"GATEWAY_URL": url},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_the_scripts_of_the_document(server: LiveServer, tmp_path: Path) -> None:
    call = Answer(tool_calls=[("add", '{"a": 12, "b": 20}')])
    server.llm.answers = [call, Answer(tokens=["It is ", "thirty two."])]
    answer, url = tmp_path / "answer.wav", base_url(server)
    transcribed, conversed = await asyncio.gather(
        asyncio.to_thread(run, url, script("transcribe.py", tmp_path), SAMPLE.path),
        asyncio.to_thread(run, url, script("converse.py", tmp_path), SAMPLE.path, answer),
    )
    assert word_error_rate(said(SAMPLE), transcribed) <= 0.34
    assert conversed.endswith("assistant: It is thirty two.\n")
    assert server.llm.exchanges[-1].body["messages"][-1]["content"] == "32"
    assert soundfile.info(answer).duration > 0.5


async def test_the_script_that_reconnects(server: LiveServer, tmp_path: Path) -> None:
    def value(name: str, **labels: str) -> float:
        return server.value(name, **labels) or 0.0

    resumed, received = value("resumes_total", outcome="resumed"), value("received_bytes_total", type="text")
    async with relay(base_url(server).replace("http", "ws")) as between:
        url = between.url.replace("ws", "http")
        script_path = script("reconnect.py", tmp_path)
        running = asyncio.create_task(asyncio.to_thread(run, url, script_path, SAMPLE.path))
        half = received + len(SPEECH) / 2
        await until(lambda: value("received_bytes_total", type="text") > half, PATIENCE_S)
        between.cut()
        printed = await running
    assert word_error_rate(said(SAMPLE), printed) <= 0.34
    assert value("resumes_total", outcome="resumed") == resumed + 1


@pytest.mark.filterwarnings("ignore:connect.. must be used:DeprecationWarning")  # by the package itself
def test_the_synchronous_client(server: LiveServer) -> None:
    deltas = []
    with (
        OpenAI(api_key="none", base_url=base_url(server)) as client,
        client.realtime.connect(model="any") as connection,
    ):
        connection.session.update(session=TEXT)  # type: ignore[arg-type]
        connection.response.create()
        for event in connection:
            if event.type == "response.output_text.delta":
                deltas.append(event.delta)
            if event.type == DONE:
                break
    assert "".join(deltas) == "Hello there."
