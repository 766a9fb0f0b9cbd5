"""The check of the speech model, where it cannot be used; tests/commands/test_check.py has one that can."""

from voicegw.asr.whisper_options import WhisperOptions
from voicegw.cluster.redis.connect import RedisOptions
from voicegw.commands.findings import Status
from voicegw.commands.model_check import check_speech_model
from voicegw.config import Settings


async def test_a_model_that_is_not_there_is_wrong(tmp_path: object) -> None:
    settings = Settings(asr=WhisperOptions(model=str(tmp_path)))
    [finding] = [finding async for finding in check_speech_model(settings)]
    assert finding.status is Status.WRONG
    assert "--model" in finding.remedy


async def test_with_redis_the_workers_have_the_model() -> None:
    settings = Settings(cluster=RedisOptions(url="redis://127.0.0.1:1"))
    [finding] = [finding async for finding in check_speech_model(settings)]
    assert finding.status is Status.NOTE
