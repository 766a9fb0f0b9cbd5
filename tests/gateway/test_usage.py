from voicegw.gateway.limits import LimitOptions, Resource
from voicegw.gateway.usage import Usage


def test_begins_with_nothing_used_and_nothing_refused() -> None:
    usage = Usage(LimitOptions(session_messages="1/minute").rates("session"))
    assert usage.accounts[Resource.MESSAGES].refused_since is None
    assert [usage.windows.charge(Resource.MESSAGES, 1, 5.0) for _ in range(2)] == [0, 60]
