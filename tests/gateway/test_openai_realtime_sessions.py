"""Sessions of the OpenAI Realtime dialect through a real gateway: who gets in, limits, and scripted turns."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.gateway.auth.test_authenticator import OPTIONS, bearer, token
from tests.gateway.fakes import LOUD, QUIET, Gate, ScriptedVoice, Stage, staged
from tests.observing import PATIENCE_S, until
from voicegw.core.events import ClientToolCalled
from voicegw.dialects import native, openai_realtime

pytestmark = pytest.mark.usefixtures("virtual_clock")

TEXT: dict[str, Any] = {"type": "realtime", "output_modalities": ["text"]}
HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


@asynccontextmanager
async def serving(**staging: Any) -> AsyncIterator[Stage]:
    dialect = openai_realtime.RealtimeDialect(speaks=True)
    async with staged(voice=ScriptedVoice(), dialects=[dialect], **staging) as stage:
        yield stage


class Client:
    """A connection, and the events so far."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.received: list[dict[str, Any]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind} | fields))

    async def hear(self, audio: bytes) -> None:
        """Audio at 16 kHz, as if it were at 24 kHz."""
        await self.send("input_audio_buffer.append", audio=base64.b64encode(audio).decode())

    async def until(self, kind: str) -> dict[str, Any]:
        """The next event of this type."""
        while True:
            self.received.append(json.loads(await self.socket.recv()))
            if self.received[-1]["type"] == kind:
                return self.received[-1]


@asynccontextmanager
async def joined(stage: Stage, query: str = "model=any", **options: Any) -> AsyncIterator[Client]:
    url = stage.url.replace(native.PATH, openai_realtime.PATH)
    async with connect(f"{url}?{query}", proxy=None, open_timeout=PATIENCE_S, **options) as socket:
        client = Client(socket)
        await client.until("session.created")
        yield client


async def test_a_browser_shows_its_token_in_a_subprotocol() -> None:
    async with serving(gate=Gate(tokens=OPTIONS)) as stage:
        offered = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{token()}")]
        async with joined(stage, subprotocols=offered) as client:
            assert client.socket.subprotocol == "realtime"
        async with joined(stage, **bearer(token())) as client:
            assert client.socket.subprotocol is None
            assert not client.socket.protocol.extensions
        with pytest.raises(InvalidStatus):
            async with joined(stage):
                pass


async def test_a_token_for_transcription_opens_no_conversation() -> None:
    async with serving(gate=Gate(tokens=OPTIONS)) as stage:
        narrow = bearer(token(scope="reply:none"))
        with pytest.raises(InvalidStatus):
            async with joined(stage, **narrow):
                pass
        async with joined(stage, "intent=transcription", **narrow) as client:
            await client.send("session.update", session=TEXT, event_id="mine")
            error = (await client.until("error"))["error"]
    assert (error["code"], error["event_id"]) == ("scope_missing", "mine")


async def test_a_spoken_turn_that_is_interrupted_by_the_client() -> None:
    async with serving() as stage, joined(stage) as client:
        stage.responder.pieces = ["One two three four five six seven eight nine ten."]
        await client.hear(LOUD + 4 * QUIET)
        await client.until("response.output_audio.delta")
        item = client.received[-1]["item_id"]
        await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=300)
        done = await client.until("response.done")
        await client.send("session.update", session=TEXT)
        await client.send("conversation.item.create", item=HELLO)
        await client.send("response.create")
        await client.until("response.done")
    assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    *_, heard, asked = stage.responder.prompts[-1]
    assert (asked.content, heard.content.endswith("[cut off]")) == ("hello", True)
    assert "ten" not in heard.content


async def test_a_response_waits_for_the_words_that_were_committed() -> None:
    async with serving() as stage, joined(stage) as client:
        await client.send("session.update", session=TEXT | {"audio": {"input": {"turn_detection": None}}})
        stage.recognizer.gate.clear()
        await client.hear(LOUD)
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        await client.until("response.created")
        await client.send("response.create", event_id="second")
        error = (await client.until("error"))["error"]
        assert stage.responder.prompts == []
        stage.recognizer.gate.set()
        await client.until("response.done")
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "second")
    assert stage.responder.prompts[-1][-1].content == "hello there"


async def test_a_call_of_the_clients_function_reaches_it() -> None:
    async with serving() as stage, joined(stage) as client:
        await client.send("session.update", session=TEXT)
        stage.responder.pieces = ["Wait.", ClientToolCalled("call_1", "weather", "{}")]
        await client.send("response.create")
        done = await client.until("response.done")
    assert [item["type"] for item in done["response"]["output"]] == ["message", "function_call"]


