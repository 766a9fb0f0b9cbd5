"""One decode of a session's audio, from asking for it to what came of it."""

import time
from collections.abc import Callable

from voicegw.core.jobs import DecodeJob, Overtaken, Recognizer, Shed
from voicegw.core.session import Session
from voicegw.errors import RecognitionFailed


async def decode(
    recognizer: Recognizer, job: DecodeJob, session: Session, perform: Callable[[], None]
) -> None:
    """Hands the result to the session, or that there is none; `perform` carries out what it then wants."""
    try:
        result = await recognizer.recognize(job)
    except (RecognitionFailed, Overtaken, Shed):
        session.receive_failure(job.number, time.monotonic())
    else:
        session.receive_result(result, time.monotonic())
    perform()
