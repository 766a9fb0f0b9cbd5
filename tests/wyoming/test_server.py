"""The client of the package `wyoming` at a server in front of a gateway with scripted words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event, async_write_event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice

from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import LOUD, SPOKEN, Gate, ScriptedVoice, Stage, staged
from tests.observing import PATIENCE_S, descriptors, until
from voicegw.errors import StartupError
from voicegw.wyoming.options import WyomingOptions
from voicegw.wyoming.server import WyomingServer

pytestmark = pytest.mark.usefixtures("virtual_clock")

SHAPE = {"rate": 16_000, "width": 2, "channels": 1}


@asynccontextmanager
async def served(
    stage: Stage, voice: ScriptedVoice | None = None, **options: Any
) -> AsyncIterator[tuple[str, int]]:
    options = {"url": stage.url, "port": 0, **options}
    server = WyomingServer(WyomingOptions(**options), voice)
    host, _, port = (await server.start()).removeprefix("tcp://").rpartition(":")
    try:
        yield host, int(port)
    finally:
        await server.stop()


@asynccontextmanager
async def client(
    gate: Gate | None = None, voice: ScriptedVoice | None = None, **options: Any
) -> AsyncIterator[tuple[Stage, AsyncTcpClient]]:
    async with (
        staged(gate=gate) as stage,
        served(stage, voice, **options) as address,
        AsyncTcpClient(*address, read_timeout=PATIENCE_S) as wyoming,
    ):
        yield stage, wyoming


async def ask(wyoming: AsyncTcpClient, *requests: Any) -> None:
    for each in requests:
        await wyoming.write_event(each if isinstance(each, Event) else each.event())


async def until_type(wyoming: AsyncTcpClient, wanted: str) -> list[Event]:
    """The events up to and with the first of a type."""
    events: list[Event] = []
    while not events or events[-1].type != wanted:
        event = await wyoming.read_event()
        assert event is not None, events
        events.append(event)
    return events


async def refusal(wyoming: AsyncTcpClient) -> Error:
    """The error, after which the connection ends."""
    [*_, event] = await until_type(wyoming, "error")
    assert await wyoming.read_event() is None
    return Error.from_event(event)


def audio(pcm: bytes) -> list[AudioChunk]:
    return [AudioChunk(**SHAPE, audio=pcm[begin : begin + 2048]) for begin in range(0, len(pcm), 2048)]


async def test_the_server_describes_itself() -> None:
    async with client(voice=ScriptedVoice(), languages=("en", "de")) as (_, wyoming):
        await ask(wyoming, Describe())
        info = Info.from_event((await until_type(wyoming, "info"))[-1])
        assert info.asr[0].supports_transcript_streaming
        assert info.asr[0].models[0].languages == ["en", "de"]
        voices = {voice.name: voice.languages for voice in info.tts[0].voices}
        assert voices == {"scripted-en": ["en"], "scripted-de": ["de"]}
        await ask(wyoming, Ping())
        assert Pong.is_type((await until_type(wyoming, "pong"))[-1].type)


async def test_without_a_voice_there_is_no_speech() -> None:
    async with client() as (_, wyoming):
        await ask(wyoming, Describe())
        assert Info.from_event((await until_type(wyoming, "info"))[-1]).tts == []
        await ask(wyoming, Synthesize("Hello."))
        assert (await refusal(wyoming)).code == "unsupported_reply"


async def test_audio_is_transcribed_in_a_stream() -> None:
    async with client() as (stage, wyoming):
        for _ in range(2):  # a connection may be used again
            await ask(wyoming, Transcribe(language="de", transcript_names=["Anna"]), AudioStart(**SHAPE))
            await ask(wyoming, *audio(SPOKEN), AudioStop())
            start, *chunks, transcript, stop = await until_type(wyoming, "transcript-stop")
            assert TranscriptStart.is_type(start.type)
            assert TranscriptStop.is_type(stop.type)
            text = Transcript.from_event(transcript).text
            assert text == "".join(TranscriptChunk.from_event(chunk).text for chunk in chunks)
            assert text == "hello there"
            await until(lambda: not len(stage.gateway.sessions))
        assert stage.recognizer.jobs[0].key_terms == ("Anna",)
        assert stage.recognizer.jobs[0].language == "de"


async def test_silence_is_an_empty_transcript() -> None:
    async with client() as (_, wyoming):
        await ask(wyoming, AudioStart(**SHAPE), *audio(bytes(len(LOUD))), AudioStop())
        events = await until_type(wyoming, "transcript-stop")
        assert [event.type for event in events] == ["transcript-start", "transcript", "transcript-stop"]
        assert Transcript.from_event(events[1]).text == ""


async def test_text_is_spoken() -> None:
    voice = ScriptedVoice(seconds=0.1)
    async with client(voice=voice) as (_, wyoming):
        await ask(wyoming, Synthesize("Good morning. How are you?"))
        start, *chunks, _stop = await until_type(wyoming, "audio-stop")
        assert start.data["rate"] == chunks[0].data["rate"] == 22_050
        assert sum(AudioChunk.from_event(each).samples for each in chunks) == 2 * 2_204
    assert [sentence.strip() for sentence in voice.sentences] == ["Good morning.", "How are you?"]


async def test_a_text_is_spoken_while_it_is_written() -> None:
    voice = ScriptedVoice(seconds=0.1)
    async with client(voice=voice) as (_, wyoming):
        await ask(wyoming, SynthesizeStart(), SynthesizeChunk("Good morn"), SynthesizeChunk("ing. How are"))
        start, *_ = await until_type(wyoming, "audio-chunk")
        assert start.type == "audio-start"
        assert [sentence.strip() for sentence in voice.sentences] == ["Good morning."]
        await ask(wyoming, SynthesizeChunk(" you?"), Synthesize("Good morning. How are you?"))
        await ask(wyoming, SynthesizeStop())
        events = await until_type(wyoming, "synthesize-stopped")
        assert [event.type for event in events].count("audio-stop") == 1
    assert [sentence.strip() for sentence in voice.sentences] == ["Good morning.", "How are you?"]


@pytest.mark.parametrize(
    ("languages", "voice", "spoken"),
    [
        (("de",), None, "de"),
        (("de",), SynthesizeVoice(name="scripted"), "de"),
        (("fr", "de"), None, "fr"),
        (("fr", "de"), SynthesizeVoice(name="scripted-de"), "de"),
        (("fr", "de"), SynthesizeVoice(name="another"), "fr"),
        (("fr", "de"), SynthesizeVoice(language="es_ES"), "es"),
    ],
)
async def test_a_text_is_spoken_in_the_language_of_the_voice_that_is_chosen(
    languages: tuple[str, ...], voice: SynthesizeVoice | None, spoken: str
) -> None:
    scripted = ScriptedVoice(seconds=0.1)
    async with client(voice=scripted, languages=languages) as (_, wyoming):
        await ask(wyoming, Synthesize("Good morning.", voice))
        await until_type(wyoming, "audio-stop")
        await ask(wyoming, SynthesizeStart(voice), SynthesizeChunk("Good morning."), SynthesizeStop())
        await until_type(wyoming, "synthesize-stopped")
    assert scripted.languages == [spoken, spoken]


async def test_nothing_to_speak_is_no_audio() -> None:
    async with client(voice=ScriptedVoice()) as (_, wyoming):
        await ask(wyoming, Synthesize(""))
        assert [event.type for event in await until_type(wyoming, "audio-stop")] == [
            "audio-start",
            "audio-stop",
        ]


@pytest.mark.parametrize(
    ("requests", "code"),
    [
        ([AudioStart(44_100, 2, 1)], "unsupported_rate"),
        ([AudioStart(16_000, 4, 1)], "unsupported_format"),
        ([AudioStart(**SHAPE), AudioStart(**SHAPE)], "invalid_state"),
        ([AudioChunk(**SHAPE, audio=bytes(2))], "invalid_state"),
        ([AudioStart(**SHAPE), AudioChunk(**SHAPE, audio=b"\0")], "odd_byte_count"),
        ([AudioStop()], "invalid_state"),
        ([Transcribe(language="klingon"), AudioStart(**SHAPE)], "invalid_parameter"),
        ([Synthesize("x" * 10_001)], "invalid_parameter"),
        ([SynthesizeStop()], "invalid_state"),
        ([Event("transcribe", {"language": 1})], "malformed_message"),
        ([Event("audio-chunk", SHAPE, bytes(600_000))], "message_too_big"),
    ],
)
async def test_bad_input_is_told_and_ends_the_connection(requests: list[Any], code: str) -> None:
    async with client(voice=ScriptedVoice()) as (_, wyoming):
        await ask(wyoming, *requests)
        assert (await refusal(wyoming)).code == code


async def test_a_silent_client_is_disconnected() -> None:
    async with client(idle_timeout_ms=100) as (_, wyoming):
        assert (await refusal(wyoming)).code == "idle_timeout"


async def test_connections_are_limited() -> None:
    async with (
        staged() as stage,
        served(stage, max_connections=1) as address,
        AsyncTcpClient(*address) as first,
    ):
        await ask(first, Ping())
        await until_type(first, "pong")
        async with AsyncTcpClient(*address, read_timeout=PATIENCE_S) as second:
            with pytest.raises((ConnectionError, AssertionError)):
                await until_type(second, "pong")
        await ask(first, Ping())
        await until_type(first, "pong")


async def test_the_gateway_s_refusal_is_told() -> None:
    async with client(Gate(tokens=OPTIONS)) as (_, wyoming):
        await ask(wyoming, AudioStart(**SHAPE))
        assert "HTTP 401" in (await refusal(wyoming)).text
    async with client(Gate(tokens=OPTIONS), token=token()) as (_, wyoming):
        await ask(wyoming, AudioStart(**SHAPE), *audio(SPOKEN), AudioStop())
        await until_type(wyoming, "transcript")
    async with client(url="ws://127.0.0.1:9/v1/stream") as (_, wyoming):
        await ask(wyoming, AudioStart(**SHAPE))
        assert "cannot be reached" in (await refusal(wyoming)).text


async def test_a_session_that_the_gateway_ends_is_told() -> None:
    async with client() as (stage, wyoming):
        await ask(wyoming, AudioStart(**SHAPE), *audio(LOUD))
        await until_type(wyoming, "transcript-start")
        await stage.gateway.sessions.end()
        await ask(wyoming, AudioStop())
        assert (await refusal(wyoming)).code == "recognition_failed"


async def test_a_client_that_leaves_leaves_no_session() -> None:
    async with client() as (stage, wyoming):
        await ask(wyoming, AudioStart(**SHAPE), *audio(LOUD))
        await until_type(wyoming, "transcript-start")
        await wyoming.disconnect()
        await until(lambda: not len(stage.gateway.sessions))


async def test_a_client_that_does_not_read_is_disconnected() -> None:
    voice = ScriptedVoice(seconds=60)
    async with staged() as stage, served(stage, voice, send_timeout_ms=100) as address:
        before = descriptors()
        _, writer = await asyncio.open_connection(*address)
        await async_write_event(Synthesize(9 * "Hello there. ").event(), writer)
        await until(lambda: voice.sentences)
        await until(lambda: descriptors() == before + 1)
        writer.transport.abort()


async def test_a_port_in_use_stops_the_start() -> None:
    async with staged() as stage, served(stage) as (_, port):
        with pytest.raises(StartupError, match="cannot listen"):
            await WyomingServer(WyomingOptions(port=port), None).start()
