import pytest

from tests.dialects.openai_realtime.realtime import KEY, READY, Client, connected
from voicegw.core.commands import ReplyMode
from voicegw.dialects.openai_realtime import PATH, RealtimeDialect
from voicegw.dialects.port import Resume
from voicegw.errors import Draining, IdleTimeout, SlowConsumer, TooManyConnections, TooManyErrors


def test_where_it_is_served() -> None:
    dialect = RealtimeDialect(speaks=True)
    assert dialect.serves("/v1/realtime")
    assert not dialect.serves(f"{PATH}/calls")
    assert dialect.subprotocols == ("realtime",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer abc"),
        ("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.abc, openai-beta.realtime-v1"),
    ],
)
def test_the_token_is_in_a_header_or_in_a_subprotocol(name: str, value: str) -> None:
    opening = connected(headers={name: value}).opening
    assert opening is not None
    assert opening.token == "abc"
    assert "abc" not in repr(opening)


@pytest.mark.parametrize(
    ("query", "speaks", "mode"),
    [
        ("model=any", True, ReplyMode.AUDIO),
        ("model=any", False, ReplyMode.TEXT),
        ("intent=transcription", True, ReplyMode.NONE),
    ],
)
def test_the_query_states_the_kind_of_session(query: str, speaks: bool, mode: ReplyMode) -> None:
    opening = connected(query, speaks=speaks).opening
    assert opening is not None
    assert (opening.profile.reply, opening.profile.rate) == (mode, 24_000)


def test_the_session_is_announced_first() -> None:
    codec = connected("model=gpt-realtime")
    client = Client(codec)
    [created] = client.received
    assert created["type"] == "session.created"
    assert created["session"]["model"] == "gpt-realtime"
    assert created["session"]["id"] == "sess_secret"
    assert "input_audio_ms" not in created["session"]


def test_a_request_to_resume() -> None:
    opening = connected("model=any&session_id=sess_secret&last_event_id=event_1").opening
    assert opening is not None
    assert opening.resume == Resume("secret")
    assert connected("session_id=").opening == connected("").opening


def test_ids_differ_between_connections() -> None:
    clients = [Client(connected(headers={"Sec-WebSocket-Key": key})) for key in (KEY, "other")]
    ids = {client.received[0]["event_id"] for client in clients}
    assert len(ids) == 2
    assert Client().hear(READY)[0]["event_id"].endswith("_2")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, 1000),
        (Draining(), 1012),
        (SlowConsumer(), 1013),
        (TooManyConnections(), 1013),
        (TooManyErrors(), 1008),
        (IdleTimeout(), 1008),
    ],
)
def test_the_close_code_tells_whether_to_connect_again(error: Exception | None, code: int) -> None:
    assert connected().close(error)[0] == code  # type: ignore[arg-type]
