"""Recordings by OpenAI's client, through a real gateway with a scripted recogniser."""

import asyncio
from dataclasses import replace
from typing import Any

import openai
import pytest

from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import PATIENT_RECORDINGS, QUIET, SPOKEN, Gate, staged
from tests.gateway.rest.caller import asked, calling, recording, sent, transcribed
from tests.observing import children, until
from voicegw.errors import RecognitionFailed
from voicegw.gateway.limits.rate_limits import LimitOptions
from voicegw.gateway.rest.recordings import RestOptions

TWO = SPOKEN + 4 * QUIET + SPOKEN  # so far apart that the first is no context of the second

SAID = {
    "json": "hello there",
    "text": "hello there\n",
    "srt": "1\n00:00:00,000 --> 00:00:00,010\nhello there\n",
    "vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:00.010\nhello there\n",
    "verbose_json": "hello there",
}


async def test_every_format() -> None:
    async with staged() as stage, calling(stage) as client:
        for name, text in SAID.items():
            said = await transcribed(client, response_format=name)
            assert (said if isinstance(said, str) else said.text) == text


async def test_utterances_are_joined_and_decoded_in_the_background() -> None:
    async with staged() as stage, calling(stage) as client:
        said = await transcribed(client, recording(TWO), language="de", prompt="Anna, Bob")
        assert said.text == "hello there hello there"
        jobs = stage.recognizer.jobs
    assert [job.background for job in jobs] == [True, True]
    assert {(job.language, job.key_terms) for job in jobs} == {("de", ("Anna", "Bob"))}


async def test_a_stream_has_a_delta_for_each_utterance() -> None:
    async with staged() as stage, calling(stage) as client:
        stream = await transcribed(client, recording(TWO), stream=True)
        events = [event async for event in stream]
    assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert [event.delta for event in events[:2]] == ["hello there", " hello there"]
    assert (events[2].text, events[2].usage.seconds) == ("hello there hello there", 5)


async def test_a_recording_without_speech() -> None:
    async with staged() as stage, calling(stage) as client:
        assert (await transcribed(client, recording(QUIET))).text == ""
        stream = await transcribed(client, recording(QUIET), stream=True)
        assert [event.type async for event in stream] == ["transcript.text.done"]
        assert stage.recognizer.jobs == []


BAD: dict[str, dict[str, Any]] = {
    "invalid_recording": {"file": b"hello"},
    "recording_too_long": {"file": recording(SPOKEN * 41)},
    "invalid_parameter": {"response_format": "xml"},
    "request_too_big": {"file": bytes(3_000_001)},
}


async def test_what_is_refused() -> None:
    small, short = RestOptions(max_upload_mb=3), replace(PATIENT_RECORDINGS, max_minutes=1)
    async with staged(rest=small, recordings=short) as stage, calling(stage) as client:
        for code, options in BAD.items():
            with pytest.raises(openai.APIStatusError) as refused:
                await transcribed(client, **options)
            assert refused.value.code == code
            assert refused.value.request_id is not None
        assert (await transcribed(client)).text == "hello there"  # others are served


async def test_a_decode_that_fails() -> None:
    async with staged() as stage, calling(stage) as client:
        stage.recognizer.failures = [RecognitionFailed()]
        with pytest.raises(openai.InternalServerError) as failed:
            await transcribed(client)
        assert failed.value.code == "recognition_failed"


async def test_a_decode_that_fails_within_a_stream() -> None:
    async with staged() as stage, calling(stage) as client:
        stream = await transcribed(client, recording(TWO), stream=True)
        assert (await anext(stream)).delta == "hello there"
        stage.recognizer.failures = [RecognitionFailed()]
        with pytest.raises(openai.APIError, match="could not be decoded"):
            await anext(stream)
        await stream.close()


