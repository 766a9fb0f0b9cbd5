from voicegw.gateway.stamps import Stamps


def test_what_was_missed_is_counted_from_what_last_came_from_the_client() -> None:
    stamps = Stamps.begun(10.0)
    stamps.hear(20.0)
    stamps.alive_at = 29.0  # a reply was being written
    assert stamps.welcome(30.0) == 10_000
    assert (stamps.alive_at, stamps.opened_at) == (30.0, 10.0)
    assert stamps.welcome(31.0) == 1_000
