"""Decode jobs for a recogniser of windows, their encoding, and their results.

A job is stateless: it contains its audio and its prompt, so any worker can do any job, and a job that is lost
with its worker is done again by another.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from voicegw.errors import UndecodableMessage

AUTO_LANGUAGE = "auto"  # instead of a code: the language is detected


class DecodeKind(StrEnum):
    """Why a window is decoded. It decides the priority in the queue and the search."""

    PARTIAL = "partial"  # during speech; a newer one of the same session replaces it
    FINAL = "final"  # at a pause or at the end; first in the queue, with beam search


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One recognised word.

    text: with its punctuation and capitals, without surrounding blanks.
    start, end: session samples at 16 kHz; from the model's cross-attention (dynamic time warping).
    probability: mean token probability, 0 to 1.
    joined: no blank separates it from the word before, as in scripts without blanks.
    """

    text: str
    start: int
    end: int
    probability: float
    joined: bool = False


class DecodeJob(msgspec.Struct, frozen=True, array_like=True):
    """One window of one session, to be decoded to words.

    session, number: the job's identity; numbers grow within a session.
    start: session sample (16 kHz) of the window's first sample.
    pcm: the window, mono s16le at 16 kHz.
    prompt: the text before the window; may be empty.
    language: ISO 639-1; empty for the model's default; AUTO_LANGUAGE to detect it.
    key_terms: names and technical terms that are likely (key_term_limits.py).
    context: the number of samples at the start of the window that belong to earlier utterances.
    lead_in: the number of samples of silence that a recogniser that does not use the context inserts before
    the window, because models miss a short word at its very start.
    background: no conversation waits for it, so it is decoded only when no other job waits.
    urgent: of a final, the client waits for it, so its window is short and is decoded in little time.
    retried: of a final, text that looks wrong is decoded again in longer windows.
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
    background: bool = False
    urgent: bool = False
    retried: bool = True

    @property
    def lane(self) -> DecodeKind:
        """The kind of jobs with which it waits where there are two queues: as a background job, with those
        that are taken last."""
        return DecodeKind.PARTIAL if self.background else self.kind


class DecodeResult(msgspec.Struct, frozen=True, array_like=True):
    """The words of a window; none for silence, noise and rejected text.

    queue_ms: from submission until a worker took the job. decode_ms: from then until the result. language: in
    which the window was decoded; empty for the model's default. retry_ms: the part of decode_ms for decoding
    again because the first text looked wrong or was doubtful. end_of_turn: of a final, the probability that
    the speaker has finished; None without an end-of-turn model. context_dropped: the context was not decoded,
    because the model works better without. batch: jobs that were decoded together. suspicious: the text looks
    wrong and was not decoded again, because the job was not `retried`. cut: the words are the beginning of a
    text that is longer than one decode may write.
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
    batch: int = 1
    suspicious: bool = False
    cut: bool = False


class DecodeFailure(msgspec.Struct, frozen=True, array_like=True):
    """The job with this number has no result: it failed, was superseded or was shed."""

    number: int


class Superseded(Exception):
    """A partial was dropped from the queue because its session has a newer job."""


class Shed(Exception):
    """A partial was dropped because of overload; a later one may succeed."""


def text_of(words: Sequence[Word]) -> str:
    """The words as one line of text."""
    return "".join(word.text if word.joined else f" {word.text}" for word in words).lstrip()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[DecodeJob])


def encode_jobs(jobs: Sequence[DecodeJob]) -> bytes:
    """A batch as bytes."""
    return _encoder.encode(jobs)


def decode_jobs(data: bytes) -> list[DecodeJob]:
    """The batch in `data`. Raises UndecodableMessage for invalid data."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise UndecodableMessage(f"not a batch of decode jobs: {error}") from error