async def test_an_error_of_the_server_itself() -> None:
    """The response is cut off where it has begun; what went wrong is for the log."""
    async with staged() as stage, calling(stage) as client:
        stage.recognizer.failures = [ZeroDivisionError("secret")]
        with pytest.raises(openai.InternalServerError) as failed:
            await transcribed(client)
        assert failed.value.code == "internal_error"
        assert "secret" not in str(failed.value)
        stream = await transcribed(client, recording(TWO), stream=True)
        await anext(stream)
        stage.recognizer.failures = [ZeroDivisionError("secret")]
        with pytest.raises(openai.APIConnectionError):
            await anext(stream)
        await stream.close()


async def test_at_most_so_many_at_once() -> None:
    """Of one user; those of others have their own."""
    rest, gate = RestOptions(at_once=3, at_once_per_user=2), Gate(tokens=OPTIONS)
    async with staged(rest=rest, gate=gate) as stage, calling(stage, token()) as alice:
        stage.recognizer.gate.clear()
        running = [asyncio.create_task(transcribed(alice)) for _ in range(2)]
        await until(lambda: stage.value("recordings_open") == 2)
        with pytest.raises(openai.RateLimitError) as refused:
            await transcribed(alice)
        assert int(refused.value.response.headers["Retry-After"]) > 0
        async with calling(stage, token(sub="bob")) as bob:
            running.append(asyncio.create_task(transcribed(bob)))
            await until(lambda: stage.value("recordings_open") == 3)
            with pytest.raises(openai.RateLimitError):
                await transcribed(bob)
            stage.recognizer.gate.set()
            assert [each.text for each in await asyncio.gather(*running)] == ["hello there"] * 3
        assert stage.value("recordings_open") == 0


async def test_audio_counts_for_its_user() -> None:
    gate = Gate(tokens=OPTIONS, limits=LimitOptions(user_audio_seconds="3/minute"))
    async with staged(gate=gate) as stage, calling(stage, token()) as client:
        await transcribed(client)
        with pytest.raises(openai.RateLimitError) as refused:
            await transcribed(client, recording(TWO))
        assert refused.value.code == "rate_limited"
        with pytest.raises(openai.RateLimitError):  # before anything is read
            await transcribed(client)


async def test_who_leaves_has_its_recording_ended() -> None:
    before = children()
    async with staged() as stage, calling(stage) as client:
        stage.recognizer.gate.clear()
        asking = asyncio.create_task(transcribed(client, recording(TWO)))
        await until(lambda: stage.recognizer.jobs)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: stage.value("recordings_open") == 0)
    assert not children() - before


async def test_an_upload_that_does_not_end() -> None:
    async with staged(rest=RestOptions(upload_timeout_ms=1_000)) as stage:
        head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
        answer = await sent(stage, head + b"Content-Type: multipart/form-data; boundary=a\r\n\r\n--a")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"did not arrive in time" in answer
        assert stage.value("recordings_open") == 0


async def test_the_language_that_a_token_fixes() -> None:
    gate = Gate(tokens=OPTIONS)
    async with staged(gate=gate) as stage, calling(stage, token(session={"language": "fr"})) as client:
        await transcribed(client, language="de")
        assert stage.recognizer.jobs[0].language == "fr"


async def test_a_chunked_body() -> None:
    """And one that the client sends only when it is told to continue."""
    form = (
        b'--a\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + recording()
        + b"\r\n--a--\r\n"
    )
    chunk = f"{len(form):x}\r\n".encode() + form + b"\r\n0\r\n\r\n"
    head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    kind = b"Transfer-Encoding: chunked\r\nContent-Type: multipart/form-data; boundary=a\r\n\r\n"
    async with staged() as stage:
        answer = await sent(stage, head + kind + chunk)
    assert b'"text":"hello there"' in answer


async def test_the_metrics() -> None:
    async with staged() as stage, calling(stage) as client:
        await transcribed(client)
        await asked(stage, "POST", "/v1/audio/speech")
        path = "/v1/audio/transcriptions"
        assert stage.value("rest_requests_total", path=path, status="200") == 1
        assert stage.value("rest_requests_total", path="other", status="404") == 1
        assert stage.value("recording_seconds_total") == pytest.approx(1.5, abs=0.1)
