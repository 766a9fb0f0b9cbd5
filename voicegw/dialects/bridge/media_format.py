"""The audio format of a call, from its URL and from the client's first message."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import parse_qs

from voicegw.core.commands import ReplyMode
from voicegw.core.playback import Playout
from voicegw.core.profile import SessionProfile
from voicegw.core.text import quoted
from voicegw.dialects.language import checked_language
from voicegw.errors import InvalidParameter, UnsupportedFormat, UnsupportedRate

RATES = (8_000, 16_000, 24_000, 32_000, 48_000, 64_000)
_MAX_RATE_CHARACTERS = 9


class Mix(StrEnum):
    """Which sides of the call are in the audio: the caller's, both in one channel, or one in each channel."""

    MONO = "mono"
    MIXED = "mixed"
    STEREO = "stereo"


class Replies(StrEnum):
    """The form of reply audio: binary messages, or base64 in JSON."""

    BINARY = "binary"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class MediaFormat:
    """rate: None while it is unknown. channel: of the caller in stereo audio, from 0. replies: None for the
    usual form of the client. clears: the client discards audio when it is told to."""

    rate: int | None = None
    mix: Mix = Mix.MONO
    channel: int = 0
    replies: Replies | None = None
    clears: bool = True
    language: str = ""

    @property
    def channels(self) -> int:
        """How many channels are interleaved."""
        return 2 if self.mix is Mix.STEREO else 1

    def stated(self, rate: object, mix: object, language: object) -> "MediaFormat":
        """With what the first message states; None and empty values change nothing. Raises UnsupportedRate,
        UnsupportedFormat or InvalidParameter."""
        return replace(
            self,
            rate=self.rate if rate in (None, "") else _rate(rate),
            mix=_mix(mix) if isinstance(mix, str) and mix else self.mix,
            language=checked_language(language) if isinstance(language, str) and language else self.language,
        )

    def profile(self, playout: Playout) -> SessionProfile:
        """The session profile of such a call: spoken replies. Raises UnsupportedRate when no rate is
        known."""
        return SessionProfile(
            rate=self.known_rate, reply=ReplyMode.AUDIO, language=self.language, playout=playout
        )

    @property
    def known_rate(self) -> int:
        """The rate. Raises UnsupportedRate when it is not known."""
        if self.rate is None:
            raise UnsupportedRate("no rate of the audio is stated: add it to the URL, as ?rate=8000")
        return self.rate


def of_query(query: str) -> MediaFormat:
    """What the URL states by `rate`, `mix`, `side`, `replies`, `clears` and `lang`; others are ignored,
    because dialplans add their own. Raises UnsupportedRate, UnsupportedFormat or InvalidParameter."""
    values = {name: found[-1] for name, found in parse_qs(query, errors="replace").items()}
    stated = MediaFormat().stated(values.get("rate"), values.get("mix"), values.get("lang"))
    return replace(
        stated,
        channel=_one_of("side", values.get("side", "left"), ("left", "right")),
        replies=_replies(values["replies"]) if "replies" in values else None,
        clears=not _one_of("clears", values.get("clears", "yes"), ("yes", "no")),
    )


def _rate(value: object) -> int:
    """A rate in Hz, also as text, or in kHz as FreeSWITCH writes it: `8k`."""
    text = str(value)
    found = re.fullmatch(r"(\d+)(k?)", text[:_MAX_RATE_CHARACTERS], re.ASCII)
    rate = None if found is None else int(found[1]) * (1_000 if found[2] else 1)
    if rate not in RATES or len(text) > _MAX_RATE_CHARACTERS:
        raise UnsupportedRate(f"rate {quoted(text)}; supported: {', '.join(map(str, RATES))}")
    return rate


def _mix(value: str) -> Mix:
    try:
        return Mix(value)
    except ValueError:
        raise UnsupportedFormat(f"mix {quoted(value)}; supported: {', '.join(Mix)}") from None


def _replies(value: str) -> Replies:
    return tuple(Replies)[_one_of("replies", value, tuple(Replies))]


def _one_of(name: str, value: str, allowed: Sequence[str]) -> int:
    """The index of a value among the allowed ones."""
    if value not in allowed:
        raise InvalidParameter(f"{name} {quoted(value)} is none of {', '.join(allowed)}")
    return allowed.index(value)
