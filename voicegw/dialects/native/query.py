"""Parses the query of a native client: rate, format, reply mode, language, session to resume."""

import re
from urllib.parse import parse_qsl

from voicegw.core.audio import INPUT_RATES, AudioFormat
from voicegw.core.commands import ReplyMode
from voicegw.core.profile import SessionProfile
from voicegw.core.text import quoted
from voicegw.dialects.language import checked_language
from voicegw.dialects.port import Opening, Resume
from voicegw.errors import InvalidParameter, UnsupportedFormat, UnsupportedRate, UnsupportedReply

_TELEPHONE_RATE = 8_000


def parse(query: str) -> Opening:
    """Parses a query such as `rate=8000&format=mulaw`.

    A G.711 format without a rate means 8000 Hz. `session`, `epoch` and `last_seq` request to resume a
    session. Raises UnsupportedRate, UnsupportedFormat, UnsupportedReply or InvalidParameter.
    """
    values = dict(parse_qsl(query, keep_blank_values=True))
    unknown = values.keys() - {"rate", "format", "reply", "lang", "session", "epoch", "last_seq"}
    if unknown:
        raise InvalidParameter(f"unknown parameter {quoted(min(unknown))}")
    audio_format = _format(values.get("format", AudioFormat.PCM))
    usual_rate = 16_000 if audio_format is AudioFormat.PCM else _TELEPHONE_RATE
    profile = SessionProfile(
        rate=_rate(values.get("rate", str(usual_rate))),
        audio_format=audio_format,
        reply=_reply(values.get("reply", ReplyMode.TEXT)),
        language=checked_language(values.get("lang", "")),
    )
    return Opening(profile, resume=_resume(values) if "session" in values else None)


def _resume(values: dict[str, str]) -> Resume:
    if not re.fullmatch(r"[\w-]{1,64}", values["session"], re.ASCII):
        raise InvalidParameter("session: not a session id of this server")
    return Resume(values["session"], _count(values, "epoch"), _count(values, "last_seq"))


def _count(values: dict[str, str], name: str) -> int:
    text = values.get(name, "0")
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
