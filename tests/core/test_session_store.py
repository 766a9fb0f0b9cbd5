import asyncio

from voicegw.core.session_store import NullStore, StoreCommit


def test_the_null_store_keeps_nothing() -> None:
    async def save_and_claim() -> object:
        store = NullStore()
        await store.save(
            StoreCommit("s", 1, b"", {}, first_event=1, audio=b"", audio_start=0, audio_from=0, whole=True)
        )
        claimed = await store.claim("s")
        await store.drop("s", 1)
        return claimed

    assert not NullStore.durable
    assert asyncio.run(save_and_claim()) is None
