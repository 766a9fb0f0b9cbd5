import time

from voicegw.gateway.spent import LocalSpentTokens


async def test_a_token_is_spent_once() -> None:
    spent = LocalSpentTokens()
    later = time.time() + 60
    assert [await spent.spend(token, later) for token in ("a", "b", "a", "b")] == [True, True, False, False]


async def test_what_has_expired_is_forgotten() -> None:
    spent = LocalSpentTokens()
    for number in range(1_000):
        assert await spent.spend(str(number), time.time() - 1)
    assert await spent.spend("another", time.time() + 60)
    assert len(spent._tokens) == len(spent._expiries) == 1
