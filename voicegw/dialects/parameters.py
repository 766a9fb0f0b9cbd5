"""What a client asks for in the URL of its session."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from voicegw.core.audio import INPUT_RATES, AudioFormat
from voicegw.core.commands import ReplyMode
from voicegw.core.jobs import AUTO_LANGUAGE
from voicegw.core.languages import CODES
from voicegw.errors import InvalidParameter, UnsupportedFormat, UnsupportedRate, UnsupportedReply

_TELEPHONE_RATE = 8_000
_MOST_QUOTED = 40  # characters


@dataclass(frozen=True, slots=True)
class Resume:
    """The session to go on with. epoch: the last one the client was told; last_seq: the last event it has."""

    session: str
    epoch: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """rate: of the audio sent, in Hz. language: ISO 639-1, AUTO_LANGUAGE to find it out, empty for the
    server's default. Of a session that is resumed, all but `resume` is known already."""

    rate: int = 16_000
    audio_format: AudioFormat = AudioFormat.PCM
    reply: ReplyMode = ReplyMode.TEXT
    language: str = ""
    resume: Resume | None = None


def parse(target: str) -> StreamParameters:
    """The parameters of a request target such as `/v1/stream?rate=8000&format=mulaw`.

    A G.711 format without a rate means 8000 Hz. `session`, `epoch` and `last_seq` ask for a resume.
    Raises UnsupportedRate, UnsupportedFormat, UnsupportedReply or InvalidParameter.
    """
    query = dict(parse_qsl(target.partition("?")[2], keep_blank_values=True))
    unknown = query.keys() - {"rate", "format", "reply", "lang", "session", "epoch", "last_seq"}
    if unknown:
        raise InvalidParameter(f"unknown parameter {quoted(min(unknown))}")
    audio_format = _format(query.get("format", AudioFormat.PCM))
    usual_rate = 16_000 if audio_format is AudioFormat.PCM else _TELEPHONE_RATE
    return StreamParameters(
        rate=_rate(query.get("rate", str(usual_rate))),
        audio_format=audio_format,
        reply=_reply(query.get("reply", ReplyMode.TEXT)),
        language=_language(query.get("lang", "")),
        resume=_resume(query) if "session" in query else None,
    )


def quoted(text: str) -> str:
    """What a client wrote, for an answer or the log, and no more of it than its beginning."""
    return repr(text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}...")


def _resume(query: dict[str, str]) -> Resume:
    if not re.fullmatch(r"[\w-]{1,64}", query["session"], re.ASCII):
        raise InvalidParameter("session: not a name that this server gives")
    return Resume(query["session"], _count(query, "epoch"), _count(query, "last_seq"))


def _count(query: dict[str, str], name: str) -> int:
    text = query.get(name, "0")
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise InvalidParameter(f"{name} {quoted(text)} is not a number")
    return int(text)


def _rate(text: str) -> int:
    if text not in map(str, INPUT_RATES):
        raise UnsupportedRate(f"rate {quoted(text)}; supported: {', '.join(map(str, INPUT_RATES))}")
    return int(text)


def _format(text: str) -> AudioFormat:
    try:
        return AudioFormat(text)
    except ValueError:
        raise UnsupportedFormat(f"format {quoted(text)}; supported: {', '.join(AudioFormat)}") from None


def _reply(text: str) -> ReplyMode:
    try:
        return ReplyMode(text)
    except ValueError:
        raise UnsupportedReply(f"reply {quoted(text)}; supported: {', '.join(ReplyMode)}") from None


def is_language(text: str) -> bool:
    """Whether it is the ISO 639 code of a language that can be recognised, AUTO_LANGUAGE, or empty for the
    server's default."""
    return text in ("", AUTO_LANGUAGE) or text in CODES


def _language(text: str) -> str:
    if not is_language(text):
        raise InvalidParameter(
            f"lang {quoted(text)} is neither {AUTO_LANGUAGE} nor the ISO 639 code of a language "
            "that Whisper knows"
        )
    return text
