"""What a recogniser of windows is asked, its byte codec, and what it answers.

A job is stateless: it carries its audio and its prompt, so any worker can do any job, and a job lost with
its worker is simply done again.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from voicegw.errors import UndecodableMessage

AUTO_LANGUAGE = "auto"  # in the place of a code: the language is to be detected


class DecodeKind(StrEnum):
    """Why a window is decoded, which decides its place in the queue and the care taken."""

    PARTIAL = "partial"  # the speaker goes on; the newest one of a session replaces the older
    FINAL = "final"  # the speaker has paused or stopped; goes first, beam search


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One recognised word.

    text: with its punctuation and capitals, without surrounding blanks.
    start, end: session samples at 16 kHz; from the model's cross-attention (dynamic time warping).
    probability: mean token probability, 0 to 1.
    joined: no blank separates it from the word before, as in languages that are written without blanks.
    """

    text: str
    start: int
    end: int
    probability: float
    joined: bool = False


class DecodeJob(msgspec.Struct, frozen=True, array_like=True):
    """One window of one session to be turned into words.

    session, number: the job's identity; numbers grow within a session.
    start: session sample (16 kHz) of the window's first sample.
    pcm: the window, mono s16le at 16 kHz.
    prompt: text said just before the window, for context; may be empty.
    language: ISO 639-1 code of what is spoken; empty for the model's default; AUTO_LANGUAGE to find out.
    key_terms: names and words of a trade that are likely to be said (key_term_limits.py).
    context: how many samples at the window's head were said before the utterance, and told.
    lead_in: how many samples of silence the recogniser puts in front if it does without context: it misses a
    short word with which its window begins.
    """

    session: str
    number: int
    kind: DecodeKind
    start: int
    pcm: bytes
    prompt: str = ""
    language: str = ""
    key_terms: tuple[str, ...] = ()
    context: int = 0
    lead_in: int = 0


class DecodeResult(msgspec.Struct, frozen=True, array_like=True):
    """The words of a window; none for silence, noise and rejected text.

    queue_ms: from submission until a worker took the job. decode_ms: from then until the answer. language:
    that the window was decoded in; empty for the model's default. retry_ms: of the decode, what was spent
    on decoding it again because the first text looked wrong. end_of_turn: of a final, the probability that
    the speaker has finished, by a model that listens; None where there is none. context_dropped: the job's
    context was not decoded, because the model does better without.
    """

    session: str
    number: int
    words: tuple[Word, ...]
    queue_ms: float = 0.0
    decode_ms: float = 0.0
    language: str = ""
    retry_ms: float = 0.0
    end_of_turn: float | None = None
    context_dropped: bool = False


class DecodeFailure(msgspec.Struct, frozen=True, array_like=True):
    """There are no words of the job with this number: it was given up, superseded or shed."""

    number: int


class Superseded(Exception):
    """A partial was dropped from the queue because its session has moved on."""


class Shed(Exception):
    """There is too much to do for this partial; a later one may have better luck."""


def text_of(words: Sequence[Word]) -> str:
    """The words as a line of text."""
    return "".join(word.text if word.joined else f" {word.text}" for word in words).lstrip()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[DecodeJob])


def encode_jobs(jobs: Sequence[DecodeJob]) -> bytes:
    """A batch as bytes, for a pipe or a stream."""
    return _encoder.encode(jobs)


def decode_jobs(data: bytes) -> list[DecodeJob]:
    """The batch in `data`; raises UndecodableMessage when it holds none."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise UndecodableMessage(f"not a batch of decode jobs: {error}") from error
