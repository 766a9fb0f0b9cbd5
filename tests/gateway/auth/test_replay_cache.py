from voicegw.gateway.auth.replay_cache import LocalReplayCache


async def test_a_token_is_spent_once() -> None:
    spent = LocalReplayCache()
    assert [await spent.spend(token, 60) for token in ("a", "b", "a", "b")] == [True, True, False, False]


async def test_what_has_expired_is_forgotten() -> None:
    spent = LocalReplayCache()
    for number in range(1_000):
        assert await spent.spend(str(number), 0)
    assert await spent.spend("another", 60)
    assert len(spent._tokens) == len(spent._expiries) == 1
