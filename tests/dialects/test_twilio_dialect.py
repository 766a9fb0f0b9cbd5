import pytest
from twilio.request_validator import RequestValidator
from websockets.datastructures import Headers

from voicegw.dialects.port import Handshake, Opening
from voicegw.dialects.twilio import TwilioDialect, TwilioOptions
from voicegw.dialects.twilio.signature import signature
from voicegw.errors import ConfigurationError, SignatureInvalid

AUTH_TOKEN = "12345"
SIGNED = TwilioOptions(AUTH_TOKEN)


def request(path: str = "/twilio", query: str = "", prefix: str = "", **headers: str) -> Handshake:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Handshake(path, query, Headers({"Host": "voice.example.org", **named}), prefix)


@pytest.mark.parametrize(
    ("path", "serves"),
    [
        ("/twilio", True),
        ("/twilio/a.b.c", True),
        ("/twilio/", True),
        ("/twilio2", False),
        ("/v1/stream", False),
    ],
)
def test_is_found_by_its_path(path: str, serves: bool) -> None:
    assert TwilioDialect(TwilioOptions()).serves(path) is serves


@pytest.mark.parametrize(
    ("path", "token"),
    [("/twilio", None), ("/twilio/", None), ("/twilio/a.b-c_d", "a.b-c_d"), ("/twilio/a%2Eb/", "a.b")],
)
def test_a_token_may_be_the_last_part_of_the_path(path: str, token: str | None) -> None:
    codec = TwilioDialect(TwilioOptions()).connect(request(path))
    assert codec.opening is None
    [opening] = codec.receive('{"event": "start", "streamSid": "MZ1", "start": {}}')
    assert isinstance(opening, Opening)
    assert opening.token == token


@pytest.mark.parametrize("password", ["dXNlcjphLmIuYw==", "eDphLmIuYw=="])
def test_a_token_may_be_a_password_as_exotel_sends_it(password: str) -> None:
    codec = TwilioDialect(TwilioOptions()).connect(request(Authorization=f"Basic {password}"))
    [opening] = codec.receive('{"event": "start", "stream_sid": "1", "start": {}}')
    assert isinstance(opening, Opening)
    assert opening.token == "a.b.c"


def test_the_signature_is_the_one_that_twilio_documents() -> None:
    """The example of its documentation of webhooks, where the parameters of the POST follow the URL."""
    parameters = "CallSidCA1234567890ABCDECaller+14158675309Digits1234From+14158675309To+18005551212"
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature(AUTH_TOKEN, url + parameters) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


@pytest.mark.parametrize(
    "url",
    ["wss://voice.example.org/twilio", "wss://voice.example.org/twilio/a%2Eb?c=d&e=", "wss://v.org:8443/t"],
)
def test_twilios_own_package_makes_and_accepts_the_same_signature(url: str) -> None:
    validator = RequestValidator(AUTH_TOKEN)
    assert signature(AUTH_TOKEN, url) == validator.compute_signature(url, {})
    assert validator.validate(url, {}, signature(AUTH_TOKEN, url))
    assert not validator.validate(url, {}, signature("1234", url))


@pytest.mark.parametrize(
    ("options", "handshake", "url"),
    [
        (SIGNED, request(), "wss://voice.example.org/twilio"),
        (SIGNED, request("/twilio/a%2Eb"), "wss://voice.example.org/twilio/a%2Eb"),
        (SIGNED, request(query="a=b"), "wss://voice.example.org/twilio?a=b"),
        (SIGNED, request(prefix="/voice"), "wss://voice.example.org/voice/twilio"),
        (TwilioOptions(AUTH_TOKEN, "wss://other.org"), request(), "wss://other.org/twilio"),
        (TwilioOptions(AUTH_TOKEN, "wss://o.org:8443/v/"), request(prefix="/x"), "wss://o.org:8443/v/twilio"),
    ],
)
def test_a_signed_request_is_taken(options: TwilioOptions, handshake: Handshake, url: str) -> None:
    headers = Headers(handshake.headers)  # type: ignore[arg-type]
    headers["X-Twilio-Signature"] = signature(AUTH_TOKEN, url)
    TwilioDialect(options).connect(Handshake(handshake.path, handshake.query, headers, handshake.prefix))


URL = "wss://voice.example.org/twilio"


@pytest.mark.parametrize(
    "signed",
    [
        "",
        "x",
        "é",
        signature("another token", URL),
        signature(AUTH_TOKEN, URL.replace("wss", "https")),
        signature(AUTH_TOKEN, f"{URL}/a.b.c"),
        signature(AUTH_TOKEN, URL).lower(),
        f"{signature(AUTH_TOKEN, URL)}, {signature(AUTH_TOKEN, URL)}",
    ],
)
def test_any_other_request_is_refused(signed: str) -> None:
    TwilioDialect(SIGNED).connect(request(X_Twilio_Signature=signature(AUTH_TOKEN, URL)))
    with pytest.raises(SignatureInvalid):
        TwilioDialect(SIGNED).connect(request(X_Twilio_Signature=signed))


def test_without_a_signature_a_request_is_refused() -> None:
    with pytest.raises(SignatureInvalid) as refused:
        TwilioDialect(SIGNED).connect(request())
    assert AUTH_TOKEN not in refused.value.message
    assert AUTH_TOKEN not in repr(SIGNED)


@pytest.mark.parametrize("url", ["voice.example.org", "https://a.org", "wss://", "wss://a.org?b=c", ""])
def test_the_public_url_is_one_that_twilio_can_be_given(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"twilio\.public_url"):
        TwilioOptions(AUTH_TOKEN, url)
