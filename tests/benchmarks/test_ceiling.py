import pytest

from benchmarks.ceiling import Ceiling, read_bytes
from voicegw import config
from voicegw.dialects import vosk


def ceiling(*flags: str) -> Ceiling:
    return Ceiling.of(config.load(flags))


def test_is_the_sum_of_its_parts() -> None:
    found = ceiling("--gateway.admission.max-sessions", "7")
    every = [part.each_bytes * part.count for part in (*found.sessions, *found.others)]
    assert found.total_bytes() == sum(every) == found.total_bytes(7)
    assert {part.count for part in found.sessions} == {7}
    assert found.total_bytes(0) < found.total_bytes(1) < found.total_bytes()


@pytest.mark.parametrize(
    "flags",
    [
        ("--gateway.admission.max-sessions", "501"),
        ("--gateway.connection.max-outbox-bytes", "1000001"),
        ("--gateway.resume.max-kept-bytes", "500001"),
        ("--gateway.handshake.max-pending", "1001"),
        ("--session.max-burst-ms", "5001"),
        ("--session.dialogue.history-characters", "16001"),
        ("--llm.max-tokens", "301"),
        ("--tools.max-calls", "9"),
        ("--tools.max-background", "101"),
    ],
)
def test_larger_limits_raise_it(flags: tuple[str, ...]) -> None:
    assert ceiling(*flags).total_bytes() > ceiling().total_bytes()


def test_long_messages_take_less_than_the_replies_that_sessions_with_them_do_not_have() -> None:
    of_replies = next(part.each_bytes for part in ceiling().sessions if part.name == "reply audio")
    assert read_bytes(vosk.MAX_AUDIO_BYTES) - read_bytes() < of_replies
