"""Who may ask for what by REST."""

import openai
import pytest

from tests.gateway.auth.test_authenticator import OPTIONS, token
from tests.gateway.fakes import Gate, Stage, staged
from tests.gateway.rest.caller import asked, calling, transcribed
from voicegw.gateway.auth.access import AccessOptions
from voicegw.gateway.limits.rate_limits import LimitOptions
from voicegw.gateway.rest.recordings import RestOptions

MODELS, TRANSCRIPTIONS = "/v1/models", "/v1/audio/transcriptions"
PAGE = "https://app.example"


async def test_the_models() -> None:
    async with staged() as stage, calling(stage) as client:
        assert [model.id for model in (await client.models.list()).data] == ["scripted"]
        assert (await client.models.retrieve("scripted")).owned_by == "voicegw"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("gpt-4o")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/audio/speech", 404),
        ("GET", TRANSCRIPTIONS, 405),
        ("DELETE", MODELS, 405),
        ("HEAD", MODELS, 200),
        ("POST", "/healthz", 405),
        ("GET", "/healthz", 200),
    ],
)
async def test_paths_and_methods(method: str, path: str, status: int) -> None:
    async with staged() as stage:
        assert (await asked(stage, method, path)).status_code == status


async def test_errors_have_openais_form() -> None:
    async with staged() as stage:
        response = await asked(stage, "POST", "/v1/audio/speech")
    error = response.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "not_found", None)
    assert error["message"] == "nothing is at '/v1/audio/speech'"


async def test_a_prefix() -> None:
    async with staged(path_prefix="/voice") as stage, calling(stage, prefix="/voice") as client:
        assert (await transcribed(client)).text == "hello there"
        assert (await asked(stage, "GET", MODELS)).status_code == 404


REFUSED = {
    "another key": token(key="another secret of thirty-two bytes"),
    "no token at all": "",
    "expired": token(exp=1_000_000_000),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_who_has_no_good_token(name: str) -> None:
    key = REFUSED[name] or "none"
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, calling(stage, key) as client:
        with pytest.raises(openai.AuthenticationError) as refused:
            await transcribed(client)
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()
    assert refused.value.response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_whose_scopes_allow_no_transcription() -> None:
    async with (
        staged(gate=Gate(tokens=OPTIONS)) as stage,
        calling(stage, token(scope="reply:audio")) as client,
    ):
        with pytest.raises(openai.PermissionDeniedError) as refused:
            await transcribed(client)
        assert refused.value.code == "scope_missing"


async def test_a_token_for_one_use_transcribes_one_recording() -> None:
    async with staged(gate=Gate(tokens=OPTIONS)) as stage, calling(stage, token(jti="1")) as client:
        await client.models.list()
        await transcribed(client)
        with pytest.raises(openai.AuthenticationError) as refused:
            await transcribed(client)
        assert refused.value.code == "token_used"


async def test_requests_are_connections_of_their_user_and_address() -> None:
    limits = LimitOptions(user_connections="2/minute")
    async with staged(gate=Gate(tokens=OPTIONS, limits=limits)) as stage, calling(stage, token()) as client:
        for _ in range(2):
            await client.models.list()
        with pytest.raises(openai.RateLimitError):
            await transcribed(client)


async def origin_seen(stage: Stage, method: str, origin: str) -> tuple[int, str | None]:
    response = await asked(stage, method, MODELS, headers={"Origin": origin})
    return response.status_code, response.headers.get("Access-Control-Allow-Origin")


async def test_pages_of_listed_origins_read_the_response() -> None:
    gate = Gate(AccessOptions(origins=(PAGE,)))
    async with staged(gate=gate) as stage:
        assert await origin_seen(stage, "GET", PAGE) == (200, PAGE)
        assert await origin_seen(stage, "OPTIONS", PAGE) == (204, PAGE)
        assert await origin_seen(stage, "GET", "https://other.example") == (403, None)
        assert await origin_seen(stage, "OPTIONS", "https://other.example") == (403, None)


async def test_in_development_a_foreign_name_of_this_machine_is_refused() -> None:
    async with staged() as stage:
        response = await asked(stage, "GET", MODELS, headers={"Host": "evil.example"})
    assert response.status_code == 403


async def test_while_nothing_is_warm_recordings_are_refused() -> None:
    async with staged() as stage, calling(stage) as client:
        stage.warm.clear()
        with pytest.raises(openai.InternalServerError) as refused:
            await transcribed(client)
        assert (refused.value.status_code, refused.value.code) == (503, "not_ready")
        assert int(refused.value.response.headers["Retry-After"]) > 0
        assert await client.models.list()


async def test_it_can_be_turned_off() -> None:
    async with staged(rest=RestOptions(enabled=False)) as stage:
        assert (await asked(stage, "GET", MODELS)).status_code == 404
        assert (await asked(stage, "POST", TRANSCRIPTIONS)).status_code == 405
