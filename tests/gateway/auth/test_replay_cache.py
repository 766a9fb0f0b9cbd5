from voicegw.gateway.auth.replay_cache import LocalReplayCache


async def test_a_token_is_accepted_once() -> None:
    replay_cache = LocalReplayCache()
    assert [await replay_cache.consume(token, 60) for token in ("a", "b", "a", "b")] == [
        True,
        True,
        False,
        False,
    ]


async def test_what_has_expired_is_forgotten() -> None:
    replay_cache = LocalReplayCache()
    for number in range(1_000):
        assert await replay_cache.consume(str(number), 0)
        assert not replay_cache.holds(str(number))
    assert await replay_cache.consume("another", 60)
    assert replay_cache.holds("another")
    assert len(replay_cache._tokens) == len(replay_cache._expiries) == 1
