"""Telephone calls as raw audio, of each client of `/bridge` and `/asterisk`, through a real gateway."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import Gate, ScriptedVoice, Stage, staged
from tests.gateway.raw_phone import (
    ASTERISK_JSON,
    ASTERISK_TEXT,
    BRIDGES,
    JAMBONZ,
    LOUD,
    PBXS,
    QUIET,
    RATE,
    SPOKEN,
    STREAM,
    VONAGE,
    Form,
    RawPhone,
    dialled,
)
from tests.observing import until
from voicegw.dialects.asterisk import AsteriskDialect
from voicegw.dialects.bridge import MAX_MESSAGE_BYTES, BridgeDialect, VonageOptions

pytestmark = pytest.mark.usefixtures("virtual_clock")

LONG = "One two three four five six seven eight nine ten."
FORMS = {**BRIDGES, **PBXS}
WITH_MARKS = [form for form in FORMS.values() if form.mark]
SECRET = "the signature secret of the account, 50 characters"

each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
each_with_marks = pytest.mark.parametrize("form", WITH_MARKS, ids=lambda form: form.mark)


@asynccontextmanager
async def exchange(
    vonage: VonageOptions | None = None, *, voice_s: float = 0.2, **staging: Any
) -> AsyncIterator[Stage]:
    """A gateway that takes calls."""
    dialects = [BridgeDialect(vonage or VonageOptions()), AsteriskDialect()]
    async with staged(voice=ScriptedVoice(seconds=voice_s), dialects=dialects, **staging) as stage:
        yield stage


def root(stage: Stage) -> str:
    return stage.url.rpartition("/v1/")[0]


async def answered(stage: Stage, phone: RawPhone) -> None:
    """Asks something, and hears all of the reply."""
    await phone.press("1#")
    await phone.play(200)
    assert stage.responder.prompts[-1][-1].content == "1"


async def refused(stage: Stage, form: Form, **options: Any) -> tuple[int, str]:
    """Close code and reason of a call that is refused."""
    async with dialled(root(stage), form, **options) as phone:
        return await phone.closed()


@each_form
async def test_a_caller_is_answered_aloud(form: Form) -> None:
    async with exchange() as stage, dialled(root(stage), form) as phone:
        stage.recognizer.text = "is it raining"
        await phone.say(SPOKEN)
        await phone.play(200)
        assert stage.responder.prompts[-1][-1].content == "is it raining"
        assert len(phone.played) == RATE // 5 * 2
        assert set(phone.played) != {0}


@each_form
async def test_a_reply_that_is_spoken_over_is_discarded(form: Form) -> None:
    async with exchange(voice_s=10) as stage, dialled(root(stage), form) as phone:
        stage.responder.pieces = [LONG]
        await phone.say(SPOKEN)
        await phone.play(3_500)
        stage.recognizer.text = "no wait stop that"
        await phone.say(LOUD)
        await phone.cleared()
        stage.responder.pieces = ["Good day."]
        await phone.say(2 * QUIET)
        await until(lambda: len(stage.responder.prompts) == 2)
    assert stage.responder.prompts[-1][-2].content.endswith("[cut off]")


@each_with_marks
async def test_marks_tell_how_much_was_heard(form: Form) -> None:
    async with exchange(voice_s=10) as stage, dialled(root(stage), form) as phone:
        stage.responder.pieces = [LONG]
        await phone.say(SPOKEN)
        await phone.play(3_500)  # faster than it is spoken: only marks can tell the server
        await phone.press("1#")
        await until(lambda: len(stage.responder.prompts) == 2)
        heard = stage.responder.prompts[-1][-2].content
    assert heard.startswith("One two three")
    assert "five six" not in heard


@each_form
async def test_keys_are_a_message(form: Form) -> None:
    async with exchange() as stage, dialled(root(stage), form) as phone:
        await phone.press("42#")
        await phone.play(200)
        assert stage.responder.prompts[-1][-1].content == "42"
        await phone.press("7")
        await phone.say(4 * QUIET)
        await phone.play(200)
        assert stage.responder.prompts[-1][-1].content == "7"


@each_form
async def test_a_caller_who_hangs_up_ends_the_session(form: Form) -> None:
    async with exchange() as stage:
        async with dialled(root(stage), form) as phone:
            await answered(stage, phone)
            assert stage.value("sessions") == 1
        await until(lambda: stage.value("sessions") == 0)


async def test_a_graceful_shutdown_of_mod_audio_fork_ends_the_call_after_the_last_reply() -> None:
    async with exchange() as stage, dialled(root(stage), JAMBONZ) as phone:
        await phone.say(LOUD)
        await phone.socket.send(b"")
        await phone.play(200)
        assert await phone.closed() == (1000, "")
        assert phone.errors() == []


@each_form
async def test_a_server_that_stops_ends_the_call_in_the_way_of_the_client(form: Form) -> None:
    async with exchange() as stage, dialled(root(stage), form) as phone:
        await answered(stage, phone)
        await stage.gateway.drain()
        assert (await phone.closed())[0] == 1012
        assert not form.last or phone.texts[-1] == form.last


@pytest.mark.parametrize("form", PBXS.values(), ids=PBXS)
async def test_an_asterisk_without_room_gets_no_audio_until_it_has_some(form: Form) -> None:
    stop, go = (
        ('{"event": "MEDIA_XOFF"}', '{"event": "MEDIA_XON"}')
        if form is ASTERISK_JSON
        else ("MEDIA_XOFF", "MEDIA_XON")
    )
    async with exchange(voice_s=10) as stage, dialled(root(stage), form) as phone:
        stage.responder.pieces = [LONG]
        await phone.socket.send(stop)
        await phone.press("1#")
        await until(lambda: stage.responder.prompts)
        await phone.say(4 * QUIET)
        assert phone.texts == []
        assert phone.waiting == []
        await phone.socket.send(go)
        await phone.play(1_000)


# --- the caller's audio -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8_000, 24_000, 32_000, 48_000, 64_000])
async def test_each_rate_of_a_bridge_is_heard_and_answered(rate: int) -> None:
    loud = np.full(rate // 2, 8_000, dtype="<i2").tobytes()
    first = JAMBONZ.first.replace("16000", str(rate)) if isinstance(JAMBONZ.first, str) else ""
    async with exchange() as stage, dialled(root(stage), JAMBONZ, first=first) as phone:
        await phone.say(loud + bytes(2 * len(loud)))
        while sum(map(len, phone.waiting)) < rate // 5 * 2:
            await phone.receive()
        assert stage.responder.prompts[-1][-1].content == "hello there"


@pytest.mark.parametrize(("side", "heard"), [("left", True), ("right", False)])
async def test_of_stereo_audio_the_callers_side_is_heard(side: str, heard: bool) -> None:
    mono = np.frombuffer(SPOKEN, dtype="<i2")
    stereo = np.stack([mono, np.zeros_like(mono)], axis=1).tobytes()
    first = '{"sampleRate": 16000, "mixType": "stereo"}'
    path = f"/bridge?side={side}"
    async with exchange() as stage, dialled(root(stage), JAMBONZ, path=path, first=first) as phone:
        await phone.say(stereo)
        await phone.press("1#")
        await until(lambda: stage.responder.prompts and stage.responder.prompts[-1][-1].content == "1")
        said = [each.content for each in stage.responder.prompts[-1] if each.role == "user"]
        assert said == (["hello there", "1"] if heard else ["1"])


async def test_an_odd_number_of_bytes_shifts_no_sample() -> None:
    async with exchange() as stage, dialled(root(stage), STREAM) as phone:
        for begin in range(0, len(SPOKEN), 641):
            await phone.socket.send(SPOKEN[begin : begin + 641])
        await phone.play(200)
        assert stage.responder.prompts[-1][-1].content == "hello there"


# --- who is let in ----------------------------------------------------------------------------------------


@each_form
async def test_a_token_is_in_the_path(form: Form) -> None:
    async with exchange(gate=Gate(tokens=OPTIONS)) as stage:
        path, _, query = form.path.partition("?")
        assert await refused(stage, form) == (1008, "token_missing")
        async with dialled(root(stage), form, path=f"{path}/{token()}?{query}") as phone:
            await answered(stage, phone)


@pytest.mark.parametrize("form", [STREAM, ASTERISK_TEXT], ids=["mod_audio_stream", "asterisk"])
async def test_a_token_is_a_header_or_in_the_query(form: Form) -> None:
    async with exchange(gate=Gate(tokens=OPTIONS)) as stage:
        headers = {"Authorization": f"Bearer {token()}"}
        async with dialled(root(stage), form, additional_headers=headers) as phone:
            await answered(stage, phone)
        query = f"{'&' if '?' in form.path else '?'}token={token()}"
        async with dialled(root(stage), form, path=form.path + query) as phone:
            await answered(stage, phone)


async def test_a_token_is_in_the_first_message() -> None:
    async with exchange(gate=Gate(tokens=OPTIONS)) as stage:
        for form in (JAMBONZ, VONAGE):
            first = str(form.first).replace("{", f'{{"token": "{token()}", ', 1)
            async with dialled(root(stage), form, first=first) as phone:
                await answered(stage, phone)


async def test_a_call_that_is_refused_is_told_why() -> None:
    async with exchange(gate=Gate(tokens=OPTIONS)) as stage:
        for form in (JAMBONZ, STREAM):
            async with dialled(root(stage), form) as phone:
                assert await phone.closed() == (1008, "token_missing")
                assert phone.errors() == ["token_missing"]
        for form in PBXS.values():
            async with dialled(root(stage), form) as phone:
                assert await phone.closed() == (1008, "token_missing")
                assert phone.texts == [form.last]
        assert stage.value("refused_total", code="token_missing") == 4


async def test_a_call_in_the_name_of_vonage_is_refused() -> None:
    async with exchange(VonageOptions(SECRET)) as stage:
        assert await refused(stage, VONAGE) == (1008, "signature_invalid")
        signature = jwt.encode({"iat": int(time.time()), "iss": "Vonage"}, SECRET, algorithm="HS256")
        headers = {"Authorization": f"Bearer {signature}"}
        async with dialled(root(stage), VONAGE, additional_headers=headers) as phone:
            await answered(stage, phone)
        async with dialled(root(stage), JAMBONZ) as phone:  # signs nothing
            await answered(stage, phone)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/bridge?rate=44100", 400, "unsupported_rate"),
        ("/bridge?mix=left", 400, "unsupported_format"),
        ("/bridge?side=middle", 400, "invalid_parameter"),
        ("/asterisk?lang=?", 400, "invalid_parameter"),
    ],
)
async def test_a_url_that_is_wrong_is_refused_before_the_upgrade(path: str, status: int, code: str) -> None:
    async with exchange() as stage:
        with pytest.raises(InvalidStatus) as answer:
            async with connect(f"{root(stage)}{path}", proxy=None):
                pass
        assert answer.value.response.status_code == status
        assert code.encode() in (answer.value.response.body or b"")


# --- calls in trouble -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "first", "answer"),
    [
        (JAMBONZ, b"\0\0", (1008, "unsupported_rate")),
        (JAMBONZ, '{"sampleRate": 44100}', (1008, "unsupported_rate")),
        (JAMBONZ, "no metadata", (1008, "unsupported_rate")),
        (JAMBONZ, bytes(MAX_MESSAGE_BYTES + 1), (1009, "message_too_big")),
        (JAMBONZ, bytes(5 * MAX_MESSAGE_BYTES), (1009, "")),
        (ASTERISK_TEXT, b"\0\0", (1008, "invalid_state")),
        (ASTERISK_TEXT, "MEDIA_START format:opus", (1008, "unsupported_format")),
        (ASTERISK_JSON, "{", (1008, "malformed_message")),
    ],
)
async def test_a_call_that_begins_wrongly_costs_only_itself(
    form: Form, first: str | bytes, answer: tuple[int, str]
) -> None:
    async with exchange() as stage, dialled(root(stage), form) as other:
        code, reason = await refused(stage, form, first=first)
        assert code == answer[0]
        assert reason == answer[1] or not answer[1]
        await answered(stage, other)


@each_form
async def test_what_is_wrong_in_a_call_costs_only_itself(form: Form) -> None:
    async with exchange(max_errors=3) as stage, dialled(root(stage), form) as other:
        async with dialled(root(stage), form) as phone:
            await answered(stage, phone)
            for _ in range(4):
                await phone.press("x")
            assert await phone.closed() == (1008, "too_many_errors")
            told = [*["malformed_message"] * 4, "too_many_errors"]
            assert phone.errors() == (told if form in (JAMBONZ, STREAM) else [])
        await answered(stage, other)


@each_form
async def test_a_message_that_is_too_big_ends_the_call(form: Form) -> None:
    async with exchange() as stage, dialled(root(stage), form) as other:
        async with dialled(root(stage), form) as phone:
            await answered(stage, phone)
            await phone.socket.send(bytes(MAX_MESSAGE_BYTES + 2))
            assert await phone.closed() == (1009, "message_too_big")
        await answered(stage, other)
