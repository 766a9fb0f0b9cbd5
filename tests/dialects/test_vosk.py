"""What a Vosk client may send, and what is refused."""

import json

import pytest

from voicegw.core.commands import Commit, End, ReplyMode
from voicegw.core.events import FinalTranscript, PartialTranscript
from voicegw.core.jobs import Word
from voicegw.core.profile import SessionProfile
from voicegw.dialects.port import Audio, Handshake, Opening
from voicegw.dialects.vosk import PATH, VoskDialect
from voicegw.dialects.vosk.codec import VoskCodec
from voicegw.dialects.vosk.results import ResultForm
from voicegw.errors import (
    IdleTimeout,
    InputError,
    InvalidParameter,
    InvalidState,
    InvalidValue,
    MalformedMessage,
    MessageTooBig,
    UnsupportedRate,
)


class Headers:
    def __init__(self, *authorization: str) -> None:
        self._values = authorization

    def get_all(self, key: str) -> tuple[str, ...]:
        return self._values if key == "Authorization" else ()


def connected(path: str = PATH, query: str = "", *authorization: str) -> VoskCodec:
    return VoskDialect().connect(Handshake(path, query, Headers(*authorization)))


def opened(codec: VoskCodec, **config: object) -> Opening:
    [opening] = codec.receive(json.dumps({"config": config}))
    assert isinstance(opening, Opening)
    return opening


@pytest.mark.parametrize(
    ("path", "authorization", "token"),
    [(PATH, (), None), (f"{PATH}/a%2Eb.c", (), "a.b.c"), (PATH, ("Bearer x.y.z",), "x.y.z")],
)
def test_the_token_is_in_the_path_or_a_header(path: str, authorization: tuple[str], token: str) -> None:
    assert VoskDialect().serves(path)
    assert opened(connected(path, "", *authorization)).token == token


def test_the_session_only_transcribes() -> None:
    profile = opened(connected(query="lang=de"), sample_rate=48_000.0, phrase_list=["a b", "a b"]).profile
    assert profile == SessionProfile(48_000, reply=ReplyMode.NONE, language="de", key_terms=("a b",))


@pytest.mark.parametrize("query", ["lang=klingon", "rate=8000"])
def test_another_query_is_refused(query: str) -> None:
    with pytest.raises(InvalidParameter):
        connected(query=query)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ('{"config": {"sample_rate": 96000}}', UnsupportedRate),
        ('{"config": {"sample_rate": 8000.5}}', UnsupportedRate),
        ('{"config": {"sample_rate": "fast"}}', MalformedMessage),
        (json.dumps({"config": {"phrase_list": ["word"] * 60 + [str(n) for n in range(60)]}}), InvalidValue),
        ('{"config": {"phrase_list": "one two"}}', MalformedMessage),
        ('{"eof" : 1}', InvalidState),
        ('{"hello": 1}', MalformedMessage),
        ("hello", MalformedMessage),
        ('{"config": {}, "x": "' + "x" * 65_536 + '"}', MessageTooBig),
        (bytes(40_000), MessageTooBig),
    ],
)
def test_a_wrong_first_message_is_refused_with_its_reason(
    message: str | bytes, error: type[InputError]
) -> None:
    codec = connected()
    with pytest.raises(error) as raised:
        list(codec.receive(message))
    [frame] = codec.refuse(raised.value)
    assert json.loads(frame.data)["error"].startswith(raised.value.code)


def test_the_sample_rate_stays() -> None:
    codec = connected()
    opened(codec, sample_rate=16_000)
    assert list(codec.receive('{"config": {"sample_rate": 16000, "model": "x"}}')) == []
    with pytest.raises(InvalidState):
        list(codec.receive('{"config": {"sample_rate": 8000}}'))


def test_a_microphone_with_another_rate_is_converted() -> None:
    codec = connected()
    assert opened(codec, sample_rate=44_100).profile.rate == 16_000
    received = [item for _ in range(10) for item in codec.receive(bytes(8_820))]
    assert len(list(codec.answer())) == 10
    *rest, end = codec.receive('{"eof" : 1}')
    assert end == End()
    audio = b"".join(item.data for item in (*received, *rest) if isinstance(item, Audio))
    assert abs(len(audio) - 2 * 16_000) <= 2


def test_each_binary_message_has_one_answer_and_text_has_none() -> None:
    codec = connected()
    opened(codec)
    assert list(codec.answer()) == []
    for frame in (b"\0\0", b"\0"):
        list(codec.receive(frame))
    assert len(list(codec.answer())) == 2
    assert list(codec.receive('{"reset": 1}')) == [Commit()]
    assert list(codec.answer()) == []


def test_nothing_is_read_after_the_end() -> None:
    codec = connected()
    opened(codec)
    assert list(codec.receive('{ "eof":1 }')) == [End()]
    assert list(codec.receive(b"\0\0")) == []
    assert list(codec.answer()) == []


def test_the_last_result_says_why_the_session_ended() -> None:
    codec = connected()
    opened(codec)
    assert list(codec.end(None)) == []  # the client left, and waits for nothing
    [frame] = codec.end(IdleTimeout())
    assert json.loads(frame.data) == {"text": ""}


def test_plain_text_is_as_vosk_s_models_write() -> None:
    form = ResultForm(plain=True)
    words = (Word("“Don't", 0, 1, 0.5), Word("—", 1, 2, 0.5), Word("well-known.”", 2, 3, 0.5))
    final = form.final([FinalTranscript(1, "“Don't — well-known.”", words, 0, 3)])
    assert final["text"] == "don't well-known"
    assert [word["word"] for word in final["result"]] == ["don't", "well-known"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("joined", "text"), [(False, "ab cd"), (True, "abcd")])
def test_a_partial_is_all_words_of_the_utterance(joined: bool, text: str) -> None:
    assert ResultForm().partial(PartialTranscript(1, "ab", "cd", 0, joined)) == {"partial": text}
