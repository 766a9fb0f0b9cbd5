from voicegw.gateway.stamps import Stamps


def test_what_was_missed_is_counted_from_what_last_came_from_the_client() -> None:
    stamps = Stamps.begun(10.0)
    stamps.hear(20.0)
    stamps.alive_at = 29.0  # a reply was being written
    assert stamps.welcome(30.0) == 10_000
    assert (stamps.alive_at, stamps.opened_at) == (30.0, 10.0)
    assert stamps.welcome(31.0) == 1_000


def test_a_session_is_no_younger_at_another_gateway() -> None:
    stamps = Stamps.begun(1_000.0)
    stamps.restore(age_s=60.0, silent_s=20.0, now=1_000.0)
    assert (stamps.opened_at, stamps.alive_at) == (940.0, 1_000.0)
    assert stamps.welcome(1_001.0) == 21_000
