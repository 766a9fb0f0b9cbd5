from benchmarks.gateway.client import masked_speech
from benchmarks.raw_client import encoded
from clients.audio import FRAME_MS


def test_the_speech_is_encoded_as_whole_frames() -> None:
    speech = masked_speech()
    assert {len(frame) for frame in speech} == {len(encoded(bytes(640)))}
    assert len(speech) * FRAME_MS > 10_000
