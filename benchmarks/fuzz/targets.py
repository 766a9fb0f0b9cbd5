"""What coverage-guided fuzzing calls: bytes in, and nothing out but the errors that a client may cause.

A dialect adds a function that takes arbitrary bytes, and its seeds, to TARGETS.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.fuzz import corpus
from benchmarks.simulation import make_session
from benchmarks.stand_in import Unhearing
from voicegw.core.commands import ReplyMode
from voicegw.core.session import Session, SessionOptions
from voicegw.dialects import native
from voicegw.dialects.native import query
from voicegw.errors import InputError

BOUNDARY = b"\n\n"  # between messages; JSON may hold it too, which a fuzzer finds out
FRAME_S = 0.02


@dataclass(frozen=True)
class Target:
    """`run` raises for what must not happen; `seeds` are where the fuzzer begins."""

    run: Callable[[bytes], None]
    seeds: Sequence[bytes]


def run_native(data: bytes) -> None:
    """Messages of the native dialect, to a session: those that are no UTF-8 are audio."""
    session = make_session(SessionOptions(), Unhearing(), reply=ReplyMode.TEXT)
    for number, message in enumerate(data.split(BOUNDARY)):
        try:
            _receive(session, message, number * FRAME_S)
        except InputError:
            continue
        session.actions()


def _receive(session: Session, message: bytes, now: float) -> None:
    try:
        text = message.decode()
    except UnicodeDecodeError:
        native.check_audio(message)
        session.receive_audio(message, now)
    else:
        session.receive_command(native.decode(text), now)


def run_url(data: bytes) -> None:
    """The query of a request."""
    try:
        query.parse(data.decode("latin-1"))
    except InputError:
        return


TARGETS = {
    "native": Target(run_native, [*corpus.seeds(), BOUNDARY.join(corpus.seeds()), bytes([255, 0] * 320)]),
    "url": Target(run_url, [b"lang=en", b"rate=8000&format=mulaw&reply=none&lang=en"]),
}
