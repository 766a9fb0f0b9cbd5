"""One decode of a session's audio, from asking for it to what came of it."""

import time

from voicegw.core.jobs import DecodeJob, Overtaken, Recognizer, Shed
from voicegw.errors import RecognitionFailed
from voicegw.gateway.session.driver import Driver


async def decode(recognizer: Recognizer, job: DecodeJob, driver: Driver) -> None:
    """Hands the result to the session, or that there is none."""
    try:
        result = await recognizer.recognize(job)
    except (RecognitionFailed, Overtaken, Shed):
        driver.receive(driver.session.receive_failure, job.number, time.monotonic())
    else:
        driver.receive(driver.session.receive_result, result, time.monotonic())