async def test_who_goes_on_with_mistakes_is_disconnected() -> None:
    async with serving(max_errors=3) as stage, joined(stage) as client:
        for _ in range(4):
            await client.send("nonsense")
        with pytest.raises(ConnectionClosed) as closed:
            await client.until("session.updated")
    codes = [event["error"]["code"] for event in client.received if event["type"] == "error"]
    assert codes == 4 * ["invalid_event_type"] + ["too_many_errors"]
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


# --- a client that has lost its connection ---


@asynccontextmanager
async def back(stage: Stage, client: Client, *, told: bool = True, **options: Any) -> AsyncIterator[Client]:
    """The same client on a new connection. told: it tells which event it received last."""
    query = f"session_id={session_of(client)}"
    if told:
        query += f"&last_event_id={client.received[-1]['event_id']}"
    async with joined(stage, query, **options) as again:
        yield again


def session_of(client: Client) -> str:
    return str(client.received[0]["session"]["id"])


async def cut(stage: Stage, client: Client) -> None:
    """The connection is lost; the session waits for its client."""
    client.socket.transport.abort()
    await until(lambda: stage.value("sessions_detached") == 1)


async def test_a_reply_that_ends_meanwhile_is_waiting() -> None:
    async with serving() as stage, joined(stage) as client:
        await client.send("session.update", session=TEXT | {"instructions": "Be brief."})
        await client.send("conversation.item.create", item=HELLO)
        stage.responder.gate.clear()
        await client.send("response.create")
        await client.until("response.output_text.delta")
        await cut(stage, client)
        stage.responder.gate.set()
        async with back(stage, client) as again:
            assert session_of(again) == session_of(client)
            assert again.received[0]["session"]["instructions"] == "Be brief."
            done = await again.until("response.done")
            await again.send("response.create")
            await again.until("response.done")
    assert done["response"]["output"][0]["content"][0]["text"] == "Good day."
    assert [each.content for each in stage.responder.prompts[-1]] == ["Be brief.", "hello", "Good day."]


async def test_audio_continues_where_it_was_cut() -> None:
    async with serving() as stage, joined(stage, "intent=transcription") as client:
        await client.hear(LOUD)
        await client.until("input_audio_buffer.speech_started")
        client.socket.transport.abort()
        async with back(stage, client) as again:
            assert again.received[0]["session"]["input_audio_ms"] == len(LOUD) * 1000 // (2 * 24_000)
            await again.hear(LOUD + 4 * QUIET)
            completed = await again.until("conversation.item.input_audio_transcription.completed")
    kinds = [event["type"] for event in client.received + again.received]
    assert kinds.count("input_audio_buffer.speech_started") == 1
    assert completed["usage"]["seconds"] > len(LOUD) / (2 * 24_000)


async def test_a_new_connection_takes_the_session_from_one_that_is_still_open() -> None:
    async with serving() as stage, joined(stage) as client, back(stage, client, told=False) as again:
        assert session_of(again) == session_of(client)
        with pytest.raises(ConnectionClosed):
            await client.until("response.done")
        await again.send("session.update", session=TEXT)
        await again.send("response.create")
        assert (await again.until("response.done"))["response"]["status"] == "completed"


@pytest.mark.parametrize("query", ["session_id=sess_unknown", "session_id=%00&last_event_id=%ff"])
async def test_a_session_that_is_not_here_begins_anew(query: str) -> None:
    async with serving() as stage, joined(stage, query) as client:
        assert session_of(client) != "sess_unknown"
        assert not {"input_audio_ms", "events_complete"} & client.received[0]["session"].keys()
        assert stage.value("resumes_total", outcome="lost") == 1


async def test_who_closes_the_connection_ends_the_session() -> None:
    async with serving() as stage, joined(stage) as client:
        await client.socket.close()
        await until(lambda: stage.value("sessions") == 0)
        async with back(stage, client) as again:
            assert session_of(again) != session_of(client)


async def test_a_session_is_resumed_by_its_user_only() -> None:
    async with serving(gate=Gate(tokens=OPTIONS)) as stage, joined(stage, **bearer(token())) as client:
        await cut(stage, client)
        async with back(stage, client, **bearer(token(sub="mallory"))) as other:
            assert session_of(other) != session_of(client)
        async with back(stage, client, **bearer(token())) as again:
            assert session_of(again) == session_of(client)


async def test_a_session_is_not_resumed_in_another_dialect() -> None:
    async with serving() as stage, joined(stage) as client:
        await cut(stage, client)
        name = session_of(client).removeprefix("sess_")
        async with connect(f"{stage.url}?session={name}&epoch=1&last_seq=0", proxy=None) as socket:
            ready = json.loads(await socket.recv())
    assert ready["session"] != name
